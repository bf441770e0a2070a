"""Put the segments of a folder into one file; the fields of events become typed columns."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

import duckdb

from sluice.codecs import read_json
from sluice.io import encode_record, sync_folder
from sluice.shells.lake.columns import Columns, infer, typed
from sluice.shells.lake.layout import EVENTS, Lake, packed_name
from sluice.shells.lake.manifest import Packed, write_manifest
from sluice.shells.lake.segments import clear_replaced, copy, parquet
from sluice.shells.lake.tables import EVENT_COLUMNS
from sluice.shells.lake.tables import name as quoted
from sluice.shells.lake.upkeep import Seen, all_folders, clear_remains, look, workbench

#: A packed file of more bytes is not packed again.
PACKED_BYTES_MAX = 512 * 1024 * 1024
_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880"


@dataclass(slots=True)
class Compacted:
    """What was done: folders, files and bytes before and after; `busy` were changed meanwhile."""

    folders: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    busy: int = 0


def compact(lake: Lake) -> Compacted:
    """Pack every folder that is worth it; OSError leaves what was there."""
    done = Compacted()
    with workbench(lake) as con:
        for table, folder in all_folders(lake):
            with contextlib.suppress(ValueError):
                _compact(lake, table, look(lake, folder), con, done)
    return done


def _compact(
    lake: Lake, table: str, seen: Seen, con: duckdb.DuckDBPyConnection, done: Compacted
) -> None:
    names = _worth(table, seen)
    if not names:
        if seen.folder.manifest.replaced:
            with lake.lock.alone():
                clear_replaced(seen.path, seen.folder.manifest)
        return
    paths = [os.path.join(seen.path, name) for name in names]
    name = packed_name([seen.folder.path, *(list(map(str, seen.stamps[n])) for n in names)])
    target = os.path.join(seen.path, name)
    columns = Columns({})
    if table == EVENTS:
        rows, columns = _typed_rows(con, paths)
    else:
        rows = f'FROM {parquet(paths)} ORDER BY "@stream", "@offset"'
    copy(con, rows, target, _OPTIONS)
    packed = _packed(con, target, columns)
    with lake.lock.alone():
        if not seen.is_as_before():
            os.unlink(target)
            done.busy += 1
            return
        manifest = seen.folder.manifest
        for each in names:
            manifest.files.pop(each, None)
            manifest.replaced.add(each)
        manifest.files[name] = packed
        write_manifest(seen.path, manifest)
        sync_folder(target)
        clear_replaced(seen.path, manifest)
        clear_remains(seen.path, manifest)
        sync_folder(target)
    done.folders += 1
    done.files_before += len(names)
    done.files_after += 1
    done.bytes_before += sum(seen.stamps[each][1] for each in names)
    done.bytes_after += os.stat(target).st_size


def _worth(table: str, seen: Seen) -> list[str]:
    """Return the files of a folder that are to become one; none when that gains nothing."""
    small = [
        name for name in seen.folder.manifest.files if seen.stamps[name][1] <= PACKED_BYTES_MAX
    ]
    names = [*seen.folder.segments, *small]
    if table == EVENTS and seen.folder.segments:
        return names
    return names if len(names) > 1 else []


def _typed_rows(con: duckdb.DuckDBPyConnection, paths: list[str]) -> tuple[str, Columns]:
    """Return the query for events with a column for each field, and those columns."""
    fixed = _with_single_keys(con, paths)
    base = [*EVENT_COLUMNS, "raw", "@stream"]
    shared = ", ".join(f"p.{quoted(column)}" for column in base)
    source = f"SELECT {shared}, p.raw AS read FROM {parquet(paths)} AS p"
    if fixed:
        source = (
            f"SELECT {shared}, coalesce(f.fixed, p.raw) AS read FROM {parquet(paths)} AS p "
            "LEFT JOIN fixed AS f ON p.raw::VARCHAR = f.raw"
        )
    columns = infer(con, f"SELECT read AS raw FROM ({source})")
    fields = "".join(f", s.{quoted(field)} AS {quoted(field)}" for field in columns.types)
    transformed = f", json_transform(read, {typed(columns)}) AS s" if columns.types else ""
    kept = ", ".join(map(quoted, base))
    return (
        f"SELECT {kept}{fields} FROM (SELECT *{transformed} FROM ({source})) "
        'ORDER BY "@time", "@stream", "@offset"',
        columns,
    )


def _with_single_keys(con: duckdb.DuckDBPyConnection, paths: list[str]) -> bool:
    """Make a table of events that repeat a key, as the last of each key has it; False: none."""
    rows = con.execute(
        f"SELECT DISTINCT raw::VARCHAR FROM {parquet(paths)} "
        "WHERE len(json_keys(raw)) <> len(list_distinct(json_keys(raw)))"
    ).fetchall()
    if rows:
        con.execute("CREATE OR REPLACE TEMP TABLE fixed (raw VARCHAR, fixed JSON)")
        made = [(text, _with_last(text)) for (text,) in rows]
        con.executemany("INSERT INTO fixed VALUES (?, ?)", made)
    return bool(rows)


def _with_last(text: str) -> str:
    """Return the text of an object with the last value of each key."""
    value = read_json(text.encode())
    return encode_record(value if isinstance(value, dict) else {}).decode()


def _packed(con: duckdb.DuckDBPyConnection, path: str, columns: Columns) -> Packed:
    spans = con.execute(
        f'SELECT "@stream", min("@offset"), max("@offset"), count(*) FROM {parquet([path])} '
        "GROUP BY ALL"
    ).fetchall()
    return Packed(
        sum(count for *_, count in spans), dict(columns.types),
        {stream: (low, high) for stream, low, high, _ in spans}, tuple(sorted(columns.wide)),
    )  # fmt: skip
