"""The whole-pattern absence: fires when an event stays away that long after one like it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Limits, Silence, horizon_ms
from sluice.stream.code import RuleCode
from sluice.stream.evictions import KEYS
from sluice.stream.keyed import KeyedStates
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.stream.timers import DEADLINE, Timers, no_call
from sluice.stream.unseen import Unseen
from sluice.timing import Instant

_PLACES = [0]


class Wait:
    """A wait of one key: the event it began with (None: armed from the start) and its timer."""

    __slots__ = ("armed", "row", "since", "touched")

    def __init__(self, since: Instant, row: Row | None) -> None:
        self.since = self.touched = since
        self.row = row
        self.armed: Instant | None = None


class SilenceOperator:
    """Runs one rule `no b within D`."""

    def __init__(self, code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Silence)
        self.code, self.reporter, self.timers = code, reporter, timers
        self.duration = pattern.absent.duration_ms
        self.keys: KeyedStates[Wait] = KeyedStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS)
        )
        self.unseen = Unseen(code, limits, reporter.evictions) if code.unseen else None
        self.is_armed = not code.expected
        timers.register(code.rank, code.width, no_call, self.on_deadline)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        for key, state in self.keys.chosen(keys):
            yield key, [state.touched, state.since, state.armed, state.row]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key, its timer included."""
        touched, since, armed, row = saved
        state = Wait(touched, row)
        state.since, state.armed = since, armed
        self.keys.put(key, state)
        if armed is not None:
            self.timers.schedule(armed, DEADLINE, self.code.rank, key)

    def arm(self, now: Instant) -> None:
        """Begin the waits of the expected keys, at the first event that is seen."""
        self.is_armed = True
        for key in self.code.expected:
            if self.keys.get(key) is None:
                self._begin(key, now, None)

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event: atom 0 is the one that must not stay away, atom 1 ends the wait."""
        if bits & 2:
            key = self.code.key_of[self.code.variant[1]](row)
            if key is not None:
                self.keys.discard(key)
        if bits & 1:
            key = self.code.key_of[self.code.variant[0]](row)
            if key is None:
                return
            if self.unseen is not None and not self.unseen.test(key, row):
                self.keys.discard(key)
                return
            self._begin(key, row.time, row)

    def _begin(self, key: Key, now: Instant, row: Row | None) -> None:
        state = self.keys.get(key)
        if state is None:
            state = self.keys.enter(key, Wait(now, row))
        else:
            state.since, state.row = now, row
            self.keys.touch(key, state, now)
        if state.armed is None:
            state.armed = now + self.duration
            self.timers.schedule(state.armed, DEADLINE, self.code.rank, key)

    def on_deadline(self, key: Key, now: Instant) -> None:
        """Fire when the key has been silent for the whole time, else wait on."""
        state = self.keys.get(key)
        if state is None or state.armed is None or state.armed > now:
            return
        due = state.since + self.duration
        if due > now:
            state.armed = due
            self.timers.schedule(due, DEADLINE, self.code.rank, key)
            return
        self.keys.discard(key)
        taken = Nothing()
        if state.row is not None:
            taken.events, taken.places = [state.row], _PLACES
        having = self.code.having
        if having is None or having(taken, key, now):
            self.reporter.report(key, now, state.since, now, taken)
