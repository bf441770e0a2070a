"""Typed partial decoding: JSON lines become rows without ever becoming objects.

A struct is generated for each source, with a field for just what the rules read. Whatever is
unusual about a line (another attribute than the settled ones, a CloudEvent, a value of another
type) makes the typed decoder refuse it; then the codec reads that line by the full rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from sluice.backends.line_rows import LineRows, Settling
from sluice.backends.program import CompiledRules
from sluice.codecs import (
    BOM,
    Chunk,
    InputOptions,
    JsonCodec,
    decode_chunk,
    read_json,
)  # fmt: skip
from sluice.model import Event, Rejected, Row
from sluice.stream import Program

#: How many event types of a source are decoded as known ones, and how often one is added.
KNOWN_TYPES_MAX, REBUILDS_MAX = 200, 20

#: One in so many chunks of a source is looked at line by line while none was odd.
CHUNKS_TRUSTED = 8

#: A line that does not begin an object; the last line end of a chunk is followed by nothing.
_ODD_LINE = re.compile(rb"\n[^{]")


class Tap(Protocol):
    """Sees everything that an input brings, in order, before rules do."""

    def lines(self, chunk: Chunk, rows: Sequence[Row], is_plain: bool) -> None:
        """See whole lines with the row of each; plain ones bring no attribute with `@`."""
        ...

    def line(self, line: bytes, row: Row, offset: int) -> None:
        """See one line with its row."""
        ...

    def event(self, event: Event) -> None:
        """See an event that was decoded whole."""
        ...


def tapped(events: Iterable[Event | Rejected], tap: Tap) -> Iterator[Event | Rejected]:
    """Let a tap see events as they pass."""
    for event in events:
        if isinstance(event, Event):
            tap.event(event)
        yield event


class Taker(Protocol):
    """Takes what was decoded: a pipeline, or a stage of workers."""

    @property
    def program(self) -> Program:
        """The rules that decide which fields are read."""
        ...

    def feed(self, events: Iterable[Event | Rejected], source: str | None = None) -> None:
        """Take events in order of arrival."""
        ...

    def feed_rows(self, rows: Sequence[Row], offset: int, source: str) -> None:
        """Take rows, of which the first has this offset."""
        ...


class LineDecoder:
    """Feeds the lines of one source to a pipeline, the quick way where that is the same."""

    def __init__(
        self, pipeline: Taker, codec: JsonCodec, options: InputOptions, source: str,
        tap: Tap | None = None, partition: int = 0,
    ) -> None:  # fmt: skip
        assert isinstance(pipeline.program, CompiledRules)
        self._pipeline, self._program = pipeline, pipeline.program
        self._codec, self._options = codec, options
        self._source, self._tap, self._partition = source, tap, partition
        self._plain: LineRows | None = None
        self._full: LineRows | None = None
        self._known: LineRows | None = None
        self._types: dict[str, Any] = {}
        self._rebuilds = self._chunks = 0
        self._is_suspect = False
        # Once most lines go the long way, trying the short one first is wasted.
        self.is_off = options.strict or "." in f"{options.type_field}{options.time_field}"

    def feed(self, chunk: Chunk) -> None:
        """Decode a chunk of whole lines and let the pipeline take its events."""
        if self._full is None and not self.is_off:
            self._settle(chunk)
        if self._full is None or self.is_off or chunk.torn:
            self._take(decode_chunk(self._codec, chunk, self._source, self._partition))
            return
        # A key may be spelt with an escape, which the look for `@` would miss.
        has_marks = b"@" in chunk.data or b"\\" in chunk.data
        typed = self._full if has_marks else self._plain
        assert typed is not None
        rows = None if self._has_odd_lines(chunk) else self._rows(typed, chunk)
        if rows is None:
            self._feed_by_line(chunk, typed)
            return
        if self._tap is not None:
            self._tap.lines(chunk, rows, typed is self._plain)
        self._pipeline.feed_rows(rows, chunk.first_line, self._source)

    def _take(self, events: Iterable[Event | Rejected]) -> None:
        """Let the pipeline take events that the codec has decoded."""
        seen = events if self._tap is None else tapped(events, self._tap)
        self._pipeline.feed(seen, self._source)

    def _rows(self, typed: LineRows, chunk: Chunk) -> Sequence[Row] | None:
        """Decode the lines of a chunk at once, if that is the same as one by one."""
        rows = None
        if typed is self._plain and self._known is not None:
            rows = self._known.rows(chunk.data)
        if rows is None:
            rows = typed.rows(chunk.data)
            if rows is not None and typed is self._plain:
                self._learn(rows)
        if rows is not None and len(rows) != chunk.line_count:
            # Blank lines, two objects on a line, one on two lines: the codec numbers them.
            self._is_suspect = True
            return None
        return rows

    def _has_odd_lines(self, chunk: Chunk) -> bool:
        """Look for lines that do not begin an object, which may hide that another has two.

        Looking costs as much as a sixth of decoding, so a source is trusted between samples
        until one of its chunks was odd.
        """
        self._chunks += 1
        if not self._is_suspect and self._chunks % CHUNKS_TRUSTED != 1:
            return False
        if chunk.data[:1] == b"{" and _ODD_LINE.search(chunk.data) is None:
            return False
        self._is_suspect = True
        return True

    def _learn(self, rows: Sequence[Row]) -> None:
        """Note the types that occur: known ones are decoded without making a string."""
        if self._rebuilds >= REBUILDS_MAX or not self._has_type_key:
            return
        types = {row.type for row in rows} - self._types.keys()
        if not types or len(types) + len(self._types) > KNOWN_TYPES_MAX:
            return
        self._rebuilds += 1
        assert self._plain is not None
        self._types |= {type_: self._plain.row_of(type_) for type_ in types}
        self._known = self._plain.narrowed(tuple(self._types.values()))

    def _feed_by_line(self, chunk: Chunk, typed: LineRows) -> None:
        """Decode line by line: runs of plain lines quickly, each odd one by the codec."""
        lines = chunk.data.split(b"\n")
        lines.pop()
        run: list[Row] = []
        odd = 0
        for offset, line in enumerate(lines, chunk.first_line):
            row = typed.row(line)
            if row is not None:
                run.append(row)
                if self._tap is not None:
                    self._tap.line(line, row, offset)
                continue
            odd += 1
            self._pipeline.feed_rows(run, offset - len(run), self._source)
            run = []
            outcome = self._codec.decode(
                line.removesuffix(b"\r"), (self._source, self._partition, offset)
            )
            if outcome is not None:
                self._take(outcome if isinstance(outcome, list) else [outcome])
        self._pipeline.feed_rows(run, chunk.first_line + len(lines) - len(run), self._source)
        if odd > 100 and 2 * odd > len(lines):
            self.is_off = True

    def _settle(self, chunk: Chunk) -> None:
        """Learn from the first event of the source where its attributes are."""
        for number, line in enumerate(chunk.data.split(b"\n"), chunk.first_line):
            outcome = self._codec.decode(line, (self._source, self._partition, number))
            if outcome is None or isinstance(outcome, list | Rejected):
                continue
            settled = self._codec.settled(self._source)
            if settled is None:
                return
            record = read_json(line.removeprefix(BOM), False)
            if not isinstance(record, dict):
                continue
            settling = self._settling(record, settled.type_field, settled.time_field)
            if settling is not None:
                self._settled, self._has_type_key = settling, settling.type_key is not None
                place = (self._source, self._partition)
                names = (self._program, settling, self._options, place)
                self._plain, self._full = LineRows(*names, False), LineRows(*names, True)
            return

    def _settling(
        self, record: dict[str, Any], type_field: str | None, time_field: str | None
    ) -> Settling | None:
        time_key = time_field or "@time"
        time = record.get(time_key)
        is_text = isinstance(time, str)
        if not is_text and not isinstance(time, int):
            return None
        type_key = type_field or ("@type" if record.get("@type") is not None else None)
        if type_key is not None and not isinstance(record.get(type_key), str):
            return None
        id_key = self._options.id_field or "@id"
        if "." in id_key:
            return None
        is_ms = not is_text and self._options.time_unit == "ms"
        return Settling(type_key, self._options.type or "", time_key, is_ms, is_text, id_key)
