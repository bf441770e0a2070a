"""Check a lake: every file can be read, holds what its name says, and nothing is there twice."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import duckdb

from sluice.shells.lake.failures import first_line
from sluice.shells.lake.layout import EVENTS, Lake, folder_day, folder_type, parse_segment
from sluice.shells.lake.reader import File, find_files, leave_out_broken
from sluice.shells.lake.segments import parquet
from sluice.shells.lake.tables import text
from sluice.shells.lake.upkeep import workbench

#: The column whose day is that of the folder.
_DAY_OF = {EVENTS: "@time", "evidence": "decided", "runs": "started"}
_NO_DAY = ("rejected",)


@dataclass(slots=True)
class Checked:
    """What was looked at, and what is wrong: sentences that begin with the file."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings


def check_lake(lake: Lake) -> Checked:
    """Read every file of a lake."""
    done = Checked()
    with workbench(lake) as con:
        files = find_files(lake)
        leave_out_broken(con, files)
        done.findings += files.troubles
        for table, held in files.tables.items():
            for file in held:
                done.files += 1
                done.bytes += os.path.getsize(file.path)
                rows, wrong = _check(con, lake, table, file)
                done.rows += rows
                done.findings += [f"{file.path}: {each}" for each in wrong]
            _find_doubles(con, table, held, done.findings)
    return done


def _check(
    con: duckdb.DuckDBPyConnection, lake: Lake, table: str, file: File
) -> tuple[int, list[str]]:
    """Return how many rows a file has, and what is wrong with it."""
    folder = os.path.relpath(os.path.dirname(file.path), lake.root)
    tests = {"count(*)": "", **_tests(lake, table, folder, file)}
    try:
        # Every value is read, for a page can be damaged where the foot of a file is not.
        con.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {parquet([file.path])}").fetchall()
        found = con.execute(f"SELECT {', '.join(tests)} FROM {parquet([file.path])}").fetchone()
    except duckdb.Error as error:
        return 0, [f"it cannot be read: {first_line(error)}"]
    assert found is not None
    wrong = [f"{count} rows {what}" for count, what in zip(found, tests.values(), strict=True)
             if what and count]  # fmt: skip
    if file.packed is not None and file.packed.rows != found[0]:
        wrong.append(f"it has {found[0]} rows, and its manifest says {file.packed.rows}")
    return int(found[0]), wrong


def _tests(lake: Lake, table: str, folder: str, file: File) -> dict[str, str]:
    """Return counts of rows that lie in the wrong place, with what to say of them."""
    tests = {}
    day, type_ = folder_day(folder), folder_type(folder) if table == EVENTS else None
    if day is not None and table not in _NO_DAY:
        column = _DAY_OF.get(table, "time")
        wrong = f"count(*) FILTER (CAST(\"{column}\" AS DATE) <> DATE '{day.isoformat()}')"
        tests[wrong] = "are of another day"
    if type_ is not None:
        tests[f'count(*) FILTER ("@type" <> {text(type_)})'] = "are of another type"
    segment = parse_segment(os.path.basename(file.path))
    if segment is not None:
        stream, first = segment
        last = first + lake.segment_offsets
        outside = f'"@offset" < {first} OR "@offset" >= {last}'
        tests[f"count(*) FILTER (\"@stream\" <> '{stream}' OR {outside})"] = (
            "are of another segment"
        )
    return tests


def _find_doubles(
    con: duckdb.DuckDBPyConnection, table: str, files: list[File], findings: list[str]
) -> None:
    """Find rows of a stream that are in two places."""
    if len(files) < 2:
        return
    identity = {
        EVENTS: '"@stream", "@offset", "@type", "@id"',
        "evidence": '"@stream", "@offset", match, number',
    }.get(table, '"@stream", "@offset"')
    try:
        found = con.execute(
            f"SELECT list(DISTINCT filename ORDER BY filename), count(*) FROM "
            f"{parquet([file.path for file in files], ', filename = true')} "
            f"GROUP BY {identity} HAVING count(DISTINCT filename) > 1 LIMIT 1"
        ).fetchone()
    except duckdb.Error:
        return  # the file that cannot be read is a finding already
    if found is not None:
        findings.append(f"{found[0][0]}: rows of it are in {found[0][1]} too")
