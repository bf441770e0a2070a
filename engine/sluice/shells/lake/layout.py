"""Where things lie in a lake: its head file, tables, folders, and the names of segments.

    DIR/lake.json
    DIR/<table>/day=2026-01-05/<stream>-<first offset>.parquet
    DIR/events/type=<type>/day=2026-01-05/<stream>-<first offset>.parquet

A stream is `<hash>-<partition>`: of an input (`s…`), of what was extracted from it (`x…`), or of
what a run decided (`r…`). Its offsets are cut at multiples of `segment_offsets`, so a repeated
write gives the same names.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from sluice import __version__
from sluice.errors import ConfigError, InputError
from sluice.io import FolderLock, replace_file, sync_folder
from sluice.model import digest

#: The layout that this version writes and reads.
FORMAT = 1
HEAD = "lake.json"
#: How many offsets of a stream share a segment.
SEGMENT_OFFSETS = 131_072

EVENTS = "events"
#: All tables; each has a folder of its own.
TABLES = (
    EVENTS, "matches", "evidence", "notes", "mitigations", "late", "rejected", "runs", "forgotten",
)  # fmt: skip
#: What has no event time lies in the folder of this day.
NO_DAY = "none"
#: The folder of types that came after a block had `FOLDERS_MAX` folders.
REST = "~rest"
TYPE_BYTES_MAX = 180

_SEGMENT = re.compile(r"([srx][0-9a-f]{15}-\d+)-(\d{12,})\.parquet\Z")
_PACKED = re.compile(r"packed-[0-9a-f]{16}\.parquet\Z")


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake that was opened."""

    root: str
    segment_offsets: int

    @property
    def lock(self) -> FolderLock:
        """The lock that writers share, and that whoever replaces segments holds alone."""
        return FolderLock(os.path.join(self.root, "lake.lock"))

    def path(self, *parts: str) -> str:
        """Return a path inside of the lake."""
        return os.path.join(self.root, *parts)

    def folders(self, table: str) -> Iterator[str]:
        """Yield the folders of a table that hold segments, relative to the root, in order."""
        for above in _below(self.path(table), "type=") if table == EVENTS else [self.path(table)]:
            for folder in _below(above, "day="):
                yield os.path.relpath(folder, self.root)


def existing_lake(root: str) -> Lake:
    """Open a lake to read it; InputError when there is none."""
    try:
        found = _head(root)
    except OSError as error:
        raise InputError(f"{root}: the lake cannot be read: {error.strerror}") from None
    if found is None:
        if os.path.isdir(root) and os.listdir(root):
            raise InputError(f"{root} is no lake: it has no {HEAD}; name another directory")
        what = f"it has no {HEAD}" if os.path.isdir(root) else "there is no such directory"
        raise InputError(f"{root} is no lake: {what}; `sluice run --lake {root}` makes one")
    return found


def made_lake(root: str) -> Lake:
    """Open a lake to write to it, and make it where there is nothing yet; ConfigError else."""
    try:
        found = _head(root)
        if found is not None:
            return found
        if os.path.isdir(root) and os.listdir(root):
            raise ConfigError(
                f"--lake {root}: the directory is no lake (it has no {HEAD}) and is not empty; "
                "name another one"
            )
        os.makedirs(root, exist_ok=True)
        head = {"format": FORMAT, "sluice": __version__, "segment_offsets": SEGMENT_OFFSETS}
        replace_file(os.path.join(root, HEAD), (json.dumps(head) + "\n").encode())
        sync_folder(os.path.join(root, HEAD))
    except OSError as error:
        where = error.filename or root
        raise ConfigError(f"--lake {root}: it cannot be made: {where}: {error.strerror}") from None
    return Lake(root, SEGMENT_OFFSETS)


def _head(root: str) -> Lake | None:
    """Read the head of a lake; None when there is none."""
    try:
        with open(os.path.join(root, HEAD), encoding="utf-8") as file:
            head = json.load(file)
        number = head["format"]
        offsets = head["segment_offsets"] if number == FORMAT else 1
        is_sound = isinstance(number, int) and isinstance(offsets, int) and offsets > 0
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        is_sound, number, offsets = False, 0, 0
    if not is_sound:
        raise ConfigError(f"{os.path.join(root, HEAD)} is damaged; restore it from a copy")
    if number > FORMAT:
        raise ConfigError(
            f"{root}: the lake was written by a newer version (format {number}, "
            f"this one reads {FORMAT}); update Sluice"
        )
    return Lake(root, offsets)


def stream_name(kind: str, name: str, partition: int = 0) -> str:
    """Name a stream: `s` and `x` by their input, `r` by what makes a run the same."""
    return f"{kind}{digest([name], 15)}-{partition}"


def claim_number(stream: str) -> int:
    """Return the number under which a process claims a stream."""
    return int(stream[1:16], 16)


def segment_name(stream: str, first: int) -> str:
    """Return the file name of a segment."""
    return f"{stream}-{first:012d}.parquet"


def parse_segment(name: str) -> tuple[str, int] | None:
    """Return stream and first offset of the name of a segment; None for another file."""
    found = _SEGMENT.match(name)
    return None if found is None else (found[1], int(found[2]))


def packed_name(parts: list[Any]) -> str:
    """Return the file name of a packed file that is made of these parts."""
    return f"packed-{digest(parts, 16)}.parquet"


def is_packed(name: str) -> bool:
    """Say whether a name is that of a file that `compact` writes."""
    return _PACKED.match(name) is not None


def event_folder(type_: str, day: str) -> str:
    """Return the folder of the events of a type and day."""
    return os.path.join(EVENTS, f"type={escaped_type(type_)}", f"day={day}")


def day_folder(table: str, day: str) -> str:
    """Return the folder of a day of another table."""
    return os.path.join(table, f"day={day}")


def escaped_type(type_: str) -> str:
    """Return the name of a type's folder; long ones end in a hash."""
    text = quote(type_, safe="").replace("~", "%7E")
    if len(text) <= TYPE_BYTES_MAX and text.strip("."):
        return text
    return f"{text[:100].rstrip('%')}~{digest([type_], 32)}"


def folder_type(folder: str) -> str | None:
    """Return the type that a folder of events is of; None where the name does not tell."""
    name = folder.split(os.sep)[1].removeprefix("type=")
    return None if "~" in name else unquote(name)


def folder_day(folder: str) -> date | None:
    """Return the day that a folder is of; None for what has no event time."""
    try:
        return date.fromisoformat(os.path.basename(folder).removeprefix("day="))
    except ValueError:
        return None


def _below(path: str, prefix: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = sorted(name for name in os.listdir(path) if name.startswith(prefix))
        return [os.path.join(path, name) for name in names]
    return []
