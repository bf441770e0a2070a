"""What a match leads to: a note asks a person, a mitigation changes the world."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from sluice.model.identity import digest
from sluice.timing import Instant, format_instant


class Note(msgspec.Struct):
    """A note for people, with its texts filled in."""

    match: str
    rule: str
    version: str
    key: dict[str, Any]
    time: Instant
    severity: str
    note: str
    title: str
    body: str | None

    @property
    def id(self) -> str:
        """The identity of the note: its kind, its match, its texts."""
        return digest(["note", self.note, self.match, self.title, self.body], 32)

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return {
            "kind": "note", "id": self.id, "match": self.match, "rule": self.rule,
            "version": self.version, "key": self.key, "time": format_instant(self.time),
            "severity": self.severity, "note": self.note, "title": self.title, "body": self.body,
        }  # fmt: skip


class Mitigation(msgspec.Struct):
    """A proposed deed: an action with named arguments, bounded by `ttl_ms` when it has one."""

    match: str
    rule: str
    version: str
    key: dict[str, Any]
    time: Instant
    severity: str
    clause: int
    action: str
    args: dict[str, Any]
    mode: Literal["simulate", "ask", "auto"]
    ttl_ms: int | None
    state: str = "proposed"

    @property
    def id(self) -> str:
        """The identity of the mitigation: match, clause, action, arguments."""
        return digest(["mitigation", self.match, self.clause, self.action, self.args], 32)

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        expires = None if self.ttl_ms is None else format_instant(self.time + self.ttl_ms)
        return {
            "kind": "mitigation", "id": self.id, "match": self.match, "rule": self.rule,
            "version": self.version, "key": self.key, "time": format_instant(self.time),
            "severity": self.severity, "action": self.action, "args": self.args,
            "mode": self.mode, "ttl_ms": self.ttl_ms, "expires": expires, "state": self.state,
        }  # fmt: skip


Effect = Note | Mitigation
