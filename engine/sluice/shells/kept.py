"""Find what a lake keeps of a match: its record, its events, and what else came at that time."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from sluice.codecs import ATTRIBUTE_KEYS, JsonCodec, read_json
from sluice.errors import InputError, SluiceError
from sluice.io import replace_file
from sluice.lang import covers
from sluice.model import Event, EventRef, Match, event_id
from sluice.shells.lake.failures import DAMAGE, first_line, is_damage
from sluice.shells.lake.layout import EVENTS
from sluice.shells.lake.reader import OpenLake
from sluice.shells.lake.segments import parquet
from sluice.shells.lake.tables import text
from sluice.timing import Instant, format_instant, parse_instant

#: How many events are read at once.
ROWS_AT_ONCE = 5_000
#: How many ids are told where several fit.
_TOLD_MAX = 5

_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
#: An event that a rule emitted is named by its match and a number.
_EMITTED = re.compile(r"([0-9a-f]{32}):\d+\Z")

_ORDER = '"@time", "@source", "@partition", "@offset"'
_COLUMNS = (
    '"@id", "@type", epoch_ms("@time"), "@source", "@partition", "@offset", "@subject", "@zone", '
    '"@key", raw::VARCHAR'
)
_IDENTITY = 'coalesce("@id", concat("@source", \':\', "@partition", \':\', "@offset"))'


class NoSuchMatch(SluiceError):
    """An id that names no match of the lake, or several."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The events of a match in order, and the ids of those that the lake no longer has.

    An event that a rule made is told by the events of the match that made it.
    """

    events: tuple[Event, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """How many events of each type there are, the commonest first, and from when to when."""

    counts: Mapping[str, int]
    first: Instant | None
    last: Instant | None


class KeptLake:
    """A lake that is asked about matches; InputError and ConfigError when there is none."""

    def __init__(self, root: str) -> None:
        self._lake = OpenLake(root)

    @property
    def troubles(self) -> list[str]:
        """What of the lake was left out, and why."""
        return self._lake.troubles

    @property
    def types(self) -> list[str]:
        """The types of events that there are."""
        return sorted(self._lake.files.types)

    def match(self, given: str) -> Match:
        """Return the match that an id names, whole or by its first digits. NoSuchMatch else."""
        rows = self._rows(
            "SELECT raw::VARCHAR FROM matches WHERE starts_with(id, ?) ORDER BY id LIMIT ?",
            [given, _TOLD_MAX + 1],
        )
        if not rows:
            raise NoSuchMatch(
                f"there is no match {given} in {self._lake.lake.root}{self._near(given)}"
            )
        found = [_match(read_json(raw.encode())) for (raw,) in rows]
        if len(found) > 1:
            told = ", ".join(f"{m.id} ({m.rule})" for m in found[:_TOLD_MAX])
            more = ", …" if len(found) > _TOLD_MAX else ""
            raise NoSuchMatch(f"{given} begins several ids: {told}{more}; give more digits")
        return found[0]

    def evidence(self, match: Match) -> Evidence:
        """Return the events of a match."""
        events: dict[tuple[str, str], Event] = {}
        missing: list[str] = []
        self._gather(match.id, events, missing, set())
        return Evidence(tuple(sorted(events.values(), key=_place)), tuple(missing))

    def history(
        self, patterns: Collection[str], since: Instant | None, until: Instant | None
    ) -> Iterator[Event]:
        """Yield the events that inputs brought, and what was extracted from them, in order.

        `patterns` are types as rules name them (`a.b`, `a.*`, `any`); what rules have made is not
        among them.
        """
        types = [t for t in self.types if any(covers(p, t) for p in patterns)]
        parts = []
        if types:
            named = ", ".join(text(t) for t in types)
            parts.append(f"\"@stream\"[1] IN ('s', 'x') AND \"@type\" IN ({named})")
        if "any" in patterns:
            types = self.types
            parts.append("\"@stream\"[1] = 's'")
        bounds = _bounds(since, until)
        query = self._query(types, since, until, f"({' OR '.join(parts)}){bounds}")
        if not parts or query is None:
            return
        with self._reading():
            cursor = self._lake.con.cursor().execute(query)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from map(_event, rows)

    def contents(self, since: Instant | None, until: Instant | None) -> Contents:
        """Return how many events of each type inputs brought, and when the first and last came."""
        paths = self._paths(self.types, since, until)
        if not paths:
            return Contents({}, None, None)
        rows = self._rows(
            'SELECT "@type", count(*), epoch_ms(min("@time")), epoch_ms(max("@time")) '
            f"FROM {parquet(paths)} WHERE \"@stream\"[1] IN ('s', 'x'){_bounds(since, until)} "
            "GROUP BY ALL ORDER BY 2 DESC, 1"
        )
        firsts, lasts = [row[2] for row in rows], [row[3] for row in rows]
        counts = {type_: count for type_, count, *_ in rows}
        return Contents(counts, min(firsts, default=None), max(lasts, default=None))

    def _gather(
        self, id_: str, events: dict[tuple[str, str], Event], missing: list[str], seen: set[str]
    ) -> None:
        """Collect the events of a match and of the matches that it is made of."""
        seen.add(id_)
        rows = self._rows(
            "SELECT event, type, epoch_ms(time) FROM evidence WHERE match = ? ORDER BY number",
            [id_],
        )
        wanted: dict[tuple[str, str], Instant] = {}
        for event, type_, time in rows:
            made = event if type_.startswith("match.") else None
            emitted = _EMITTED.match(event)
            if emitted is not None:
                made = emitted[1]
            if made is None or type_.startswith("clear."):
                wanted[event, type_] = time
            elif made not in seen:
                self._gather(made, events, missing, seen)
        found = self._by_id(wanted)
        events |= found
        missing += [event for event, type_ in wanted if (event, type_) not in found]

    def _by_id(self, wanted: dict[tuple[str, str], Instant]) -> dict[tuple[str, str], Event]:
        if not wanted:
            return {}
        types = {type_ for _, type_ in wanted}
        since, until = min(wanted.values()), max(wanted.values())
        ids = f"{_IDENTITY} IN (SELECT unnest(?))"
        query = self._query(types, since, until, f"{ids}{_bounds(since, until)}")
        if query is None:
            return {}
        rows = self._rows(query, [sorted({event for event, _ in wanted})])
        events = [_event(row) for row in rows]
        return {k: e for e in events if (k := (event_id(e), e.type)) in wanted}

    def _query(
        self, types: Iterable[str], since: Instant | None, until: Instant | None, where: str
    ) -> str | None:
        paths = self._paths(types, since, until)
        if not paths:
            return None
        return f"SELECT {_COLUMNS} FROM {parquet(paths)} WHERE {where} ORDER BY {_ORDER}"

    def _paths(
        self, types: Iterable[str], since: Instant | None, until: Instant | None
    ) -> list[str]:
        """Return the files that can hold events of types and a time."""
        files = self._lake.files
        known = {file.path for held in files.types.values() for file in held}
        mine = {file.path for type_ in types for file in files.types.get(type_, ())}
        # Folders whose names do not tell the type can hold any.
        mine |= {file.path for file in files.tables[EVENTS]} - known
        low = "" if since is None else format_instant(since)[:10]
        high = "~" if until is None else format_instant(until)[:10]
        days = {path: _DAY.search(path) for path in mine}
        return sorted(p for p, day in days.items() if day is None or low <= day[1] <= high)

    def _near(self, given: str) -> str:
        """Say which ids begin most alike."""
        for length in range(len(given) - 1, 2, -1):
            rows = self._rows(
                "SELECT id, rule FROM matches WHERE starts_with(id, ?) ORDER BY id LIMIT 3",
                [given[:length]],
            )
            if rows:
                return "; the nearest: " + ", ".join(f"{id_} ({rule})" for id_, rule in rows)
        ((count,),) = self._rows("SELECT count(*) FROM matches")
        return f"; it holds {count:,} match{'es' * (count != 1)}, none with an id like that"

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._reading():
            return self._lake.con.execute(sql, list(values)).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            root = self._lake.lake.root
            if is_damage(error):
                raise InputError(f"{root}: {DAMAGE}") from None
            raise InputError(
                f"{root}: it cannot be read: {first_line(error)} (when somebody replaces its "
                "files, try again)"
            ) from None


def expired(match: Match, evidence: Evidence) -> InputError:
    """Return what to raise for a match of which events have gone from the lake."""
    gone, all_ = len(evidence.missing), len(evidence.missing) + len(evidence.events)
    return InputError(
        f"{gone:,} of the {all_:,} events of match {match.id} are not in the lake any more "
        f"(expired or forgotten), such as {evidence.missing[0]}: it cannot be shown again"
    )


def lake_secret(root: str) -> tuple[bytes, bool]:
    """Return the secret of a lake that replacements are made with, and whether it will last.

    It is made at the first use. Where the lake cannot be written, one is made for this time only.
    """
    path = os.path.join(root, "capture.secret")
    try:
        with open(path, "rb") as file:
            held = bytes.fromhex(file.read().decode("ascii").strip())
        if len(held) >= 16:
            return held, True
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        raise InputError(f"{path}: it cannot be read as the secret of the lake") from None
    fresh = secrets.token_bytes(32)
    try:
        replace_file(path, fresh.hex().encode() + b"\n")
    except OSError:
        return fresh, False
    return fresh, True


def _match(record: Any) -> Match:
    """Return the match of its record."""
    time, start, end = (parse_instant(record[name]) or 0 for name in ("time", "start", "end"))
    events = [
        EventRef(
            each["id"], each["type"], parse_instant(each["time"]) or 0, each["source"] or "",
            each["alias"], each["position"],
        )
        for each in record["events"]
    ]  # fmt: skip
    return Match(
        record["id"], record["rule"], record["version"], record["key"], time, start, end,
        severity=record["severity"], tags=tuple(record["tags"]), title=record["title"],
        select=record["select"], events=events, event_count=record["event_count"],
        suppressed=record["suppressed"], approximate=record["approximate"],
    )  # fmt: skip


def _event(row: tuple[Any, ...]) -> Event:
    """Return the event of a row, with its fields as the input brought them."""
    id_, type_, time, source, partition, offset, subject, zone, key, raw = row
    return Event(
        type_, time, _fields(raw.encode()), id_, source, partition, offset, subject, zone, key
    )


def _fields(raw: bytes) -> dict[str, Any]:
    value = read_json(raw)
    assert isinstance(value, dict), "the lake keeps objects"
    if "specversion" in value and "@type" not in value:
        made = JsonCodec().decode(raw, ("", 0, 1))
        if isinstance(made, Event):
            return made.fields
    return {name: each for name, each in value.items() if name not in ATTRIBUTE_KEYS}


def _place(event: Event) -> tuple[Instant, str, int, int]:
    return event.time, event.source, event.partition, event.offset


def _bounds(since: Instant | None, until: Instant | None) -> str:
    low = "" if since is None else f' AND "@time" >= make_timestamp_ms({since})'
    return low + ("" if until is None else f' AND "@time" <= make_timestamp_ms({until})')
