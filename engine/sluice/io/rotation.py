"""Find the files that a log became when it was rotated."""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

# `a.log.1`, `a.log-20260102`, `a.log.2026-01-02T03:04`; what else begins like the log is foreign.
_ROTATED = re.compile(r"[.\-_](\d[\d.\-_:T]*)(\.(?:gz|zst|xz|bz2|lz4|Z))?\Z")


class Rotated(NamedTuple):
    """An earlier file of a log; `written` is when, in nanoseconds, it was written to last."""

    path: str
    inode: int
    written: int
    is_packed: bool


def rotated_files(path: str) -> list[Rotated]:
    """Return the earlier files of a log that are still there, the oldest first."""
    folder, name = os.path.split(path)
    found: list[tuple[int, int, Rotated]] = []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                suffix = _ROTATED.match(entry.name.removeprefix(name))
                if suffix is None or not entry.name.startswith(name):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    written = status.st_mtime_ns
                    each = Rotated(
                        os.path.join(folder, entry.name),
                        status.st_ino,
                        written,
                        suffix[2] is not None,
                    )
                    found.append((written, _rank(suffix[1]), each))
    except OSError:
        return []
    return [each for *_, each in sorted(found)]


def _rank(suffix: str) -> int:
    """Order files of one instant: a low number is a new file, a high date is one."""
    return -int(suffix) if suffix.isdigit() and len(suffix) < len("20260102") else 0


def files_after(path: str, inode: int, written: int) -> list[Rotated]:
    """Return the earlier files of a log that are newer than one of them, the oldest first.

    That one is known by its inode, or where it is gone by when it was written to last.
    """
    found = rotated_files(path)
    places = [place for place, each in enumerate(found) if each.inode == inode]
    if places:
        return found[places[0] + 1 :]
    return [each for each in found if each.written > written]
