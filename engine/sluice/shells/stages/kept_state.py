"""The state of shards in a compacted topic: dirty keys and a header, by position in the log.

Each record begins with the position of the keyed log up to which it is true. A write ends with
its header, so a write that was cut off is one without: its records are above the header's
position, and the ones before them count. That they are still there is what
`min.compaction.lag.ms` is for. Whoever writes the same position writes the same state, so late
writes of an older owner change nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sluice.errors import CheckpointError
from sluice.io import Message
from sluice.stream import Identity

FORMAT = 1
HEADER_KEY = b"\0header"
_POSITION = "position"

#: A record of the topic: key, value (None: gone) and Kafka headers.
Row = tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True, slots=True)
class Saved:
    """The state of a shard: its header, and the record of each key, oldest first."""

    header: dict[str, Any]
    records: list[tuple[Identity, bytes]] = field(default_factory=list)


def rows_of(
    changes: Iterable[tuple[Identity, bytes | None]], header: Mapping[str, Any]
) -> list[Row]:
    """Return what is written of changed keys and the header; the header comes last."""
    position = int(header["next"]).to_bytes(8, "big")
    encode = msgspec.msgpack.encode
    rows: list[Row] = []
    for identity, content in changes:
        if content is None:
            rows.append((encode(identity), None, ((_POSITION, position),)))
        else:
            rows.append((encode(identity), position + content, ()))
    told = {"format": FORMAT, **header}
    rows.append((HEADER_KEY, position + encode(told), ()))
    return rows


async def saved_from(records: AsyncIterable[Message]) -> Saved | None:
    """Return the state that the records of a partition hold, None when there is none.

    CheckpointError when another version has written it.
    """
    top, header = -1, b""
    versions: dict[bytes, list[tuple[int, int, bytes | None]]] = {}
    number = 0
    async for record in records:
        number += 1
        position, content = _split(record)
        if record.key is None:
            continue
        if record.key == HEADER_KEY:
            if position >= top and content is not None:
                top, header = position, content
            continue
        held = versions.setdefault(record.key, [])
        held.append((position, number, content))
        if len(held) > 2:
            _prune(held, top)
    if top < 0:
        return None
    found = _header(header)
    chosen = []
    for key, held in versions.items():
        known = [version for version in held if version[0] <= top]
        if known and (best := max(known, key=lambda v: v[:2]))[2] is not None:
            chosen.append((best[1], key, best[2]))
    chosen.sort()
    return Saved(found, [(msgspec.msgpack.decode(key), content) for _, key, content in chosen])


def _prune(held: list[tuple[int, int, bytes | None]], top: int) -> None:
    """Leave the best version that a header covers, and those above it."""
    known = [version for version in held if version[0] <= top]
    if len(known) > 1:
        best = max(known, key=lambda v: v[:2])
        held[:] = [version for version in held if version[0] > top or version is best]


def _split(record: Message) -> tuple[int, bytes | None]:
    if record.value is None:
        told = dict(record.headers).get(_POSITION, b"")
        return int.from_bytes(told, "big"), None
    return int.from_bytes(record.value[:8], "big"), record.value[8:]


def _header(content: bytes) -> dict[str, Any]:
    header: dict[str, Any] = msgspec.msgpack.decode(content)
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"the state topic has format {header.get('format')}, this version reads {FORMAT}: "
            "use the version that wrote it, or make the topic anew and begin without state"
        )
    return header
