"""Read and write instants and durations; nothing here knows what time it is.

An instant is an integer of milliseconds since 1970-01-01T00:00:00Z (UTC), a duration an integer
of milliseconds. Times finer than that are rounded down.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Instant = int
Duration = int

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

#: 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what RFC 3339 can write.
INSTANT_MIN = -62_135_596_800_000
INSTANT_MAX = 253_402_300_799_999

#: How many instants are remembered as text: those of a match and its events are often the same.
TEXT_MEMO_MAX = 1_024

#: Divisors to milliseconds by the names of `--time-unit`.
PER_MS = {"us": 1_000, "ns": 1_000_000}

UNIT_MS = {
    "w": WEEK_MS, "d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS, "ms": 1,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)
_DURATION = re.compile(
    r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?\Z"
)


def parse_instant(text: str) -> Instant | None:
    """Read an RFC 3339 time (section 5.6); None when it is none or out of range.

    A leap second (`:60`) is read as the first instant of the next minute.
    """
    found = _RFC3339.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(g) for g in found.group(1, 2, 3, 4, 5, 6))
    leap = second == 60
    try:
        at = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    except ValueError:
        return None
    fraction = found.group(7)
    ms = (at - _EPOCH) // _MS + (
        1_000 if leap else int(fraction[:3].ljust(3, "0")) if fraction else 0
    )
    zone = found.group(8)
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        offset = hours * HOUR_MS + minutes * MINUTE_MS
        ms -= offset if zone[0] == "+" else -offset
    return ms if INSTANT_MIN <= ms <= INSTANT_MAX else None


def to_datetime(instant: Instant) -> datetime:
    """Return the aware UTC datetime of an instant within `INSTANT_MIN` and `INSTANT_MAX`."""
    return _EPOCH + timedelta(milliseconds=instant)


@lru_cache(TEXT_MEMO_MAX)
def format_instant(instant: Instant) -> str:
    """Write an instant as RFC 3339 in UTC with three decimals."""
    if not INSTANT_MIN <= instant <= INSTANT_MAX:
        instant = max(INSTANT_MIN, min(INSTANT_MAX, instant))
    # `strftime` would take three times as long, and a run writes several times for each match.
    return f"{to_datetime(instant).isoformat(timespec='milliseconds')[:-6]}Z"


def parse_duration(text: str) -> Duration | None:
    """Read `1h30m` style durations (units w d h m s ms, falling); None when it is none."""
    found = _DURATION.match(text)
    if found is None or not text:
        return None
    parts = zip(found.groups(), UNIT_MS.values(), strict=True)
    return sum(int(n) * unit for n, unit in parts if n is not None)


def format_duration(duration: Duration) -> str:
    """Write a duration as `1h30m`; zero is `0s`, and weeks are whole: `2w`, but `30d`."""
    if duration == 0:
        return "0s"
    sign, rest, out = ("-" if duration < 0 else ""), abs(duration), []
    for unit, ms in UNIT_MS.items():
        n, left = divmod(rest, ms)
        if n and (unit != "w" or not left):
            rest = left
            out.append(f"{n}{unit}")
    return sign + "".join(out)
