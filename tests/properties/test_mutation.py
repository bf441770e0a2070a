"""Changes of drawn rules: each is one that somebody could write, and what is said of it is so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from sluice.catalog import builtins
from sluice.lang import Checked, RuleSet, Texts, check, format_file, load, parse
from sluice.testing import measure_coverage, mutate, run_tests
from sluice.testing.mutation.clauses import declarations
from tests.oracle import spec
from tests.oracle.generate import KINDS, scenario
from tests.oracle.render import PACK, render
from tests.oracle.values import plain

SEEDS = range(6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_can_be_written(kind: str) -> None:
    """A changed file, written and read again, is the changed file."""
    tried = 0
    for seed in SEEDS:
        rules, _ = scenario(seed, kind)
        file = parse(render(rules), "o.sluice").file
        for place, item in enumerate(file.declarations):
            for change, new in declarations(item):
                after = (*file.declarations[:place], new, *file.declarations[place + 1 :])
                text = format_file(replace(file, declarations=after, comments=()))
                again = parse(text, "o.sluice")
                assert again.diagnostics == (), f"seed {seed}, {change}:\n{text}"
                assert again.file.declarations == after, f"seed {seed}, {change}:\n{text}"
                tried += 1
    assert tried > len(SEEDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_noticed_fails_as_text_too(kind: str) -> None:
    """As many changes are noticed as make a test fail when the whole file is written with them."""
    noticed = 0
    for seed in SEEDS[:2]:
        rules, events = scenario(seed, kind)
        loaded = with_tests(rules, events)
        if loaded is None:
            continue
        ruleset, checked = loaded
        report = mutate(ruleset, builtins(), checked)
        file = ruleset.units["o.sluice"].parsed.file
        failing = 0
        for place, item in enumerate(file.declarations):
            for _, new in declarations(item):
                after = (*file.declarations[:place], new, *file.declarations[place + 1 :])
                failing += fails(format_file(replace(file, declarations=after, comments=())))
        assert report.whole.part == failing
        assert report.whole.part + len(report.unnoticed()) == report.whole.total
        noticed += failing
    assert noticed > 0


def fails(text: str) -> bool:
    """Say whether a file without errors has a test that fails."""
    ruleset = load(["o.sluice"], Texts({"o.sluice": text}))
    checked = check(ruleset, builtins())
    return checked.is_ok and run_tests(ruleset, builtins(), checked=checked).failed > 0


@pytest.mark.parametrize("kind", KINDS)
def test_coverage_counts_each_point_once(kind: str) -> None:
    """What is reached and what is missing is all that there is."""
    for seed in SEEDS:
        rules, events = scenario(seed, kind)
        loaded = with_tests(rules, events)
        for rule in measure_coverage(loaded[0], builtins(), loaded[1]).rules if loaded else ():
            assert 0 < rule.total and 0 <= rule.reached <= rule.total
            assert len(set(rule.missing)) == len(rule.missing)


def with_tests(
    rules: Sequence[spec.Rule], events: Sequence[spec.Event]
) -> tuple[RuleSet, Checked] | None:
    """Return drawn rules with a test for each that expects what it finds; None if refused."""
    head = render(rules)
    if not check(load(["o.sluice"], Texts({"o.sluice": head})), builtins()).is_ok:
        return None
    lines = [_at(event) for event in events]
    counts = dict.fromkeys((rule.name for rule in rules), 0)
    for is_last in (False, True):
        tests = [
            "\n".join([f"test {PACK}.{name} {{", *lines, f"expect {number} matches", "}"])
            for name, number in counts.items()
        ]
        ruleset = load(["o.sluice"], Texts({"o.sluice": "\n".join([head, *tests])}))
        checked = check(ruleset, builtins())
        assert checked.is_ok, checked.diagnostics
        if is_last:
            break
        for result in run_tests(ruleset, builtins(), checked=checked).results:
            if not result.is_ok:
                counts[result.rule.rpartition(".")[2]] = int(result.failures[0].actual.split()[0])
    assert not run_tests(ruleset, builtins(), checked=checked).failed
    return ruleset, checked


def _at(event: spec.Event) -> str:
    fields = ", ".join(
        f"{name}: {json.dumps(plain(value))}" for name, value in event.fields.items()
    )
    return f"at {event.time}ms {event.type} {{ {fields} }}"
