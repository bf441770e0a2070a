"""Read a lake: its files, those that must be left out, and views over the others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import duckdb

from sluice.errors import InputError
from sluice.shells.lake.columns import Columns, fresh, infer, merge, stored
from sluice.shells.lake.failures import first_line
from sluice.shells.lake.layout import (
    EVENTS,
    TABLES,
    Lake,
    existing_lake,
    folder_type,
    parse_segment,
)  # fmt: skip
from sluice.shells.lake.manifest import Packed, read_folder
from sluice.shells.lake.segments import parquet
from sluice.shells.lake.tables import EVENT_COLUMNS, RECORD_COLUMNS, WITH_RAW
from sluice.shells.lake.tables import name as quoted

#: How many rows of fresh segments show which fields a type has.
SAMPLE_ROWS = 20_000
_SAMPLE_FILES = 16

#: What makes a record the same in two runs over the same events.
_IDENTITY: Mapping[str, tuple[str, ...]] = {
    "matches": ("id",), "evidence": ("match", "number"), "notes": ("id",), "mitigations": ("id",),
    "late": ("event",), "rejected": ("source", "partition", "offset"),
}  # fmt: skip
#: What of an event stands before its fields, and what behind them.
_HEAD = ("@time", "@id", "@source")
_TAIL = tuple(name for name in EVENT_COLUMNS if name not in _HEAD)

#: A file that does not have these columns is not of the table.
_OWN = {EVENTS: ("@type", "@time", "raw", "@stream")}


@dataclass(frozen=True, slots=True)
class File:
    """A file of a lake: path, its typed columns when it is packed, and whose rows it has."""

    path: str
    streams: frozenset[str]
    packed: Packed | None = None


@dataclass(slots=True)
class Files:
    """The files of a lake by table (of events by type), and what is wrong with others."""

    tables: dict[str, list[File]] = field(default_factory=dict)
    types: dict[str, list[File]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def paths(self) -> Iterator[str]:
        """Yield the paths of all files that count."""
        for files in self.tables.values():
            for file in files:
                yield file.path


def find_files(lake: Lake) -> Files:
    """Look through a lake; a file that is torn or foreign is a trouble, and left out."""
    found = Files({table: [] for table in TABLES})
    for table in TABLES:
        for folder in lake.folders(table):
            files = list(_of_folder(lake, folder, found.troubles))
            found.tables[table] += files
            if table == EVENTS and files:
                found.types.setdefault(folder_type(folder) or "", []).extend(files)
    found.types.pop("", None)
    return found


def _of_folder(lake: Lake, folder: str, troubles: list[str]) -> Iterator[File]:
    try:
        seen = read_folder(lake, folder)
    except ValueError as error:
        troubles.append(f"{lake.path(folder, 'packed.json')}: it is damaged: {error}")
        return
    path = lake.path(folder)
    troubles += [f"{os.path.join(path, name)}: it is no file of the lake" for name in seen.strange]
    for name in seen.segments:
        segment = parse_segment(name)
        assert segment is not None
        yield File(os.path.join(path, name), frozenset({segment[0]}))
    for name, packed in seen.manifest.files.items():
        yield File(os.path.join(path, name), frozenset(packed.streams), packed)


def leave_out_broken(con: duckdb.DuckDBPyConnection, files: Files) -> None:
    """Take files away that cannot be read or have other columns, and name them as troubles."""
    broken: dict[str, str] = {}
    for table, held in files.tables.items():
        own = _OWN.get(table) or (*RECORD_COLUMNS[table], "@stream")
        broken |= _broken(con, [file.path for file in held], own)
    if not broken:
        return
    files.troubles += [f"{path}: {reason}" for path, reason in sorted(broken.items())]
    for lists in (files.tables, files.types):
        for name, held in lists.items():
            lists[name] = [file for file in held if file.path not in broken]


def _broken(con: duckdb.DuckDBPyConnection, paths: list[str], own: Iterable[str]) -> dict[str, str]:
    """Return why files cannot be used, by path; files are looked at together while all is well."""
    if not paths:
        return {}
    try:
        rows = con.execute(
            "SELECT file_name FROM parquet_schema(?) GROUP BY file_name "
            "HAVING NOT list_has_all(list(name), ?)",
            [paths, list(own)],
        ).fetchall()
    except duckdb.Error as error:
        if len(paths) == 1:
            if not os.path.exists(paths[0]):
                raise  # it was replaced meanwhile: look again
            reason = first_line(error).replace(f" of file '{paths[0]}'", "")
            return {paths[0]: f"it cannot be read: {reason}"}
        half = len(paths) // 2
        return _broken(con, paths[:half], own) | _broken(con, paths[half:], own)
    return {path: "it is a Parquet file of something else" for (path,) in rows}


class OpenLake:
    """A lake with a connection in which its tables are views.

    `events` has what every event has, and `raw`; each type is a view with its fields as columns,
    named as the type (`"auth.login"`) and with `_` for what a name without quotes cannot hold.
    Views of types are made when they are named first.
    """

    def __init__(self, root: str, con: duckdb.DuckDBPyConnection | None = None) -> None:
        self.lake = existing_lake(root)
        self.con = con or duckdb.connect(":memory:")
        self.files = find_files(self.lake)
        leave_out_broken(self.con, self.files)
        #: The name of each type's view, and one without quotes where that is another.
        self.names = _names(self.files.types)
        self._made: set[str] = set()
        self.con.execute(f"CREATE VIEW {EVENTS} AS {self.events()}")
        for table in TABLES[1:]:
            self.con.execute(f"CREATE VIEW {table} AS {self._records(table)}")

    @property
    def troubles(self) -> list[str]:
        """What was left out and why, a sentence each."""
        return self.files.troubles

    @property
    def views(self) -> list[str]:
        """The names of all tables and types."""
        return [*TABLES, *(name for name, _ in self.names.values())]

    @property
    def aliases(self) -> list[str]:
        """The names of types that need no quotes."""
        return [alias for _, alias in self.names.values() if alias is not None]

    def name_types(self, sql: str | None = None) -> None:
        """Make the views of the types that a statement names, or of all."""
        for type_, (name, alias) in self.names.items():
            if type_ in self._made:
                continue
            if sql is None or name.lower() in sql.lower() or _has_word(sql, alias):
                if not self.files.types[type_]:
                    if sql is None:
                        continue
                    raise InputError(f"no file of {type_} can be read")
                self._made.add(type_)
                self.con.execute(f"CREATE VIEW {quoted(name)} AS {self.of_type(type_)}")
                if alias is not None:
                    self.con.execute(f"CREATE VIEW {alias} AS FROM {quoted(name)}")

    def events(self, types: Iterable[str] | None = None) -> str:
        """Return the query for events of some types, or all: what every event has, and `raw`."""
        files = self.files.tables[EVENTS]
        if types is not None:
            files = [file for type_ in types for file in self.files.types.get(type_, ())]
        columns = ", ".join([*map(quoted, EVENT_COLUMNS), "raw"])
        if not files:
            nothing = ", ".join(
                f"NULL::{_TYPES.get(c, 'VARCHAR')} AS {quoted(c)}" for c in EVENT_COLUMNS
            )
            return f"SELECT {nothing}, NULL::JSON AS raw WHERE false"
        return f"SELECT {columns} FROM ({_events(files, '')})"

    def of_type(self, type_: str) -> str:
        """Return the query for the events of one type, with a column for each field."""
        files = self.files.types[type_]
        columns = merge([_packed_columns(file) for file in files if file.packed is not None])
        new = [file.path for file in files if file.packed is None]
        if new:
            step = max(1, len(new) // _SAMPLE_FILES)
            rows = f"SELECT raw FROM {parquet(new[::step])} LIMIT {SAMPLE_ROWS}"
            columns = merge([columns, infer(self.con, rows)])
        groups: dict[str, list[File]] = {}
        for file in files:
            has = _packed_columns(file).types if file.packed is not None else None
            fields = ", ".join(
                f"{fresh(f, kind) if has is None else stored(f, has.get(f), kind)} AS {quoted(f)}"
                for f, kind in columns.types.items()
            )
            groups.setdefault(fields, []).append(file)
        names = [*map(quoted, (*_HEAD, *columns.types)), *map(quoted, _TAIL), "raw"]
        parts = [f"({_events(held, fields)})" for fields, held in groups.items()]
        return f"SELECT {', '.join(names)} FROM ({' UNION ALL BY NAME '.join(parts)})"

    def _records(self, table: str) -> str:
        files = self.files.tables[table]
        columns = RECORD_COLUMNS[table]
        names = [*columns, *(["raw"] if table in WITH_RAW else [])]
        if not files:
            nothing = (f"NULL::{_sql_type(columns.get(n, 'JSON'))} AS {quoted(n)}" for n in names)
            return f"SELECT {', '.join(nothing)} WHERE false"
        rows = f"SELECT {', '.join(map(quoted, names))} FROM {parquet([f.path for f in files])}"
        if table in _IDENTITY and len(_runs(files)) > 1:
            rows += f" {_once(_IDENTITY[table])}"
        return rows


_TYPES = {"@time": "TIMESTAMP", "@partition": "INTEGER", "@offset": "BIGINT"}


def _events(files: list[File], fields: str) -> str:
    """Return the query for events of files with the same columns, each once."""
    shared = [file for file in files if _runs([file])]
    own = [file for file in files if not _runs([file])]
    parts = []
    for held in (own, shared):
        if not held:
            continue
        columns = [_ID, *map(quoted, EVENT_COLUMNS[1:]), "raw"]
        columns += [fields] if fields else []
        rows = f"SELECT {', '.join(columns)} FROM {parquet([file.path for file in held])}"
        if held is shared and len(_runs(held)) > 1:
            rows = f"SELECT * FROM ({rows}) {_once(('@id', '@type'))}"
        parts.append(rows)
    return " UNION ALL BY NAME ".join(parts)


#: Without an id of its own an event is named by its place.
_ID = 'coalesce("@id", concat("@source", \':\', "@partition", \':\', "@offset")) AS "@id"'


def _once(identity: Iterable[str]) -> str:
    keys = ", ".join(map(quoted, identity))
    return f"QUALIFY row_number() OVER (PARTITION BY {keys}) = 1"


def _runs(files: Iterable[File]) -> set[str]:
    """Return the runs whose records or events are in files."""
    return {stream for file in files for stream in file.streams if stream.startswith("r")}


def _packed_columns(file: File) -> Columns:
    assert file.packed is not None
    return Columns(file.packed.columns, frozenset(file.packed.wide))


def _names(types: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Return names for types: their own, with `_` behind what is taken, and one without quotes.

    DuckDB does not tell names apart by case.
    """
    found: dict[str, tuple[str, str | None]] = {}
    taken = {*TABLES}
    for type_ in sorted(types):
        name = type_
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        found[type_] = name, None
    for type_, (name, _) in found.items():
        alias = re.sub(r"\W", "_", name.lower(), flags=re.ASCII)
        if alias not in taken and not alias[:1].isdigit() and alias.strip("_"):
            taken.add(alias)
            found[type_] = name, alias
    return found


def _has_word(sql: str, word: str | None) -> bool:
    return word is not None and re.search(rf"\b{word}\b", sql, re.IGNORECASE) is not None


def _sql_type(kind: object) -> str:
    return f"{kind[0]}[]" if isinstance(kind, list) else str(kind)
