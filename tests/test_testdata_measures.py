"""Run the stories of what tests reach, and of which changes of rules they notice.

    coverage            mutate [rules=o.r]           changes
    rules and tests     rules and tests              rules
    ----                ----                         ----
    the tables          the tables                   each change, noticed or not

The rules stand in a file `o.sluice`. `changes` lists what is tried, whether or not it compiles.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.cli.test_measures import coverage_text, mutation_text
from sluice.lang import Checked, RuleSet, Texts, check, load
from sluice.testing import measure_coverage, mutate, run_tests
from sluice.testing.datadriven import Args, run_file
from sluice.testing.mutation.clauses import declarations
from sluice.testing.portion import text_at

STORIES = sorted((Path(__file__).parent / "testdata" / "measures").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_measuring_tests(path: Path, rewrite: bool) -> None:
    """The tables are what the stories say."""
    run_file(path, {"coverage": _coverage, "mutate": _mutate, "changes": _changes}, rewrite)


def _loaded(text: str) -> tuple[RuleSet, Checked]:
    ruleset = load(["o.sluice"], Texts({"o.sluice": text}))
    checked = check(ruleset, builtins())
    assert checked.is_ok, checked.diagnostics
    report = run_tests(ruleset, builtins(), checked=checked)
    assert not report.failed, [line for result in report.results for line in result.told()]
    return ruleset, checked


def _coverage(args: Args, text: str) -> str:
    ruleset, checked = _loaded(text)
    return coverage_text(measure_coverage(ruleset, builtins(), checked)).lstrip("\n")


def _mutate(args: Args, text: str) -> str:
    ruleset, checked = _loaded(text)
    rules = {args.named["rules"]} if "rules" in args.named else None
    return mutation_text(mutate(ruleset, builtins(), checked, rules)).lstrip("\n")


def _changes(args: Args, text: str) -> str:
    ruleset = load(["o.sluice"], Texts({"o.sluice": text}))
    unit = ruleset.units["o.sluice"]
    lines = []
    for item in unit.parsed.file.declarations:
        for change, new in declarations(item):
            assert new != item
            before = change.before or text_at({"o.sluice": unit.text}, change.span)
            after = "taken away" if change.after is None else f"-> {change.after}"
            lines.append(f"{change.span.line}:{change.span.column} {before} {after}")
    return "\n".join(lines)
