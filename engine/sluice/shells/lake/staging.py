"""Rows on their way into a segment: gathered in order, then loaded into DuckDB at once.

What comes as whole JSON lines stays bytes: nothing is made of an event but its time and type.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from sluice.codecs import Defect, mend_json, read_json
from sluice.io import encode_record, hold, is_locked
from sluice.shells.lake.layout import Lake

#: A line has at most 16 MiB; the decoder wants room beyond that.
OBJECT_BYTES_MAX = 64 * 1024 * 1024

#: After each write the thread waits for its turn at the interpreter, 5 ms while rules run.
WRITTEN_TOGETHER_BYTES = 4 * 1024 * 1024
#: So many records are loaded at once, so that little is left to do at the end of a run.
LOADED_TOGETHER = 16_384

#: The columns of `stage`: offset, number of the type, time, and attributes that events bring.
STAGE = (
    "n BIGINT, k INTEGER, t BIGINT, id VARCHAR, source VARCHAR, subject VARCHAR, zone VARCHAR, "
    '"key" VARCHAR, raw JSON'
)
_META = (
    "{n: 'BIGINT', k: 'INTEGER', t: 'BIGINT', id: 'VARCHAR', source: 'VARCHAR', "
    "subject: 'VARCHAR', zone: 'VARCHAR', \"key\": 'VARCHAR'}"
)


#: The file of a staging folder that its process holds.
_ALIVE = "alive"

#: What DuckDB raises about lines that are no JSON to it.
_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException)


class Staging:
    """A place for files that DuckDB reads, and the connection that reads them."""

    def __init__(self, folder: str, memory: str) -> None:
        self.folder = folder
        self._alive = hold(os.path.join(folder, _ALIVE))
        self.con = duckdb.connect(
            ":memory:",
            config={
                "threads": 1, "memory_limit": memory, "temp_directory": folder,
                "preserve_insertion_order": True, "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )  # fmt: skip
        self._names = 0

    def close(self) -> None:
        """Drop everything."""
        self.con.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._alive)

    def file(self) -> str:
        """Return the path of a file that is not there yet."""
        self._names += 1
        return os.path.join(self.folder, f"{self._names}.part")

    def write(self, parts: Iterable[bytes]) -> str:
        """Write a file for DuckDB to read."""
        path = self.file()
        with open(path, "wb", WRITTEN_TOGETHER_BYTES) as file:
            file.writelines(parts)
        return path


def make_staging(lake: Lake, memory: str = "512MB") -> Staging:
    """Make a place in a lake; take those away whose process has ended."""
    above = lake.path("staging")
    os.makedirs(above, exist_ok=True)
    for name in os.listdir(above):
        alive = os.path.join(above, name, _ALIVE)
        if os.path.exists(alive) and not is_locked(alive):
            shutil.rmtree(os.path.join(above, name), ignore_errors=True)
    return Staging(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=above), memory)


class Types:
    """Numbers for the types of a block, in the order of their first event."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, type_: str) -> int:
        """Return the number of a type."""
        return self.numbers.setdefault(type_, len(self.numbers))

    @property
    def names(self) -> list[str]:
        """The types by number."""
        return list(self.numbers)


class Lines:
    """Whole lines of JSON, with the time and type of each; their bytes are in a file."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._path = staging.file()
        self._file = open(self._path, "wb", WRITTEN_TOGETHER_BYTES)
        self._times: list[int] = []
        self._types: list[str] = []
        self._spans: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._times)

    def add(self, data: bytes, first: int, times: Sequence[int], types: Sequence[str]) -> None:
        """Take lines, each with its line end; the first is offset `first`."""
        self._file.write(data)
        self._times += times
        self._types += types
        if self._spans and sum(self._spans[-1]) == first:
            first, count = self._spans.pop()
            self._spans.append((first, count + len(times)))
        else:
            self._spans.append((first, len(times)))

    def load(self, types: Types) -> None:
        """Add the lines to the table `stage`."""
        self._file.flush()
        staging, count = self._staging, len(self)
        kinds = {name: str(types.number(name)) for name in dict.fromkeys(self._types)}
        made = [
            staging.write(["\n".join(map(str, self._times)).encode(), b"\n"]),
            staging.write(["\n".join(map(kinds.__getitem__, self._types)).encode(), b"\n"]),
        ]
        offsets = f"{self._spans[0][0]} + row_number() OVER () - 1"
        if len(self._spans) > 1:
            numbers = (n for first, held in self._spans for n in range(first, first + held))
            made.append(staging.write(f"{n}\n".encode() for n in numbers))
            offsets = "o.o"
        try:
            if not self._loaded(self._path, made, offsets, count):
                with open(self._path, "rb") as file:
                    mended = staging.write(_mended(staging.con, file))
                made.append(mended)
                assert self._loaded(mended, made, offsets, count)
        finally:
            for path in made:
                os.unlink(path)

    def _loaded(self, path: str, made: Sequence[str], offsets: str, count: int) -> bool:
        """Insert the lines; False when some line is no JSON that DuckDB reads."""
        con = self._staging.con
        joined = f"{_objects(path)} AS r POSITIONAL JOIN {_column(made[0], 't')} AS t"
        joined += f" POSITIONAL JOIN {_column(made[1], 'k')} AS k"
        if offsets == "o.o":
            joined += f" POSITIONAL JOIN {_column(made[2], 'o')} AS o"
        con.execute("BEGIN")
        try:
            con.execute(
                f"INSERT INTO stage SELECT {offsets}, k.k, t.t, NULL, NULL, NULL, NULL, NULL, "
                f"r.json FROM {joined}"
            )
            row = con.execute("SELECT count(*), count(raw), count(t) FROM stage").fetchone()
        except _REFUSED:
            con.execute("ROLLBACK")
            return False
        is_whole = row == (count, count, count)
        con.execute("COMMIT" if is_whole else "ROLLBACK")
        return is_whole

    def close(self) -> None:
        """Drop the lines."""
        self._file.close()
        os.unlink(self._path)


class Events:
    """Events that are not the lines they came in: attributes, and fields as JSON."""

    def __init__(self) -> None:
        self._metas: list[Mapping[str, Any]] = []
        self._raws: list[bytes] = []

    def __len__(self) -> int:
        return len(self._raws)

    def add(self, meta: Mapping[str, Any], raw: bytes) -> None:
        """Take an event: `n`, `type`, `t` and the attributes that it brings, and its JSON line."""
        self._metas.append(meta)
        self._raws.append(raw)

    def load(self, staging: Staging, types: Types) -> None:
        """Add the events to the table `stage`."""
        lines = (encode_record({**meta, "k": types.number(meta["type"])}) for meta in self._metas)
        paths = [staging.write(lines), staging.write(self._raws)]
        insert = (
            'INSERT INTO stage SELECT m.n, m.k, m.t, m.id, m.source, m.subject, m.zone, m."key", '
            f"r.json FROM read_ndjson('{_quoted(paths[0])}', columns = {_META}, "
            f"maximum_object_size = {OBJECT_BYTES_MAX}) AS m POSITIONAL JOIN "
        )
        try:
            staging.con.execute(insert + f"{_objects(paths[1])} AS r")
        except _REFUSED:
            paths.append(staging.write(_mended(staging.con, self._raws)))
            staging.con.execute(insert + f"{_objects(paths[2])} AS r")
        finally:
            for path in paths:
                os.unlink(path)


class Records:
    """Records of a run in the order of their numbers, loaded into a table of DuckDB as they come.

    `table` is what it is called: number `n`, text `raw`, and the record as the struct `s`.
    """

    def __init__(self, staging: Staging, table: str, structure: str) -> None:
        self.table = table
        self._staging, self._structure = staging, structure
        self.begin(0)

    def begin(self, first: int) -> None:
        """Forget the records; the next one has this number."""
        self.first = self.next = first
        self._lines: list[bytes] = []
        self._insert = f"CREATE OR REPLACE TEMP TABLE {self.table} AS"

    def add(self, lines: Sequence[bytes]) -> None:
        """Take JSON lines."""
        self._lines += lines
        if len(self._lines) >= LOADED_TOGETHER:
            self.load()

    def load(self) -> None:
        """Bring everything into the table."""
        path = self._staging.write(self._lines)
        try:
            self._staging.con.execute(
                f"{self._insert} SELECT {self.next} + row_number() OVER () - 1 AS n, json AS raw, "
                f"json_transform(json, {self._structure}) AS s FROM {_objects(path)}"
            )
        finally:
            os.unlink(path)
        self.next += len(self._lines)
        self._lines.clear()
        self._insert = f"INSERT INTO {self.table}"


def _objects(path: str) -> str:
    return (
        f"read_ndjson_objects('{_quoted(path)}', format = 'newline_delimited', "
        f"maximum_object_size = {OBJECT_BYTES_MAX})"
    )


def _column(path: str, name: str) -> str:
    return (
        f"read_csv('{_quoted(path)}', columns = {{'{name}': 'BIGINT'}}, header = false, "
        "auto_detect = false, delim = ',')"
    )


def _quoted(path: str) -> str:
    return path.replace("'", "''")


def _mended(con: duckdb.DuckDBPyConnection, lines: Iterable[bytes]) -> Iterable[bytes]:
    """Yield lines as JSON that DuckDB reads: what no rule reads may be broken.

    Each line is judged by itself, so that it is the same whatever stands beside it.
    """
    for line in lines:
        if _is_read(con, line):
            yield line
            continue
        value = read_json(line)
        if isinstance(value, Defect):
            mended = mend_json(line)
            value = {} if isinstance(mended, Defect) else mended.value
        yield encode_record(value)


def _is_read(con: duckdb.DuckDBPyConnection, line: bytes) -> bool:
    try:
        row = con.execute("SELECT json_valid(?)", [line.decode()]).fetchone()
    except (UnicodeDecodeError, *_REFUSED):
        return False
    return row is not None and bool(row[0])
