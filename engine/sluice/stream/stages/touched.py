"""The state of a shard by key: which keys changed, their records, and back again.

A record is known by [rule, version, kind, key]; kinds are `key`, `seen` and `cool`, as in
checkpoints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from sluice.model import Key
from sluice.stream.checkpoint import Records, load_record, load_rule, rule_record
from sluice.stream.keyed import LeanStates
from sluice.stream.pipeline import Pipeline

#: [rule, version, kind, key]
Identity = list[Any]


class Touched:
    """Notes which keys of a pipeline change, and writes their state."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._records = Records(pipeline.program)
        self._places = list(zip(pipeline.reporters, pipeline.operators, strict=True))
        self._ranks = {r.code.rank: n for n, r in enumerate(pipeline.reporters)}
        #: Keys that an event or a timer touched, by the number of the rule.
        self._keys: list[dict[Key, None]] = [{} for _ in self._places]
        self._cooled: list[dict[Key, None]] = [{} for _ in self._places]
        #: What earlier rule sets left behind.
        self._left: dict[bytes, Identity] = {}
        pipeline.timers.watch = self.add
        self._mappings: list[tuple[int, str, LeanStates[Any]]] = []
        for number, (reporter, operator) in enumerate(self._places):
            if hasattr(operator, "keys"):
                self._mappings.append((number, "key", operator.keys))
            if operator.unseen is not None:
                self._mappings.append((number, "seen", operator.unseen.keys))
            if reporter.cooling is not None:
                reporter.cooling.watch(self._cooled[number])
                self._mappings.append((number, "cool", reporter.cooling))
        for _, _, states in self._mappings:
            states.gone = []

    def add(self, rank: int, key: Key) -> None:
        """Note that the state of a key may change."""
        keys = self._keys[self._ranks[rank]]
        # Again at the end: records are written in order of touch.
        keys.pop(key, None)
        keys[key] = None

    def changes(self) -> Iterator[tuple[Identity, bytes | None]]:
        """Yield the record of each key that changed since the last call, None when it is gone."""
        for identity in self._left.values():
            yield identity, None
        self._left = {}
        for number, kind, states in self._mappings:
            touched = self._cooled[number] if kind == "cool" else self._keys[number]
            gone, states.gone = states.gone or [], []
            chosen = dict.fromkeys([*gone, *touched])
            if chosen:
                yield from self._written(number, kind, chosen)
        for keys in (*self._keys, *self._cooled):
            keys.clear()

    def _written(
        self, number: int, kind: str, chosen: dict[Key, None]
    ) -> Iterator[tuple[Identity, bytes | None]]:
        saved = dict(self._saved(number, kind, chosen))
        for key in chosen:
            state = saved.get(key)
            record = None if state is None else self._records.write([kind, key, state])
            yield self._identity(number, kind, key), record

    def _saved(
        self, number: int, kind: str, chosen: Iterable[Key] | None
    ) -> Iterator[tuple[Key, list[Any]]]:
        reporter, operator = self._places[number]
        if kind == "key":
            return operator.save(chosen)
        if kind == "cool":
            return reporter.save_cooling(chosen)
        assert operator.unseen is not None
        return operator.unseen.save(chosen)

    def _identity(self, number: int, kind: str, key: Key) -> Identity:
        plan = self._places[number][0].code.plan
        return [plan.name, plan.version, kind, key]

    def everything(self) -> Iterator[tuple[Identity, bytes]]:
        """Yield the record of every key."""
        for number, kind, _ in self._mappings:
            for key, state in self._saved(number, kind, None):
                yield self._identity(number, kind, key), self._records.write([kind, key, state])

    def rule_records(self) -> list[list[Any]]:
        """Return what is kept of each rule beside its keys."""
        return [rule_record(reporter, operator) for reporter, operator in self._places]

    def restore(
        self, rules: Iterable[list[Any]], records: Iterable[tuple[Identity, bytes]],
        moved: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Take the state of rules that are still the same; the rest is to be removed.

        What rules that `moved` knew belongs to other partitions now.
        """
        places = {
            (r.code.plan.name, r.code.plan.version): (r, operator)
            for r, operator in self._places
            if r.code.plan.name not in moved
        }
        for record in rules:
            place = places.get((record[1], record[2]))
            if place is not None:
                load_rule(record, *place)
        for identity, content in records:
            place = places.get((identity[0], identity[1]))
            if place is None:
                self._left[msgspec.msgpack.encode(identity)] = identity
            else:
                load_record(next(self._records.read(content)), *place)
        self._pipeline.forget_armed()

    def inherit(self, other: Touched) -> None:
        """Take over what another rule set has not written yet."""
        numbers = {
            (r.code.plan.name, r.code.plan.version): n for n, (r, _) in enumerate(self._places)
        }
        for before, (reporter, _) in enumerate(other._places):
            plan = reporter.code.plan
            number = numbers.get((plan.name, plan.version))
            if number is not None:
                self._keys[number] |= other._keys[before]
                self._cooled[number] |= other._cooled[before]
        for number, kind, states in other._mappings:
            plan = other._places[number][0].code.plan
            place = numbers.get((plan.name, plan.version))
            for key in states.gone or ():
                if place is not None:
                    (self._cooled if kind == "cool" else self._keys)[place].setdefault(key)
                else:
                    identity = [plan.name, plan.version, kind, key]
                    self._left[msgspec.msgpack.encode(identity)] = identity
        self._left |= other._left
