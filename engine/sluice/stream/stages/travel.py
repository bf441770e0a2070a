"""What travels from the filter stage to the match stage: batches of projected events.

A record holds sections, one for each source partition that its writer reads. A section says how
far its source was read (`upto`) and how far event time has come there (`seen`), also when no
event of it travels: so watermarks go on. Sections of a source come in order of offsets, repeats
aside, since a restarted writer begins again where the last one had committed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.errors import CheckpointError
from sluice.model import INT_MAX, INT_MIN, Trace
from sluice.timing import Instant

_INTEGER = 2

#: `Section.after` of a writer that has just begun: it goes on where offsets were committed.
UNKNOWN = -1


class Child(msgspec.Struct, array_like=True):
    """An event that was extracted from the one it travels with."""

    type: str
    id: str | None
    fields: dict[str, Any]


class Entry(msgspec.Struct, array_like=True):
    """One event with the fields that the match stage reads.

    `source` is None when the event names none of its own. `is_late` as its own partition saw it.
    `trace` is what the headers of its record say of a trace.
    """

    offset: int
    time: Instant
    type: str
    id: str | None
    source: str | None
    fields: dict[str, Any]
    is_late: bool = False
    children: list[Child] = []
    trace: Trace | None = None


class Section(msgspec.Struct, array_like=True):
    """What one source partition brings: its offsets above `after` up to `upto`.

    `seen` is the latest time of events up to there, `first` the time of the very first one; both
    None while there was none. Events may come `lateness` ms later than `seen`, and count still.
    `is_idle`: nothing has come for a while, so do not wait for it.
    """

    source: str
    partition: int
    after: int
    upto: int
    seen: Instant | None
    first: Instant | None
    lateness: int = 0
    is_idle: bool = False
    entries: list[Entry] = []


class Keyed(msgspec.Struct, array_like=True):
    """One record of the keyed topic; `rules` is the number of the rule set it was made with."""

    rules: int
    sections: list[Section]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Keyed, ext_hook=lambda code, data: int(bytes(data)))


def pack_keyed(record: Keyed) -> bytes:
    """Return a record as bytes (MessagePack)."""
    return _packed(record)


def size_of(entry: Entry) -> int:
    """Return how many bytes an event has in a record."""
    return len(_packed(entry))


def _packed(record: Keyed | Entry) -> bytes:
    try:
        return _encoder.encode(record)
    except OverflowError:
        return _encoder.encode(_narrow(msgspec.to_builtins(record)))


def unpack_keyed(content: bytes) -> Keyed:
    """Return the record that bytes stand for; CheckpointError when they are of another form."""
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, ValueError) as error:
        raise CheckpointError(f"a keyed record cannot be read: {error}") from error


def _narrow(value: Any) -> Any:
    """Replace integers of more than 64 bits, which MessagePack does not have."""
    if isinstance(value, list):
        return [_narrow(each) for each in value]
    if isinstance(value, dict):
        return {name: _narrow(each) for name, each in value.items()}
    if value.__class__ is int and not INT_MIN <= value <= INT_MAX:
        return msgspec.msgpack.Ext(_INTEGER, str(value).encode())
    return value
