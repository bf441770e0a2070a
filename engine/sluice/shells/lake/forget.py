"""Take what carries a value out of a lake, and keep a record that it went, not of what it was."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import duckdb

from sluice.io import encode_record, sync_folder
from sluice.shells.lake.layout import (
    EVENTS,
    TABLES,
    Lake,
    day_folder,
    segment_name,
    stream_name,
)  # fmt: skip
from sluice.shells.lake.manifest import read_folder
from sluice.shells.lake.segments import copy, parquet, repack
from sluice.shells.lake.tables import EVENT_COLUMNS, text
from sluice.shells.lake.upkeep import all_folders, clear_remains, workbench
from sluice.timing import format_instant

_TABLES = tuple(table for table in TABLES if table not in ("runs", "forgotten"))
_ATTRIBUTES = frozenset(EVENT_COLUMNS) - {"@time", "@partition", "@offset"}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows of each table carry the value, or hang on those that do."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def forget(lake: Lake, field: str, value: str, now_ms: int, is_done: bool) -> Forgotten:
    """Count what carries a value in a field, and with `is_done` take it away.

    With an event goes what came from it: the line that it was extracted from, what else was
    extracted from that, the matches that it is evidence of, and their notes and mitigations. A
    field is named as events have it (`user`, `user.name`) or an attribute (`@subject`).
    """
    with workbench(lake) as con, lake.lock.alone():
        files = _files(lake)
        _find(con, files, field, value)
        counts = {table: _count(con, files[table], table, value) for table in _TABLES}
        found = Forgotten({table: count for table, count in counts.items() if count})
        if is_done and found.total:
            for table, folder in all_folders(lake, _TABLES):
                if counts[table]:
                    _rewrite(con, lake, folder, _is_gone(table, value))
            _note(con, lake, field, value, now_ms, found)
    return found


def _files(lake: Lake) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {table: [] for table in _TABLES}
    for table, folder in all_folders(lake, _TABLES):
        seen = read_folder(lake, folder)
        files[table] += [lake.path(folder, name) for name in seen.live]
    return files


def _find(
    con: duckdb.DuckDBPyConnection, files: dict[str, list[str]], field: str, value: str
) -> None:
    """Make tables of the places of events, the events, and the matches that go."""
    con.execute("CREATE TEMP TABLE gone_places (s VARCHAR, p INTEGER, o BIGINT)")
    con.execute("CREATE TEMP TABLE gone_matches (id VARCHAR)")
    con.execute("CREATE TEMP TABLE gone_events (id VARCHAR, time TIMESTAMP)")
    if files[EVENTS]:
        events = parquet(files[EVENTS])
        con.execute(
            'INSERT INTO gone_places SELECT DISTINCT "@source", "@partition", "@offset" '
            f"FROM {events} WHERE {_carries(field, value)}"
        )
        con.execute(
            'INSERT INTO gone_events SELECT coalesce("@id", concat("@source", \':\', '
            f'"@partition", \':\', "@offset")), "@time" FROM {events} AS e WHERE {_AT_PLACE}'
        )
    if files["evidence"]:
        con.execute(
            f"INSERT INTO gone_matches SELECT DISTINCT match FROM {parquet(files['evidence'])} v "
            "WHERE EXISTS (FROM gone_events g WHERE g.id = v.event AND g.time = v.time)"
        )
    if files["matches"] and not field.startswith("@"):
        path = _pointer(field)
        con.execute(
            f"INSERT INTO gone_matches SELECT id FROM {parquet(files['matches'])} WHERE "
            f'key->>{path} = {text(value)} OR "select"->>{path} = {text(value)}'
        )


_AT_PLACE = (
    'EXISTS (FROM gone_places g WHERE g.s = e."@source" AND g.p = e."@partition" '
    'AND g.o = e."@offset")'
)


def _carries(field: str, value: str) -> str:
    """The condition for an event to carry a value."""
    if field in _ATTRIBUTES:
        return f'"{field}" = {text(value)}'
    plain = text("/" + field.replace("~", "~0").replace("/", "~1"))
    return f"(raw->>{plain} = {text(value)} OR raw->>{_pointer(field)} = {text(value)})"


def _pointer(field: str) -> str:
    parts = (part.replace("~", "~0").replace("/", "~1") for part in field.split("."))
    return text("/" + "/".join(parts))


def _is_gone(table: str, value: str) -> str:
    """The condition for a row `e` of a table to go."""
    of_match = "EXISTS (FROM gone_matches g WHERE g.id = e.{})"
    match table:
        case "events":
            return _AT_PLACE
        case "matches":
            return of_match.format("id")
        case "evidence" | "notes" | "mitigations":
            return of_match.format("match")
        case "late":
            return "EXISTS (FROM gone_events g WHERE g.id = e.event)"
        case _:
            return f"contains(e.data, {text(value)})"


def _count(con: duckdb.DuckDBPyConnection, files: list[str], table: str, value: str) -> int:
    if not files:
        return 0
    row = con.execute(
        f"SELECT count(*) FROM {parquet(files)} AS e WHERE {_is_gone(table, value)}"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _rewrite(con: duckdb.DuckDBPyConnection, lake: Lake, folder: str, is_gone: str) -> None:
    """Write the files of a folder anew without rows; what then is empty goes."""
    seen = read_folder(lake, folder)
    path = lake.path(folder)
    for name in seen.live:
        rows = f"FROM {parquet([os.path.join(path, name)])} AS e"
        row = con.execute(f"SELECT count(*) FILTER ({is_gone}), count(*) {rows}").fetchone()
        assert row is not None
        if not row[0]:
            continue
        left = f"SELECT * {rows} WHERE NOT ({is_gone})"
        if name in seen.manifest.files:
            repack(con, path, name, left, seen.manifest)
        elif row[0] == row[1]:
            os.unlink(os.path.join(path, name))
        else:
            copy(con, left, os.path.join(path, name))
    clear_remains(path, seen.manifest)
    sync_folder(os.path.join(path, "."))


def _note(
    con: duckdb.DuckDBPyConnection, lake: Lake, field: str, value: str, now_ms: int,
    found: Forgotten,
) -> None:  # fmt: skip
    """Keep that something was forgotten: when, of which field, a hash of the value."""
    own = stream_name("r", f"forgotten {now_ms} {field}")
    hashed = hashlib.sha256(f"{field}={value}".encode()).hexdigest()
    row: list[Any] = [
        format_instant(now_ms), field, hashed, found.rows.get(EVENTS, 0),
        found.rows.get("matches", 0), found.total,
    ]  # fmt: skip
    told = encode_record({"row": row}).decode().strip()
    rows = (
        f"SELECT (r->>'/row/0')::TIMESTAMP AS time, r->>'/row/1' AS field, "
        "r->>'/row/2' AS value_hash, (r->>'/row/3')::BIGINT AS events, "
        "(r->>'/row/4')::BIGINT AS matches, (r->>'/row/5')::BIGINT AS rows, "
        f'\'{own}\' AS "@stream", 0::BIGINT AS "@offset" FROM (SELECT {text(told)}::JSON AS r)'
    )
    folder = lake.path(day_folder("forgotten", format_instant(now_ms)[:10]))
    os.makedirs(folder, exist_ok=True)
    copy(con, rows, os.path.join(folder, segment_name(own, 0)))
    sync_folder(os.path.join(folder, "."))
