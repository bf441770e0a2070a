"""What a rule decides depends on no other rule that it does not listen to."""

from __future__ import annotations

import pytest

from tests.oracle.generate import KINDS
from tests.properties.streams import of_pack, plan_of, seeds, two_files, uncut


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_that_shares_nothing(kind: str) -> None:
    """Another rule, of any kind, on the same events changes no record, no id, no order."""
    for seed in seeds(12):
        if (made := two_files(kind, seed)) is None:
            continue
        text, other, events = made
        close = seed % 2 == 0
        alone = uncut(plan_of(text), events, close=close)
        both = uncut(plan_of(text, other), events, close=close)
        mine = [r for r in both if r.get("rule", "").startswith("o.")]
        assert mine == [r for r in alone if "rule" in r], f"{kind} seed {seed}\n{text}{other}"


@pytest.mark.parametrize("kind", KINDS)
def test_rules_in_another_order(kind: str) -> None:
    """The order of rule files says nothing: priority and name do."""
    for seed in seeds(12):
        if (made := two_files(kind, seed)) is None:
            continue
        text, other, events = made
        found = uncut(plan_of(other, text), events)
        assert found == uncut(plan_of(text, other), events), f"{kind} seed {seed}\n{text}{other}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_twice(kind: str) -> None:
    """The same rules under another pack say the same under their own names."""
    for seed in seeds(6):
        if (made := two_files(kind, seed)) is None:
            continue
        text, _, events = made
        if "e.p" in text or "match." in text or "clear." in text:
            continue
        twin = text.replace("pack o", "pack q")
        found = of_pack(uncut(plan_of(text, twin), events), "o")
        again = of_pack(uncut(plan_of(text, twin), events), "q")
        for name, records in found.items():
            mine = [{k: v for k, v in r.items() if k not in DIFFERS} for r in records]
            others = again[name.replace("o.", "q.", 1)]
            assert mine == [{k: v for k, v in r.items() if k not in DIFFERS} for r in others]


#: What differs between a rule and its twin: the id hashes the name.
DIFFERS = frozenset({"id", "rule", "match", "version"})
