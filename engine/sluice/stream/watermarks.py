"""Watermarks: how far event time has come on each source partition, and what that allows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sluice.timing import INSTANT_MIN, Instant

#: (source, partition): where a total order of events comes from.
Place = tuple[str, int]

#: Sorts before every event.
_BEFORE_ALL = INSTANT_MIN - 1


@dataclass(slots=True)
class Progress:
    """How far one source partition has come; `is_live` until it ends or falls idle."""

    seen: Instant = _BEFORE_ALL
    is_live: bool = True


class Watermarks:
    """The watermark of each source partition: the latest time seen there less the lateness.

    An event is late when it is older than the watermark of its own partition, so being late
    depends on the input alone, never on how partitions were interleaved.
    """

    __slots__ = ("_places", "lateness")

    def __init__(self, lateness: int) -> None:
        self.lateness = lateness
        self._places: dict[Place, Progress] = {}

    def open(self, place: Place) -> None:
        """Expect events from a source partition."""
        self._places.setdefault(place, Progress()).is_live = True

    def end(self, place: Place) -> None:
        """Expect nothing more from it: it no longer holds others back."""
        self._places[place].is_live = False

    def wake(self, place: Place) -> None:
        """Expect events from it again."""
        self._places[place].is_live = True

    def see(self, place: Place, time: Instant) -> bool:
        """Take note of an event; False when it is late."""
        progress = self._places.get(place)
        if progress is None:
            progress = self._places[place] = Progress()
        if time > progress.seen:
            progress.seen = time
            return True
        return time >= progress.seen - self.lateness

    def watermark(self, place: Place) -> Instant:
        """Return the watermark of one source partition."""
        progress = self._places.get(place)
        return (_BEFORE_ALL if progress is None else progress.seen) - self.lateness

    def frontier(self) -> tuple[Instant, str, int] | None:
        """Return the place in the total order up to which nothing can still come.

        None when no partition is live: then nothing at all can come.
        """
        live = [
            (progress.seen - self.lateness, *place)
            for place, progress in self._places.items()
            if progress.is_live
        ]
        return min(live) if live else None

    @property
    def live_count(self) -> int:
        """How many partitions may still bring events."""
        return sum(progress.is_live for progress in self._places.values())

    def live_besides(self, sources: Collection[str]) -> list[Place]:
        """Return the partitions that may still bring events, but for those of some sources."""
        return [
            place
            for place, progress in self._places.items()
            if progress.is_live and place[0] not in sources
        ]

    @property
    def seen_max(self) -> Instant:
        """The latest time seen anywhere."""
        return max((p.seen for p in self._places.values()), default=_BEFORE_ALL)

    def state(self) -> list[list[Any]]:
        """Return plain data from which `restore` makes equal watermarks."""
        return [[*place, p.seen, p.is_live] for place, p in self._places.items()]

    def restore(self, state: list[list[Any]]) -> None:
        """Take the state that `state` gave."""
        self._places = {}
        for source, partition, seen, is_live in state:
            self._places[source, partition] = Progress(seen, is_live)
