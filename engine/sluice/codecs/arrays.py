"""Split one JSON array into its elements as the bytes come, in bounded memory."""

from __future__ import annotations

import re

from sluice.codecs.codec import Framing
from sluice.codecs.lines import KEPT_BYTES_MAX, LINE_BYTES_MAX, Chunk, Cut
from sluice.model import Rejected, RejectReason, rejected

BOM = b"\xef\xbb\xbf"

# What holds no bracket that counts: anything plain, and whole strings (RFC 8259 sections 2, 7).
# The quantifiers are possessive, so a scan never goes back and is linear.
_STRING = rb'"(?>(?:[^"\\]++|\\.)*)"'
_FLAT = rb'(?>(?:[^"\[\]{}]++|' + _STRING + rb")*)"
_INNER = re.compile(_FLAT, re.DOTALL)
# Between elements commas count as well. Most elements are no more than three levels deep: they
# are stepped over at once if they are all there; if not, the scan stops at their first bracket.
_NEST_1 = rb"[\[{]" + _FLAT + rb"[\]}]"
_NEST_2 = rb'[\[{](?>(?:[^"\[\]{}]++|' + _STRING + rb"|" + _NEST_1 + rb")*)[\]}]"
_NEST_3 = rb'[\[{](?>(?:[^"\[\]{}]++|' + _STRING + rb"|" + _NEST_2 + rb")*)[\]}]"
_TOP = re.compile(rb'(?>(?:[^"\[\]{},]++|' + _STRING + rb"|" + _NEST_3 + rb")*)", re.DOTALL)
_STRING_REST = re.compile(rb'(?>(?:[^"\\]++|\\.)*)', re.DOTALL)
_QUOTE = ord('"')

# Before the `[`, between it and its `]`, after that, and after a complaint about what follows.
_OPEN, _IN, _END, _REFUSED = "open", "in", "end", "refused"
_SKIP = "skip"  # with depth and whether in a string: within an element that is too long
_STRAY = "stray"  # at something else than what may be split here
# Where the `Records` of a file begin, and the same without blanks.
_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_OBJECT_END = re.compile(rb"\s*\}")
_RECORDS_TOKENS = b'{"Records":['


class ArrayChunker:
    """Turns the elements of an array into lines, numbered from 1.

    A line end between tokens means what a carriage return means, and within a string both are
    errors: so each element is written on one line by replacing its line ends, and what reads
    lines reads arrays.
    """

    __slots__ = (
        "_base", "_buffer", "_depth", "_first", "_is_in_string", "_is_skipping", "_line_bytes_max",
        "_mark", "_record", "_scan", "_source",
    )  # fmt: skip

    framing: Framing = "array"

    def __init__(
        self, source: str, offset: int = 0, line: int = 1, mark: str = "array",
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:  # fmt: skip
        self._source = source
        self._base = offset  # of the first byte of the buffer, which is the start of an element
        self._record = line
        self._first = 0  # the number of the array's first element, if it has begun here
        state, _, place = (mark.partition(":")[2] or _OPEN).partition("/")
        self._is_skipping = state == _SKIP
        self._mark = _IN if self._is_skipping else state
        self._line_bytes_max = line_bytes_max
        self._buffer = bytearray()
        self._scan = 0
        self._depth = int(place.rstrip("s") or 0)
        self._is_in_string = place.endswith("s")

    def feed(self, block: bytes) -> list[Cut]:
        """Take the next bytes and return the complete elements as few chunks."""
        self._buffer += block
        cuts: list[Cut] = []
        is_going_on = True
        while is_going_on:
            if self._mark == _OPEN and not self._find_array():
                break
            self._read_elements(cuts)
            if self._mark == _IN:
                self._bound(cuts)
                break
            is_going_on = self._begins_again(cuts)
        return cuts

    def _read_elements(self, cuts: list[Cut]) -> None:
        elements: list[bytes] = []
        while self._mark == _IN:
            at = self._bracket()
            if at < 0:
                break
            self._take(at, elements, cuts)
        self._deliver(elements, cuts)

    def finish(self) -> list[Cut]:
        """Return the element in whose middle the input ends, or say that the array has no end."""
        if self._mark not in (_OPEN, _IN) or self._is_skipping:
            return []
        half = bytes(self._buffer).strip()
        self._base += len(self._buffer)
        self._buffer.clear()
        was_open, self._mark = self._mark == _OPEN, _END
        if was_open and not half:
            return []
        cuts: list[Chunk | Rejected] = []
        is_whole = not self._depth and not self._is_in_string
        if half and not was_open:
            element = half.replace(b"\n", b"\r") + b"\n" * is_whole
            cuts.append(Chunk(element, self._record, 1, torn=not is_whole))
            self._record += 1
        if was_open or is_whole:
            start = half if was_open else b""
            cuts.append(self._reject("syntax", "the input ends before the array does", start))
        return [self._cut(piece) for piece in cuts]

    def _find_array(self) -> bool:
        """Step over what precedes the first element; False when the array has not begun."""
        if len(self._buffer) < len(BOM) and BOM.startswith(self._buffer):
            return False
        start = len(BOM) if self._buffer.startswith(BOM) else 0
        rest = self._buffer[start:].lstrip()
        if not rest:
            self._drop(len(self._buffer))
            return False
        if rest[:1] == b"[":
            self._enter(len(self._buffer) - len(rest) + 1)
        else:
            self._mark = _STRAY
        return True

    def _enter(self, count: int) -> None:
        """Go on behind the `[`, which is the last of so many bytes."""
        self._drop(count)
        self._mark = _IN
        self._first = self._record

    def _bracket(self) -> int:
        """Return where the next bracket (or comma between elements) is, -1 when not here yet."""
        buffer, pattern = self._buffer, _INNER if self._depth else _TOP
        while True:
            if self._is_in_string:
                self._scan = _end(_STRING_REST, buffer, self._scan)
                # A backslash at the very end waits for what it escapes.
                if self._scan >= len(buffer) or buffer[self._scan] != _QUOTE:
                    return -1
                self._scan += 1
                self._is_in_string = False
            self._scan = _end(pattern, buffer, self._scan)
            if self._scan >= len(buffer):
                return -1
            if buffer[self._scan] != _QUOTE:
                return self._scan
            self._scan += 1
            self._is_in_string = True

    def _take(self, at: int, elements: list[bytes], cuts: list[Cut]) -> None:
        """Act on the bracket or comma: an element ends at depth 0."""
        byte = self._buffer[at]
        self._scan = at + 1
        if byte in b"[{":
            self._depth += 1
        elif self._depth:
            self._depth -= 1
        elif byte in b",]":
            self._end_element(at, byte in b"]", elements, cuts)

    def _end_element(self, at: int, is_last: bool, elements: list[bytes], cuts: list[Cut]) -> None:
        element = bytes(self._buffer[:at])
        is_blank = not element or element.isspace()
        verdict = None
        if self._is_skipping:
            self._is_skipping = False
        elif at > self._line_bytes_max:
            verdict = self._too_long(element)
        elif not is_blank:
            elements.append(element.replace(b"\n", b"\r") + b"\n")
        elif is_last and self._record == self._first:  # an empty array
            self._record -= 1
        else:
            verdict = self._reject("syntax", "an element of the array is missing", b"")
        if verdict is not None:
            self._deliver(elements, cuts)
        self._record += 1
        self._drop(at + 1)
        if is_last:
            self._mark = _END
        if verdict is not None:
            cuts.append(self._cut(verdict))

    def _deliver(self, elements: list[bytes], cuts: list[Cut]) -> None:
        if elements:
            first = self._record - len(elements)
            cuts.append(self._cut(Chunk(b"".join(elements), first, len(elements))))
            elements.clear()

    def _bound(self, cuts: list[Cut]) -> None:
        """Reject an element that has grown too long; from then on keep nothing of it."""
        if not self._is_skipping and len(self._buffer) > self._line_bytes_max:
            verdict = self._too_long(self._buffer)
            self._is_skipping = True
            self._drop(self._scan)
            cuts.append(self._cut(verdict))
        elif self._is_skipping:
            self._drop(self._scan)

    def _begins_again(self, cuts: list[Cut]) -> bool:
        """After the array only blanks may come; say so once. No second one begins."""
        rest = bytes(self._buffer).strip()
        self._drop(len(self._buffer))
        if rest and self._mark != _REFUSED:
            self._mark = _REFUSED
            # Only its first byte, so that the verdict does not depend on how the bytes were cut.
            verdict = self._reject("syntax", "the array is not all of the input", rest[:1])
            cuts.append(self._cut(verdict))
        return False

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count
        self._scan = 0

    def _too_long(self, start: bytes | bytearray) -> Rejected:
        message = f"the element is longer than {self._line_bytes_max} bytes"
        kept = bytes(start[: min(KEPT_BYTES_MAX, self._line_bytes_max)])
        return self._reject("size", message, kept)

    def _reject(self, reason: RejectReason, message: str, start: bytes) -> Rejected:
        return rejected((self._source, 0, self._record), reason, message, start)

    def _cut(self, piece: Chunk | Rejected) -> Cut:
        mark = self._mark
        if self._is_skipping:
            mark = f"{_SKIP}/{self._depth}{'s' if self._is_in_string else ''}"
        return Cut(piece, self._base, self._record, f"{self.framing}:{mark}")


class RecordsChunker(ArrayChunker):
    """Splits `{"Records": […]}`, the form of whole CloudTrail files; several may follow."""

    __slots__ = ()

    framing: Framing = "records"

    def __init__(
        self, source: str, offset: int = 0, line: int = 1, mark: str = "records",
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:  # fmt: skip
        super().__init__(source, offset, line, mark, line_bytes_max)

    def finish(self) -> list[Cut]:
        """Return the element in whose middle the input ends, or say what is missing."""
        if self._mark != _END:
            return super().finish()
        self._mark = _REFUSED
        return [self._cut(self._reject("syntax", "the input ends before the object does", b""))]

    def _find_array(self) -> bool:
        if self._base == 0 and self._buffer.startswith(BOM):
            self._drop(len(BOM))
        found = _RECORDS.match(self._buffer)
        is_early = self._base == 0 and BOM.startswith(self._buffer)
        if found is not None:
            self._enter(found.end())
        elif is_early or may_open_records(bytes(self._buffer)) is None:
            if self._buffer.isspace():
                self._drop(len(self._buffer))
            return False
        else:
            self._mark = _STRAY
        return True

    def _begins_again(self, cuts: list[Cut]) -> bool:
        """Step over the `}` that ends the object; True when another may begin."""
        found = _OBJECT_END.match(self._buffer)
        if self._mark == _END and found is not None:
            self._drop(found.end())
            self._mark = _OPEN
            return True
        return super()._begins_again(cuts)


def may_open_records(head: bytes) -> bool | None:
    """True when `{"Records": [` stands here, None when that cannot be told yet."""
    if _RECORDS.match(head):
        return True
    return None if _RECORDS_TOKENS.startswith(b"".join(head.split())) else False


def _end(pattern: re.Pattern[bytes], buffer: bytearray, start: int) -> int:
    found = pattern.match(buffer, start)
    return found.end() if found else start
