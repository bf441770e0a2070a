"""An input as the lake sees it: the lines and events that come, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sluice.codecs import BOM, Chunk, read_json
from sluice.io import encode_record
from sluice.model import Event, Rejected, Row
from sluice.shells.lake.streams import EventStream

#: Attributes that a row does not have; the escape could spell any of them.
_MARKS = (b'@subject"', b'@zone"', b'@key"', b"\\u")


class Thread(Protocol):
    """Where things are handed to."""

    def send(self, act: Callable[..., None], *args: Any) -> None:
        """Have something done."""
        ...

    def check(self) -> None:
        """Wait for what was handed over."""
        ...


class LakeInput:
    """Sees everything that an input brings. `is_known`: the lake has events of it already.

    The JSON text of an event is its line, in whichever way the line was decoded, for that depends
    on the rules at hand; only of other formats, and of CloudEvents, it is made of the fields.
    """

    def __init__(self, thread: Thread, stream: EventStream, is_json: bool, is_known: bool) -> None:
        self._thread, self._stream, self._is_json = thread, stream, is_json
        self._source = stream.source
        self._is_unchecked = is_known
        self._begun = False
        self._events: list[tuple[dict[str, Any], bytes]] = []
        self._chunk: Chunk | None = None
        self._lines: list[bytes] | None = None

    def begin(self, piece: Chunk | Rejected) -> None:
        """See the next piece before it is decoded."""
        self._chunk = piece if isinstance(piece, Chunk) else None
        self._lines = None
        if not self._begun:
            self._begun = True
            first = piece.offset if isinstance(piece, Rejected) else piece.first_line
            self._thread.send(self._stream.reach, first, first)

    def end(self, line: int) -> None:
        """Learn that everything before a line was seen."""
        if self._events:
            self._thread.send(self._stream.add_events, self._events)
            self._events = []
        self._thread.send(self._stream.reach, line, line)
        if self._is_unchecked:
            # That another input has this name is said before anything is decided.
            self._is_unchecked = False
            self._thread.check()

    def lines(self, chunk: Chunk, rows: Sequence[Row], is_plain: bool) -> None:
        """See whole lines with the row of each."""
        if not is_plain and self._has_attributes(chunk.data, rows):
            lines = chunk.data.split(b"\n")
            for offset, (row, line) in enumerate(zip(rows, lines, strict=False), chunk.first_line):
                self.line(line, row, offset)
            return
        times, types = [row.time for row in rows], [row.type for row in rows]
        self._thread.send(self._stream.add_lines, chunk.data, chunk.first_line, times, types)

    def line(self, line: bytes, row: Row, offset: int) -> None:
        """See one line with its row."""
        meta: dict[str, Any] = {"n": offset, "type": row.type, "t": row.time}
        if row.id is not None:
            meta["id"] = row.id
        if row.source != self._source:
            meta["source"] = row.source
        value = read_json(line) if any(mark in line for mark in _MARKS) else None
        if isinstance(value, dict):
            held = ((name, value.get(f"@{name}")) for name in ("subject", "zone", "key"))
            meta |= {name: text for name, text in held if isinstance(text, str)}
        self._events.append((meta, line.strip() + b"\n"))

    def event(self, event: Event) -> None:
        """See an event that was decoded whole."""
        meta, raw = event_parts(event, self._source, event.offset)
        line = self._line_of(event) if self._is_json else None
        self._events.append((meta, raw if line is None else line + b"\n"))

    def _line_of(self, event: Event) -> bytes | None:
        """Return the line of an event, None where its fields stand in it in another way."""
        if self._chunk is None:
            return None
        if self._lines is None:
            self._lines = self._chunk.data.split(b"\n")
        line = self._lines[event.offset - self._chunk.first_line].removeprefix(BOM).strip()
        if line[:1] != b"{":
            return None
        if b"specversion" in line or b"\\u" in line:
            value = read_json(line)
            if not isinstance(value, dict) or ("specversion" in value and "@type" not in value):
                return None
        return line

    def _has_attributes(self, data: bytes, rows: Sequence[Row]) -> bool:
        source = self._source
        return (
            any(mark in data for mark in _MARKS)
            or any(row.id is not None for row in rows)
            or any(row.source != source for row in rows)
        )


def event_parts(event: Event, source: str, number: int) -> tuple[dict[str, Any], bytes]:
    """Return what a block takes of an event: its attributes, and its fields as a line."""
    meta: dict[str, Any] = {"n": number, "type": event.type, "t": event.time}
    for name in ("id", "subject", "zone", "key"):
        value = getattr(event, name)
        if value is not None:
            meta[name] = value
    if event.source != source:
        meta["source"] = event.source
    return meta, encode_record(event.fields)
