"""What a folder of segments holds: the segments that count, and what packed files replaced.

`packed.json` stands beside the segments that `compact` has put into one file. It is replaced as a
whole, so a reader sees the old segments or the packed file, never both and never neither.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from sluice.io import replace_file
from sluice.shells.lake.layout import Lake, is_packed, parse_segment

MANIFEST = "packed.json"
TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed file: its rows, its typed columns, and by stream the least and greatest offset.

    `wide` columns are whole numbers beyond 2**53, which no double holds.
    """

    rows: int
    columns: dict[str, str]
    streams: dict[str, tuple[int, int]]
    wide: tuple[str, ...] = ()

    def holds(self, stream: str, low: int, high: int) -> bool:
        """Say whether rows of a stream with offsets in [low, high) can be in it."""
        found = self.streams.get(stream)
        return found is not None and found[0] < high and found[1] >= low


@dataclass(slots=True)
class Manifest:
    """The packed files of a folder, and the segments that they have replaced and that may still
    lie there."""

    files: dict[str, Packed] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a reader sees it: names of segments, packed files, and files that fit nowhere."""

    path: str
    segments: tuple[str, ...]
    manifest: Manifest
    strange: tuple[str, ...]

    @property
    def live(self) -> list[str]:
        """The names of all files that count."""
        return [*self.segments, *self.manifest.files]


def read_manifest(folder: str) -> Manifest:
    """Read the manifest of a folder; an empty one where there is none. ValueError: damaged."""
    try:
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return Manifest()
    try:
        files = {
            name: Packed(
                each["rows"], each["columns"],
                {stream: (low, high) for stream, (low, high) in each["streams"].items()},
                tuple(each["wide"]),
            )
            for name, each in found["files"].items()
        }  # fmt: skip
        return Manifest(files, set(found["replaced"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{error} is not as it should be") from error


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Replace the manifest of a folder, or take it away when it says nothing."""
    path = os.path.join(folder, MANIFEST)
    if not manifest.files and not manifest.replaced:
        if os.path.exists(path):
            os.unlink(path)
        return
    document: dict[str, Any] = {
        "files": {
            name: {
                "rows": each.rows, "columns": each.columns,
                "streams": {s: list(span) for s, span in sorted(each.streams.items())},
                "wide": list(each.wide),
            }
            for name, each in sorted(manifest.files.items())
        },
        "replaced": sorted(manifest.replaced),
    }  # fmt: skip
    replace_file(path, (json.dumps(document) + "\n").encode())


def read_folder(lake: Lake, folder: str) -> Folder:
    """Look at a folder. ValueError when its manifest is damaged.

    The manifest is read again when it changed meanwhile: names and manifest belong together.
    """
    path = lake.path(folder)
    while True:
        before = _stamp(path)
        try:
            names = sorted(os.listdir(path))
        except FileNotFoundError:
            return Folder(folder, (), Manifest(), ())
        manifest = read_manifest(path)
        if _stamp(path) == before:
            break
    for name in manifest.files.keys() - set(names):
        del manifest.files[name]  # its day is being taken away
    segments, strange = [], []
    for name in names:
        if name.startswith(MANIFEST) or name.endswith(TEMPORARY):
            continue
        if parse_segment(name) is not None:
            if name not in manifest.replaced:
                segments.append(name)
        elif not is_packed(name):
            strange.append(name)
    return Folder(folder, tuple(segments), manifest, tuple(strange))


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(os.path.join(path, MANIFEST))
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
