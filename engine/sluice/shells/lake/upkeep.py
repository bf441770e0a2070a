"""What all upkeep of a lake needs: a connection with room to sort, folders taken one by one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from sluice.shells.lake.layout import TABLES, Lake
from sluice.shells.lake.manifest import TEMPORARY, Folder, Manifest, read_folder
from sluice.shells.lake.staging import make_staging

Stamp = tuple[int, int, int]


@contextlib.contextmanager
def workbench(lake: Lake, memory: str = "1GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection that sorts on disk what is too large for memory."""
    staging = make_staging(lake, memory)
    try:
        yield staging.con
    finally:
        staging.close()


@dataclass(frozen=True, slots=True)
class Seen:
    """A folder with the state of its files, to see whether somebody has changed it since."""

    folder: Folder
    path: str
    stamps: dict[str, Stamp]

    def is_as_before(self) -> bool:
        """Say whether all files of the folder that count are still the same."""
        return stamps_of(self.path, list(self.stamps)) == self.stamps


def look(lake: Lake, folder: str) -> Seen:
    """Look at a folder; ValueError when its manifest is damaged."""
    seen = read_folder(lake, folder)
    path = lake.path(folder)
    return Seen(seen, path, stamps_of(path, seen.live))


def stamps_of(path: str, names: list[str]) -> dict[str, Stamp]:
    """Return what tells the states of files apart; a missing file has none."""
    found = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(os.path.join(path, name))
            found[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def all_folders(lake: Lake, tables: tuple[str, ...] = TABLES) -> Iterator[tuple[str, str]]:
    """Yield table and folder of everything that a lake holds."""
    for table in tables:
        for folder in lake.folders(table):
            yield table, folder


def clear_remains(path: str, manifest: Manifest) -> None:
    """Take away what processes have left that were ended; nobody may be writing meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(path):
            is_orphan = name.startswith("packed-") and name not in manifest.files
            if name.endswith((TEMPORARY, ".new")) or is_orphan:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(path, name))
