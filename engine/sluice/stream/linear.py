"""Plain sequences: each step takes a fixed number of events, the commonest kind by far.

Where no step is optional, repeated as often as may be or grouped, a candidate is a list of
events: its length says where it stands, and only one step may take the next event. An event that
closes that step ends the candidate. The general operator does the same, more slowly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Item, Limits, Sequence, Step, horizon_ms
from sluice.stream.code import RuleCode
from sluice.stream.evictions import CANDIDATES, KEYS
from sluice.stream.keyed import LeanStates
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.timing import Instant

#: Longer patterns than this are left to the general operator.
LENGTH_MAX = 64

#: Stands for "no limit" where a time is compared.
EVER = 1 << 62


class Place:
    """What the next event of a candidate must be, and what must not come before it."""

    __slots__ = ("blocks", "gap", "immediately", "position", "takes")

    def __init__(self, step: Step, numbers: dict[int, int]) -> None:
        self.takes = 1 << numbers[id(step.atoms[0])]
        self.position = step.atoms[0].position
        entry = step.entry
        self.blocks = sum(1 << numbers[id(atom)] for atom in entry.withouts)
        self.immediately = entry.immediately
        self.gap = EVER if entry.gap_ms is None else entry.gap_ms


def is_plain(code: RuleCode) -> bool:
    """True for a sequence with the default overlap, one key, and conditions on one event each."""
    pattern, plan = code.plan.pattern, code.plan
    if not isinstance(pattern, Sequence) or pattern.overlap != "none" or len(code.key_of) > 1:
        return False
    if pattern.leading or pattern.trailing or plan.until or plan.unseen:
        return False
    return not any(code.late)


def plain_places(items: tuple[Item, ...], numbers: dict[int, int]) -> list[Place] | None:
    """Return one place for each event of steps that take a fixed number each, else None."""
    places: list[Place] = []
    for item in items:
        if not isinstance(item, Step) or item.kind != "one" or item.minimum < 1:
            return None
        if not item.reluctant and item.maximum != item.minimum:
            return None
        if len(places) + item.minimum > LENGTH_MAX:
            return None
        places += [Place(item, numbers)] * item.minimum
    return places


def places_of(code: RuleCode) -> list[Place] | None:
    """Return one place for each event of a plain sequence, None when the rule is no such one."""
    pattern = code.plan.pattern
    if not is_plain(code) or code.plan.having is not None:
        return None
    assert isinstance(pattern, Sequence)
    return plain_places(pattern.items, {id(atom): n for n, atom in enumerate(code.atoms)})


class LinearOperator:
    """Runs one plain sequence rule."""

    def __init__(
        self, code: RuleCode, reporter: Reporter, places: list[Place], limits: Limits
    ) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Sequence)
        self.code, self.reporter = code, reporter
        self.unseen = None
        self._key_of = code.key_of[0]
        self._start = places[0].takes
        self._places = places
        self._positions = [place.position for place in places]
        self._within = EVER if pattern.within_ms is None else pattern.within_ms
        self._candidates_max = limits.candidates_per_key_max
        self.keys: LeanStates[list[list[Row]]] = LeanStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS), _last_time
        )

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event whose type a step or a `without` names; `bits` of them hold on it."""
        key = self._key_of(row)
        if key is None:
            return
        candidates = self.keys.get(key)
        if candidates is None:
            if bits & self._start:
                self._begin(key, row)
            return
        kept = self._meet(candidates, row, bits, key)
        if kept is None:
            return
        if bits & self._start:
            if len(kept) < self._candidates_max:
                kept.append([row])
            else:
                self.reporter.evictions.add(CANDIDATES)
        # Again at the end: the mapping is in order of touch.
        states = self.keys.states
        del states[key]
        if kept:
            states[key] = kept

    def _meet(
        self, candidates: list[list[Row]], row: Row, bits: int, key: Key
    ) -> list[list[Row]] | None:
        """Let candidates meet the event; None when one matched, which ends them all."""
        now, within, places = row.time, self._within, self._places
        length, kept = len(places), []
        for candidate in candidates:
            if now - candidate[0].time > within:
                continue
            place = places[len(candidate)]
            if bits & place.takes:
                if now - candidate[-1].time > place.gap:
                    continue
                candidate.append(row)
                if len(candidate) == length:
                    del self.keys.states[key]
                    self._report(key, candidate)
                    return None
                kept.append(candidate)
            elif not (bits & place.blocks or place.immediately):
                kept.append(candidate)
        return kept

    def _begin(self, key: Key, row: Row) -> None:
        if len(self._places) == 1:
            self._report(key, [row])
            return
        self.keys.add(key, [[row]], row.time)

    def _report(self, key: Key, events: list[Row]) -> None:
        taken = Nothing()
        taken.events, taken.places = events, self._positions
        last = events[-1].time
        self.reporter.report(key, last, events[0].time, last, taken)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of keys: its rows, and candidates as numbers into them."""
        for key, candidates in self.keys.chosen(keys):
            number: dict[int, int] = {}
            rows: list[Row] = []
            for row in (row for candidate in candidates for row in candidate):
                if id(row) not in number:
                    number[id(row)] = len(rows)
                    rows.append(row)
            yield key, [rows, [[number[id(row)] for row in c] for c in candidates]]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key."""
        rows, candidates = saved
        self.keys.put(key, [[rows[n] for n in candidate] for candidate in candidates])


def _last_time(candidates: list[list[Row]]) -> Instant:
    return max(candidate[-1].time for candidate in candidates)
