"""Put the rows of one block of a stream into the segments of their folders.

What a run has seen of a block is the span [low, high) of its offsets. Rows outside of it stay as
they are. Inside of it the rule of the stream decides:

    append    a row that is there must not be another one than the new ones of its offset, else
              another input has this name
    replace   the new rows take the place of those that are there
    merge     a new row takes the place of the one with its offset and type

So a repeated write changes nothing, and one that goes further only adds.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import duckdb

from sluice.errors import ConfigError
from sluice.io import put_in_place, sync_path
from sluice.shells.lake.layout import Lake, packed_name, segment_name
from sluice.shells.lake.manifest import (
    TEMPORARY,
    Manifest,
    Packed,
    read_manifest,
    write_manifest,
)  # fmt: skip

Rule = Literal["append", "replace", "merge"]

#: The columns by which rows are the same or others.
TELLING = frozenset(
    {"@offset", "@type", "@time", "@id", "@source", "raw", "id", "match", "number", "event"}
)

#: How many files or folders are made to last at the same time.
SYNCS_MAX = 16

NEW_ROWS = "SELECT * FROM new_rows"
#: Of how many segments is remembered that they are just what was written.
OWN_MAX = 10_000

#: How segments are written: a higher level takes twice the time and saves a tenth.
COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


@dataclass(frozen=True, slots=True)
class Span:
    """What a run has seen of a block: offsets from `low` to before `high`, of those from `first`
    to before `first + size`."""

    stream: str
    first: int
    size: int
    low: int
    high: int

    @property
    def name(self) -> str:
        """The name of the block's segment."""
        return segment_name(self.stream, self.first)

    @property
    def is_block(self) -> str:
        """The condition for rows of this block."""
        end = self.first + self.size
        return f'"@stream" = \'{self.stream}\' AND "@offset" >= {self.first} AND "@offset" < {end}'

    @property
    def is_seen(self) -> str:
        """The condition for rows that the run has seen, among those of the block."""
        return f'"@offset" >= {self.low} AND "@offset" < {self.high}'


@dataclass(frozen=True, slots=True)
class _There:
    """What a folder has of a block: its segment, and packed files that may have rows of it."""

    path: str
    manifest: Manifest
    plain: list[str]
    packed: list[str]

    @property
    def is_empty(self) -> bool:
        """True when the folder has nothing of the block."""
        return not self.plain and not self.packed


class Writer:
    """Writes segments of a lake; `con` has the new rows as a table or view `new_rows`."""

    def __init__(self, lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
        self._lake, self._con = lake, con
        self._touched: set[str] = set()
        self._beside: dict[str, str] | None = None
        #: How many segments were written, and their bytes.
        self.segments = self.bytes = 0
        #: Segments that hold new rows and nothing else, as they were written.
        self._own: dict[str, tuple[int, int, int]] = {}

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Put the segments that are written inside in their places at once, at the end.

        What fails leaves none of them. Nobody replaces segments meanwhile.
        """
        if self._beside is not None:
            yield
            return
        with self._lake.lock.shared():
            beside = self._beside = {}
            try:
                yield
                sync_all(list(beside))
                while beside:
                    path = next(iter(beside))
                    os.replace(path, beside[path])
                    del beside[path]
            finally:
                self._beside = None
                for path in beside:
                    with contextlib.suppress(OSError):
                        os.unlink(path)

    def refuse_others(self, folder: str, span: Span, source: str) -> None:
        """Raise ConfigError when a folder has other events at offsets of `new_rows`, which are all
        of the block.

        An offset that has no event now may have had one: other rules read other fields, and what
        is broken in a field matters to those that read it.
        """
        with self._lake.lock.shared():
            there = self._there(folder, span)
            if there.is_empty or self._is_own(there):
                return
            self._views(there, span)
            found = self._con.execute(
                'SELECT min("@offset") FROM (FROM plain_rows UNION ALL BY NAME FROM packed_rows) o '
                f"WHERE {span.is_seen} AND NOT EXISTS (FROM new_rows n WHERE {self._same()}) "
                'AND EXISTS (FROM new_rows n WHERE n."@offset" = o."@offset")'
            ).fetchone()
        if found is not None and found[0] is not None:
            raise ConfigError(other_events(self._lake.root, source, found[0]))

    def put(self, folder: str, span: Span, rule: Rule) -> None:
        """Bring the rows of `new_rows` into a folder, of which they are all."""
        with self._lake.lock.shared():
            there = self._there(folder, span)
            # Rows that are merged come part by part, all others of an open block each time.
            is_own = rule != "merge" and self._is_own(there)
            if not there.is_empty and not is_own:
                self._meet(there, span, rule)
            elif self._count("new_rows"):
                self._write(there.path, span.name, NEW_ROWS, there.manifest)

    def overwrite(self, folder: str, name: str, rows: str) -> None:
        """Write a segment, whatever is there under its name."""
        path = self._lake.path(folder)
        with self._lake.lock.shared():
            manifest = read_manifest(path) if os.path.isdir(path) else Manifest()
            self._write(path, name, rows, manifest)

    def sync(self) -> None:
        """Make all names last that were given since the last time."""
        folders = set()
        for path in self._touched:
            above = path
            while len(above) >= len(self._lake.root):
                folders.add(above)
                above = os.path.dirname(above)
        sync_all(sorted(folders))
        self._touched.clear()

    def _there(self, folder: str, span: Span) -> _There:
        """Look for what a folder has of a block."""
        path = self._lake.path(folder)
        manifest = read_manifest(path) if os.path.isdir(path) else Manifest()
        packed = [
            os.path.join(path, name)
            for name, each in manifest.files.items()
            if each.holds(span.stream, span.first, span.first + span.size)
        ]
        plain = os.path.join(path, span.name)
        is_there = span.name not in manifest.replaced and os.path.exists(plain)
        return _There(path, manifest, [plain] if is_there else [], packed)

    def _meet(self, there: _There, span: Span, rule: Rule) -> None:
        """Bring new rows together with those that are there."""
        self._views(there, span)
        is_same, in_place = self._same(), {
            "append": "false", "replace": span.is_seen,
            "merge": 'EXISTS (FROM new_rows n WHERE n."@offset" = o."@offset")',
        }[rule]  # fmt: skip
        stale = f"({in_place}) AND NOT EXISTS (FROM new_rows n WHERE {is_same})"
        if there.packed and self._count(f"packed_rows o WHERE {stale}"):
            self._unpack(there, span, stale)
        fresh = f"FROM new_rows n WHERE NOT EXISTS (FROM packed_rows o WHERE {is_same})"
        added = self._count(f"({fresh}) n WHERE NOT EXISTS (FROM plain_rows o WHERE {is_same})")
        if not added and not self._count(f"plain_rows o WHERE {stale}"):
            return
        kept = f"FROM plain_rows o WHERE NOT ({in_place})"
        if rule == "append":
            kept = f"FROM plain_rows o WHERE NOT EXISTS (FROM new_rows n WHERE {is_same})"
        if not there.packed and not self._count(f"({kept})") and self._count("new_rows"):
            self._write(there.path, span.name, NEW_ROWS, there.manifest)
            return
        rows = f'SELECT * FROM (({kept}) UNION ALL BY NAME ({fresh})) ORDER BY "@offset"'
        if self._count(f"({rows})"):
            self._write(there.path, span.name, rows, there.manifest)
            return
        self._touched.add(there.path)
        for plain in there.plain:
            os.unlink(plain)

    def _views(self, there: _There, span: Span) -> None:
        """Name the rows of this block that are there, with the columns of the new ones."""
        columns = ", ".join(f'"{column}"' for column in self._columns())
        for name, files in (("plain_rows", there.plain), ("packed_rows", there.packed)):
            rows = f"{parquet(files)} WHERE {span.is_block}" if files else "new_rows WHERE false"
            view = f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM {rows}"
            try:
                self._con.execute(view)
            except (duckdb.InvalidInputException, duckdb.BinderException):
                # What the block held besides the new rows is in there, or nowhere.
                raise damaged(files) from None

    def _unpack(self, there: _There, span: Span, stale: str) -> None:
        """Write packed files anew without the rows that others take the place of."""
        for packed in there.packed:
            rows = f"SELECT * FROM {parquet([packed])} o WHERE NOT ({span.is_block} AND {stale})"
            repack(self._con, there.path, os.path.basename(packed), rows, there.manifest)
        there.packed.clear()
        self._views(self._there(os.path.relpath(there.path, self._lake.root), span), span)
        self._touched.add(there.path)

    def _write(self, path: str, name: str, rows: str, manifest: Manifest) -> None:
        """Write a segment beside and rename it; a name that was replaced counts again."""
        os.makedirs(path, exist_ok=True)
        self._touched.add(path)
        if name in manifest.replaced:
            # Whoever packed it was ended before it could take the file away.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(path, name))
            manifest.replaced.discard(name)
            write_manifest(path, manifest)
        with self.together():
            assert self._beside is not None
            target = os.path.join(path, name)
            self._beside[target + TEMPORARY] = target
            write_beside(self._con, rows, target)
            stamp = _stamp(target + TEMPORARY)
            self.segments += 1
            self.bytes += stamp[1]
            if len(self._own) >= OWN_MAX:
                self._own.clear()
            if rows == NEW_ROWS:
                self._own[target] = stamp

    def forget_own(self) -> None:
        """Look at every segment again before it is written: others may have come to hold it."""
        self._own.clear()

    def _is_own(self, there: _There) -> bool:
        """Say whether a block is just what was written of it, to be written anew with more."""
        if there.packed or not there.plain:
            return False
        known = self._own.get(there.plain[0])
        return known is not None and known == _stamp(there.plain[0])

    def _count(self, rows: str) -> int:
        found = self._con.execute(f"SELECT count(*) FROM {rows}").fetchone()
        assert found is not None
        return int(found[0])

    def _columns(self) -> list[str]:
        return [name for name, *_ in self._con.execute("DESCRIBE new_rows").fetchall()]

    def _same(self) -> str:
        """The condition for a row `n` of the new ones and a row `o` to be the same."""
        looked = [name for name in self._columns() if name in TELLING]
        return " AND ".join(f'n."{name}" IS NOT DISTINCT FROM o."{name}"' for name in looked)


def damaged(files: list[str]) -> OSError:
    """Say that files that are to be added to cannot be read."""
    told = ", ".join(files)
    return OSError(
        errno.EIO,
        f"{told} is damaged (`sluice lake check` says how): take it away, and run once more over "
        "all of its input",
    )


def _stamp(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def other_events(root: str, source: str, offset: int) -> str:
    """Say that the lake holds other events of this name."""
    return (
        f"the lake {root} has other events of '{source}' (from line {offset} on): another input "
        f"had this name, or it was read in another way; give this one a name of its own with "
        f"--source, or remove the others with `sluice lake forget @source={source}`"
    )


def copy(con: duckdb.DuckDBPyConnection, rows: str, path: str, options: str = COPY_OPTIONS) -> None:
    """Write the rows of a query as a Parquet file that is there whole or not at all."""
    try:
        write_beside(con, rows, path, options)
        put_in_place(path + TEMPORARY, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path + TEMPORARY)
        raise


def write_beside(
    con: duckdb.DuckDBPyConnection, rows: str, path: str, options: str = COPY_OPTIONS
) -> None:
    """Write the rows of a query as a Parquet file beside the path where it belongs."""
    quoted = (path + TEMPORARY).replace("'", "''")
    con.execute(f"COPY ({rows}) TO '{quoted}' ({options}, USE_TMP_FILE false)")


def sync_all(paths: Collection[str]) -> None:
    """Make files and folders last; OSError of the first that cannot be.

    Several at once, for a file system writes its journal once for all that wait for it.
    """
    if len(paths) > 1:
        with ThreadPoolExecutor(min(SYNCS_MAX, len(paths)), "sync") as pool:
            list(pool.map(sync_path, paths))
    else:
        for path in paths:
            sync_path(path)


def repack(
    con: duckdb.DuckDBPyConnection, path: str, name: str, rows: str, manifest: Manifest
) -> str | None:
    """Put a packed file with these rows of it in its place; return its name, None: nothing is
    left."""
    before = manifest.files.pop(name)
    spans = con.execute(
        f'SELECT "@stream", min("@offset"), max("@offset"), count(*) FROM ({rows}) GROUP BY ALL'
    ).fetchall()
    made = None
    if spans:
        made = packed_name([name, *(list(map(str, span)) for span in spans)])
        copy(con, rows, os.path.join(path, made))
        manifest.files[made] = Packed(
            sum(count for *_, count in spans), before.columns,
            {stream: (low, high) for stream, low, high, _ in spans}, before.wide,
        )  # fmt: skip
    manifest.replaced.add(name)
    write_manifest(path, manifest)
    clear_replaced(path, manifest)
    return made


def clear_replaced(path: str, manifest: Manifest) -> None:
    """Take away the files that a manifest has replaced."""
    for name in sorted(manifest.replaced):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(path, name))
    manifest.replaced.clear()
    write_manifest(path, manifest)


def parquet(files: list[str], options: str = "") -> str:
    """Return the table function that reads files, columns by their names."""
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{quoted}], union_by_name = true, hive_partitioning = false{options})"
