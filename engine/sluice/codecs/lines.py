"""Split bytes into records as they come, in bounded memory: lines here, arrays in `arrays`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from sluice.codecs.codec import Codec, Decoded
from sluice.model import Event, Rejected, rejected

LINE_BYTES_MAX = 16 * 1024 * 1024
#: What is kept of an over-long line: a rejection shows 4,096 characters of at most four bytes.
KEPT_BYTES_MAX = 16 * 1024


class Chunk(msgspec.Struct, frozen=True):
    """Whole lines, the last with its line end; `first_line` counts from 1, blank lines too.

    The elements of an array come as one line each, numbered as records.
    `line_count` is how many there are. `torn`: the one line in it has no end, because the input
    ends in the middle of it.
    """

    data: bytes
    first_line: int
    line_count: int
    torn: bool = False


class Cut(NamedTuple):
    """A piece, and where splitting can go on after it: byte, number, and state of the splitter."""

    piece: Chunk | Rejected
    offset: int
    line: int
    mark: str


class Chunker(Protocol):
    """Splits the bytes of one source; made anew with the offset, line and mark of a `Cut`."""

    def feed(self, block: bytes) -> list[Cut]:
        """Take the next bytes and return what is complete, in order."""
        ...

    def finish(self) -> list[Cut]:
        """Return what is left when the input has ended."""
        ...


class LineChunker:
    """Splits at `\\n`. A line of more than `line_bytes_max` bytes is rejected and skipped.

    Behind a last line without an end (mark `lines:torn`) that line may still go on.
    """

    __slots__ = (
        "_held", "_is_skipping", "_is_torn", "_line", "_line_bytes_max", "_offset", "_source",
    )  # fmt: skip

    def __init__(
        self, source: str, offset: int = 0, line: int = 1, mark: str = "lines",
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:  # fmt: skip
        self._source = source
        self._offset = offset  # of the first byte that is not delivered
        self._line = line
        self._is_skipping = mark == "lines:skip"
        self._is_torn = mark == "lines:torn"
        self._line_bytes_max = line_bytes_max
        self._held = bytearray()  # the start of a line whose end has not come

    def feed(self, block: bytes) -> list[Cut]:
        """Take the next bytes and return the complete lines as few chunks."""
        if self._is_torn:
            return self._mend(block)
        if self._is_skipping:
            block = self._skip(block)
        end = block.rfind(b"\n") + 1
        if not end:
            self._held += block
            return self._give_up() if len(self._held) > self._line_bytes_max else []
        lines = b"".join((self._held, memoryview(block)[:end]))
        self._held = bytearray(block[end:])
        # Only a line that began in an earlier block can be long, unless the limit is tiny.
        if len(lines) <= self._line_bytes_max:
            cuts = [self._deliver(lines)]
        else:
            cuts = [self._deliver(part) for part in _by_length(lines, self._line_bytes_max)]
        if len(self._held) > self._line_bytes_max:
            cuts += self._give_up()
        return cuts

    def finish(self) -> list[Cut]:
        """Return the line without an end, if there is one."""
        if self._is_torn:
            return self._went_on()
        if not self._held:
            return []
        half = bytes(self._held)
        self._held.clear()
        self._offset += len(half)
        chunk = Chunk(half, self._line, 1, torn=True)
        self._line += 1
        self._is_torn = True
        return [self._cut(chunk)]

    def _mend(self, block: bytes) -> list[Cut]:
        """Take the end of a line that was delivered when the input ended in it."""
        end = block.find(b"\n") + 1
        room = max(0, KEPT_BYTES_MAX - len(self._held))
        self._held += block[: end or None][:room]
        self._offset += end or len(block)
        if not end:
            return []
        self._is_torn = False
        cuts = self._went_on()
        return cuts + (self.feed(block[end:]) if end < len(block) else [])

    def _went_on(self) -> list[Cut]:
        """Reject what came behind a line that was taken to be whole, if that is not its end."""
        rest = bytes(self._held.rstrip(b"\r\n"))
        self._held.clear()
        if not rest:
            return []
        message = "the line had been read when it ended here; this is its rest"
        return [self._cut(rejected((self._source, 0, self._line - 1), "syntax", message, rest))]

    def _deliver(self, lines: bytes) -> Cut:
        # Three times as quick as `count`, which looks at every byte.
        first, count = self._line, len(lines) - len(lines.replace(b"\n", b""))
        self._offset += len(lines)
        self._line += count
        if count == 1 and len(lines) > self._line_bytes_max + 1:
            return self._cut(self._too_long(first, lines))
        return self._cut(Chunk(lines, first, count))

    def _give_up(self) -> list[Cut]:
        """Reject the line that is held and skip the rest of it."""
        verdict = self._too_long(self._line, bytes(self._held[:KEPT_BYTES_MAX]))
        self._offset += len(self._held)
        self._held.clear()
        self._is_skipping = True
        return [self._cut(verdict)]

    def _skip(self, block: bytes) -> bytes:
        end = block.find(b"\n") + 1
        self._offset += end or len(block)
        if not end:
            return b""
        self._is_skipping = False
        self._line += 1
        return block[end:]

    def _too_long(self, line: int, start: bytes) -> Rejected:
        kept = min(KEPT_BYTES_MAX, self._line_bytes_max)
        message = f"the line is longer than {self._line_bytes_max} bytes"
        return rejected((self._source, 0, line), "size", message, start[:kept])

    def _cut(self, piece: Chunk | Rejected) -> Cut:
        mark = "lines:skip" if self._is_skipping else "lines:torn" if self._is_torn else "lines"
        return Cut(piece, self._offset, self._line, mark)


def decode_chunk(
    codec: Codec, chunk: Chunk, source: str, partition: int = 0
) -> Iterator[Event | Rejected]:
    """Decode the lines of a chunk one by one; blank lines count but give nothing."""
    lines = chunk.data.split(b"\n")
    if not chunk.torn:
        lines.pop()
    decode = codec.decode
    for offset, line in enumerate(lines, chunk.first_line):
        outcome = decode(line.removesuffix(b"\r"), (source, partition, offset))
        if chunk.torn:
            outcome = _torn(outcome)
        if isinstance(outcome, list):
            yield from outcome
        elif outcome is not None:
            yield outcome


def _torn(outcome: Decoded) -> Decoded:
    """Say of a half line that cannot be read why that is likely.

    A letter that is cut off is a sign of that too; other bytes that are no UTF-8 were so before.
    """
    if not isinstance(outcome, Rejected):
        return outcome
    is_cut = outcome.reason == "encoding" and "unexpected end of data" in outcome.message
    if outcome.reason != "syntax" and not is_cut:
        return outcome
    message = f"the input ends in the middle of a line: {outcome.message}"
    return msgspec.structs.replace(outcome, reason="syntax", message=message)


def _by_length(lines: bytes, limit: int) -> Iterator[bytes]:
    """Yield the lines of normal length together, and each that is too long by itself."""
    start = at = 0
    while at < len(lines):
        end = lines.index(b"\n", at) + 1
        if end - at > limit + 1:
            if start < at:
                yield lines[start:at]
            yield lines[at:end]
            start = end
        at = end
    if start < at:
        yield lines[start:at]
