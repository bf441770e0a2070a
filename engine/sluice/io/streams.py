"""Read the bytes of a file: once to its end, or followed while it grows and is rotated."""

from __future__ import annotations

import enum
import hashlib
import os
import select
import stat
from collections.abc import Iterator
from typing import Protocol

from sluice.io.compressed import is_compressed, may_be_compressed, unpack
from sluice.io.rotation import files_after, rotated_files

_NO_INODE = -1

#: How much of the start of a file tells that it is the same file.
HEAD_BYTES_MAX = 1_024


class Moved(enum.Enum):
    """The file was replaced or begins anew; what follows is another file's start."""

    MOVED = enum.auto()


MOVED = Moved.MOVED


class Stream(Protocol):
    """Bytes of a file, with what tells that it is the same file later.

    `written` is when a followed file had been written to last, in nanoseconds. `lost` says what
    was never read.
    """

    inode: int
    head: bytes
    written: int
    lost: list[str]

    def read(self) -> bytes | Moved | None:
        """Return the next bytes, `b""` at the end, None when there is nothing now.

        OSError, EOFError or ValueError say that reading failed.
        """
        ...

    def seek(self, offset: int, file: tuple[int, int], head: tuple[int, str]) -> bool:
        """Go on at the offset if the file is still the same.

        `file` is its inode and when it was written to, `head` its length and hash.
        """
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


#: How long a polled pipe is waited for, in seconds: a signal is seen after it at the latest.
PIPE_SECONDS = 0.1


class WholeFile:
    """A file that is read once to its end, unpacked if it is compressed; `-` is stdin.

    `is_polled`: `read` returns None when a pipe stays empty for a moment, instead of waiting.
    """

    def __init__(self, path: str, chunk_bytes: int, is_polled: bool = False) -> None:
        self.inode = self.written = 0
        self.head = b""
        self.lost: list[str] = []
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._is_polled = is_polled
        self._fd = -1
        self._read_bytes = 0
        self._blocks: Iterator[bytes] | None = None

    def read(self) -> bytes | Moved | None:
        """Return the next bytes, `b""` at the end, None when there is nothing now."""
        if self._fd < 0:
            self._open()
        if self._is_polled and not select.select([self._fd], [], [], PIPE_SECONDS)[0]:
            return None
        if self._blocks is None:
            self._start()
        assert self._blocks is not None
        return next(self._blocks, b"")

    def seek(self, offset: int, file: tuple[int, int], head: tuple[int, str]) -> bool:
        """Go on at the offset; what is no plain file is read again up to there."""
        inode, _ = file
        if self._path == "-":
            return False  # a pipe cannot be read twice
        self._open()
        self._start()
        assert self._blocks is not None
        if not is_same_head(self.head, head) or (not head[0] and self.inode != inode):
            return False
        status = os.fstat(self._fd)
        if stat.S_ISREG(status.st_mode) and not is_compressed(self.head):
            if status.st_size < offset:
                return False
            self._read_bytes = os.lseek(self._fd, offset, os.SEEK_SET)
            self._blocks = self._raw()
            return True
        left = offset
        while left > 0:
            block = next(self._blocks, b"")
            if not block:
                return False
            left -= len(block)
        if left < 0:
            self._blocks = _chain(block[left:], self._blocks)
        return True

    def close(self) -> None:
        """Let the file go."""
        if self._fd > 0:
            os.close(self._fd)
        self._fd, self._blocks = -1, None

    def _open(self) -> None:
        self.close()
        self._fd = 0 if self._path == "-" else os.open(self._path, os.O_RDONLY)
        self.inode = os.fstat(self._fd).st_ino
        self._read_bytes = 0

    def _start(self) -> None:
        """Read the first block, which says how the file is packed."""
        raw = self._raw()
        first = next(raw, b"")
        # A pipe gives what it has: go on only while that may become the mark of a packed file.
        while may_be_compressed(first) and (more := next(raw, b"")):
            first += more
        self.head = first[:HEAD_BYTES_MAX]
        self._blocks = unpack(first, _chain(first, raw))

    def _raw(self) -> Iterator[bytes]:
        while block := os.read(self._fd, self._chunk_bytes):
            self._read_bytes += len(block)
            yield block
        status = os.fstat(self._fd)
        if stat.S_ISREG(status.st_mode) and status.st_size < self._read_bytes:
            raise OSError("the file has become shorter while it was read")


class FollowedFile:
    """A log file that grows: waited for, read as it grows, through rename and truncation."""

    def __init__(self, path: str, chunk_bytes: int) -> None:
        self.inode = self.written = 0
        self.head = b""
        self.lost: list[str] = []
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._fd = -1
        self._offset = 0
        self._upcoming = path

    def read(self) -> bytes | Moved | None:
        """Return the next bytes, `MOVED` when the file begins anew, None when it has no more."""
        if self._fd < 0:
            upcoming, self._upcoming = self._upcoming, self._path
            if not self._open(upcoming):
                return None
        if self._begins_anew():
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._offset, self.head = 0, b""
            return MOVED
        block = self._next()
        if block:
            return block
        following = self._following()
        if following is None:
            return None
        # A line may have come between the last read and the rename.
        block = self._next()
        if block:
            return block
        self.close()
        self._upcoming = following
        return MOVED

    def seek(self, offset: int, file: tuple[int, int], head: tuple[int, str]) -> bool:
        """Go on at the offset, in the renamed file if it was rotated meanwhile.

        If that is gone, what came after it is read next.
        """
        inode, written = file
        for path in [self._path, *renamed(self._path, inode)]:
            if not self._open(path):
                continue
            start = os.pread(self._fd, HEAD_BYTES_MAX, 0)
            is_same = self.inode == inode and is_same_head(start, head)
            if is_same and os.fstat(self._fd).st_size >= offset:
                self.head = start[: head[0]]
                self._offset = os.lseek(self._fd, offset, os.SEEK_SET)
                self.written = written
                return True
            self.close()
        # Its inode may be another file's by now, so only its time says what came after it.
        self._upcoming = (self._after(_NO_INODE, written) if written else None) or self._path
        return False

    def close(self) -> None:
        """Let the file go."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _open(self, path: str) -> bool:
        """Open the file from its start; False when it is not there."""
        try:
            self._fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self.inode = os.fstat(self._fd).st_ino
        self._offset, self.head = 0, b""
        return True

    def _next(self) -> bytes:
        block = os.read(self._fd, self._chunk_bytes)
        self._offset += len(block)
        if block:
            self.written = os.fstat(self._fd).st_mtime_ns
        if block and len(self.head) < HEAD_BYTES_MAX:
            self.head = os.pread(self._fd, min(HEAD_BYTES_MAX, self._offset), 0)
            if is_compressed(self.head):
                raise OSError("a compressed file cannot be followed")
        return block

    def _begins_anew(self) -> bool:
        """True when the file was truncated, even if it has grown beyond our place since."""
        if os.fstat(self._fd).st_size < self._offset:
            return True
        return os.pread(self._fd, len(self.head), 0) != self.head

    def _following(self) -> str | None:
        """Return the file that comes after this one, None while this one may grow."""
        try:
            status = os.stat(self._path)
            if status.st_ino == self.inode:
                return None
            is_begun = status.st_size > 0
        except FileNotFoundError:
            is_begun = False
        between = self._after(self.inode, os.fstat(self._fd).st_mtime_ns)
        return between or (self._path if is_begun else None)

    def _after(self, inode: int, written: int) -> str | None:
        """Return the oldest file of the log that is newer than one of them, if it has a name."""
        for each in files_after(self._path, inode, written):
            if not each.is_packed:
                return each.path
            told = f"{each.path} was packed before it was read"
            if told not in self.lost:
                self.lost.append(told)
        return None


def renamed(path: str, inode: int) -> list[str]:
    """Return the names under which a file of a log may be found after it was rotated."""
    return [each.path for each in rotated_files(path) if each.inode == inode]


def has_head(path: str, head: tuple[int, str]) -> bool:
    """True when a file that can be read starts with a head of this length and hash."""
    try:
        with open(path, "rb") as file:
            return is_same_head(file.read(HEAD_BYTES_MAX), head)
    except OSError:
        return False


def is_same_head(start: bytes, head: tuple[int, str]) -> bool:
    """True when a file that starts like this had this length and hash of its head."""
    length, digest = head
    return len(start) >= length and head_hash(start[:length]) == digest


def head_hash(head: bytes) -> str:
    """Return the hash of the start of a file."""
    return hashlib.sha256(head).hexdigest()


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
