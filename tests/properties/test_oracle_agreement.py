"""The engine decides what the naive oracle decides, on random rules and events."""

from __future__ import annotations

import pytest

from tests.oracle.agreement import case
from tests.oracle.generate import KINDS
from tests.oracle.sim import engine

SEEDS = range(20)


@pytest.mark.parametrize("close", [False, True], ids=["open", "close"])
@pytest.mark.parametrize("kind", KINDS)
def test_engine_and_oracle_agree(kind: str, close: bool) -> None:
    """Same records in the same order, for every seed of the kind."""
    simulate = engine()
    cases = [case(simulate, kind, seed, close=close) for seed in SEEDS]
    for done in cases:
        assert done.agrees or done.is_refused, str(done)
    assert sum(done.is_refused for done in cases) <= len(cases) // 5
