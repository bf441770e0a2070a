"""Events of a lake: all of them or those that SQL leaves, in order of time.

Only what came from outside is taken: what rules emitted and what was extracted comes about again,
unless no `extract` of the plan makes the type.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from sluice.backends import (
    ORDER,
    Counts,
    LakeFiles,
    Made,
    Narrowing,
    RowColumns,
    Taken,
    count_queries,
    lake_query,
    lake_rows,
    may_misread,
    needed_rows,
    row_columns,
)  # fmt: skip
from sluice.errors import ConfigError
from sluice.plan import Plan
from sluice.shells.backtest.counts import count_matches
from sluice.shells.backtest.request import Job, Read, Taker
from sluice.shells.backtest.session import FETCH_ROWS, connected, one
from sluice.shells.backtest.sql import narrowed
from sluice.shells.backtest.stream import Deciders
from sluice.shells.collecting import seldom_collected
from sluice.shells.lake.columns import COLUMNS_MAX
from sluice.shells.lake.layout import EVENTS, HEAD, existing_lake
from sluice.shells.lake.reader import File, find_files, leave_out_broken
from sluice.shells.request import RunRequest
from sluice.timing import Instant, format_instant

#: A condition that holds for all rows.
_ALL = "TRUE"


def is_lake(request: RunRequest) -> bool:
    """Say whether the events are in a lake; ConfigError for one among other inputs."""
    lakes = [p for p in request.inputs if os.path.exists(os.path.join(p, HEAD))]
    if lakes and len(request.inputs) > 1:
        raise ConfigError(f"{lakes[0]} is a lake, and there are other inputs: name one or others")
    return bool(lakes)


def over_lake(job: Job, plans: Sequence[tuple[Plan, Taker]], *, is_narrowed: bool) -> Read:
    """Run plans over a lake: over all events, or those that SQL leaves (`is_narrowed`).

    NeedsStream says, before anything is decided, why SQL cannot leave any out.
    """
    started = time.perf_counter()
    read = Read()
    with connected() as (connection, _), seldom_collected():
        files = find_files(existing_lake(job.request.inputs[0]))
        leave_out_broken(connection, files)
        read.failures = tuple(files.troubles)
        groups = list(_groups(files.tables[EVENTS], files.types, job))
        narrow: Narrowing | None = None
        counted: list[tuple[Counts, Taker]] = []
        if is_narrowed:
            plans, counted = _counted(plans, groups, job)
            narrow = narrowed([plan for plan, _ in plans], job) if plans else None
            read.counted = len({name for each, _ in counted for name in each.rules})
            read.kept = 0
        _span(connection, groups, read)
        for each, taker in counted:
            count_matches(connection, each, None if job.request.close else read.last, taker)
        if narrow is not None:
            groups = [group for group in groups if _is_looked_at(group.files, narrow)]
        if plans:
            kept = _decide(connection, groups, narrow, Deciders(job, plans), read)
            read.kept = kept if is_narrowed else None
    read.seconds = time.perf_counter() - started
    return read


def _counted(
    plans: Sequence[tuple[Plan, Taker]], groups: Sequence[Taken], job: Job
) -> tuple[list[tuple[Plan, Taker]], list[tuple[Counts, Taker]]]:
    """Return plans without the rules whose matches SQL can count, and the queries of these."""
    left, counted = [], []
    for plan, taker in plans:
        rest = plan
        if taker.take is None:
            found = count_queries(plan, job.rules, groups, taker.is_by_day)
            counted.append((found, taker))
            rest = replace(plan, rules=tuple(r for r in plan.rules if r.name not in found.rules))
        if rest.rules:
            left.append((rest, taker))
    return left, counted


def _groups(files: Iterable[File], types: dict[str, list[File]], job: Job) -> Iterator[Taken]:
    """Yield the files of events in groups that are read alike."""
    type_of = {file.path: type_ for type_, held in types.items() for file in held}
    made = frozenset(extract.type for extract in job.plan.extracts)
    groups: dict[tuple[str | None, str, tuple[tuple[str, str], ...] | None], list[str]] = {}
    for file in files:
        if not _is_in_time(file.path, job.request):
            continue
        columns = None if file.packed is None else tuple(sorted(file.packed.columns.items()))
        type_ = type_of.get(file.path)
        groups.setdefault((type_, _condition(file, made, job.request), columns), []).append(
            file.path
        )
    for (type_, condition, columns), paths in groups.items():
        held = None if columns is None else dict(columns)
        has_spilled = held is not None and len(held) >= COLUMNS_MAX
        yield Taken(LakeFiles(tuple(paths), type_, held, has_spilled), condition)


def _is_in_time(path: str, request: RunRequest) -> bool:
    """Say whether the day of a file's folder can have events of the time asked for."""
    day = os.path.basename(os.path.dirname(path)).removeprefix("day=")
    low = None if request.since is None else format_instant(request.since)[:10]
    high = None if request.until is None else format_instant(request.until)[:10]
    return (low is None or day >= low) and (high is None or day <= high or not day[:1].isdigit())


def _is_looked_at(files: LakeFiles, narrow: Narrowing) -> bool:
    """Say whether some rule looks at events of the type of files."""
    type_ = files.type
    return type_ is None or any(
        pattern in ("any", type_) or (pattern.endswith(".*") and type_.startswith(pattern[:-1]))
        for pattern in narrow.patterns
    )


def _condition(file: File, made: frozenset[str], request: RunRequest) -> str:
    """Write which rows of a file are taken: their time, and that they came from outside.

    What an extract made is left out where an extract of the rules makes the type again.
    """
    parts = []
    if not all(stream.startswith("s") for stream in file.streams):
        quoted = ", ".join("'" + type_.replace("'", "''") + "'" for type_ in sorted(made))
        extracted = "starts_with(\"@stream\", 'x')"
        if made:
            extracted += f' AND "@type" NOT IN ({quoted})'
        parts.append(f"(starts_with(\"@stream\", 's') OR ({extracted}))")
    if request.since is not None:
        parts.append(f'"@time" >= epoch_ms({request.since})')
    if request.until is not None:
        parts.append(f'"@time" <= epoch_ms({request.until})')
    return " AND ".join(parts) or _ALL


def _span(connection: duckdb.DuckDBPyConnection, groups: list[Taken], read: Read) -> None:
    """Learn how many events there are, and from when to when."""
    whole = [path for group in groups if group.condition == _ALL for path in group.files.paths]
    parts = [_counted_rows(group) for group in groups if group.condition != _ALL]
    if whole:
        # Parquet keeps the bounds of each group of rows, so that no row is read.
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in whole)
        parts.append(
            "SELECT row_group_num_rows AS n, CAST(stats_min_value AS TIMESTAMP) AS low, "
            f"CAST(stats_max_value AS TIMESTAMP) AS high FROM parquet_metadata([{quoted}]) "
            "WHERE path_in_schema = '@time'"
        )
    if not parts:
        return
    span = _span_of(connection, parts)
    if span is None:
        span = _span_of(connection, [_counted_rows(group) for group in groups])
    assert span is not None
    read.events, read.first, read.last = span


def _counted_rows(group: Taken) -> str:
    return (
        'SELECT count(*) AS n, min("@time") AS low, max("@time") AS high '
        f"FROM {lake_rows(group.files)} WHERE {group.condition}"
    )


def _span_of(
    connection: duckdb.DuckDBPyConnection, parts: list[str]
) -> tuple[int, Instant | None, Instant | None] | None:
    """Return how many events some parts have, and their bounds; None where a part lacks them."""
    events, first, last, lacking = one(
        connection,
        "SELECT CAST(coalesce(sum(n), 0) AS BIGINT), epoch_ms(min(low)), epoch_ms(max(high)), "
        "count(*) FILTER (WHERE n > 0 AND (low IS NULL OR high IS NULL)) "
        f"FROM ({' UNION ALL '.join(parts)})",
    )
    return None if lacking else (events, first, last)


def _decide(
    connection: duckdb.DuckDBPyConnection, groups: list[Taken], narrow: Narrowing | None,
    deciders: Deciders, read: Read,
) -> int:  # fmt: skip
    """Let rules see the events in the total order; return how many there were."""
    columns = row_columns(deciders.pipelines, [group.files for group in groups])
    batches = _fetched(connection, groups, narrow, columns)
    return deciders.decide(batches, [columns.maker(p) for p in deciders.pipelines], read)


def _fetched(
    connection: duckdb.DuckDBPyConnection, groups: list[Taken], narrow: Narrowing | None,
    columns: RowColumns,
) -> Iterator[list[tuple[Any, ...]]]:  # fmt: skip
    """Yield the events in the total order; what is extracted comes after what it is made of."""
    parts = [
        lake_query(
            group.files, narrow, Made(columns.names, columns.select(group.files)), group.condition
        )
        for group in groups
    ]
    if not parts:
        return
    may_doubt = narrow is not None and any(may_misread(group.files, narrow) for group in groups)
    rows = needed_rows(narrow, " UNION ALL ".join(parts), columns.names, may_doubt)
    cursor = connection.execute(f"{rows} ORDER BY {ORDER}")
    while fetched := cursor.fetchmany(FETCH_ROWS):
        yield fetched
