"""Events that SQL cannot read where they are: decoded by their codec, written as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.codecs import Codec, decode_chunk
from sluice.errors import InputError
from sluice.io import END, FileSource, ReadFailure, encode_record
from sluice.model import Event, Rejected
from sluice.shells.backtest.request import NeedsStream

#: How many events of one input are held at most.
SPOOLED_EVENTS_MAX = 1_000_000

#: The keys under which a line of the spool has type and time (in ms).
TYPE_KEY, TIME_KEY = "@type", "@time"


def decoded(codec: Codec, path: str, name: str) -> Iterator[Event | Rejected]:
    """Yield what a codec makes of a whole file; InputError when it cannot be read to its end."""
    source = FileSource(path, codec.framing, name, False)
    try:
        while (piece := source.read()) is not END:
            if isinstance(piece, ReadFailure):
                raise InputError(f"{piece.path}, line {piece.line}: {piece.message}")
            if isinstance(piece, Rejected):
                yield piece
            elif piece is not None:
                yield from decode_chunk(codec, piece, name)
    finally:
        source.close()


def spool(codec: Codec, path: str, name: str, target: str) -> tuple[list[Event], int]:
    """Write the events of a file as lines for SQL; return them in order, and how many were none."""
    events: list[Event] = []
    rejected = 0
    with open(target, "wb") as file:
        for found in decoded(codec, path, name):
            if isinstance(found, Rejected):
                rejected += 1
                continue
            if len(events) == SPOOLED_EVENTS_MAX:
                raise NeedsStream(
                    f"{path} has more than {SPOOLED_EVENTS_MAX:,} events that SQL cannot read "
                    "where they are"
                )
            events.append(found)
            own = {TYPE_KEY: found.type, TIME_KEY: found.time}
            file.write(encode_record({**own, **found.fields}))
    return events, rejected
