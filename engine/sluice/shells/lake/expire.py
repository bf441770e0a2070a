"""Take old days out of a lake, by age and by size; what would go is said before it goes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sluice.io import sync_folder
from sluice.shells.lake.layout import TABLES, Lake, folder_day
from sluice.shells.lake.manifest import MANIFEST, TEMPORARY
from sluice.shells.lake.upkeep import all_folders
from sluice.timing import Duration

#: That something was forgotten is kept for ever.
_KEPT = ("forgotten",)


@dataclass(frozen=True, slots=True)
class Old:
    """A folder that can go: its table and day (None: by the time of its files), files, bytes."""

    folder: str
    table: str
    day: date
    files: int
    bytes: int


def find_old(
    lake: Lake, now_ms: int, older_than: Duration | None, size_max: int | None
) -> list[Old]:
    """Return what is older than a duration, and the oldest days beyond a size in bytes.

    A day goes when all of it is older. Days are those of event time; what has none goes by the
    time of its files.
    """
    tables = tuple(table for table in TABLES if table not in _KEPT)
    held = sorted(
        (_measured(lake, table, folder) for table, folder in all_folders(lake, tables)),
        key=lambda each: (each.day, each.folder),
    )
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    gone: dict[str, Old] = {}
    if older_than is not None:
        try:
            limit = (today - timedelta(milliseconds=older_than)).date()
        except OverflowError:
            limit = date.min
        gone |= {each.folder: each for each in held if each.day < limit}
    if size_max is not None:
        rest = sum(each.bytes for each in held if each.folder not in gone)
        for each in held:
            if rest <= size_max:
                break
            if each.folder not in gone:
                gone[each.folder] = each
                rest -= each.bytes
    return list(gone.values())


def remove(lake: Lake, old: Iterable[Old]) -> None:
    """Take folders away; a reader sees a file of them or not, never a part."""
    with lake.lock.alone():
        for each in old:
            path = lake.path(each.folder)
            names = os.listdir(path) if os.path.isdir(path) else []
            # Without its manifest, what a packed file has replaced would count again.
            for name in sorted(names, key=lambda name: (name.startswith(MANIFEST), name)):
                if name.endswith((".parquet", TEMPORARY)) or name.startswith(MANIFEST):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(path, name))
            with contextlib.suppress(OSError):  # a strange file keeps its folder
                os.rmdir(path)
                sync_folder(path)


def _measured(lake: Lake, table: str, folder: str) -> Old:
    path = lake.path(folder)
    files = size = 0
    newest = 0.0
    for name in os.listdir(path):
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(os.path.join(path, name))
            files += 1
            size += status.st_size
            newest = max(newest, status.st_mtime)
    day = folder_day(folder) or datetime.fromtimestamp(newest, UTC).date()
    return Old(folder, table, day, files, size)
