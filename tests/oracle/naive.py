"""Runs rules over events: order, phases, reporting (language.md 4.3; output.md 1, 2)."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .evaluate import value_of
from .outcome import Due, Found, Outcome
from .render import PACK
from .sequences import Sequences
from .spec import Event, Rule
from .values import Duration, Time, plain, rank
from .windows import Windows

Kind = Literal["match", "clear", "pending"]


@dataclass(frozen=True)
class Record:
    """One record of output.md 2, as far as the oracle decides it; times in ms."""

    kind: Kind
    rule: str
    key: dict[str, Any]
    time: int
    start: int | None = None
    end: int | None = None
    events: list[tuple[str, int]] = field(default_factory=list)
    event_count: int = 0
    suppressed: int = 0
    select: dict[str, Any] = field(default_factory=dict)
    lasted_ms: int | None = None


def run(rules: Sequence[Rule], events: Sequence[Event], *, close: bool = False) -> list[Record]:
    """Return what the rules decide over the events, in the order of decision."""
    return _Run(rules).over(events, close=close)


def iso(ms: int) -> str:
    """A time as output.md 1 writes it."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def token(record: Mapping[str, Any]) -> str:
    """A stand-in for a match id, from what a reader of the record can see.

    The id itself hashes the version of the rule, which belongs to the compiler.
    """
    seen = {k: plain(record[k]) for k in ("rule", "time", "start", "end", "events")}
    seen["key"] = {k: plain(v) for k, v in record["key"].items()}
    text = json.dumps(seen, sort_keys=True, default=str)
    return "M" + hashlib.sha256(text.encode()).hexdigest()[:12]


def as_dict(record: Record) -> dict[str, Any]:
    """A record with the keys and times of output.md, for comparing."""
    if record.kind == "clear":
        return {
            "kind": "clear",
            "rule": record.rule,
            "key": record.key,
            "time": iso(record.time),
        }
    assert record.start is not None and record.end is not None
    return {
        "kind": record.kind,
        "rule": record.rule,
        "key": record.key,
        "time": iso(record.time),
        "start": iso(record.start),
        "end": iso(record.end),
        "events": [list(e) for e in record.events],
        "event_count": record.event_count,
        "suppressed": record.suppressed,
        "select": record.select,
    }


class _Run:
    def __init__(self, rules: Sequence[Rule]) -> None:
        # 4.3.7: rules by priority (high first), then by name.
        ordered = sorted(rules, key=lambda r: (-_priority(r), r.name))
        self.rules = ordered
        self.machines: list[Sequences | Windows] = [
            Windows(r) if r.window else Sequences(r) for r in ordered
        ]
        self.queue: deque[Event] = deque()
        self.reporters = [_Reporter(r) for r in ordered]
        self.records: list[Record] = []
        self.is_over = False

    def over(self, events: Sequence[Event], *, close: bool) -> list[Record]:
        # 4.3.1: the total order; one source, so ties stay as given.
        ordered = sorted(events, key=lambda e: e.time)
        if not ordered:
            return []
        for machine in self.machines:
            machine.arm(ordered[0].time)
        for event in ordered:
            # 4.3.6: at an instant windows close first (1), then events (2), then deadlines (3).
            self._let_time_run((event.time, 2))
            self.queue.append(event)
            self._drain()
        # 4.3.8: time stops at the last event, whose instant is completed.
        self._let_time_run((ordered[-1].time, 4))
        self.is_over = not close
        self._let_time_run(None)
        return self.records

    def _let_time_run(self, before: tuple[int, int] | None) -> None:
        while True:
            first = self._next_due()
            if first is None or (before is not None and first[:2] >= before):
                return
            unit = first[:4]
            while first is not None and first[:4] == unit:
                # output.md 1: several candidates of one deadline are decided one after another.
                self._fire(first[2], first[5])
                first = self._next_due()
            # What a deadline of a rule and key brings about meets the rules before the next.
            self._drain()

    def _next_due(self) -> tuple[Any, ...] | None:
        """4.3.7: what time brings about is ordered by (time, phase, rule, key)."""
        dues = [
            (due.time, due.phase, i, due.key.ranks, due.order, due)
            for i, machine in enumerate(self.machines)
            for due in machine.due()
        ]
        return min(dues, key=lambda d: d[:5]) if dues else None

    def _fire(self, i: int, due: Due) -> None:
        self._report(i, self.machines[i].fire(due))

    def _drain(self) -> None:
        """4.3.7: derived events meet the rules before the next input, first in first out."""
        while self.queue:
            event = self.queue.popleft()
            for i, machine in enumerate(self.machines):
                self._report(i, machine.meet(event))

    def _report(self, i: int, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            record, derived = self.reporters[i].report(outcome, self.is_over)
            if record is not None:
                self.records.append(record)
            self.queue.extend(derived)


def _priority(rule: Rule) -> float:
    return 0.5 if rule.priority is None else rule.priority


class _Reporter:
    """`select`, `cooldown`, the match event and `emit` of one rule (section 3)."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.reported: dict[tuple[Any, ...], int] = {}
        self.swallowed: dict[tuple[Any, ...], int] = {}

    def report(self, outcome: Outcome, is_over: bool) -> tuple[Record | None, list[Event]]:
        if isinstance(outcome, Found):
            return self._match(outcome, "pending" if is_over else "match")
        if not outcome.match.is_reported:
            # 4.5: `clear` says so if the match was reported.
            return None, []
        lasted = outcome.time - outcome.match.time
        name = f"{PACK}.{self.rule.name}"
        key = self._key(outcome.key.values)
        fields = {**key, "match": outcome.match.id, "lasted": lasted}
        event = Event("clear", f"clear.{name}", outcome.time, fields, {}, self.rule.name)
        record = Record("clear", name, key, outcome.time, lasted_ms=lasted)
        return (None if is_over else record), [event]

    def _key(self, values: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip((k.name for k in self.rule.by), values, strict=True))

    def _match(self, found: Found, kind: Kind) -> tuple[Record | None, list[Event]]:
        names: dict[str, Any] = self._key(found.key.values)
        select = {n: value_of(e, found.scope) for n, e in self.rule.select}
        names.update(select)
        cooled = self._cooled(found, names)
        if cooled is None:
            return None, []
        found.is_reported = True
        record = Record(
            kind,
            f"{PACK}.{self.rule.name}",
            self._key(found.key.values),
            found.time,
            found.start,
            found.end,
            [(e.id, position) for e, position in found.events],
            len(found.events),
            cooled,
            {n: _shown(v) for n, v in select.items()},
        )
        found.id = token(as_dict(record))
        return record, self._derived(found, record, names)

    def _cooled(self, found: Found, names: dict[str, Any]) -> int | None:
        """How many were swallowed since the last report; None swallows this one too."""
        cooldown = self.rule.cooldown
        if cooldown is None:
            return 0
        own: tuple[Any, ...] = found.key.ranks
        if cooldown.per:
            own = tuple(rank(names[n]) for n in cooldown.per)
        last = self.reported.get(own)
        # Section 3: none with a time < t + D is reported.
        if last is not None and found.time < last + cooldown.ms:
            self.swallowed[own] = self.swallowed.get(own, 0) + 1
            return None
        self.reported[own] = found.time
        return self.swallowed.pop(own, 0)

    def _derived(self, found: Found, record: Record, names: dict[str, Any]) -> list[Event]:
        """The match event (section 3), then `emit`s as written (4.3.7)."""
        name = f"{PACK}.{self.rule.name}"
        attributes = {
            "rule": name,
            "severity": "medium",
            "started": Time(found.start),
            "suppressed": record.suppressed,
        }
        origin = self.rule.name
        events = [Event(found.id, f"match.{name}", found.time, names, attributes, origin)]
        scope = found.scope
        for n, emit in enumerate(self.rule.emits, 1):
            inside = {**scope.names, **names}
            fields = {
                f: value_of(e, type(scope)(None, scope.aliases, inside, scope.window, scope.past))
                for f, e in emit.fields
            }
            events.append(Event(f"{found.id}:{n}", emit.type, found.time, fields, {}, origin))
        return events


def _shown(value: Any) -> Any:
    """output.md 1: an absent value is null, a time RFC 3339."""
    if isinstance(value, Time):
        return iso(value.ms)
    if isinstance(value, Duration):
        return value.ms
    return plain(value)
