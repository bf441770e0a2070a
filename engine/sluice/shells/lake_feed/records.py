"""Records of one partition of a topic, on their way into segments of a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sluice.io import encode_record
from sluice.shells.lake.layout import NO_DAY, Lake, day_folder
from sluice.shells.lake.segments import Span, Writer
from sluice.shells.lake.staging import OBJECT_BYTES_MAX, Staging
from sluice.shells.lake.tables import evidence_rows, name, record_rows, structure, text


class Tools(NamedTuple):
    """What writes segments."""

    lake: Lake
    staging: Staging
    writer: Writer


#: The folders in which a stream has segments, by the first offset of the block.
There = Mapping[int, Collection[str]]


class RecordBlocks:
    """Records by the offset that they have in their topic; the last block stays open.

    `there` says which blocks have segments already, and where. Rows of the block that were there
    and are read again are replaced by the same.
    """

    def __init__(self, table: str, stream: str, low: int, tools: Tools, there: There) -> None:
        self.table, self._stream, self._low, self._there = table, stream, low, there
        self._tools = tools
        self._rows = _Held(tools.staging, f"rows_{stream}", structure(table))
        self._next = low
        self._begin(low)

    def add(self, offset: int, line: bytes) -> None:
        """Take a record; offsets grow."""
        self._reach(offset)
        self._rows.add(offset, line)

    def flush(self) -> None:
        """Bring everything into segments."""
        if self._rows.load() == 0:
            return
        lake = self._tools.lake
        low, high = max(self._low, self._first), self._next
        span = Span(self._stream, self._first, lake.segment_offsets, low, high)
        self._put(self.table, record_rows(self.table, self._stream, self._rows.quoted), span)
        if self.table == "matches":
            rows = evidence_rows(self._stream, self._rows.quoted, lists_all=False)
            self._put("evidence", f'{rows} ORDER BY "@offset", number', span)
        self._written = high

    def close(self) -> None:
        """Drop what is held."""
        self._rows.drop()

    def _reach(self, offset: int) -> None:
        size = self._tools.lake.segment_offsets
        if offset >= self._first + size:
            self.flush()
            self.close()
            self._begin(offset)
        self._next = offset + 1

    def _begin(self, offset: int) -> None:
        size = self._tools.lake.segment_offsets
        self._first = offset // size * size
        self._written = self._first

    def _put(self, table: str, query: str, span: Span) -> None:
        """Write the rows of those days that have new ones."""
        con = self._tools.staging.con
        if self._written > span.low:
            gone: set[str] = set()
        else:
            gone = {f for f in self._there.get(span.first, ()) if f.startswith(f"{table}{os.sep}")}
        for day in self._days(table, query):
            folder = day_folder(table, day)
            gone.discard(folder)
            con.execute(f"CREATE OR REPLACE TEMP VIEW new_rows AS {_of_day(table, query, day)}")
            self._tools.writer.put(folder, span, "replace")
        for folder in sorted(gone):
            con.execute(f"CREATE OR REPLACE TEMP VIEW new_rows AS FROM ({query}) WHERE false")
            self._tools.writer.put(folder, span, "replace")

    def _days(self, table: str, query: str) -> list[str]:
        """List the days of rows that are in no segment yet."""
        day = _day_of(table)
        found = self._tools.staging.con.execute(
            f'SELECT DISTINCT {day} FROM ({query}) WHERE "@offset" >= {self._written} ORDER BY 1'
        ).fetchall()
        return [day for (day,) in found]


class _Held:
    """A table of records that DuckDB holds: offset `n`, text `raw`, and the record as `s`."""

    def __init__(self, staging: Staging, table: str, structure: str) -> None:
        self.quoted = name(table)
        self._staging, self._structure = staging, structure
        self._waiting: list[bytes] = []
        self._is_there = False

    def add(self, offset: int, line: bytes) -> None:
        """Take a record as a line."""
        text = line.decode().removesuffix("\n")
        self._waiting.append(encode_record({"n": offset, "r": text}))

    def load(self) -> int:
        """Bring what waits into the table; return how many there were."""
        count, con = len(self._waiting), self._staging.con
        made = f"SELECT n, r::JSON AS raw, json_transform(r, {self._structure}) AS s FROM"
        if not self._is_there:
            nothing = "(SELECT 0::BIGINT AS n, '{}' AS r WHERE false)"
            con.execute(f"CREATE TABLE {self.quoted} AS {made} {nothing}")
            self._is_there = True
        if not count:
            return 0
        path = self._staging.write(self._waiting)
        try:
            con.execute(
                f"INSERT INTO {self.quoted} {made} read_ndjson({text(path)}, "
                "columns = {n: 'BIGINT', r: 'VARCHAR'}, "
                f"maximum_object_size = {OBJECT_BYTES_MAX})"
            )
        finally:
            os.unlink(path)
        self._waiting.clear()
        return count

    def drop(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        if self._is_there:
            self._staging.con.execute(f"DROP TABLE {self.quoted}")
            self._is_there = False


def _day_of(table: str) -> str:
    """The expression for the day of a row."""
    if table == "rejected":
        return text(NO_DAY)
    return f'coalesce(CAST("{_time_column(table)}" AS DATE)::VARCHAR, {text(NO_DAY)})'


def _of_day(table: str, query: str, day: str) -> str:
    return f"SELECT * FROM ({query}) WHERE {_day_of(table)} = {text(day)}"


def _time_column(table: str) -> str:
    return "decided" if table == "evidence" else "time"
