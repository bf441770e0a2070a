"""The stories about plans: rewrites, analyses, versions, explanations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.lang import Texts, check, load
from sluice.plan import (
    explain,
    field_uses,
    fields_used,
    lower,
    rewrite,
    shared_conditions,
    text_of,
    version_of,
)
from sluice.plan import nodes as n
from sluice.plan.rewrites.fold_constants import fold, fold_condition, fold_constants
from sluice.plan.rewrites.order_conditions import order_conditions
from sluice.plan.rewrites.push_filters import push_filters
from sluice.plan.story import judgement, pattern_branch
from sluice.plan.text import names_of, path_text
from sluice.testing.datadriven import Args, Command, run_file
from tests.plan_notation import read_expr, read_rule
from tests.plan_rules import LISTS, PLAN, RULES

FIXTURES = Path(__file__).parent.parent / "testdata" / "plan"


def _plan(text: str) -> n.Plan:
    rules = [part for part in re.split(r"\n(?=\(rule)", text) if part]
    return n.Plan(tuple(read_rule(rule, f"t.r{i}") for i, rule in enumerate(rules)))


def _shown(plan: n.Plan) -> str:
    """Show what rules ask, one step and one clause a line."""
    out = []
    for rule in plan.rules:
        names = names_of(rule)
        for branch in (*pattern_branch(rule, names).below, *judgement(rule, names)):
            if not branch.text.startswith(("overlap", "deadline")):
                out.append(" ".join([branch.text, *(b.text for b in branch.below)]))
    return "\n".join(out)


def _uses(_: Args, text: str) -> str:
    found = field_uses(_plan(text))
    return "\n".join(
        f"{kind}  {path_text(path)}  {', '.join(sorted(uses))}"
        for kind, paths in sorted(found.items())
        for path, uses in sorted(paths.items(), key=str)
    )


def _shared(_: Args, text: str) -> str:
    found = shared_conditions(_plan(text))
    lines = [
        f"{kind}  {text_of(e.condition)}  {e.count} times in {', '.join(e.rules)}"
        for kind, entries in sorted(found.items())
        for e in entries.values()
    ]
    return "\n".join(lines) or "nothing"


def _explain_text(_: Args, text: str) -> str:
    """Explain the rules of a file, as they are run."""
    catalog = builtins()
    checked = check(load(["t.sluice"], Texts({"t.sluice": text})), catalog)
    assert not [d for d in checked.diagnostics if d.severity == "error"]
    plan = rewrite(lower(checked, catalog))
    told = (explain(rule, plan, actions=catalog.actions) for rule in plan.rules)
    return "\n".join(map(str.rstrip, told))


COMMANDS: dict[str, Command] = {
    "fold": lambda _, text: text_of(fold(read_expr(text))),
    "fold-condition": lambda _, text: text_of(fold_condition(read_expr(text))),
    "fold-plan": lambda _, text: _shown(fold_constants(_plan(text))),
    "push": lambda _, text: _shown(push_filters(_plan(text))),
    "order": lambda _, text: _shown(order_conditions(_plan(text))),
    "fields": _uses,
    "share": _shared,
    "text": lambda _, text: text_of(read_expr(text)),
    "version": lambda args, _: version_of(RULES[args.words[0]], LISTS),
    "explain-text": _explain_text,
    "explain": lambda args, _: explain(RULES[args.words[0]], PLAN),
}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("[!l]*.txt")), ids=lambda path: path.stem)
def test_story(path: Path, rewrite: bool) -> None:
    """Every story of the file is told as it was."""
    run_file(path, COMMANDS, rewrite)


def test_every_kind_of_rule_has_a_version_of_its_own() -> None:
    """No two of the rules are one to their state."""
    versions = {version_of(rule, LISTS) for rule in RULES.values()}
    assert len(versions) == len(RULES)


def test_every_rule_has_both_stories() -> None:
    """A rule of every kind is explained and pinned."""
    for name, command in (("explain.txt", "explain"), ("versions.txt", "version")):
        told = re.findall(rf"^{command} (.+)$", (FIXTURES / name).read_text(), re.MULTILINE)
        assert sorted(told) == sorted(RULES)


def test_types_without_fields_are_listed() -> None:
    """A type that a rule only counts needs no field, but has to be decoded."""
    assert fields_used(_plan("(rule none (step a.x f) (step a.y g))")) == {
        "a.x": frozenset(),
        "a.y": frozenset(),
    }
