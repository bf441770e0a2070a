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
    in_order,
    on_arrival,
    pieces,
    pipeline_of,
    plan_of,
    seeds,
    shuffled,
    uncut,
)

LATENESS = 3_000


def comparable(records: list[dict[str, Any]], plan: Plan) -> Any:
    """Return the records of each rule; in any order where the rule speaks on arrival."""
    sorted_ = on_arrival(plan) | {"event"}
    return {
        name: sorted(map(json.dumps, said)) if name in sorted_ else said
        for name, said in by_rule(records).items()
    }


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
        expected = uncut(plan, in_order(arrived))
        assert comparable(found, plan) == comparable(expected, plan), f"{kind} {seed}\n{text}"


@pytest.mark.parametrize("kind", KINDS)
def test_two_sources(kind: str) -> None:
    """Two inputs are merged by time, source and offset, whichever is read faster."""
    for seed in seeds(10):
        if (made := case(kind, seed)) is None:
            continue
        text, events = made
        rng = Random(f"two {kind} {seed}")
        plan = plan_of(text)
        named = [replace(event, source=rng.choice("xy")) for event in events]
        lateness = rng.choice((0, LATENESS))
        parts = [[e for e in named if e.source == name] for name in "xy"]
        inputs = [shuffled(part, rng, lateness) for part in parts]
        found = interleaved(plan, inputs, lateness, rng)
        expected = uncut(plan, in_order(inputs[0] + inputs[1]))
        assert comparable(found, plan) == comparable(expected, plan), f"{kind} {seed}\n{text}"


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
