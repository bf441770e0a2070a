"""Write records: to stdout for whoever reads there, to a file that holds each record once."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import orjson

from sluice.io.checkpoint_file import sync_folder, write_all
from sluice.io.encode import encode_record

#: So much is gathered before it is written, where nobody waits for each line.
BUFFER_BYTES = 64 * 1024
SCAN_BYTES = 1024 * 1024

RecordId = tuple[Any, ...]
Record = Mapping[str, Any]


class Sink(Protocol):
    """Where records go. OSError (a full disk) and BrokenPipeError (nobody reads) pass on."""

    def write(self, records: Iterable[Record]) -> int:
        """Take records in order and return how many were new."""
        ...

    def flush(self, durable: bool = False) -> None:
        """Hand on what was taken; `durable`: it survives a loss of power."""
        ...

    def close(self) -> None:
        """Flush and let go."""
        ...


class StdoutSink:
    """JSON Lines on an open file descriptor; a reader that is no file gets each line at once."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd
        self._is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        self._buffer = bytearray()

    def write(self, records: Iterable[Record]) -> int:
        """Take records in order and return how many there were."""
        count = 0
        for count, record in enumerate(records, 1):  # noqa: B007 the last count is what returns
            self._buffer += encode_record(record)
            if not self._is_file or len(self._buffer) >= BUFFER_BYTES:
                self.flush()
        return count

    def flush(self, durable: bool = False) -> None:
        """Write what was gathered; a pipe whose reader is slow is waited for."""
        while self._buffer:
            try:
                written = os.write(self._fd, self._buffer)
            except BlockingIOError:
                select.select([], [self._fd], [])
                continue
            del self._buffer[:written]
        if durable and self._is_file:
            os.fsync(self._fd)

    def close(self) -> None:
        """Write what was gathered; the descriptor stays open, it was given."""
        self.flush()


class FileSink:
    """JSON Lines in a file that is added to; a record with an id that is there is skipped.

    On opening, a last line without an end (a crash in the middle of a write) is cut off, and the
    ids of the others are read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        is_new = not os.path.exists(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)
        self._buffer = bytearray()
        self._ids: set[RecordId] = set()
        self._size = 0
        self._is_file = stat.S_ISREG(os.fstat(self._fd).st_mode)
        if self._is_file:
            self._take_up()
        if is_new:
            sync_folder(path)

    def write(self, records: Iterable[Record]) -> int:
        """Take records in order and return how many were new."""
        count = 0
        for record in records:
            name = record_id(record)
            if name is not None:
                if name in self._ids:
                    continue
                self._ids.add(name)
            self._buffer += encode_record(record)
            count += 1
            if len(self._buffer) >= BUFFER_BYTES:
                self.flush()
        return count

    def flush(self, durable: bool = False) -> None:
        """Write what was gathered; after an OSError the file ends with a whole line, as before."""
        if self._buffer:
            try:
                write_all(self._fd, self._buffer)
            except OSError:
                # What was not written stays gathered: a later flush may find room.
                if self._is_file:
                    os.ftruncate(self._fd, self._size)
                raise
            self._size += len(self._buffer)
            self._buffer.clear()
        if durable and self._is_file:
            os.fsync(self._fd)

    def close(self) -> None:
        """Flush and close the file."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._fd)
            self._fd = -1

    def _take_up(self) -> None:
        """Read the ids of what is there, and make the file end with a whole line."""
        rest = b""
        while block := os.read(self._fd, SCAN_BYTES):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                self._size += len(line) + 1
                self._take_id(line)
        if _is_torn(rest):
            os.ftruncate(self._fd, self._size)
        elif rest:
            write_all(self._fd, b"\n")
            self._size += len(rest) + 1
            self._take_id(rest)

    def _take_id(self, line: bytes) -> None:
        record = _read(line)
        name = record_id(record) if record is not None else None
        if name is not None:
            self._ids.add(name)


def record_id(record: Record) -> RecordId | None:
    """Return what names a record, so that it is written once; None: it has no name.

    Notes, matches and mitigations have an `id`, a clear that of its match, `event` and `late` that
    of their event, a rejection its place.
    """
    kind = record.get("kind")
    match kind:
        case "match" | "note" | "mitigation" | "pending":
            parts = [record.get("id")]
        case "clear":
            parts = [record.get("match")]
        case "event" | "late":
            event = record.get("event")
            parts = [event.get("@id") if isinstance(event, Mapping) else None]
        case "rejected":
            parts = [record.get("source"), record.get("partition"), record.get("offset")]
        case _:
            return None
    if any(not isinstance(part, str | int) for part in parts):
        return None
    return (kind, *parts)


def _is_torn(rest: bytes) -> bool:
    """True for the start of a record of ours; what somebody else wrote is never cut."""
    start = b'{"kind":"'
    return bool(rest) and rest[: len(start)] == start[: len(rest)] and _read(rest) is None


def _read(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None
