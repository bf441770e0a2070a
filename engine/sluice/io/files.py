"""Read sources of events: files, pipes and growing logs, as chunks of whole lines."""

from __future__ import annotations

import enum
import os
import stat
from collections import deque
from collections.abc import Callable

import msgspec

from sluice.codecs import (
    LINE_BYTES_MAX,
    Chunk,
    Chunker,
    Cut,
    Framing,
    make_chunker,
    resume_chunker,
)
from sluice.io.inputs import STDIN
from sluice.io.streams import FollowedFile, Moved, Stream, WholeFile, has_head, head_hash, renamed
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
    line or record; `mark` is where splitting stands; `head_hash` covers the first `head_bytes`;
    `written` is when a followed file had been written to last, in nanoseconds.
    """

    inode: int
    offset: int
    line: int
    mark: str
    head_bytes: int
    head_hash: str
    written: int = 0


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
        framing: Callable[[bytes], Framing | None] | None = None,
        name: str | None = None,
        follow: bool = False,
        limits: FileLimits | None = None,
    ) -> None:
        self.path = path
        self.name = name or path
        self._framing = framing
        self._limits = limits or FileLimits()
        self._stream: Stream
        if follow and path != STDIN and not _is_pipe(path):
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
            file = (position.inode, position.written)
            is_same = self._stream.seek(position.offset, file, head)
        except (OSError, EOFError, ValueError):
            is_same = False
        self._line = _line_after(position.line, position.mark)
        if is_same:
            self._position = position
            self._chunker = self._resumed(position)
        else:
            self._stream.close()
            self._tell_loss(position)
            if isinstance(self._stream, WholeFile):
                self._line = 1
        return is_same

    @property
    def lost(self) -> list[str]:
        """What was in the source and is not read, a sentence each."""
        return self._stream.lost

    def _tell_loss(self, position: Position) -> None:
        """Say what becomes of the rest of the file that a position was in."""
        if self.path == STDIN:
            return
        last = _line_after(position.line, position.mark) - 1
        head = (position.head_bytes, position.head_hash)
        names = [each for each in renamed(self.path, position.inode) if has_head(each, head)]
        if names and os.stat(names[0]).st_size <= position.offset:
            return
        if names and isinstance(self._stream, WholeFile):
            text = (
                f"{self.path} is another file than before: it is read from its start, and what "
                f"{names[0]} has after line {last} is not read; --follow reads both"
            )
        else:
            text = (
                f"{self.path} is another file than before, and the one before is gone: "
                f"what it had after line {last} is not read"
            )
        self.lost.insert(0, text)

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
            chunker = self._begun(self._undecided, is_all=not block)
            if chunker is None:
                return
            block, self._undecided = self._undecided, b""
            self._chunker = chunker
        self._deliver(self._chunker.feed(block))

    def _begun(self, head: bytes, is_all: bool) -> Chunker | None:
        """Make the chunker of a source that begins so; None when that is too little to tell."""
        framing = self._framing(head) if self._framing else "lines"
        may_wait = not is_all and len(head) < BLANK_BYTES_MAX
        if may_wait and (framing is None or head.isspace()):
            return None
        limit = self._limits.line_bytes_max
        return make_chunker(framing or "lines", self.name, limit, self._line)

    def _resumed(self, at: Position) -> Chunker | None:
        if not at.mark:
            return None
        limit = self._limits.line_bytes_max
        return resume_chunker(self.name, at.offset, at.line, at.mark, limit)

    def _deliver(self, cuts: list[Cut]) -> None:
        stream = self._stream
        for piece, offset, line, mark in cuts:
            length, digest = len(stream.head), head_hash(stream.head)
            place = Position(stream.inode, offset, line, mark, length, digest, stream.written)
            self._queue.append((piece, place))
            self._line = _line_after(line, mark)

    def _fail(self, error: Exception) -> ReadFailure:
        self._is_at_end = True
        self._stream.close()
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        at = self._position
        return ReadFailure(self.path, at.offset, at.line, text)


def _is_pipe(path: str) -> bool:
    """True for a named pipe: it has no places to go back to, and ends when its writers do."""
    return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)


def _line_after(line: int, mark: str) -> int:
    """Return the number for a line of another file: one that was being skipped has its own."""
    return line + ("skip" in mark)
