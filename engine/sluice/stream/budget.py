"""The memory of a process: an estimate of all state, and room made when it is too much.

The estimate is taken from samples: what the oldest keys of a rule would take in a checkpoint,
times what Python objects take beside their contents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sluice.stream.checkpoint import Records, Rows
from sluice.stream.keyed import LeanStates

#: How many events pass between two looks at the state.
EVENTS_BETWEEN = 50_000

#: How many keys of a rule are weighed.
_SAMPLE = 16

#: A key costs its place in the mapping, and objects some times their plain contents.
_KEY_BYTES, _OBJECT_FACTOR = 150, 4

#: This share of a rule's keys goes at once when room is made.
_SHARE = 10


class Holding:
    """One mapping of state by key: what yields its records, and what counts what is dropped."""

    def __init__(
        self,
        states: LeanStates[Any],
        save: Callable[[], Iterator[Any]],
        evicted: Callable[[], None],
    ) -> None:
        self.states, self._save, self._evicted = states, save, evicted

    def estimate(self, records: Records) -> int:
        """Return about how many bytes the mapping takes."""
        if not len(self.states):
            return 0
        sizes = [len(records.write(record)) for record in islice(self._save(), _SAMPLE)]
        mean = sum(sizes) // max(1, len(sizes))
        return len(self.states) * (_KEY_BYTES + _OBJECT_FACTOR * mean)

    def drop_oldest(self) -> None:
        """Forget a share of the keys, least recently touched first."""
        self.states.drop(len(self.states) // _SHARE + 1, self._evicted)


class Budget:
    """Keeps the state of all rules below `state_bytes_max`."""

    def __init__(self, holdings: list[Holding], rows: Rows, state_bytes_max: int) -> None:
        self._holdings, self._records = holdings, Records(rows)
        self._bytes_max = state_bytes_max
        #: How many events may come before the state is weighed again; part of a checkpoint.
        self.left = EVENTS_BETWEEN

    def spend(self, events: int) -> None:
        """Note that events were taken; from time to time weigh the state and make room."""
        self.left -= events
        if self.left > 0:
            return
        self.left = EVENTS_BETWEEN
        self.make_room()

    def make_room(self) -> None:
        """Drop the oldest keys of the largest holding until the estimate is low enough."""
        sizes = [holding.estimate(self._records) for holding in self._holdings]
        while sum(sizes) > self._bytes_max:
            largest = max(range(len(sizes)), key=sizes.__getitem__)
            self._holdings[largest].drop_oldest()
            sizes[largest] = self._holdings[largest].estimate(self._records)
