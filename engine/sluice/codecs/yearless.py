"""Tell the time of lines that name month, day and time of day, but neither year nor zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sluice.timing import (
    DAY_MS,
    INSTANT_MAX,
    INSTANT_MIN,
    MINUTE_MS,
    SECOND_MS,
    Instant,
    to_datetime,
)

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
#: Months: a larger fall is a new year.
HALF_A_YEAR = 6
#: How late a line of December may come in the next year.
STRAGGLER_MS_MAX = 31 * DAY_MS
#: In the hour that comes twice in autumn, a line this much older than the last is of the second.
REPEAT_MS_MIN = 30 * MINUTE_MS


class YearlessClock:
    """Reads one source's local times (RFC 3164 section 4.1.2) in the order of its lines.

    `year` is that of the first line. A month that falls by more than half a year (Dec, Jan) begins
    a new year; one that rises so (Jan, Dec) is a straggler of the old one, if only a little late.
    """

    __slots__ = ("_last", "_minute", "_minute_at", "_month", "_year", "_zone")

    def __init__(
        self, zone: ZoneInfo, year: int, month: int = 0, last: Instant = INSTANT_MIN
    ) -> None:
        self._zone = zone
        self._year = year
        self._month = month  # 0: no line yet
        self._last = last
        self._minute = ""
        self._minute_at: Instant = 0

    def read(self, minute: str, second: str) -> Instant | None:
        """Read `Dec 10 06:55` and `46`; None when there is no such time."""
        if minute != self._minute:
            at = self._read_minute(minute)
            if at is None:
                return None
            self._minute, self._minute_at = minute, at
        # A leap second, `:60`, is the first instant of the next minute.
        return self._minute_at + int(second) * SECOND_MS if second <= "60" else None

    def state(self) -> tuple[int, int, Instant]:
        """Return year, month and last minute, to make an equal clock."""
        return self._year, self._month, self._last

    def _read_minute(self, text: str) -> Instant | None:
        month = MONTHS.get(text[:3])
        if month is None:
            return None
        day_and_time = month, int(text[4:6]), int(text[7:9]), int(text[10:12])
        rise = month - self._month if self._month else 0
        year = self._year + (rise < -HALF_A_YEAR)
        at = self._instant(year, day_and_time)
        if rise > HALF_A_YEAR:
            straggler = self._instant(year - 1, day_and_time)
            if straggler is not None and straggler >= self._last - STRAGGLER_MS_MAX:
                return straggler
        if at is None or not INSTANT_MIN <= at <= INSTANT_MAX - MINUTE_MS:
            return None
        self._year, self._month = max((self._year, self._month), (year, month))
        self._last = max(self._last, at)
        return at

    def _instant(self, year: int, day_and_time: tuple[int, int, int, int]) -> Instant | None:
        month, day, hour, minute = day_and_time
        try:
            first = datetime(year, month, day, hour, minute, tzinfo=self._zone)
            second = first.replace(fold=1)
            at, again = (first - _EPOCH) // _MS, (second - _EPOCH) // _MS
        except (ValueError, OverflowError):
            return None
        if again <= at or self._last == INSTANT_MIN:
            return at
        # A time that comes twice: it is the second one when that has begun, or begins here.
        now = to_datetime(self._last).astimezone(self._zone)
        has_begun = self._last >= at and now.utcoffset() == second.utcoffset()
        return again if has_begun or at < self._last - REPEAT_MS_MIN else at
