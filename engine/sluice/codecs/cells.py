"""Split CSV into records as the bytes come: a quoted cell may hold line ends (RFC 4180)."""

from __future__ import annotations

import re
from typing import cast

from sluice.codecs.codec import Framing
from sluice.codecs.lines import KEPT_BYTES_MAX, LINE_BYTES_MAX, Chunk, Cut
from sluice.model import Rejected, RejectReason, rejected

#: A quote that is not closed within so many lines was never meant to open a cell.
RECORD_LINES_MAX = 1_000

#: The delimiters by name, as options and framings spell them.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
FRAMING_PREFIX = "csv-"


def _record_pattern(delimiter: str) -> re.Pattern[bytes]:
    """Return what fits one record with its line end; it never goes back, so it is linear."""
    mark = re.escape(delimiter.encode())
    quoted = rb'"(?>(?:[^"]++|"")*)"[^' + mark + rb"\n]*+"
    plain = rb'[^"' + mark + rb"\n][^" + mark + rb"\n]*+"
    cell = rb"(?>(?:" + quoted + rb"|" + plain + rb")?)"
    return re.compile(cell + rb"(?>(?:" + mark + cell + rb")*)\n")


_RECORDS = {FRAMING_PREFIX + name: _record_pattern(mark) for name, mark in DELIMITERS.items()}


class CellChunker:
    """Turns the records of a CSV file into lines, numbered by the first line of each.

    Line ends within a record are written as carriage returns. A quote that is not closed costs
    the line that it stands in, and no other.
    """

    __slots__ = (
        "_base", "_buffer", "_is_skipping", "_line", "_line_bytes_max", "_pattern", "_source",
        "framing",
    )  # fmt: skip

    def __init__(
        self, source: str, offset: int = 0, line: int = 1, mark: str = "csv-comma",
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:  # fmt: skip
        framing, _, state = mark.partition(":")
        self.framing = cast(Framing, framing)
        self._source = source
        self._base = offset  # of the first byte of the buffer, which is the start of a record
        self._line = line
        self._pattern = _RECORDS[framing]
        self._is_skipping = state == "skip"
        self._line_bytes_max = line_bytes_max
        self._buffer = bytearray()

    def feed(self, block: bytes) -> list[Cut]:
        """Take the next bytes and return the complete records as few chunks."""
        self._buffer += block
        if self._is_skipping and not self._skip():
            return []
        cuts = self._read(is_end=False)
        if len(self._buffer) > self._line_bytes_max and b"\n" not in self._buffer:
            verdict = self._reject("size", self._too_long(), bytes(self._buffer))
            self._drop(len(self._buffer))
            self._is_skipping = True
            cuts.append(self._cut(verdict))
        return cuts

    def finish(self) -> list[Cut]:
        """Return what is left: a record without a line end, lines behind an open quote."""
        return [] if self._is_skipping else self._read(is_end=True)

    def _read(self, is_end: bool) -> list[Cut]:
        cuts: list[Cut] = []
        records: list[bytes] = []
        at = 0
        while at < len(self._buffer):
            end = self._record_end(at, is_end)
            if end == 0:
                break
            record = bytes(self._buffer[at : abs(end)])
            at = abs(end)
            lines = record.count(b"\n") or 1
            if end > 0 and lines == 1 and len(record) <= self._line_bytes_max:
                if record.endswith(b"\n"):
                    records.append(record)
                    continue
            self._deliver(records, cuts, at - len(record))
            at = 0
            cuts.append(self._odd(record, lines, is_broken=end < 0))
        self._deliver(records, cuts, at)
        return cuts

    def _record_end(self, at: int, is_end: bool) -> int:
        """Return where the record ends, 0 for not here yet, negative: its quote is not closed.

        What is found never depends on how much of the input is here.
        """
        buffer, limit = self._buffer, self._line_bytes_max
        end = buffer.find(b"\n", at) + 1
        if not end and not is_end:
            return 0
        first = end or len(buffer)
        if buffer.find(b'"', at, first) < 0 or first - at > limit + 1:
            return first
        found = self._pattern.match(buffer, at)
        if found is not None:
            stop = found.end()
        elif is_end and self._pattern.match(buffer[at:] + b"\n"):
            stop = len(buffer)  # the last record needs no line end
        elif is_end:
            return -first
        else:
            stop = 0
        seen = stop or len(buffer)
        if stop == first:
            return stop
        is_lost = seen - at > limit or buffer.count(b"\n", at, seen) > RECORD_LINES_MAX
        return -first if is_lost else stop

    def _odd(self, record: bytes, lines: int, is_broken: bool) -> Cut:
        """Return what is no record on one line: longer, torn, too long, or with an open quote."""
        piece: Chunk | Rejected
        if len(record) > self._line_bytes_max + 1:
            piece = self._reject("size", self._too_long(), record)
        elif is_broken:
            piece = self._reject("syntax", "a quote that opens a cell is not closed", record)
        else:
            is_whole = record.endswith(b"\n")
            text = record.removesuffix(b"\n").replace(b"\r\n", b"\r").replace(b"\n", b"\r")
            piece = Chunk(text + b"\n" * is_whole, self._line, 1, torn=not is_whole)
        self._line += lines
        self._drop(len(record))
        return self._cut(piece)

    def _deliver(self, records: list[bytes], cuts: list[Cut], length: int) -> None:
        """Cut off what was collected, the first `length` bytes of the buffer."""
        if records:
            self._drop(length)
            chunk = Chunk(b"".join(records), self._line, len(records))
            self._line += len(records)
            records.clear()
            cuts.append(self._cut(chunk))

    def _skip(self) -> bool:
        end = self._buffer.find(b"\n") + 1
        self._drop(end or len(self._buffer))
        if end:
            self._is_skipping = False
            self._line += 1
        return bool(end)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count

    def _too_long(self) -> str:
        return f"the line is longer than {self._line_bytes_max} bytes"

    def _reject(self, reason: RejectReason, message: str, start: bytes) -> Rejected:
        kept = start[: min(KEPT_BYTES_MAX, self._line_bytes_max)]
        return rejected((self._source, 0, self._line), reason, message, kept)

    def _cut(self, piece: Chunk | Rejected) -> Cut:
        mark = f"{self.framing}:skip" if self._is_skipping else self.framing
        return Cut(piece, self._base, self._line, mark)
