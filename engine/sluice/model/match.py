"""What a rule found: the records of `sluice run`, with keys in the order that output promises."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from sluice.model.identity import digest
from sluice.timing import Instant, format_instant

#: How many events a match lists at most: the first and the last half of them.
MATCH_EVENTS_MAX = 100


class EventRef(msgspec.Struct):
    """One event of a match: identity, place in the pattern, and (`--with-events`) all of it."""

    id: str
    type: str
    time: Instant
    source: str
    alias: str | None
    position: int
    event: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """Return the entry of a match's `events`."""
        out: dict[str, Any] = {
            "id": self.id, "type": self.type, "time": format_instant(self.time),
            "source": self.source or None, "alias": self.alias, "position": self.position,
        }  # fmt: skip
        if self.event is not None:
            out["event"] = self.event
        return out


class Match(msgspec.Struct):
    """A match, or with `kind` `pending` what would become one if time ran on.

    `key` and `select` hold JSON values (times as RFC 3339, durations as milliseconds).
    """

    id: str
    rule: str
    version: str
    key: dict[str, Any]
    time: Instant
    start: Instant
    end: Instant
    severity: str
    tags: tuple[str, ...]
    title: str | None
    select: dict[str, Any]
    events: list[EventRef]
    event_count: int
    suppressed: int = 0
    approximate: bool = False
    kind: Literal["match", "pending"] = "match"
    #: All its events, where somebody keeps them and `events` does not list them all.
    evidence: list[EventRef] | None = None

    def record(self) -> dict[str, Any]:
        """Return the JSON record of section 2 of the output contract."""
        return {
            "kind": self.kind, "id": self.id, "rule": self.rule, "version": self.version,
            "key": self.key, "time": format_instant(self.time),
            "start": format_instant(self.start), "end": format_instant(self.end),
            "severity": self.severity, "tags": list(self.tags), "title": self.title,
            "select": self.select, "events": [e.record() for e in self.events],
            "event_count": self.event_count, "suppressed": self.suppressed,
            "approximate": self.approximate,
        }  # fmt: skip


class Counted(msgspec.Struct):
    """A match of which nobody asks more than this, or `count` of them within the day of `time`.

    `key` is that of `Match`.
    """

    rule: str
    key: dict[str, Any]
    time: Instant
    suppressed: int = 0
    count: int = 1

    def record(self) -> dict[str, Any]:
        """Return what there is as a record."""
        return {
            "kind": "counted", "rule": self.rule, "key": self.key,
            "time": format_instant(self.time), "suppressed": self.suppressed, "count": self.count,
        }  # fmt: skip


class Clear(msgspec.Struct):
    """The `having` of a reported match is no longer true."""

    match: str
    rule: str
    version: str
    key: dict[str, Any]
    time: Instant
    lasted_ms: int

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return {
            "kind": "clear", "match": self.match, "rule": self.rule, "version": self.version,
            "key": self.key, "time": format_instant(self.time), "lasted_ms": self.lasted_ms,
        }  # fmt: skip


def match_id(rule: str, version: str, key: tuple[Any, ...], time: Instant, decided: Any) -> str:
    """Name a match: `decided` is the list of its event ids or, for an aggregate rule,
    `[start, end, id of the deciding event or null]`."""
    return digest([rule, version, list(key), time, decided], 32)
