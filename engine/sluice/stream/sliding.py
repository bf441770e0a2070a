"""Windows judged on the edge: `sliding D` and `last N`, section 4.5 of the language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row, event_id
from sluice.plan import Aggregate, Limits, horizon_ms
from sluice.stream.code import RuleCode
from sluice.stream.entering import Entering
from sluice.stream.evictions import EVENTS, KEYS
from sluice.stream.keyed import KeyedStates
from sluice.stream.pane import SlidingPane
from sluice.stream.report import Reporter
from sluice.stream.timers import DEADLINE, Timers, no_call
from sluice.timing import Instant


class SlidingOperator:
    """Runs one aggregate rule over a sliding window or the last N events."""

    def __init__(self, code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Aggregate)
        window, having = pattern.window, code.plan.having
        self.code, self.reporter, self.timers = code, reporter, timers
        self.duration = window.size if window.kind == "sliding" else None
        self.size_max = window.size if window.kind == "last" else limits.events_per_key_max
        self.for_ms = having.for_ms if having is not None else None
        self.each = having is not None and having.each
        self.entering = Entering(code, reporter, limits)
        self.unseen = self.entering.unseen
        horizon = horizon_ms(code.plan)
        self.keys: KeyedStates[SlidingPane] = KeyedStates(
            limits.keys_per_rule_max, horizon, reporter.evictions.at(KEYS)
        )
        timers.register(code.rank, code.width, no_call, self.on_deadline)

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event that may enter the window of its key, or empty it."""
        key = self.entering.until_key(row, bits)
        if key is not None:
            self._empty(key, row.time)
        entered = self.entering.enter(row, bits)
        if entered is None:
            return
        key, inputs = entered
        state = self.keys.get(key)
        if state is None:
            state = self.keys.enter(key, SlidingPane(self.code, row.time))
        else:
            self.keys.touch(key, state, row.time)
        if len(state.entries) >= self.size_max:
            state.remove_oldest()
            if self.duration is not None:
                self.reporter.evictions.add(EVENTS)
        state.add(row, inputs)
        self._judge(state, key, row.time, row)
        self._arm(state, key)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        for key, state in self.keys.chosen(keys):
            yield key, state.state()

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key, its timer included."""
        state = SlidingPane(self.code, saved[0]).restore(saved)
        self.keys.put(key, state)
        if state.armed is not None:
            self.timers.schedule(state.armed, DEADLINE, self.code.rank, key)

    def _empty(self, key: Key, now: Instant) -> None:
        state = self.keys.get(key)
        if state is not None:
            state.empty(self.code)
            self._judge(state, key, now, None)
            self.keys.discard(key)

    def _judge(self, state: SlidingPane, key: Key, now: Instant, row: Row | None) -> None:
        """Look at `having`; report on the edge, or at each event while true."""
        having = self.code.having
        is_true = bool(state.entries) and (having is None or having(state, key, now))
        if not is_true:
            if state.since is not None:
                if not self.each:
                    self.reporter.clear(key, state.match, now - state.matched_at, now)
                state.since, state.match, state.fired = None, None, False
            return
        if state.since is None:
            state.since = now
            state.fired = False
        if self.each and row is None:
            return
        if not state.fired:
            if self.for_ms is None:
                self._fire(state, key, now, row)
        elif self.each:
            self._fire(state, key, now, row)

    def _fire(self, state: SlidingPane, key: Key, now: Instant, row: Row | None) -> None:
        first, last = state.entries[0][0].time, state.entries[-1][0].time
        decided: Any = [first, last, None if row is None else event_id(row)]
        reported = self.reporter.report(key, now, first, last, state, decided)
        if not state.fired or (state.match is None and reported is not None):
            state.match, state.matched_at = reported, now
        state.fired = True

    def _arm(self, state: SlidingPane, key: Key) -> None:
        due = None
        if self.duration is not None and state.entries:
            due = state.entries[0][0].time + self.duration
        if self.for_ms is not None and state.since is not None and not state.fired:
            held = state.since + self.for_ms
            due = held if due is None else min(due, held)
        if due is not None and (state.armed is None or due < state.armed):
            state.armed = due
            self.timers.schedule(due, DEADLINE, self.code.rank, key)

    def on_deadline(self, key: Key, now: Instant) -> None:
        """Decide a `for` that has been held, then let expired events leave."""
        state = self.keys.get(key)
        if state is None or state.armed is None or state.armed > now:
            return
        state.armed = None
        if self.for_ms is not None and state.since is not None and not state.fired:
            if state.since + self.for_ms <= now:
                self._fire(state, key, now, None)
        if self.duration is not None:
            left = False
            while state.entries and state.entries[0][0].time + self.duration <= now:
                state.remove_oldest()
                left = True
            if left:
                self._judge(state, key, now, None)
            if not state.entries:
                self.keys.discard(key)
                return
        self._arm(state, key)
