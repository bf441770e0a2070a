"""One event, as every part of Sluice sees it; and what could not become one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from sluice.timing import Instant

RejectReason = Literal[
    "syntax", "encoding", "type", "time", "id", "schema", "size", "duplicate_key", "signature"
]

#: How much of a rejected input is kept for people, in characters.
REJECTED_DATA_MAX = 4_096


class Event(msgspec.Struct):
    """An event with its attributes (`@type`, `@time`, …) and its fields.

    `id` is None when the input brought none; `event_id` says what it is then.
    `fields` are plain JSON values; a derived event's times are RFC 3339 strings in it.
    """

    type: str
    time: Instant
    fields: dict[str, Any]
    id: str | None = None
    source: str = ""
    partition: int = 0
    offset: int = 0
    subject: str | None = None
    zone: str | None = None
    key: str | None = None
    topic: str | None = None
    received: Instant | None = None


class Rejected(msgspec.Struct, frozen=True):
    """Bytes that did not become an event: where, why (one word, then a sentence), and the data."""

    source: str
    partition: int
    offset: int
    reason: RejectReason
    message: str
    data: str


def event_id(event: Any) -> str:
    """Return the identity of an event: its own id, else `SOURCE:PARTITION:OFFSET`."""
    own = event.id
    return own if own is not None else f"{event.source}:{event.partition}:{event.offset}"


def rejected(
    event_source: tuple[str, int, int], reason: RejectReason, message: str, data: bytes | str
) -> Rejected:
    """Build a `Rejected` from (source, partition, offset), keeping the start of the data."""
    if isinstance(data, bytes):
        data = data[: 4 * REJECTED_DATA_MAX].decode("utf-8", "replace")
    source, partition, offset = event_source
    return Rejected(source, partition, offset, reason, message, data[:REJECTED_DATA_MAX])
