"""How well the packs are tested: measured, kept above a limit, and told on the page of packs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.io import RuleFiles, find_rule_files
from sluice.lang import check, load
from sluice.testing import measure_coverage, mutate, run_tests

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "guides" / "packs.md"
PACKS = sorted(path.name for path in (REPOSITORY / "rules").iterdir() if path.is_dir())

#: What share of the changes the tests of a pack have to notice.
NOTICED_PERCENT_MIN = 80


@pytest.mark.parametrize("pack", PACKS)
def test_the_tests_of_a_pack(pack: str, rewrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They notice enough changes, and the page says what they are worth (`--rewrite` renews it)."""
    monkeypatch.chdir(REPOSITORY)
    ruleset = load(find_rule_files([f"rules/{pack}"]), RuleFiles())
    checked = check(ruleset, builtins())
    report = run_tests(ruleset, builtins(), checked=checked)
    assert report.failed == 0
    reached = measure_coverage(ruleset, builtins(), checked)
    changed = mutate(ruleset, builtins(), checked)
    assert [rule.rule for rule in reached.rules if not rule.tests] == []
    assert changed.unneeded == changed.unexplained == ()
    assert not changed.whole.is_below(NOTICED_PERCENT_MIN)
    row = (
        f"| `rules/{pack}` | {len(reached.rules)} | {len(report.results)} "
        f"| {reached.whole.percent} % | {changed.whole.percent} % |"
    )
    text = PAGE.read_text("utf-8")
    place = re.search(rf"^\| `rules/{pack}` \| \d.*$", text, re.MULTILINE)
    assert place is not None, f"{PAGE} has no row for rules/{pack}"
    if rewrite:
        PAGE.write_text(text.replace(place[0], row), "utf-8")
        return
    assert place[0] == row
