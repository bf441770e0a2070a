"""Functions of time. Zones are those of the IANA time zone database; without one it is UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sluice.catalog.catalog import Function
from sluice.catalog.signatures import in_64_bits, takes, whole
from sluice.model import BOOL, DURATION, FLOAT, INT, STRING, TIME
from sluice.timing import (
    DAY_MS,
    HOUR_MS,
    INSTANT_MAX,
    INSTANT_MIN,
    MINUTE_MS,
    SECOND_MS,
    to_datetime,
)  # fmt: skip

#: How many names of zones and schedules are remembered.
ZONE_MEMO_MAX = 1_024
SCHEDULE_MEMO_MAX = 1_024

_DAYS = {"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7}
_CLOCK_UNITS = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": HOUR_MS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_HOURS = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of some days of the week; `end` at or before `start` is on the next day.

    `days` are 1 (Monday) to 7, `start` and `end` minutes of the day by the wall clock of `zone`.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: tzinfo

    def holds(self, local: datetime) -> bool:
        """Return whether a local time lies in it; the end does not."""
        minute, day = local.hour * 60 + local.minute, local.isoweekday()
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return day in self.days
        return minute < self.end and (day - 2) % 7 + 1 in self.days


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (*_calendar(), *_clock(), *_units())


def _calendar() -> tuple[Function, ...]:
    moment = takes(("time", TIME), optional=(("zone", STRING),))
    return (
        Function(
            "hour", moment, INT, hour,
            "Return the hour of the day, 0 to 23.",
            ('hour("2026-07-01T22:30:00Z", "Europe/Berlin")', "0"),
        ),
        Function(
            "weekday", moment, INT, weekday,
            "Return the day of the week, 1 (Monday) to 7 (Sunday) as in ISO 8601.",
            ('weekday("2026-01-04T12:00:00Z")', "7"),
        ),
        Function(
            "date_trunc",
            takes(("unit", STRING), ("time", TIME), optional=(("zone", STRING),)), TIME, date_trunc,
            "Return the start of the second, minute, hour, day, week (Monday), month, quarter or "
            "year in which the time lies, by the clocks of the zone.",
            (
                'date_trunc("day", "2026-03-29T12:00:00Z", "Europe/Berlin")',
                '"2026-03-28T23:00:00.000Z"',
            ),
        ),
    )  # fmt: skip


def _clock() -> tuple[Function, ...]:
    return (
        Function(
            "now", (), TIME, lambda now: now,
            "Return the time of the event or the deadline that is being decided; nothing in a "
            "rule reads the wall clock.",
            ("age(now())", "0s"), needs_now=True,
        ),
        Function(
            "age", takes(("time", TIME)), DURATION, age,
            "Return how long ago a time was: `now() - time`, negative for what is to come.",
            ("age(now())", "0s"), needs_now=True,
        ),
        Function(
            "during", takes(("time", TIME), ("schedule", STRING)), BOOL, during,
            "Return whether a time lies in a schedule: days (`mon-fri`, `sat,sun`; none: every "
            "day), hours (`08:00-18:00`, the end is out; none: all day; `22:00-06:00` goes on "
            "into the next day) and a zone (none: UTC).",
            ('during("2026-07-01T06:30:00Z", "mon-fri 08:00-18:00 Europe/Berlin")', "true"),
        ),
    )  # fmt: skip


def _units() -> tuple[Function, ...]:
    d = takes(("duration", DURATION))
    return (
        Function(
            "ms", d, INT, _whole_ms, "Return a duration as a number of milliseconds.",
            ("ms(1m30s)", "90000"),
        ),
        Function(
            "seconds", d, FLOAT, lambda ms: _per(ms, SECOND_MS),
            "Return a duration as a number of seconds, with their fraction.",
            ("seconds(1500ms)", "1.5"),
        ),
        Function(
            "minutes", d, FLOAT, lambda ms: _per(ms, MINUTE_MS),
            "Return a duration as a number of minutes, with their fraction.",
            ("minutes(90s)", "1.5"),
        ),
        Function(
            "hours", d, FLOAT, lambda ms: _per(ms, HOUR_MS),
            "Return a duration as a number of hours, with their fraction.",
            ("hours(1d12h)", "36.0"),
        ),
    )  # fmt: skip


def hour(time: Any, zone: Any = "UTC") -> int | None:
    """Return the hour of the day."""
    local = _local(time, zone)
    return None if local is None else local.hour


def weekday(time: Any, zone: Any = "UTC") -> int | None:
    """Return the day of the week, Monday is 1."""
    local = _local(time, zone)
    return None if local is None else local.isoweekday()


def date_trunc(unit: Any, time: Any, zone: Any = "UTC") -> int | None:
    """Return the start of the unit in which a time lies."""
    local = _local(time, zone)
    if local is None or unit.__class__ is not str:
        return None
    if unit in _CLOCK_UNITS:
        # By the offset in force: an hour that the clocks repeat is two hours.
        offset = (local.utcoffset() or timedelta()) // _MS
        shown: int = time + offset
        return shown - shown % _CLOCK_UNITS[unit] - offset
    first = _first_day(unit, local)
    if first is None:
        return None
    # fold=0: where the clocks repeat midnight the day begins at the first one; a midnight that
    # they skip is read with the offset before, which is the instant of the change.
    midnight = datetime(first.year, first.month, first.day, tzinfo=local.tzinfo)
    try:
        return (midnight.astimezone(UTC) - _EPOCH) // _MS
    except OverflowError:
        return None


def age(now: int, time: Any) -> int | None:
    """Return `now - time`."""
    return in_64_bits(now - time) if time.__class__ is int else None


def during(time: Any, schedule: Any) -> bool | None:
    """Return whether a time lies in a schedule."""
    plan = parse_schedule(schedule) if schedule.__class__ is str else None
    local = None if plan is None else _in_zone(time, plan.zone)
    return None if plan is None or local is None else plan.holds(local)


@lru_cache(ZONE_MEMO_MAX)
def parse_zone(name: str) -> tzinfo | None:
    """Return the zone of a name such as `Europe/Berlin`, None when there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a name; a directory of the database
        return None


@lru_cache(SCHEDULE_MEMO_MAX)
def parse_schedule(text: str) -> Schedule | None:
    """Read a schedule such as `mon-fri 08:00-18:00 Europe/Berlin`, None when it is none."""
    return _read_schedule(text.split())


def _local(time: Any, zone: Any) -> datetime | None:
    where = parse_zone(zone) if zone.__class__ is str else None
    return None if where is None else _in_zone(time, where)


def _in_zone(time: Any, zone: tzinfo) -> datetime | None:
    if time.__class__ is not int or not INSTANT_MIN <= time <= INSTANT_MAX:
        return None
    try:
        return to_datetime(time).astimezone(zone)
    except OverflowError:  # the offset leads out of the years 1 to 9999
        return None


_STARTS: dict[str, Callable[[datetime], datetime]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.isoweekday() - 1),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}


def _first_day(unit: str, local: datetime) -> datetime | None:
    start = _STARTS.get(unit)
    if start is None:
        return None
    try:
        return start(datetime(local.year, local.month, local.day))
    except OverflowError:  # the Monday before the year 1
        return None


def _whole_ms(ms: Any) -> int | None:
    found = whole(ms)
    return None if found is None else in_64_bits(found)


def _per(ms: Any, unit: int) -> float | None:
    return ms / unit if ms.__class__ is int else None


def _read_schedule(words: list[str]) -> Schedule | None:
    days: frozenset[int] | None = frozenset(range(1, 8))
    start, end, zone = 0, DAY_MS // MINUTE_MS, parse_zone("UTC")
    if words and words[0][:3].lower() in _DAYS and "/" not in words[0]:
        days = _read_days(words.pop(0).lower())
    found = _HOURS.match(words[0]) if words else None
    if found:
        words.pop(0)
        start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    if words:
        zone = parse_zone(words.pop(0))
    if words or not days or zone is None or start == end or start >= 1440 or end > 1440:
        return None
    return Schedule(days, start, end, zone)


def _read_days(text: str) -> frozenset[int] | None:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = _DAYS.get(first), _DAYS.get(last or first)
        if low is None or high is None:
            return None
        # `fri-mon` goes over the weekend.
        days.update((low + i - 1) % 7 + 1 for i in range((high - low) % 7 + 1))
    return frozenset(days)
