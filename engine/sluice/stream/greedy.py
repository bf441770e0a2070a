"""Sequences whose first step takes as many events as come: `F{3,} then S`, in linear time.

Every event of the first step joins all candidates that stand there and starts one more. They
hold the same events from different starts on, so they are kept as one *run*: a list of events
and the range of places in it where a candidate begins. The general operator does the same with a
list for each candidate, which a flood of events makes quadratic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Limits, Sequence, Step, horizon_ms
from sluice.stream.code import RuleCode
from sluice.stream.evictions import KEYS, LONG_CANDIDATES
from sluice.stream.keyed import LeanStates
from sluice.stream.linear import EVER, Place, is_plain, plain_places
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.timing import Instant

#: A run lets go of this many events at once that no candidate needs any more.
_TRIM = 1_024


class Run:
    """Candidates that hold the same events from different starts on.

    Candidate i, for `low <= i < high`, has taken `rows[i:upto]` and then `tail`. While `tail` is
    empty it stands at the first step: `is_closed` when that takes no more, `is_barred` when the
    next step cannot begin.
    """

    __slots__ = ("high", "is_barred", "is_closed", "low", "rows", "tail", "upto")

    def __init__(self, rows: list[Row], low: int, high: int, upto: int) -> None:
        self.rows, self.low, self.high, self.upto = rows, low, high, upto
        self.tail: list[Row] = []
        self.is_closed = self.is_barred = False

    def moved(self, high: int, row: Row) -> Run:
        """Split off the candidates before `high`: they have taken the next step's first event."""
        run = Run(self.rows, self.low, high, self.upto)
        run.tail.append(row)
        self.low = high
        return run

    def trim(self) -> None:
        """Let go of events before the first start; runs split off keep their list."""
        self.rows = self.rows[self.low : self.upto]
        self.high, self.upto, self.low = self.high - self.low, self.upto - self.low, 0


def greedy_places(code: RuleCode) -> list[Place] | None:
    """Return the first step and one place for each event after it, None for other rules."""
    if not is_plain(code):
        return None
    pattern = code.plan.pattern
    assert isinstance(pattern, Sequence)
    first = pattern.items[0]
    if len(pattern.items) < 2 or not isinstance(first, Step) or first.kind != "one":
        return None
    if first.reluctant or first.maximum is not None or first.minimum < 1:
        return None
    numbers = {id(atom): n for n, atom in enumerate(code.atoms)}
    rest = plain_places(pattern.items[1:], numbers)
    return None if rest is None else [Place(first, numbers), *rest]


class GreedyOperator:
    """Runs one sequence rule whose first step is greedy."""

    def __init__(
        self, code: RuleCode, reporter: Reporter, places: list[Place], limits: Limits
    ) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Sequence)
        first = pattern.items[0]
        assert isinstance(first, Step)
        self.code, self.reporter = code, reporter
        self.unseen = None
        self._key_of = code.key_of[0]
        self._minimum = first.minimum
        self._first, self._rest = places[0], places[1:]
        self._within = EVER if pattern.within_ms is None else pattern.within_ms
        self._events_max = limits.events_per_key_max
        self.keys: LeanStates[list[Run]] = LeanStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS), _last_time
        )

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event whose type a step or a `without` names; `bits` of them hold on it."""
        key = self._key_of(row)
        if key is None:
            return
        runs = self.keys.get(key)
        if runs is None:
            if bits & self._first.takes:
                self.keys.add(key, [Run([row], 0, 1, 1)], row.time)
            return
        kept: list[Run] = []
        states = self.keys.states
        for run in runs:
            if self._meet(run, row, bits, key, kept):
                del states[key]
                return
        if bits & self._first.takes:
            self._start(kept, row)
        # Again at the end: the mapping is in order of touch.
        del states[key]
        if kept:
            states[key] = kept

    def _meet(self, run: Run, row: Row, bits: int, key: Key, kept: list[Run]) -> bool:
        """Let a run meet the event; True when a candidate matched, which ends them all."""
        oldest = row.time - self._within
        while run.low < run.high and run.rows[run.low].time < oldest:
            run.low += 1
        if run.low == run.high:
            return False
        if run.tail:
            return self._go_on(run, row, bits, key, kept)
        return self._at_first(run, row, bits, key, kept)

    def _at_first(self, run: Run, row: Row, bits: int, key: Key, kept: list[Run]) -> bool:
        """Let candidates at the first step move on, join, or let the event lie between."""
        complete = min(run.high, run.upto - self._minimum + 1)
        after = self._rest[0]
        gap = row.time - run.rows[run.upto - 1].time
        if complete > run.low and bits & after.takes and not run.is_barred and gap <= after.gap:
            if len(self._rest) > 1:
                kept.append(run.moved(complete, row))
            elif self._match(run, complete, row, key):
                return True
        if run.low == run.high:
            return False
        if bits & self._first.takes and not run.is_closed and gap <= self._first.gap:
            run.rows.append(row)
            run.upto += 1
            run.is_barred = False
            self._bound(run)
        else:
            self._pass(run, bits)
        if run.low < run.high:
            kept.append(run)
        return False

    def _pass(self, run: Run, bits: int) -> None:
        """The event lies between: close what it closes, drop who can do nothing any more."""
        first, after = self._first, self._rest[0]
        if first.immediately or bits & first.blocks:
            run.is_closed = True
            run.high = min(run.high, run.upto - self._minimum + 1)
        if after.immediately or bits & after.blocks:
            run.is_barred = True
        if run.is_closed and run.is_barred:
            run.high = run.low

    def _bound(self, run: Run) -> None:
        if run.upto - run.low > self._events_max:
            run.low += 1
            self.reporter.evictions.add(LONG_CANDIDATES)
        if run.low > _TRIM and run.low * 2 > run.upto:
            run.trim()

    def _go_on(self, run: Run, row: Row, bits: int, key: Key, kept: list[Run]) -> bool:
        """Let candidates beyond the first step take the event, or let it lie between."""
        place = self._rest[len(run.tail)]
        if bits & place.takes:
            if row.time - run.tail[-1].time > place.gap:
                return False
            if len(run.tail) + 1 < len(self._rest):
                run.tail.append(row)
                kept.append(run)
                return False
            if self._match(run, run.high, row, key):
                return True
        if not (bits & place.blocks or place.immediately):
            kept.append(run)
        return False

    def _match(self, run: Run, high: int, row: Row, key: Key) -> bool:
        """Report the first candidate before `high` that the event completes."""
        having = self.code.having
        tail = [*run.tail, row]
        positions = [place.position for place in self._rest]
        for start in range(run.low, high):
            taken = Nothing()
            taken.events = run.rows[start : run.upto] + tail
            taken.places = [self._first.position] * (run.upto - start) + positions
            if having is None or having(taken, key, row.time):
                self.reporter.report(key, row.time, taken.events[0].time, row.time, taken)
                return True
        return False

    def _start(self, kept: list[Run], row: Row) -> None:
        """Start a candidate with the event: in the run that has just taken it, or a new one."""
        if kept:
            last = kept[-1]
            is_open = not last.tail and last.rows[last.upto - 1] is row
            if is_open and last.high == last.upto - 1 and last.upto == len(last.rows):
                last.high = last.upto
                return
        kept.append(Run([row], 0, 1, 1))

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some: its rows, and runs as numbers into them."""
        for key, runs in self.keys.chosen(keys):
            number: dict[int, int] = {}
            rows: list[Row] = []
            saved = []
            for run in runs:
                held = [*run.rows[run.low : run.upto], *run.tail]
                for row in held:
                    if id(row) not in number:
                        number[id(row)] = len(rows)
                        rows.append(row)
                ids = [number[id(row)] for row in held]
                size = run.upto - run.low
                saved.append([ids, size, run.high - run.low, run.is_closed, run.is_barred])
            yield key, [rows, saved]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key."""
        rows, runs = saved
        made = []
        for ids, size, high, is_closed, is_barred in runs:
            held = [rows[n] for n in ids]
            run = Run(held[:size], 0, high, size)
            run.tail = held[size:]
            run.is_closed, run.is_barred = is_closed, is_barred
            made.append(run)
        self.keys.put(key, made)


def _last_time(runs: list[Run]) -> Instant:
    return max((run.tail[-1] if run.tail else run.rows[run.upto - 1]).time for run in runs)
