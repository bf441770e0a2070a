"""Thresholds: n events of a key within a time, in packed state.

`when F{n} by … within D` with the default overlap. All open candidates take each event, so the
last n events say everything: a key keeps their times and places as integers, some 250 bytes for
one event of a key instead of some 600.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from sluice.model import Key, Row
from sluice.plan import Limits, RulePlan, Sequence, Step, effect_exprs, horizon_ms
from sluice.plan import exprs as x
from sluice.stream.code import RuleCode
from sluice.stream.evictions import KEYS
from sluice.stream.keyed import LeanStates
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.timing import Instant

#: A packed event: time, then 16 bits that number its source, then 40 bits of its offset.
_OFFSET_BITS, _SOURCE_BITS = 40, 16
_TIME_SHIFT = _OFFSET_BITS + _SOURCE_BITS
_OFFSET_MASK, _SOURCE_MASK = (1 << _OFFSET_BITS) - 1, (1 << _SOURCE_BITS) - 1

#: Longer thresholds are left to the general operator, which caps their state.
COUNT_MAX = 1_000

Packed = int | Row


def is_threshold(code: RuleCode) -> bool:
    """True for one plain step n times, of whose events only time and identity are asked."""
    plan, pattern = code.plan, code.plan.pattern
    if not isinstance(pattern, Sequence) or pattern.overlap != "none" or len(pattern.items) != 1:
        return False
    if pattern.leading or pattern.trailing or plan.having or plan.until or plan.unseen:
        return False
    step = pattern.items[0]
    if not isinstance(step, Step) or step.kind != "one" or step.entry.withouts:
        return False
    if step.entry.immediately or step.entry.gap_ms is not None or len(code.key_of) > 1:
        return False
    is_exact = step.reluctant or step.maximum == step.minimum
    if not is_exact or not 2 <= step.minimum <= COUNT_MAX or any(code.late):
        return False
    types = step.atoms[0].types
    is_one_type = len(types) == 1 and types[0] != "any" and not types[0].endswith(".*")
    return is_one_type and not _asks_fields(plan)


def _asks_fields(plan: RulePlan) -> bool:
    """True when something looks at a field, not an attribute, of an event taken."""
    effects = [e for effect in plan.effects for e in effect_exprs(effect)]
    nodes = (n for expr in [*(e for _, e in plan.select), *effects] for n in x.walk(expr))
    return any(
        isinstance(n, x.Field | x.AliasField) and not str(n.path[0]).startswith("@") for n in nodes
    )


class ThresholdOperator:
    """Runs one threshold rule."""

    def __init__(self, code: RuleCode, reporter: Reporter, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Sequence)
        step = pattern.items[0]
        assert isinstance(step, Step)
        self.code, self.reporter = code, reporter
        self.unseen = None
        self._key_of = code.key_of[0]
        self._count = step.minimum
        self._type = step.atoms[0].types[0]
        self._positions = [step.atoms[0].position] * step.minimum
        self._within = pattern.within_ms
        self.keys: LeanStates[list[Packed]] = LeanStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS), _last_time
        )
        self._sources: list[str] = []
        self._numbers: dict[str, int] = {}

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event that fits the step."""
        key = self._key_of(row)
        if key is None:
            return
        packed = self._packed(row)
        taken = self.keys.get(key)
        if taken is None:
            self.keys.add(key, [packed], row.time)
            return
        if self._within is not None:
            oldest = row.time - self._within
            while taken and _time(taken[0]) < oldest:
                del taken[0]
        taken.append(packed)
        # Again at the end: the mapping is in order of touch.
        states = self.keys.states
        del states[key]
        if len(taken) == self._count:
            self._report(key, taken)
        else:
            states[key] = taken

    def _packed(self, row: Row) -> Packed:
        """Return an event as an integer, or itself when it does not fit into one."""
        offset, source = row.offset, row.source
        if row.id is not None or row.partition or row.raw is not None or offset > _OFFSET_MASK:
            return row
        number = self._numbers.get(source)
        if number is None:
            if len(self._sources) > _SOURCE_MASK:
                return row
            number = self._numbers[source] = len(self._sources)
            self._sources.append(source)
        return row.time << _TIME_SHIFT | number << _OFFSET_BITS | offset

    def _row(self, packed: Packed) -> Row:
        if not isinstance(packed, int):
            return packed
        source = self._sources[packed >> _OFFSET_BITS & _SOURCE_MASK]
        return Row(packed >> _TIME_SHIFT, self._type, None, source, 0, packed & _OFFSET_MASK)

    def _report(self, key: Key, taken: list[Packed]) -> None:
        found = Nothing()
        found.events, found.places = [self._row(packed) for packed in taken], self._positions
        first, last = found.events[0].time, found.events[-1].time
        self.reporter.report(key, last, first, last, found)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of keys: [time, source, offset] or a whole row for each event."""
        for key, taken in self.keys.chosen(keys):
            yield key, [self._saved(packed) for packed in taken]

    def _saved(self, packed: Packed) -> Any:
        if not isinstance(packed, int):
            return packed
        row = self._row(packed)
        return [row.time, row.source, row.offset]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key."""
        self.keys.put(key, [self._loaded(event) for event in saved])

    def _loaded(self, saved: Any) -> Packed:
        if not isinstance(saved, list):
            return cast(Row, saved)
        time, source, offset = saved
        return self._packed(Row(time, self._type, None, source, 0, offset))


def _time(packed: Packed) -> Instant:
    return packed >> _TIME_SHIFT if isinstance(packed, int) else packed.time


def _last_time(taken: list[Packed]) -> Instant:
    return _time(taken[-1])
