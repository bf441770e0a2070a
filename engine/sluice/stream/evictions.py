"""What the caps of section 4.6 made a rule drop: how much of what, and at which cap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Cap(NamedTuple):
    """A cap that bites: the setting of `[limits]` that says how much, and what is dropped there."""

    name: str
    what: str


KEYS = Cap("keys_per_rule_max", "keys")
CANDIDATES = Cap("candidates_per_key_max", "candidates")
EVENTS = Cap("events_per_key_max", "events")
#: A candidate that holds too many events goes as a whole.
LONG_CANDIDATES = Cap("events_per_key_max", "candidates")
#: Combinations of values that `unseen` remembers count as events held.
VALUES = Cap("events_per_key_max", "combinations")
MEMORY = Cap("state_bytes_max", "keys")


class Evictions:
    """Counts what one rule has dropped, by cap."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[Cap, int] = {}

    def add(self, cap: Cap) -> None:
        """Count one piece of state that a cap dropped."""
        self.counts[cap] = self.counts.get(cap, 0) + 1

    def at(self, cap: Cap) -> Callable[[], None]:
        """Return what counts one piece of state that this cap dropped."""
        return lambda: self.add(cap)

    def state(self) -> list[list[Any]]:
        """Return plain data; equal counts have equal states."""
        return [[*cap, count] for cap, count in sorted(self.counts.items())]

    def restore(self, saved: Iterable[tuple[str, str, int]]) -> None:
        """Take what `state` gave."""
        self.counts = {Cap(name, what): count for name, what, count in saved}
