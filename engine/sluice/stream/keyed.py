"""State by key, bounded: the least recently touched goes first, the idle go when time allows."""

from __future__ import annotations

from collections.abc import Callable, ItemsView
from typing import Any, Generic, Protocol, TypeVar

from sluice.model import Key
from sluice.timing import Instant


def as_key(saved: Any) -> Key:
    """Return the key that plain data stand for: its lists are tuples."""
    return tuple(map(as_key, saved)) if isinstance(saved, list) else saved


class Touched(Protocol):
    """What a state must know: when an event last touched it."""

    touched: Instant


S = TypeVar("S", bound=Touched)
L = TypeVar("L")

#: Idle keys are looked for after this share of the horizon, but not more often than once a second.
_SWEEPS_PER_HORIZON, _SWEEP_MS_MIN = 8, 1_000


class LeanStates(Generic[L]):
    """A mapping from key to state in order of touch; `last_time` says when a state was touched.

    `horizon` is how long after its last touch a state can still matter, None for ever.
    """

    __slots__ = ("_evicted", "_last_time", "_next_sweep", "get", "horizon", "keys_max", "states")

    def __init__(
        self,
        keys_max: int,
        horizon: int | None,
        evicted: Callable[[], None],
        last_time: Callable[[L], Instant],
    ) -> None:
        self.states: dict[Key, L] = {}
        self.get = self.states.get
        self.keys_max = keys_max
        self.horizon = horizon
        self._evicted = evicted
        self._last_time = last_time
        self._next_sweep: Instant | None = None

    def __len__(self) -> int:
        return len(self.states)

    def items(self) -> ItemsView[Key, L]:
        """List keys and states, least recently touched first."""
        return self.states.items()

    def add(self, key: Key, state: L, now: Instant) -> None:
        """Put a new state in, making room for it."""
        if self.horizon is not None:
            if self._next_sweep is None:
                self._next_sweep = now + max(_SWEEP_MS_MIN, self.horizon // _SWEEPS_PER_HORIZON)
            elif now >= self._next_sweep:
                self.sweep(now)
        if len(self.states) >= self.keys_max:
            del self.states[next(iter(self.states))]
            self._evicted()
        self.states[key] = state

    def sweep(self, now: Instant) -> None:
        """Forget the keys that were idle for longer than the horizon."""
        if self.horizon is None:
            return
        self._next_sweep = now + max(_SWEEP_MS_MIN, self.horizon // _SWEEPS_PER_HORIZON)
        oldest, idle = now - self.horizon, []
        for key, state in self.states.items():
            if self._last_time(state) >= oldest:
                break
            idle.append(key)
        for key in idle:
            del self.states[key]


class KeyedStates(LeanStates[S]):
    """The same for states that know when they were touched."""

    __slots__ = ()

    def __init__(self, keys_max: int, horizon: int | None, evicted: Callable[[], None]) -> None:
        super().__init__(keys_max, horizon, evicted, _touched)

    def enter(self, key: Key, state: S) -> S:
        """Put a new state in, making room for it, and return it."""
        self.add(key, state, state.touched)
        return state

    def touch(self, key: Key, state: S, now: Instant) -> None:
        """Note that an event changed the state."""
        state.touched = now
        states = self.states
        if key in states:
            del states[key]
        states[key] = state

    def discard(self, key: Key) -> None:
        """Forget a key."""
        self.states.pop(key, None)


def _touched(state: Touched) -> Instant:
    return state.touched
