"""Keep a checkpoint in a file: at every moment there is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import os

from sluice.errors import CheckpointError


def write_checkpoint(path: str, content: bytes) -> None:
    """Replace the checkpoint so that it lasts; OSError leaves the old one as it was."""
    replace_file(path, content)
    sync_folder(path)


def replace_file(path: str, content: bytes) -> None:
    """Replace a file as a whole: write beside it, sync, rename.

    OSError (a full disk) passes on and leaves the old one as it was.
    """
    beside = f"{path}.new"
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def put_in_place(beside: str, path: str) -> None:
    """Make a file that was written beside another one last, and put it in that one's place."""
    sync_path(beside)
    os.replace(beside, path)


def read_checkpoint(path: str) -> bytes | None:
    """Return the checkpoint, None when there is none yet."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path}: the checkpoint cannot be read: {error.strerror}") from None


def write_all(fd: int, content: bytes | bytearray | memoryview) -> None:
    """Write everything, also where the system takes it in parts."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path: str) -> None:
    """Make a rename or a new file in the folder of this path last."""
    sync_path(os.path.dirname(path) or ".")


def sync_path(path: str) -> None:
    """Make a file, or the names in a folder, last."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
