"""What a rule can cost: its bound, its horizon, and the document that names them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sluice.plan import Limits
from sluice.plan import nodes as n
from sluice.plan.bounds import horizon_ms, state_bound
from sluice.plan.explain import explain, explain_document, size_text
from tests.plan_rules import MINUTE, PLAN, RULES, step

GAP = n.Entry(gap_ms=5_000)

HORIZONS = {
    "auth.brute_force": 20 * MINUTE,  # within, then the cooldown of a match at its very end
    "t.filter": 0,
    "t.cooldown": 5 * MINUTE,
    "t.unseen": None,  # `after`: since when a key is known
    "t.gaps": 5_000,
    "t.latest": MINUTE,
    "t.no_answer": MINUTE,  # the absence before the request is longer than the wait
    "t.unbounded": None,
    "t.silence": 15_000,
    "t.sliding": MINUTE,
    "t.last": None,
    "t.hopping": None,  # `zscore`: since when a key is known
    "t.session": 30_000,
}


@pytest.mark.parametrize("name", sorted(HORIZONS))
def test_horizon(name: str) -> None:
    """A key can be dropped when nothing of it can matter any more, and not before."""
    assert HORIZONS[name] == horizon_ms(RULES[name])


def test_one_step_without_a_gap_makes_the_horizon_unbounded() -> None:
    """A candidate waits for ever where nothing ends its wait."""
    second, third = replace(step(1, "a"), entry=GAP), step(2, "a")
    rule = n.RulePlan("t.r", n.Sequence((step(0, "a"), second, third)))
    assert horizon_ms(rule) is None
    bounded = n.Sequence((step(0, "a"), second, replace(third, entry=GAP)))
    assert 5_000 == horizon_ms(replace(rule, pattern=bounded))


def test_a_first_step_that_repeats_waits_too() -> None:
    """`a{2} then within 5s b` waits for the second a without an end."""
    first, second = replace(step(0, "a"), minimum=2, maximum=2), replace(step(1, "b"), entry=GAP)
    rule = n.RulePlan("t.r", n.Sequence((first, second)))
    assert horizon_ms(rule) is None


def test_the_shorter_of_within_and_gap_ends_a_wait() -> None:
    """After the gap a candidate is over, however long `within` is."""
    items = (step(0, "a"), replace(step(1, "b"), entry=GAP))
    assert 5_000 == horizon_ms(n.RulePlan("t.r", n.Sequence(items, MINUTE)))
    assert 1_000 == horizon_ms(n.RulePlan("t.r", n.Sequence(items, 1_000)))


def test_caps_apply_to_what_the_rule_leaves_open() -> None:
    """The estimate for the worst case is never above the cap of the process."""
    small = Limits(candidates_per_key_max=2, events_per_key_max=3, keys_per_rule_max=4)
    bound = state_bound(RULES["t.unbounded"], small)
    assert bound.candidates_per_key is None
    assert 1 == bound.keys
    assert bound.bytes_worst == bound.bytes_per_key
    for rule in RULES.values():
        assert state_bound(rule).bytes_worst <= Limits().state_bytes_max


def test_a_stateless_rule_holds_nothing() -> None:
    """One step without window, aggregate, unseen or cooldown is judged at once."""
    assert 0 == state_bound(RULES["t.filter"]).bytes_worst
    assert state_bound(RULES["t.filter"]).is_stateless
    assert not state_bound(RULES["t.cooldown"]).is_stateless


def test_latest_bounds_its_candidates() -> None:
    """One candidate for each step and count: `a then a{2,4}?` can hold three of them."""
    bound = state_bound(RULES["t.latest"])
    assert (3, 6) == (bound.candidates_per_key, bound.events_per_key)


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_document_says_what_the_tree_says(name: str) -> None:
    """Every line of the tree but version and state is a text of the document, which is JSON."""
    document = explain_document(RULES[name], PLAN)
    written = json.dumps(document, ensure_ascii=False)
    tree = explain(RULES[name], PLAN)
    lines = [line.lstrip("│├└─ ") for line in tree.splitlines()[1:]]
    start = next(i for i, line in enumerate(lines) if line.startswith("state"))
    for line in lines[3:start]:
        assert json.dumps(line, ensure_ascii=False)[1:-1] in written
    assert document["version"] in tree


def test_sizes_have_three_digits() -> None:
    """A number of bytes is written for people."""
    sizes = [size_text(n) for n in (0, 999, 1_536, 5_000_000, 2**30, 2**40)]
    assert sizes == ["0 B", "999 B", "1.5 KiB", "4.77 MiB", "1 GiB", "1.02e+03 GiB"]
