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

#: How much of the start of a file tells that it is the same file.
HEAD_BYTES_MAX = 1_024


class Moved(enum.Enum):
    """The file was replaced or begins anew; what follows is another file's start."""

    MOVED = enum.auto()


MOVED = Moved.MOVED


class Stream(Protocol):
    """Bytes of a file, with what tells that it is the same file later."""

    inode: int
    head: bytes

    def read(self) -> bytes | Moved | None:
        """Return the next bytes, `b""` at the end, None when there is nothing now.

        OSError, EOFError or ValueError say that reading failed.
        """
        ...

    def seek(self, offset: int, inode: int, head: tuple[int, str]) -> bool:
        """Go on at the offset if the file is still the same; `head` is its length and hash."""
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
        self.inode = 0
        self.head = b""
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

    def seek(self, offset: int, inode: int, head: tuple[int, str]) -> bool:
        """Go on at the offset; what is no plain file is read again up to there."""
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
        self.inode = 0
        self.head = b""
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._fd = -1
        self._offset = 0

    def read(self) -> bytes | Moved | None:
        """Return the next bytes, `MOVED` when the file begins anew, None when it has no more."""
        if self._fd < 0 and not self._open(self._path):
            return None
        if self._begins_anew():
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._offset, self.head = 0, b""
            return MOVED
        block = self._next()
        if block:
            return block
        if not self._is_replaced():
            return None
        # A line may have come between the last read and the rename.
        block = self._next()
        if block:
            return block
        self.close()
        return MOVED

    def seek(self, offset: int, inode: int, head: tuple[int, str]) -> bool:
        """Go on at the offset, in the renamed file if it was rotated meanwhile."""
        for path in [self._path, *self._renamed(inode)]:
            if not self._open(path):
                continue
            start = os.pread(self._fd, HEAD_BYTES_MAX, 0)
            is_same = self.inode == inode and is_same_head(start, head)
            if is_same and os.fstat(self._fd).st_size >= offset:
                self.head = start[: head[0]]
                self._offset = os.lseek(self._fd, offset, os.SEEK_SET)
                return True
            self.close()
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

    def _is_replaced(self) -> bool:
        """True when the path names another file that is written to; until then the old may grow."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return False
        return status.st_ino != self.inode and status.st_size > 0

    def _renamed(self, inode: int) -> list[str]:
        folder, name = os.path.split(self._path)
        try:
            with os.scandir(folder or ".") as entries:
                return sorted(
                    entry.path
                    for entry in entries
                    if entry.name.startswith(name) and entry.inode() == inode
                )
        except OSError:
            return []


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
