"""First-seen: which combinations of values a key has shown lately."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Limits
from sluice.stream.code import RuleCode
from sluice.stream.evictions import KEYS, VALUES, Evictions
from sluice.stream.keyed import KeyedStates, as_key
from sluice.timing import Instant


class Seen:
    """What one key has shown: last time of each combination (oldest first), first time at all."""

    __slots__ = ("since", "times", "touched")

    def __init__(self, since: Instant) -> None:
        self.since = since
        self.touched = since
        self.times: dict[Any, Instant] = {}


class Unseen:
    """The test of an `unseen` clause."""

    def __init__(self, code: RuleCode, limits: Limits, evictions: Evictions) -> None:
        plan = code.plan.unseen
        assert plan is not None and code.unseen is not None
        self.values_of = code.unseen
        self.duration, self.after = plan.duration_ms, plan.after_ms
        self.values_max = limits.events_per_key_max
        self._evictions = evictions
        # With a learning period a key is known for ever, so only the cap forgets it.
        horizon = self.duration if self.after is None else None
        self.keys: KeyedStates[Seen] = KeyedStates(
            limits.keys_per_rule_max, horizon, evictions.at(KEYS)
        )

    def test(self, key: Key, row: Row) -> bool:
        """Say whether the event shows something unseen, and remember what it shows."""
        now = row.time
        state = self.keys.get(key)
        if state is None:
            state = self.keys.enter(key, Seen(now))
        self.keys.touch(key, state, now)
        values = self.values_of(row)
        if values is None:
            return False
        last = state.times.pop(values, None)
        state.times[values] = now
        self._forget(state, now)
        known = self.after is None or now - state.since >= self.after
        return known and (last is None or now - last > self.duration)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield what each key, or of some has shown."""
        for key, state in self.keys.chosen(keys):
            yield key, [state.touched, state.since, [[list(v), t] for v, t in state.times.items()]]

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take what a key has shown."""
        touched, since, times = saved
        state = Seen(since)
        state.touched = touched
        state.times = {as_key(values): time for values, time in times}
        self.keys.put(key, state)

    def _forget(self, state: Seen, now: Instant) -> None:
        times = state.times
        while True:
            oldest = next(iter(times))
            if now - times[oldest] <= self.duration:
                break
            del times[oldest]
        if len(times) > self.values_max:
            del times[next(iter(times))]
            self._evictions.add(VALUES)
