"""State by key, bounded: the least recently touched goes first, the idle go when time allows."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable
from itertools import islice
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

#: At the cap one key is dropped for so many that are kept, so of a million 61 at a time: to find
#: them one by one costs 150 us each.
_KEYS_PER_DROP = 16_384


class LeanStates(Generic[L]):
    """A mapping from key to state in order of touch; `last_time` says when a state was touched.

    `horizon` is how long after its last touch a state can still matter, None for ever; those
    that `is_kept` says so of always matter.
    """

    __slots__ = (
        "_evicted", "_is_kept", "_last_time", "get", "gone", "horizon", "keys_max", "next_sweep",
        "states",
    )  # fmt: skip

    def __init__(
        self,
        keys_max: int,
        horizon: int | None,
        evicted: Callable[[], None],
        last_time: Callable[[L], Instant],
        is_kept: Callable[[L], bool] | None = None,
    ) -> None:
        self.states: dict[Key, L] = {}
        self.get: Callable[[Key], L | None] = self.states.get
        self.keys_max = keys_max
        self.horizon = horizon
        self._evicted = evicted
        self._last_time, self._is_kept = last_time, is_kept
        #: When idle keys are looked for again. Checkpoints have it: it decides what is dropped.
        self.next_sweep: Instant | None = None
        #: Takes the keys that are dropped, where somebody keeps their state elsewhere too.
        self.gone: list[Key] | None = None

    def __len__(self) -> int:
        return len(self.states)

    def items(self) -> ItemsView[Key, L]:
        """List keys and states, least recently touched first."""
        return self.states.items()

    def watch(self, looked: dict[Key, None]) -> None:
        """Note in `looked` each key that is asked for, the last one last."""
        states = self.states

        def get(key: Key) -> L | None:
            looked.pop(key, None)
            looked[key] = None
            return states.get(key)

        self.get = get

    def chosen(self, keys: Iterable[Key] | None) -> Iterable[tuple[Key, L]]:
        """Return keys and states: all of them, or those of some keys that have one."""
        if keys is None:
            return self.states.items()
        states = self.states
        return [(key, states[key]) for key in keys if key in states]

    def add(self, key: Key, state: L, now: Instant) -> None:
        """Put a new state in, making room for it."""
        if self.horizon is not None:
            if self.next_sweep is None:
                self.next_sweep = now + max(_SWEEP_MS_MIN, self.horizon // _SWEEPS_PER_HORIZON)
            elif now >= self.next_sweep:
                self.sweep(now)
        if len(self.states) >= self.keys_max:
            self._drop_oldest()
        self.states[key] = state

    def put(self, key: Key, state: L) -> None:
        """Put a state in without a look at the clock, as a checkpoint does that is read."""
        if len(self.states) >= self.keys_max:
            self._drop_oldest()
        self.states[key] = state

    def _drop_oldest(self) -> None:
        # To find the first key of a dict, Python steps over all that went before it.
        self.drop(max(1, self.keys_max // _KEYS_PER_DROP), self._evicted)

    def drop(self, count: int, evicted: Callable[[], None]) -> None:
        """Forget so many keys, least recently touched first; `evicted` counts each."""
        oldest = list(islice(self.states, count))
        for key in oldest:
            del self.states[key]
            evicted()
        if self.gone is not None:
            self.gone += oldest

    def sweep(self, now: Instant) -> None:
        """Forget the keys that were idle for longer than the horizon."""
        if self.horizon is None:
            return
        self.next_sweep = now + max(_SWEEP_MS_MIN, self.horizon // _SWEEPS_PER_HORIZON)
        oldest, idle, is_kept = now - self.horizon, [], self._is_kept
        for key, state in self.states.items():
            if self._last_time(state) >= oldest:
                break
            if is_kept is None or not is_kept(state):
                idle.append(key)
        for key in idle:
            del self.states[key]
        if self.gone is not None:
            self.gone += idle


class KeyedStates(LeanStates[S]):
    """The same for states that know when they were touched."""

    __slots__ = ()

    def __init__(
        self, keys_max: int, horizon: int | None, evicted: Callable[[], None],
        is_kept: Callable[[S], bool] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(keys_max, horizon, evicted, _touched, is_kept)

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
