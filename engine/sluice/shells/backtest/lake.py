"""Events of a lake: all of them or those that SQL leaves, in order of time.

Only what came from outside is taken: what rules emitted and what was extracted comes about again,
unless no `extract` of the plan makes the type.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb

from sluice.backends import EVENT_COLUMNS, LakeFiles, Narrowing, lake_query, needed_rows
from sluice.codecs import ATTRIBUTE_KEYS, Defect, mend_json, read_json
from sluice.errors import ConfigError
from sluice.model import Event
from sluice.plan import Plan
from sluice.shells.backtest.request import Job, Read
from sluice.shells.backtest.session import FETCH_ROWS, connected, one
from sluice.shells.backtest.sql import narrowed
from sluice.shells.backtest.stream import Deciders, Take
from sluice.shells.collecting import seldom_collected
from sluice.shells.lake.columns import COLUMNS_MAX
from sluice.shells.lake.layout import EVENTS, HEAD, existing_lake
from sluice.shells.lake.reader import File, find_files, leave_out_broken
from sluice.shells.request import RunRequest
from sluice.timing import format_instant


def is_lake(request: RunRequest) -> bool:
    """Say whether the events are in a lake; ConfigError for one among other inputs."""
    lakes = [p for p in request.inputs if os.path.exists(os.path.join(p, HEAD))]
    if lakes and len(request.inputs) > 1:
        raise ConfigError(f"{lakes[0]} is a lake, and there are other inputs: name one or others")
    return bool(lakes)


def over_lake(job: Job, plans: Sequence[tuple[Plan, Take]], *, is_narrowed: bool) -> Read:
    """Run plans over a lake: over all events, or those that SQL leaves (`is_narrowed`).

    NeedsStream says, before anything is decided, why SQL cannot leave any out.
    """
    started = time.perf_counter()
    narrow = narrowed([plan for plan, _ in plans], job) if is_narrowed else None
    read = Read()
    with connected() as (connection, _), seldom_collected():
        files = find_files(existing_lake(job.request.inputs[0]))
        leave_out_broken(connection, files)
        read.failures = tuple(files.troubles)
        groups = list(_groups(files.tables[EVENTS], files.types, job))
        _span(connection, groups, job, read)
        if narrow is not None:
            groups = [group for group in groups if _is_looked_at(group, narrow)]
        kept = Deciders(job, plans).decide(_events(connection, groups, narrow, job), read)
    read.kept = kept if is_narrowed else None
    read.seconds = time.perf_counter() - started
    return read


def _groups(files: Iterable[File], types: dict[str, list[File]], job: Job) -> Iterator[LakeFiles]:
    """Yield the files of events in groups that are read alike."""
    type_of = {file.path: type_ for type_, held in types.items() for file in held}
    groups: dict[tuple[str | None, tuple[tuple[str, str], ...] | None], list[str]] = {}
    for file in files:
        if not _is_in_time(file.path, job.request):
            continue
        columns = None if file.packed is None else tuple(sorted(file.packed.columns.items()))
        groups.setdefault((type_of.get(file.path), columns), []).append(file.path)
    for (type_, columns), paths in groups.items():
        held = None if columns is None else dict(columns)
        has_spilled = held is not None and len(held) >= COLUMNS_MAX
        yield LakeFiles(tuple(paths), type_, held, has_spilled)


def _is_in_time(path: str, request: RunRequest) -> bool:
    """Say whether the day of a file's folder can have events of the time asked for."""
    day = os.path.basename(os.path.dirname(path)).removeprefix("day=")
    low = None if request.since is None else format_instant(request.since)[:10]
    high = None if request.until is None else format_instant(request.until)[:10]
    return (low is None or day >= low) and (high is None or day <= high or not day[:1].isdigit())


def _is_looked_at(group: LakeFiles, narrow: Narrowing) -> bool:
    """Say whether some rule looks at events of a group's type."""
    type_ = group.type
    return type_ is None or any(
        pattern in ("any", type_) or (pattern.endswith(".*") and type_.startswith(pattern[:-1]))
        for pattern in narrow.patterns
    )


def _condition(job: Job) -> str:
    """Write which rows are taken: their time, and that they came from outside."""
    made = sorted({extract.type for extract in job.plan.extracts})
    quoted = ", ".join("'" + type_.replace("'", "''") + "'" for type_ in made)
    own = "starts_with(\"@stream\", 's')"
    extracted = "starts_with(\"@stream\", 'x')"
    if made:
        extracted += f' AND "@type" NOT IN ({quoted})'
    parts = [f"({own} OR ({extracted}))"]
    if job.request.since is not None:
        parts.append(f'"@time" >= epoch_ms({job.request.since})')
    if job.request.until is not None:
        parts.append(f'"@time" <= epoch_ms({job.request.until})')
    return " AND ".join(parts)


def _span(
    connection: duckdb.DuckDBPyConnection, groups: list[LakeFiles], job: Job, read: Read
) -> None:
    """Learn how many events there are, and from when to when."""
    parts = [lake_query(group, None, _condition(job)) for group in groups]
    if parts:
        read.events, read.first, read.last = one(
            connection,
            "SELECT count(*), min(event_ms), max(event_ms) FROM "
            f"({' UNION ALL '.join(f'SELECT event_ms FROM ({part})' for part in parts)})",
        )


def _events(
    connection: duckdb.DuckDBPyConnection, groups: list[LakeFiles], narrow: Narrowing | None,
    job: Job,
) -> Iterator[Event]:  # fmt: skip
    """Yield the events in the total order; what is extracted comes after what it is made of."""
    parts = [lake_query(group, narrow, _condition(job)) for group in groups]
    if not parts:
        return
    columns = ("event_ms", *(f'"{name}"' if name[0] == "@" else name for name in EVENT_COLUMNS))
    cursor = connection.execute(
        f"{needed_rows(narrow, ' UNION ALL '.join(parts), columns)} "
        'ORDER BY event_ms, "@source", "@partition", "@offset", "@id" NULLS FIRST, "@type"'
    )
    while rows := cursor.fetchmany(FETCH_ROWS):
        for at, type_, id_, source, partition, offset, subject, zone, key, raw in rows:
            fields = _fields(raw.encode())
            yield Event(type_, at, fields, id_, source or "", partition, offset, subject, zone, key)


def _fields(line: bytes) -> dict[str, Any]:
    """Return the fields of an event's text: all its members but the attributes."""
    value = read_json(line)
    if isinstance(value, Defect):
        mended = mend_json(line)
        value = {} if isinstance(mended, Defect) else mended.value
    if ATTRIBUTE_KEYS.isdisjoint(value):
        return value
    return {name: held for name, held in value.items() if name not in ATTRIBUTE_KEYS}
