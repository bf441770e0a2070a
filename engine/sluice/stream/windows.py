"""Windows judged once: tumbling, hopping and session, section 4.5 of the language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Aggregate, Limits, horizon_ms
from sluice.stream.code import RuleCode
from sluice.stream.entering import Entering
from sluice.stream.evictions import KEYS
from sluice.stream.history import Past, past_values
from sluice.stream.keyed import KeyedStates
from sluice.stream.pane import Pane
from sluice.stream.report import Reporter
from sluice.stream.timers import CLOSING, DEADLINE, Timers, no_call
from sluice.timing import Instant


class AlignedState:
    """The open windows of one key by their start, and what earlier ones came to."""

    __slots__ = ("open", "past", "touched")

    def __init__(self, touched: Instant) -> None:
        self.touched = touched
        self.open: dict[Instant, Pane] = {}
        self.past: Past | None = None


class AlignedOperator:
    """Runs one aggregate rule over tumbling or hopping windows."""

    def __init__(self, code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Aggregate)
        window = pattern.window
        self.code, self.reporter, self.timers = code, reporter, timers
        self.size, self.offset = window.size, window.offset
        self.every = window.every or window.size
        self.entering = Entering(code, reporter, limits)
        self.unseen = self.entering.unseen
        # A key that is compared with its past is known for ever, so only the cap forgets it.
        horizon = None if code.histories else horizon_ms(code.plan)
        self.keys: KeyedStates[AlignedState] = KeyedStates(
            limits.keys_per_rule_max, horizon, reporter.evictions.at(KEYS)
        )
        timers.register(code.rank, code.width, self.on_closing, no_call)

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event that may enter the windows of its key, or empty them."""
        key = self.entering.until_key(row, bits)
        if key is not None:
            ended = self.keys.get(key)
            if ended is not None:
                ended.open.clear()
        entered = self.entering.enter(row, bits)
        if entered is None:
            return
        key, inputs = entered
        state = self.keys.get(key)
        if state is None:
            state = self.keys.enter(key, AlignedState(row.time))
        else:
            self.keys.touch(key, state, row.time)
        for start in self._starts(row.time):
            pane = state.open.get(start)
            if pane is None:
                pane = state.open[start] = Pane(self.code, start)
                self.timers.schedule(start + self.size, CLOSING, self.code.rank, key)
            pane.add(row, inputs, self.reporter.tail_max)
        if self.code.histories and state.past is None:
            state.past = Past(self._starts(row.time)[-1])

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        for key, state in self.keys.chosen(keys):
            past = None if state.past is None else state.past.state()
            panes = [[start, pane.state()] for start, pane in state.open.items()]
            yield key, [state.touched, past, panes]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key, its timers included."""
        touched, past, panes = saved
        state = AlignedState(touched)
        self.keys.put(key, state)
        state.past = None if past is None else Past.restored(past)
        for start, pane in panes:
            state.open[start] = Pane(self.code, start).restore(pane, self.reporter.tail_max)
            self.timers.schedule(start + self.size, CLOSING, self.code.rank, key)

    def _starts(self, time: Instant) -> list[Instant]:
        """List the starts of the windows that hold a time, oldest first."""
        last = (time - self.offset) // self.every * self.every + self.offset
        count = (self.size - 1 - (time - last)) // self.every + 1
        return [last - n * self.every for n in range(count - 1, -1, -1)] if count > 0 else []

    def on_closing(self, key: Key, now: Instant) -> None:
        """Judge the window of a key that ends now."""
        state = self.keys.get(key)
        start = now - self.size
        pane = state.open.pop(start, None) if state is not None else None
        if state is None or pane is None:
            return
        if state.past is not None:
            pane.past = past_values(self.code, state.past, start, self.size)
            state.past.add(start, [pane.value(h.number) for h in self.code.histories])
        having = self.code.having
        if having is None or having(pane, key, now):
            self.reporter.report(key, now, start, now, pane, [start, now, None])
        if not state.open and state.past is None:
            self.keys.discard(key)


class SessionState(Pane):
    """The open session of one key and its timer."""

    __slots__ = ("armed", "touched")

    def __init__(self, code: RuleCode, touched: Instant) -> None:
        super().__init__(code, touched)
        self.touched = touched
        self.armed: Instant | None = None


class SessionOperator:
    """Runs one aggregate rule over sessions."""

    def __init__(self, code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Aggregate)
        self.code, self.reporter, self.timers = code, reporter, timers
        self.gap, self.maximum = pattern.window.size, pattern.window.maximum
        self.entering = Entering(code, reporter, limits)
        self.unseen = self.entering.unseen
        self.keys: KeyedStates[SessionState] = KeyedStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS)
        )
        timers.register(code.rank, code.width, no_call, self.on_deadline)

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event that may join the session of its key, or end it unjudged."""
        key = self.entering.until_key(row, bits)
        if key is not None:
            self.keys.discard(key)
        entered = self.entering.enter(row, bits)
        if entered is None:
            return
        key, inputs = entered
        state = self.keys.get(key)
        if state is None:
            state = self.keys.enter(key, SessionState(self.code, row.time))
        else:
            self.keys.touch(key, state, row.time)
        state.add(row, inputs, self.reporter.tail_max)
        if state.armed is None:
            self._arm(state, key)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        for key, state in self.keys.chosen(keys):
            yield key, [state.touched, state.armed, state.state()]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key, its timer included."""
        touched, armed, pane = saved
        state = SessionState(self.code, touched)
        state.restore(pane, self.reporter.tail_max)
        state.armed = armed
        self.keys.put(key, state)
        if armed is not None:
            self.timers.schedule(armed, DEADLINE, self.code.rank, key)

    def _due(self, state: SessionState) -> Instant:
        due = state.last + self.gap
        return due if self.maximum is None else min(due, state.first + self.maximum)

    def _arm(self, state: SessionState, key: Key) -> None:
        state.armed = self._due(state)
        self.timers.schedule(state.armed, DEADLINE, self.code.rank, key)

    def on_deadline(self, key: Key, now: Instant) -> None:
        """Close and judge the session whose time is over."""
        state = self.keys.get(key)
        if state is None or state.armed is None or state.armed > now:
            return
        if self._due(state) > now:
            self._arm(state, key)
            return
        self.keys.discard(key)
        having = self.code.having
        if having is None or having(state, key, now):
            decided: Any = [state.first, state.last, None]
            self.reporter.report(key, now, state.first, state.last, state, decided)
