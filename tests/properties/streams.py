"""Pipelines over random rules and events, and their records as plain objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from msgspec.structs import replace

from sluice.backends import BuildOptions, build
from sluice.catalog import builtins
from sluice.errors import RuleError
from sluice.lang import Texts, check, load
from sluice.model import Event, Rejected
from sluice.plan import DEFAULT_LIMITS, Filter, Limits, Plan, lower, rewrite
from sluice.stream import Pipeline, to_record
from tests.oracle.agreement import REFUSALS
from tests.oracle.generate import KINDS as ALL_KINDS
from tests.oracle.generate import scenario
from tests.oracle.render import render

#: Every kind of record but `rejected`, so that whatever differs is seen.
KINDS = frozenset({"match", "clear", "note", "mitigation", "pending", "event", "late"})

#: How many cases of each kind; `SEEDS=1000 pytest …` looks for new ones.
SEEDS = int(os.environ.get("SEEDS", "0"))


def seeds(usual: int) -> range:
    """Return the seeds of each kind: the usual number, or what `SEEDS` asks for."""
    return range(SEEDS or usual)


def plan_of(*texts: str) -> Plan:
    """Return the plan of rule files; RuleError when they have errors."""
    files = {f"rules{number}.sluice": text for number, text in enumerate(texts)}
    catalog = builtins()
    checked = check(load(list(files), Texts(files)), catalog)
    if not checked.is_ok:
        raise RuleError(d for d in checked.diagnostics if d.severity == "error")
    return rewrite(lower(checked, catalog))


def pipeline_of(
    plan: Plan, lateness: int = 0, *, limits: Limits = DEFAULT_LIMITS, whole: bool = False
) -> Pipeline:
    """Return a new pipeline that shows every kind of record."""
    return build(plan, builtins(), BuildOptions(KINDS, limits, whole, lateness))


def case(kind: str, seed: int) -> tuple[str, list[Event]] | None:
    """Return rules as text with their events; None when the compiler refuses the rules.

    The generator knows no static types, so now and then it compares what cannot be compared.
    """
    rules, events = scenario(seed, kind)
    text = render(rules)
    try:
        plan_of(text)
    except RuleError as error:
        if any(d.code in REFUSALS for d in error.diagnostics):
            return None
        raise
    made = [
        Event(event.type, event.time, dict(event.fields), id=event.id, source="s", offset=number)
        for number, event in enumerate(events, 1)
    ]
    return text, made


def drained(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the records decided since the last call."""
    return [to_record(record) for record in pipeline.drain()]


def ended(pipeline: Pipeline, *, close: bool = False) -> list[dict[str, Any]]:
    """End the input, let time run on, and return the records of that."""
    pipeline.finish()
    if close:
        pipeline.close()
    else:
        pipeline.pending()
    return drained(pipeline)


def uncut(
    plan: Plan, events: Iterable[Event | Rejected], lateness: int = 0, *, close: bool = False
) -> list[dict[str, Any]]:
    """Return the records of a run over all events at once."""
    pipeline = pipeline_of(plan, lateness)
    pipeline.feed(events)
    return drained(pipeline) + ended(pipeline, close=close)


def pieces(events: Sequence[Event], rng: Random, most: int) -> list[Sequence[Event]]:
    """Cut events at up to `most` random places; a piece may be empty."""
    places = sorted(rng.randint(0, len(events)) for _ in range(rng.randint(1, most)))
    bounds = [0, *places, len(events)]
    return [events[low:high] for low, high in pairwise(bounds)]


def shuffled(events: Sequence[Event], rng: Random, lateness: int) -> list[Event]:
    """Return the events in another order of arrival, numbered anew, none of them late."""
    arrived = sorted(events, key=lambda event: event.time + rng.randint(0, lateness))
    return [replace(event, offset=number) for number, event in enumerate(arrived, 1)]


def in_order(events: Sequence[Event]) -> list[Event]:
    """Return the events in their total order."""
    return sorted(events, key=lambda e: (e.time, e.source, e.partition, e.offset))


def by_rule(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each rule in order, derived and late events apart.

    With hold-back a rule of one plain step speaks on arrival and others when time allows, so how
    the records of several rules mix is not compared.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record.get("rule", record["kind"]), []).append(record)
    return found


def state_of(pipeline: Pipeline) -> bytes:
    """Return a snapshot without the keys that are idle: when those go is nobody's business."""
    for operator in pipeline.operators:
        for keyed in (operator, getattr(operator, "unseen", None)):
            states = getattr(keyed, "keys", None)
            if states is not None and pipeline.now is not None:
                states.sweep(pipeline.now)
    return pipeline.snapshot()


def on_arrival(plan: Plan) -> frozenset[str]:
    """Return the rules of one plain step: they see an event when it arrives, not in its turn."""
    return frozenset(rule.name for rule in plan.rules if isinstance(rule.pattern, Filter))


def two_files(kind: str, seed: int) -> tuple[str, str, list[Event]] | None:
    """Return rules, rules of another pack that share nothing with them, and events for both."""
    first = case(kind, seed)
    rng = Random(f"other {kind} {seed}")
    second = case(rng.choice(ALL_KINDS), rng.randrange(1_000))
    if first is None or second is None:
        return None
    return first[0], other_pack(second[0]), first[1]


def other_pack(text: str) -> str:
    """Return generated rules as those of another pack, with derived types of their own."""
    for old, new in (("pack o", "pack q"), (".o.", ".q."), ("e.p", "w.p"), ("e.*", "w.*")):
        text = text.replace(old, new)
    return text


def of_pack(records: list[dict[str, Any]], pack: str) -> dict[str, list[dict[str, Any]]]:
    """Return the records of the rules of a pack."""
    found = by_rule(records)
    return {name: found[name] for name in found if name.startswith(f"{pack}.")}
