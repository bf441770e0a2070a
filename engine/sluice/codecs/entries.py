"""Split the journal export format into entries as the bytes come, in bounded memory.

An entry is a run of fields and ends with an empty line. A field is `NAME=value` on a line, or its
name, a line end, the length of its value (64 bits, little endian), the value and a line end
(systemd, "Journal Export Formats").
"""

from __future__ import annotations

import re

from sluice.codecs.codec import Framing
from sluice.codecs.lines import KEPT_BYTES_MAX, LINE_BYTES_MAX, Chunk, Cut
from sluice.model import Rejected, RejectReason, rejected

LENGTH_BYTES = 8
_NAME = re.compile(rb"[A-Z_0-9]{1,256}(?=[=\n])")
_LINE_END = ord("\n")
_GOING_ON, _SKIPPING = "entries", "entries:skip"

_BROKEN = (
    "not a field of `journalctl -o export`: NAME=VALUE, or NAME and behind it length and value; "
    "JSON of `journalctl -o json` is read as well"
)


class EntryChunker:
    """Turns the entries of a journal into lines, numbered from 1.

    In a line `\\n` stands for a line end and `\\\\` for a backslash; `whole_entry` undoes it.
    """

    __slots__ = (
        "_base", "_buffer", "_is_skipping", "_line_bytes_max", "_record", "_scan", "_source",
    )  # fmt: skip

    framing: Framing = "entries"

    def __init__(
        self, source: str, offset: int = 0, line: int = 1, mark: str = _GOING_ON,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:  # fmt: skip
        self._source = source
        self._base = offset  # of the first byte of the buffer, which is the start of an entry
        self._record = line
        self._is_skipping = mark == _SKIPPING
        self._line_bytes_max = line_bytes_max
        self._buffer = bytearray()
        self._scan = 0  # where the next field of the entry begins

    def feed(self, block: bytes) -> list[Cut]:
        """Take the next bytes and return the complete entries as few chunks."""
        self._buffer += block
        cuts: list[Cut] = []
        entries: list[bytes] = []
        while not self._is_skipping or self._skip():
            verdict = self._read_fields()
            if verdict is None and len(self._buffer) > self._line_bytes_max:
                verdict = self._too_long()
            if verdict is None:
                break
            if isinstance(verdict, Rejected):
                self._deliver(entries, cuts)
                self._is_skipping = True
                cuts.append(self._cut(verdict))
            elif verdict == 1:
                self._drop(1)  # one more empty line
            else:
                entries.append(_one_line(bytes(self._buffer[:verdict])) + b"\n")
                self._record += 1
                self._drop(verdict)
        self._deliver(entries, cuts)
        return cuts

    def finish(self) -> list[Cut]:
        """Return the entry in whose middle the input ends."""
        half = bytes(self._buffer)
        if self._is_skipping or not half.strip():
            return []
        self._drop(len(half))
        chunk = Chunk(_one_line(half), self._record, 1, torn=True)
        self._record += 1
        return [self._cut(chunk)]

    def _read_fields(self) -> int | Rejected | None:
        """Step over fields: where the entry ends, what is wrong with it, None for not here yet.

        What is found never depends on how much of the entry is here.
        """
        buffer, scan, limit = self._buffer, self._scan, self._line_bytes_max
        while True:
            self._scan = scan
            end = buffer.find(b"\n", scan)
            if end < 0:
                return None
            if end >= limit:
                return self._too_long()
            if end == scan:
                return end + 1
            found = _NAME.match(buffer, scan)
            if found is None:
                return self._broken(end)
            if found.end() < end:
                scan = end + 1
                continue
            start = end + 1 + LENGTH_BYTES
            if start > limit:
                return self._too_long()
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[end + 1 : start], "little")
            if length > limit:
                return self._broken(end)
            if start + length >= limit:
                return self._too_long()
            if len(buffer) <= start + length:
                return None
            if buffer[start + length] != _LINE_END:
                return self._broken(end)
            scan = start + length + 1

    def _skip(self) -> bool:
        """Drop what is left of a broken entry; True when its end was found."""
        end = self._buffer.find(b"\n\n")
        if end < 0:
            # A line end at the very end may be the first of the two.
            self._drop(max(0, len(self._buffer) - 1))
            return False
        self._drop(end + 2)
        self._is_skipping = False
        self._record += 1
        return True

    def _deliver(self, entries: list[bytes], cuts: list[Cut]) -> None:
        if entries:
            first = self._record - len(entries)
            cuts.append(self._cut(Chunk(b"".join(entries), first, len(entries))))
            entries.clear()

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count
        self._scan = 0

    def _too_long(self) -> Rejected:
        message = f"the entry is longer than {self._line_bytes_max} bytes"
        return self._reject("size", message, self._line_bytes_max)

    def _broken(self, end: int) -> Rejected:
        return self._reject("syntax", _BROKEN, end)

    def _reject(self, reason: RejectReason, message: str, end: int) -> Rejected:
        kept = bytes(self._buffer[: min(KEPT_BYTES_MAX, end)])
        return rejected((self._source, 0, self._record), reason, message, kept)

    def _cut(self, piece: Chunk | Rejected) -> Cut:
        mark = _SKIPPING if self._is_skipping else _GOING_ON
        return Cut(piece, self._base, self._record, mark)


def whole_entry(line: bytes) -> bytes:
    """Return the entry that the chunker wrote on one line."""
    return b"\\".join(part.replace(b"\\n", b"\n") for part in line.split(b"\\\\"))


def _one_line(entry: bytes) -> bytes:
    return entry.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
