"""The random rules and streams of the oracle: they match often, and are rules that compile."""

from __future__ import annotations

import pytest

from tests.oracle.generate import KINDS, scenario
from tests.oracle.naive import run
from tests.oracle.render import render
from tests.oracle.spec import Atom


@pytest.mark.parametrize("kind", KINDS)
def test_most_scenarios_match(kind: str) -> None:
    """More than half of the cases of each kind have a match, and all can be written."""
    hits = 0
    for seed in range(40):
        rules, events = scenario(seed, kind)
        assert render(rules).startswith("pack o")
        assert (rules, events) == scenario(seed, kind)
        hits += any(r.kind == "match" for r in run(rules, events))
    assert hits > 20


@pytest.mark.parametrize("kind", KINDS)
def test_scenarios_respect_section_4(kind: str) -> None:
    """First and last step take an event; `all of` no quantifier; `all` nothing optional."""
    for seed in range(60):
        for subject in scenario(seed, kind)[0]:
            elements = subject.pattern.elements
            least = [e.quantifier.least if e.quantifier else 1 for e in elements]
            kinds = [e.kind for e in elements if isinstance(e, Atom)]
            assert not elements or (least[0] > 0 and least[-1] > 0)
            assert subject.overlap != "all" or (0 not in least and "all of" not in kinds)
            for e in elements:
                assert not (isinstance(e, Atom) and e.kind == "all of" and e.quantifier)
