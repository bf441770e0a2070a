"""What a window holds: running aggregates and enough of its events to report them."""

from __future__ import annotations

from collections import deque
from typing import Any

from sluice.model import MATCH_EVENTS_MAX, Row
from sluice.stream.code import RuleCode
from sluice.timing import Instant

_HALF = MATCH_EVENTS_MAX // 2


class Pane:
    """A window that only grows: aggregates, and the first and the last of its events.

    It is what expressions over a window look at: `value(n)` is aggregate n, `history(n)` the
    n-th look at the windows before it, which `past` holds.
    """

    __slots__ = ("_head", "_tail", "accumulators", "event_count", "first", "last", "past")

    #: Events of a window stand at no step of a pattern.
    places: tuple[int, ...] = ()

    def __init__(self, code: RuleCode, first: Instant) -> None:
        self.accumulators = [make() for make in code.accumulators]
        self.first = self.last = first
        self.event_count = 0
        self.past: tuple[Any, ...] = ()
        self._head: list[Row] = []
        # A deque is larger than most windows, so it is made when it is needed.
        self._tail: deque[Row] | None = None

    def add(self, row: Row, inputs: tuple[Any, ...], tail_max: int = _HALF) -> None:
        """Take an event in; of those behind the first ones the last `tail_max` are kept."""
        self.event_count += 1
        self.last = row.time
        for accumulator, value in zip(self.accumulators, inputs, strict=True):
            if value is not None:
                accumulator.add(value)
        if len(self._head) < _HALF:
            self._head.append(row)
            return
        if self._tail is None:
            self._tail = deque(maxlen=tail_max)
        self._tail.append(row)

    @property
    def events(self) -> list[Row]:
        """The first and the last events, all of them while there are few."""
        return [*self._head, *(self._tail or ())]

    def value(self, number: int) -> Any:
        """Return aggregate `number`, None for unknown."""
        return self.accumulators[number].result()

    def history(self, number: int) -> Any:
        """Return what was asked of the windows before this one."""
        return self.past[number]

    @property
    def approximate(self) -> bool:
        """True when a sketch took part."""
        return any(getattr(a, "approximate", False) for a in self.accumulators)

    def state(self) -> list[Any]:
        """Return plain data and rows from which `restore` makes an equal pane."""
        return [
            self.first, self.last, self.event_count, self._head, list(self._tail or ()),
            [a.state() for a in self.accumulators],
        ]  # fmt: skip

    def restore(self, state: list[Any], tail_max: int = _HALF) -> Pane:
        """Take the state that `state` gave."""
        self.first, self.last, self.event_count, head, tail, accumulators = state
        self._head = head
        self._tail = deque(tail, maxlen=tail_max) if tail else None
        for accumulator, saved in zip(self.accumulators, accumulators, strict=True):
            accumulator.restore(saved)
        return self


class SlidingPane:
    """A window that events also leave, oldest first."""

    __slots__ = (
        "accumulators", "armed", "entries", "fired", "match", "matched_at", "since", "touched",
    )  # fmt: skip

    #: Events of a window stand at no step of a pattern.
    places: tuple[int, ...] = ()

    def __init__(self, code: RuleCode, touched: Instant) -> None:
        self.accumulators = [make() for make in code.accumulators]
        self.entries: deque[tuple[Row, tuple[Any, ...]]] = deque()
        self.touched = touched
        self.armed: Instant | None = None
        # `having` is true since then (None: it is not); `fired` says that the edge was decided.
        self.since: Instant | None = None
        self.fired = False
        self.match: str | None = None
        self.matched_at: Instant = 0

    def add(self, row: Row, inputs: tuple[Any, ...]) -> None:
        """Take an event in."""
        self.entries.append((row, inputs))
        for accumulator, value in zip(self.accumulators, inputs, strict=True):
            if value is not None:
                accumulator.add(value)

    def remove_oldest(self) -> None:
        """Let the oldest event leave."""
        _, inputs = self.entries.popleft()
        for accumulator, value in zip(self.accumulators, inputs, strict=True):
            if value is not None:
                accumulator.remove(value)

    def empty(self, code: RuleCode) -> None:
        """Let all events leave."""
        self.entries.clear()
        self.accumulators = [make() for make in code.accumulators]

    def state(self) -> list[Any]:
        """Return plain data and rows from which `restore` makes an equal pane."""
        return [
            self.touched, self.armed, self.since, self.fired, self.match, self.matched_at,
            [[row, list(inputs)] for row, inputs in self.entries],
        ]  # fmt: skip

    def restore(self, state: list[Any]) -> SlidingPane:
        """Take the state that `state` gave."""
        entries = state[6]
        self.touched, self.armed, self.since, self.fired, self.match, self.matched_at = state[:6]
        for row, inputs in entries:
            self.add(row, tuple(inputs))
        return self

    @property
    def events(self) -> list[Row]:
        """The events in the window, oldest first."""
        return [row for row, _ in self.entries]

    def value(self, number: int) -> Any:
        """Return aggregate `number`, None for unknown."""
        return self.accumulators[number].result()

    @property
    def approximate(self) -> bool:
        """True when a sketch took part."""
        return any(getattr(a, "approximate", False) for a in self.accumulators)
