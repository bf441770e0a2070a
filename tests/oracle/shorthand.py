"""Rules and streams of the oracle in few words, for the tables that tests hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.oracle.naive import Record, run
from tests.oracle.spec import (
    Absence,
    Agg,
    Atom,
    Cmp,
    Element,
    Event,
    Having,
    Head,
    Lit,
    Pattern,
    Quantifier,
    Rule,
    Window,
)

S = 1000


def stream(text: str, **fields: Any) -> list[Event]:
    """`F@0 R@1.5 F@2`: events at seconds, with the ids F1 R1 F2; without @ one a second."""
    counts: dict[str, int] = {}
    events = []
    for i, part in enumerate(text.split()):
        name, _, at = part.partition("@")
        counts[name] = counts.get(name, 0) + 1
        time = round(float(at) * S) if at else i * S
        events.append(Event(f"{name}{counts[name]}", name, time, fields))
    return events


def with_fields(events: Sequence[Event], *rows: dict[str, Any]) -> list[Event]:
    """Give each event its own fields."""
    return [replace(e, fields=row) for e, row in zip(events, rows, strict=True)]


def said(records: Sequence[Record]) -> list[str]:
    """`match 3: F1 F2` of each record, times in seconds."""
    return [
        f"{r.kind} {r.time / S:g}" + (": " + " ".join(i for i, _ in r.events) if r.events else "")
        for r in records
    ]


def step(type_: str, low: int | None = None, high: int | None = None, **more: Any) -> Atom:
    """A step of one type, `low` to `high` times; `high` -1 is open."""
    quantifier = None
    if low is not None:
        quantifier = Quantifier(low, None if high == -1 else high, more.pop("reluctant", False))
    head = Head(type_, more.pop("where", None), more.pop("alias", None), more.pop("on", ()))
    return Atom("step", (head,), quantifier, **more)


def branches(kind: Any, *types: str, **more: Any) -> Atom:
    """An `any of` or `all of`."""
    return Atom(kind, tuple(Head(t) for t in types), **more)


def rule(*elements: Element, **more: Any) -> Rule:
    """A rule over a sequence, with absences given by name."""
    places = {k: more.pop(k) for k in ("lead", "trail", "whole") if k in more}
    return Rule("r0", Pattern(elements, **places), **more)


def absent(type_: str, seconds: float) -> Absence:
    """`no TYPE within D`."""
    return Absence(Head(type_), round(seconds * S))


def counting(op: str, least: int, window: Window, **more: Any) -> Rule:
    """An aggregate rule over F."""
    condition = Cmp(op, Agg("count"), Lit(least))
    having = Having(condition, more.pop("for_ms", None), more.pop("each", False))
    return rule(step("F"), window=window, having=having, **more)


def sliding(seconds: int) -> Window:
    """`window sliding D`."""
    return Window("sliding", seconds * S)


def decided(subject: Rule, text: str, *, close: bool = False) -> list[str]:
    """What one rule says of a stream."""
    return said(run([subject], stream(text), close=close))
