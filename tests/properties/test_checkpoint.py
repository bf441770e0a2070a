"""A run that is cut and goes on from its checkpoint decides what one that was not cut decides."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sluice.model import Event
from sluice.plan import Plan
from tests.oracle.generate import KINDS
from tests.properties.streams import (
    by_rule,
    case,
    drained,
    ended,
    of_pack,
    pieces,
    pipeline_of,
    plan_of,
    seeds,
    shuffled,
    state_of,
    two_files,
    uncut,
)

LATENESS = 3_000


def cut_run(
    plan: Plan, parts: list[Any], lateness: int, *, close: bool = False
) -> tuple[list[dict[str, Any]], bytes]:
    """Feed each part to a new pipeline that goes on from the snapshot of the one before."""
    records: list[dict[str, Any]] = []
    saved: bytes | None = None
    for part in parts:
        pipeline = pipeline_of(plan, lateness)
        if saved is not None:
            assert pipeline.restore(saved) == []
        pipeline.feed(part)
        records += drained(pipeline)
        saved = pipeline.snapshot()
    pipeline.finish()
    records += drained(pipeline)
    saved = state_of(pipeline)
    return records + ended(pipeline, close=close), saved


def whole_run(
    plan: Plan, events: list[Event], lateness: int, *, close: bool = False
) -> tuple[list[dict[str, Any]], bytes]:
    """Feed everything to one pipeline."""
    return cut_run(plan, [events], lateness, close=close)


def check(kind: str, seed: int, lateness: int) -> None:
    """Compare the run of one case with the same one cut at up to three places."""
    made = case(kind, seed)
    if made is None:
        return
    text, events = made
    rng = Random(f"cut {kind} {seed} {lateness}")
    if lateness:
        events = shuffled(events, rng, lateness + rng.choice((0, 0, 2_000)))
    plan = plan_of(text)
    parts = pieces(events, rng, 3)
    close = seed % 2 == 0
    expected, last = whole_run(plan, events, lateness, close=close)
    found, saved = cut_run(plan, parts, lateness, close=close)
    cuts = [len(part) for part in parts]
    assert by_rule(found) == by_rule(expected), f"{kind} seed {seed}, cut {cuts}\n{text}"
    assert saved == last, f"{kind} seed {seed}, cut {cuts}: other state\n{text}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_changes_nothing(kind: str) -> None:
    """Same records and the same state at the end, wherever events in order are cut."""
    for seed in seeds(12):
        check(kind, seed, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_changes_nothing_with_hold_back(kind: str) -> None:
    """Same records and the same state at the end when events wait for older ones, some late."""
    for seed in seeds(12):
        check(kind, seed, LATENESS)


@pytest.mark.parametrize("kind", KINDS)
def test_another_rule_may_change(kind: str) -> None:
    """A rule that stays the same keeps its state when others change, come or go."""
    for seed in seeds(12):
        made, other = two_files(kind, seed), two_files(kind, seed + 1_000)
        if made is None or other is None:
            continue
        text, before, events = made
        rng = Random(f"change {kind} {seed}")
        lateness = rng.choice((0, LATENESS))
        if lateness:
            events = shuffled(events, rng, lateness)
        after = rng.choice(([other[1]], []))
        at = rng.randint(0, len(events))
        first = pipeline_of(plan_of(text, before), lateness)
        first.feed(events[:at])
        records = drained(first)
        second = pipeline_of(plan_of(*after, text), lateness)
        left_out = second.restore(first.snapshot())
        assert all(name.startswith("q.") for name in left_out)
        second.feed(events[at:])
        records += drained(second) + ended(second)
        expected = uncut(plan_of(text, before), events, lateness)
        assert of_pack(records, "o") == of_pack(expected, "o"), f"{kind} {seed} {at}\n{text}{after}"
