"""Read the times that events bring: RFC 3339 texts and integers of a unit since 1970."""

from __future__ import annotations

from typing import Any

from sluice.codecs.codec import TimeUnit
from sluice.timing import INSTANT_MAX, INSTANT_MIN, PER_MS, Instant, parse_instant

MEMO_ENTRIES_MAX = 4_096
SHOWN_CHARS_MAX = 60


class InstantReader:
    """Reads instants; events of the same second cost one look-up."""

    __slots__ = ("_memo", "_unit")

    def __init__(self, unit: TimeUnit = "ms") -> None:
        self._unit = unit
        self._memo: dict[str, Instant] = {}

    def read(self, value: Any) -> Instant | None:
        """Read an RFC 3339 text or an epoch integer; None for everything else."""
        kind = value.__class__
        if kind is str:
            return self.read_text(value)
        return self._read_number(value) if kind is int else None

    def trouble(self, name: str, value: Any) -> str:
        """Say why a value is no time, for people."""
        return time_trouble(name, value, self._unit)

    def read_text(self, text: str) -> Instant | None:
        """Read an RFC 3339 text as `parse_instant` does."""
        zone = text[-1:] if text[-1:] == "Z" else text[-6:]
        fraction = text[19 : -len(zone)]
        if len(text) < 20 or not fraction.startswith("."):
            return self._read_second(text)
        if not (fraction.isascii() and fraction[1:].isdigit()):
            return None
        at = self._read_second(text[:19] + zone)
        # A leap second is the first instant of the next minute, whatever its fraction.
        if at is None or text[17] == "6":
            return at
        return at + int(fraction[1:4].ljust(3, "0"))

    def _read_second(self, text: str) -> Instant | None:
        at = self._memo.get(text)
        if at is None:
            at = parse_instant(text)
            if at is not None:
                if len(self._memo) >= MEMO_ENTRIES_MAX:
                    self._memo.clear()
                self._memo[text] = at
        return at

    def _read_number(self, value: int) -> Instant | None:
        unit = self._unit
        ms = value if unit == "ms" else value * 1_000 if unit == "s" else value // PER_MS[unit]
        return ms if INSTANT_MIN <= ms <= INSTANT_MAX else None


def time_trouble(name: str, value: Any, unit: str) -> str:
    """Say why a value is no time, for people."""
    kind = value.__class__
    if kind is str:
        shown = value if len(value) <= SHOWN_CHARS_MAX else value[:SHOWN_CHARS_MAX] + "…"
        return f'{name} is no RFC 3339 time with a zone (2020-09-14T01:19:40Z): "{shown}"'
    if kind is int:
        return f"{name} is outside the years 0001 to 9999 when read in {unit} (--time-unit)"
    if kind is float:
        return f"{name} is a fraction; an epoch is an integer (in {unit}, --time-unit)"
    return f"{name} is neither an RFC 3339 text nor an integer epoch"
