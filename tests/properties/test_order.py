"""What is decided depends on the times of events, not on how and in which pieces they arrive."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from sluice.model import Event
from sluice.plan import Plan
from tests.oracle.generate import KINDS
from tests.properties.streams import (
    by_rule,
    case,
    drained,
    ended,
    pieces,
    pipeline_of,
    plan_of,
    seeds,
    shuffled,
    uncut,
)

LATENESS = 3_000

#: Kinds with rules of one plain step, which speak on arrival.
ON_ARRIVAL = frozenset({"filter", "values", "unseen", "cooldown", "chained", "any_all"})


def comparable(records: list[dict[str, Any]], kind: str) -> Any:
    """Return the records of each rule; in any order where rules speak on arrival."""
    found = by_rule(records)
    if kind not in ON_ARRIVAL:
        return found
    return {name: sorted(map(json.dumps, said)) for name, said in found.items()}


def in_pieces(plan: Plan, parts: list[Any], lateness: int) -> list[dict[str, Any]]:
    """Feed one pipeline piece by piece."""
    pipeline = pipeline_of(plan, lateness)
    records = []
    for part in parts:
        pipeline.feed(part)
        records += drained(pipeline)
    return records + ended(pipeline)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_cut_at_any_place(kind: str) -> None:
    """The same records in the same order, however the input is cut into batches."""
    for seed in seeds(10):
        if (made := case(kind, seed)) is None:
            continue
        text, events = made
        rng = Random(f"batches {kind} {seed}")
        plan = plan_of(text)
        assert in_pieces(plan, pieces(events, rng, 6), 0) == uncut(plan, events), text
        events = shuffled(events, rng, LATENESS + 1_000)
        found = in_pieces(plan, pieces(events, rng, 6), LATENESS)
        assert by_rule(found) == by_rule(uncut(plan, events, LATENESS)), f"{kind} {seed}\n{text}"


@pytest.mark.parametrize("kind", KINDS)
def test_disorder_within_the_lateness(kind: str) -> None:
    """Events that arrive in another order, none of them late, bring about the same."""
    for seed in seeds(10):
        if (made := case(kind, seed)) is None:
            continue
        text, events = made
        rng = Random(f"disorder {kind} {seed}")
        plan = plan_of(text)
        arrived = shuffled(events, rng, LATENESS)
        found = in_pieces(plan, pieces(arrived, rng, 3), LATENESS)
        expected = uncut(plan, events)
        assert comparable(found, kind) == comparable(expected, kind), f"{kind} {seed}\n{text}"


@pytest.mark.parametrize("kind", KINDS)
def test_two_sources(kind: str) -> None:
    """Two inputs are merged by time, source and offset, whichever is read faster."""
    for seed in seeds(10):
        if (made := case(kind, seed)) is None:
            continue
        text, events = made
        rng = Random(f"two {kind} {seed}")
        plan = plan_of(text)
        merged = sorted((replace(e, source=rng.choice("xy")) for e in events), key=order)
        lateness = rng.choice((0, LATENESS))
        inputs = [[e for e in merged if e.source == name] for name in "xy"]
        found = interleaved(plan, [shuffled(e, rng, lateness) for e in inputs], lateness, rng)
        expected = uncut(plan, merged)
        assert comparable(found, kind) == comparable(expected, kind), f"{kind} {seed}\n{text}"


def order(event: Event) -> Any:
    """Return what the total order of events is by."""
    return event.time, event.source, event.partition, event.offset


def interleaved(
    plan: Plan, inputs: list[list[Event]], lateness: int, rng: Random
) -> list[dict[str, Any]]:
    """Read pieces of the inputs in turn, as they come; an input that is empty has ended."""
    pipeline = pipeline_of(plan, lateness)
    for name in "xy":
        pipeline.open(name)
    records = []
    left = {name: list(events) for name, events in zip("xy", inputs, strict=True)}
    while left:
        name = rng.choice(sorted(left))
        count = rng.randint(1, 5)
        pipeline.feed(left[name][:count])
        del left[name][:count]
        if not left[name]:
            del left[name]
            pipeline.end(name)
        records += drained(pipeline)
    return records + ended(pipeline)
