"""SQL over kept events: DuckDB reads and narrows, the operators of the stream decide.

DuckDB goes through all lines and leaves those that a rule has to see; a pipeline takes these in
order of time. What SQL cannot vouch for (a line whose time it cannot tell, events that came too
late) makes it give up before anything is decided: `NeedsStream` says why.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from sluice.backends import LineQuery, Narrowing, line_query, narrowing, needed_rows
from sluice.codecs import Codec, JsonCodec, make_codec
from sluice.errors import InputError
from sluice.io import STDIN, is_compressed
from sluice.model import Event
from sluice.plan import Plan
from sluice.shells.backtest.request import Job, NeedsStream, Read, Taker
from sluice.shells.backtest.session import FETCH_ROWS, connected, one
from sluice.shells.backtest.spool import TIME_KEY, TYPE_KEY, spool
from sluice.shells.backtest.stream import Deciders, input_options, input_paths
from sluice.shells.collecting import seldom_collected
from sluice.timing import Instant

#: So many lines that SQL cannot read are looked at one by one.
ODD_LINES_MAX = 10_000

#: How many bytes of a file are looked at for its first event.
HEAD_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class _File:
    """An input, the file whose lines SQL reads, and the table that holds them.

    `events` are those of the lines where SQL reads what a codec has decoded before.
    """

    path: str
    name: str
    lines: str
    table: str
    events: tuple[Event, ...] | None = None

    def event(self, codec: Codec, number: int, line: str) -> Event | None:
        """Return the event of a line, None when it is none."""
        if self.events is not None:
            return self.events[number - 1]
        found = codec.decode(line.encode().removesuffix(b"\r"), (self.name, 0, number))
        return found if isinstance(found, Event) else None


def by_sql(job: Job, plans: Sequence[tuple[Plan, Taker]]) -> Read:
    """Run plans over the events that SQL leaves; NeedsStream before anything is decided."""
    started = time.perf_counter()
    narrow = narrowed([plan for plan, _ in plans], job)
    codec = make_codec(job.request.codec, input_options(job.request), job.codecs)
    read = Read()
    with connected() as (connection, folder), seldom_collected():
        files = []
        for number, path in enumerate(input_paths(job.request)):
            name, table = job.request.source or path, f"lines_{number}"
            reason = _unreadable(job, codec, path)
            if reason is None:
                file = _File(path, name, path, table)
                query = _query(job, codec, path, name)
            elif path != STDIN:
                target = os.path.join(folder, table)
                events, rejected = spool(codec, path, name, target)
                read.rejected += rejected
                file = _File(path, name, target, table, tuple(events))
                query = _spool_query(job, target) if events else None
            else:
                raise NeedsStream(reason)
            if query is not None:  # else no line of it is an event
                _read_file(connection, file, line_query(query, narrow))
                _check_odd(connection, file, codec, read)
                _check_order(connection, file, job)
                files.append(file)
        if files:
            _span(connection, files, job, read)
        deciders = Deciders(job, plans)
        if isinstance(codec, JsonCodec):
            codec.read_only(deciders.reads)
        read.kept = deciders.decide_events(
            _kept_events(connection, files, narrow, codec, read), read
        )
    read.seconds = time.perf_counter() - started
    return read


def narrowed(plans: Sequence[Plan], job: Job) -> Narrowing:
    """Return what SQL asks for all of some plans; NeedsStream when one has to see everything."""
    rules = tuple(rule for plan in plans for rule in plan.rules)
    narrow = narrowing(replace(plans[0], rules=rules), job.catalog)
    for rule in narrow.open_rules:
        raise NeedsStream(f"{rule.rule}: {rule.reason}")
    return narrow


def _unreadable(job: Job, codec: Codec, path: str) -> str | None:
    """Say why SQL cannot read an input where it is."""
    if not isinstance(codec, JsonCodec):
        return f"SQL does not read the codec {codec.name}"
    if job.request.strict_input:
        return "--strict-input reads every field"
    if path == STDIN or not os.path.isfile(path):
        return f"{path} is no file, and SQL reads it twice"
    with open(path, "rb") as file:
        head = file.read(64)
    if is_compressed(head):
        return f"{path} is compressed"
    if head and codec.framing(head) != "lines":
        return f"{path} is one array, not a line an event"
    return None


def _spool_query(job: Job, target: str) -> LineQuery:
    request = job.request
    return LineQuery(target, (TYPE_KEY,), (TIME_KEY,), low=request.since, high=request.until)


def _read_file(connection: duckdb.DuckDBPyConnection, file: _File, sql: str | None) -> None:
    """Go through a file: one row a line, whose text stays only where rules have to see it."""
    if sql is None:
        raise NeedsStream("a name of a field has letters that SQL cannot look for")
    try:
        connection.execute(f"CREATE TEMP TABLE {file.table} AS {sql}")
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise NeedsStream(f"SQL cannot read {file.path}: {reason}") from error
    lines = one(connection, f"SELECT count(*) FROM {file.table}")[0]
    counted = _count_lines(file.lines)
    if lines != counted:
        raise NeedsStream(f"SQL finds {lines:,} lines in {file.path}, and there are {counted:,}")


def _query(job: Job, codec: Codec, path: str, name: str) -> LineQuery | None:
    """Learn from the first event of a file where type and time are; None without an event."""
    request = job.request
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    lines = head.split(b"\n")
    for number, line in enumerate(lines, 1):
        if isinstance(codec.decode(line.removesuffix(b"\r"), (name, 0, number)), Event):
            break
    else:
        if len(lines) > 1 and os.path.getsize(path) > HEAD_BYTES:
            raise NeedsStream(f"the first {HEAD_BYTES:,} bytes of {path} hold no event")
        return None
    settled = codec.settled(name)
    if settled is None:
        raise NeedsStream(f"{path} holds CloudEvents")
    type_keys = ("@type", settled.type_field or request.type_field)
    time_keys = ("@time", settled.time_field or request.time_field)
    return LineQuery(
        path, tuple(k for k in type_keys if k), tuple(k for k in time_keys if k),
        request.type, request.time_unit, request.since, request.until,
        lines[0].endswith(b"\r"),
    )  # fmt: skip


def _count_lines(path: str) -> int:
    ends, last = 0, b"\n"
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            ends += block.count(b"\n")
            last = block[-1:]
    return ends + (last != b"\n")


def _check_odd(
    connection: duckdb.DuckDBPyConnection, file: _File, codec: Codec, read: Read
) -> None:
    """Look at the lines that SQL cannot read; NeedsStream when one of them is an event."""
    odd = f"FROM {file.table} WHERE is_odd AND line IS NOT NULL"
    count = one(connection, f"SELECT count(*) {odd}")[0]
    if count > ODD_LINES_MAX:
        raise NeedsStream(f"SQL cannot read {count:,} lines of {file.path}")
    rows = connection.execute(f"SELECT rowid + 1, line {odd} ORDER BY rowid").fetchall()
    for number, line in rows:
        if file.event(codec, number, line) is not None:
            raise NeedsStream(f"{file.path}, line {number}: SQL cannot tell its type or time")
        read.rejected += 1


def _check_order(connection: duckdb.DuckDBPyConnection, file: _File, job: Job) -> None:
    """Raise NeedsStream when events come too late: rules with state do not see those."""
    request = job.request
    if request.sort:
        return
    late = one(
        connection,
        f"SELECT count(*) FROM (SELECT event_ms, max(event_ms) OVER (ROWS UNBOUNDED PRECEDING) "
        f"AS seen FROM {file.table} WHERE event_ms IS NOT NULL {_between(job)}) "
        f"WHERE event_ms < seen - {request.lateness_ms}",
    )[0]
    if late:
        raise NeedsStream(f"{late:,} events of {file.path} come too late (--sort takes them)")


def _between(job: Job) -> str:
    request = job.request
    low = "" if request.since is None else f" AND event_ms >= {request.since}"
    high = "" if request.until is None else f" AND event_ms <= {request.until}"
    return low + high


def _span(connection: duckdb.DuckDBPyConnection, files: list[_File], job: Job, read: Read) -> None:
    parts = " UNION ALL ".join(
        f"SELECT event_ms FROM {file.table} WHERE event_ms IS NOT NULL {_between(job)}"
        for file in files
    )
    read.first, read.last, read.events = one(
        connection, f"SELECT min(event_ms), max(event_ms), count(*) FROM ({parts})"
    )


def _kept_events(
    connection: duckdb.DuckDBPyConnection, files: list[_File], narrow: Narrowing, codec: Codec,
    read: Read,
) -> Iterator[Event]:  # fmt: skip
    """Yield the events of the lines that rules have to see, in the total order."""
    ordered = sorted(files, key=lambda file: file.name)
    parts = " UNION ALL ".join(
        f"SELECT {rank} AS file, rowid + 1 AS number, * FROM {file.table} "
        f"WHERE NOT is_odd AND line IS NOT NULL"
        for rank, file in enumerate(ordered)
    )
    if not parts:
        return
    rows = needed_rows(narrow, parts, ("event_ms", "file", "number", "line"))
    cursor = connection.execute(f"{rows} ORDER BY event_ms, file, number")
    while fetched := cursor.fetchmany(FETCH_ROWS):
        for at, rank, number, line in fetched:
            file = ordered[rank]
            found = file.event(codec, number, line)
            if found is None:
                read.rejected += 1
                continue
            _check_time(found, at, file, number)
            yield found


def _check_time(event: Event, at: Instant, file: _File, number: int) -> None:
    """Raise InputError when SQL has read another time than the codec: the order is wrong then."""
    if event.time != at:
        raise InputError(
            f"{file.path}, line {number}: SQL reads its time as {at} ms, and it is "
            f"{event.time}: take --engine stream"
        )
