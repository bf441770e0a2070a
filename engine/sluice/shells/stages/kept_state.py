"""The state of shards in a compacted topic: dirty keys and a header, by position in the log.

Each record begins with the position of the keyed log up to which it is true. A write ends with
its header, so a write that was cut off is one without: its records are above the header's
position, and the ones before them count. That they are still there is what
`min.compaction.lag.ms` is for. Whoever writes the same position writes the same state, so late
writes of an older owner change nothing.

A key whose state is too large for a record is written in parts: its own record says how many.
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
#: Brokers take 32 MiB in a record of this topic, and several such batches are on their way.
PART_BYTES_MAX = 8 * 1024 * 1024
#: Begins the key of a part, and what stands in place of a state in parts; MessagePack never does.
_PART = b"\xc1"
HEADER_KEY = b"\0header"
_POSITION = "position"

#: A record of the topic: key, value (None: gone) and Kafka headers.
Row = tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True, slots=True)
class Saved:
    """The state of a shard: its header, and the record of each key, oldest first.

    `parts` says how many parts the keys have whose record is too large for one.
    """

    header: dict[str, Any]
    records: list[tuple[Identity, bytes]] = field(default_factory=list)
    parts: dict[bytes, int] = field(default_factory=dict)


def rows_of(
    changes: Iterable[tuple[Identity, bytes | None]], header: Mapping[str, Any],
    parts: dict[bytes, int], part_bytes_max: int = PART_BYTES_MAX,
) -> list[Row]:  # fmt: skip
    """Return what is written of changed keys and the header; the header comes last.

    `parts` is how many parts keys have by now, and is kept.
    """
    position = int(header["next"]).to_bytes(8, "big")
    encode = msgspec.msgpack.encode
    rows: list[Row] = []
    gone = ((_POSITION, position),)
    for identity, content in changes:
        key, size = encode(identity), 0 if content is None else len(content)
        count = -(-size // part_bytes_max) if size > part_bytes_max else 0
        if content is None:
            rows.append((key, None, gone))
        elif not count:
            rows.append((key, position + content, ()))
        else:
            rows.append((key, position + _PART + encode(count), ()))
            for number in range(count):
                piece = content[number * part_bytes_max : (number + 1) * part_bytes_max]
                rows.append((_part_key(key, number), position + piece, ()))
        before = parts.pop(key, 0)
        rows += ((_part_key(key, number), None, gone) for number in range(count, before))
        if count:
            parts[key] = count
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
    chosen, parts = [], {}
    for key, held in versions.items():
        known = [version for version in held if version[0] <= top]
        if not known or key[:1] == _PART:
            continue
        position, number, content = max(known, key=lambda v: v[:2])
        if content is None:
            continue
        if content[:1] == _PART:
            parts[key] = msgspec.msgpack.decode(content[1:], type=int)
            content = _joined(versions, key, position, parts[key])
        chosen.append((number, key, content))
    chosen.sort()
    states = [(msgspec.msgpack.decode(key), content) for _, key, content in chosen]
    return Saved(found, states, parts)


def _part_key(key: bytes, number: int) -> bytes:
    return _PART + number.to_bytes(4, "big") + key


def _joined(
    versions: Mapping[bytes, list[tuple[int, int, bytes | None]]], key: bytes, position: int,
    count: int,
) -> bytes:  # fmt: skip
    """Return a record from its parts, which were written at the same position."""
    pieces = []
    for number in range(count):
        held = versions.get(_part_key(key, number), [])
        found = [content for at, _, content in held if at == position and content is not None]
        if not found:
            raise CheckpointError(f"part {number + 1} of {count} of the state of a key is gone")
        pieces.append(found[-1])
    return b"".join(pieces)


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
