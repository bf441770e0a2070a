"""Read sources of events: files, pipes and growing logs, as chunks of whole lines."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable

import msgspec

from sluice.codecs import (
    LINE_BYTES_MAX,
    ArrayChunker,
    Chunk,
    Chunker,
    Cut,
    Framing,
    LineChunker,
)
from sluice.io.inputs import STDIN
from sluice.io.streams import FollowedFile, Moved, Stream, WholeFile, head_hash
from sluice.model import Rejected

#: Small enough for the processor's cache and for memory that is reused, not mapped anew.
CHUNK_BYTES = 128 * 1024
#: So many blank bytes at the start of a source, and its records are taken to be lines.
BLANK_BYTES_MAX = 1024 * 1024


class End(enum.Enum):
    """There is nothing more, and nothing more will come."""

    END = enum.auto()


END = End.END


class ReadFailure(msgspec.Struct, frozen=True):
    """Reading broke off: after `offset` bytes, in line `line`, of which nothing was delivered."""

    path: str
    offset: int
    line: int
    message: str


class Position(msgspec.Struct, frozen=True):
    """A place in a file between two lines, and what tells that the file is still the same.

    `offset` counts bytes, of a compressed file those unpacked; `line` is the number of the next
    line or record; `mark` is where splitting stands; `head_hash` covers the first `head_bytes`.
    """

    inode: int
    offset: int
    line: int
    mark: str
    head_bytes: int
    head_hash: str


class FileLimits(msgspec.Struct, frozen=True):
    """How much is read at once, and how long a line may be."""

    chunk_bytes: int = CHUNK_BYTES
    line_bytes_max: int = LINE_BYTES_MAX


Reading = Chunk | Rejected | ReadFailure | End | None


class FileSource:
    """One source: `read` until it returns `END`; None means nothing now, ask again.

    `framing` is the codec's; without it records are lines. Line numbers go on when a followed
    file is rotated or truncated, so that no two of its events share an id.
    """

    def __init__(
        self,
        path: str,
        framing: Callable[[bytes], Framing] | None = None,
        name: str | None = None,
        follow: bool = False,
        limits: FileLimits | None = None,
    ) -> None:
        self.path = path
        self.name = name or path
        self._framing = framing
        self._limits = limits or FileLimits()
        self._stream: Stream
        if follow and path != STDIN:
            self._stream = FollowedFile(path, self._limits.chunk_bytes)
        else:
            self._stream = WholeFile(path, self._limits.chunk_bytes, is_polled=follow)
        self._chunker: Chunker | None = None
        self._undecided = b""
        self._line = 1
        self._queue: deque[tuple[Chunk | Rejected, Position]] = deque()
        self._position = Position(0, 0, 1, "", 0, head_hash(b""))
        self._is_at_end = False

    @property
    def position(self) -> Position:
        """Return the place after what `read` returned last."""
        return self._position

    def read(self) -> Reading:
        """Return the next chunk or rejection, a failure, `END`, or None for nothing now."""
        while not self._queue:
            if self._is_at_end:
                return END
            try:
                block = self._stream.read()
            except (OSError, EOFError, ValueError) as error:
                return self._fail(error)
            if block is None:
                return None
            self._take(block)
        piece, self._position = self._queue.popleft()
        return piece

    def seek(self, position: Position) -> bool:
        """Go on at a saved place, before anything is read; False: it is another file now.

        Then a followed file is read from its start, and only the line numbers go on.
        """
        if not position.mark:  # nothing had been read
            return True
        head = (position.head_bytes, position.head_hash)
        try:
            is_same = self._stream.seek(position.offset, position.inode, head)
        except (OSError, EOFError, ValueError):
            is_same = False
        self._line = _line_after(position.line, position.mark)
        if is_same:
            self._position = position
            self._chunker = self._resumed(position)
        else:
            self._stream.close()
            if isinstance(self._stream, WholeFile):
                self._line = 1
        return is_same

    def close(self) -> None:
        """Let the file go."""
        self._stream.close()

    def _take(self, block: bytes | Moved) -> None:
        if block and not isinstance(block, Moved):
            self._feed(block)
            return
        if self._undecided:
            self._feed(b"")
        self._deliver(self._chunker.finish() if self._chunker else [])
        self._chunker = None
        if not isinstance(block, Moved):
            self._is_at_end = True
            self._stream.close()

    def _feed(self, block: bytes) -> None:
        if self._chunker is None:
            self._undecided += block
            is_blank = self._undecided.isspace() and len(self._undecided) < BLANK_BYTES_MAX
            if block and is_blank:
                return
            block, self._undecided = self._undecided, b""
            self._chunker = self._begun(block)
        self._deliver(self._chunker.feed(block))

    def _begun(self, head: bytes) -> Chunker:
        kind = self._framing(head) if self._framing else "lines"
        limit = self._limits.line_bytes_max
        if kind == "array":
            return ArrayChunker(self.name, line=self._line, line_bytes_max=limit)
        return LineChunker(self.name, line=self._line, line_bytes_max=limit)

    def _resumed(self, at: Position) -> Chunker | None:
        if not at.mark:
            return None
        kind = ArrayChunker if at.mark.startswith("array") else LineChunker
        return kind(self.name, at.offset, at.line, at.mark, self._limits.line_bytes_max)

    def _deliver(self, cuts: list[Cut]) -> None:
        stream = self._stream
        for piece, offset, line, mark in cuts:
            length, digest = len(stream.head), head_hash(stream.head)
            self._queue.append((piece, Position(stream.inode, offset, line, mark, length, digest)))
            self._line = _line_after(line, mark)

    def _fail(self, error: Exception) -> ReadFailure:
        self._is_at_end = True
        self._stream.close()
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        at = self._position
        return ReadFailure(self.path, at.offset, at.line, text)


def _line_after(line: int, mark: str) -> int:
    """Return the number for a line of another file: one that was being skipped has its own."""
    return line + ("skip" in mark)
