"""Timers of event time: what is due, in the order that the language promises.

One instant T has three phases: windows that end at T close, then come its events, then its
deadlines. A timer's code is `2 T` for the first and `2 T + 1` for the last; events stand between.
Entries are not withdrawn: an operator keeps at most one entry a key and looks at its state when
it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from sluice.model import Key, key_order
from sluice.timing import Instant

CLOSING, DEADLINE = 0, 1

#: A code later than every timer.
NEVER = 1 << 62

Call = Callable[[Key, Instant], None]


class Timers:
    """A heap of instants, each with the keys due by rank of the rule."""

    __slots__ = ("_buckets", "_calls", "_heap", "_widths", "next_code", "watch")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._buckets: dict[int, dict[int, list[Key]]] = {}
        self._calls: dict[int, tuple[Call, Call]] = {}
        self._widths: dict[int, int] = {}
        self.next_code = NEVER
        #: Learns of each call: the rank of the rule, and the key.
        self.watch: Callable[[int, Key], None] | None = None

    def register(self, rank: int, width: int, closing: Call, deadline: Call) -> None:
        """Say whom to call for a rule (its rank orders calls; `width` is its key's)."""
        self._calls[rank] = (closing, deadline)
        self._widths[rank] = width

    def schedule(self, time: Instant, phase: int, rank: int, key: Key) -> None:
        """Ask for a call of rule `rank` about `key` at a phase of an instant."""
        code = 2 * time + phase
        bucket = self._buckets.get(code)
        if bucket is None:
            self._buckets[code] = {rank: [key]}
            heappush(self._heap, code)
            self.next_code = min(self.next_code, code)
        elif rank in bucket:
            bucket[rank].append(key)
        else:
            bucket[rank] = [key]

    def fire(self, limit: int, after_each: Callable[[Instant], None]) -> None:
        """Make all calls with a code below `limit`, in order of (time, phase, rule, key).

        `after_each` runs after every call: what it brought about meets the rules then.
        """
        heap = self._heap
        while heap and heap[0] < limit:
            code = heappop(heap)
            self.next_code = heap[0] if heap else NEVER
            bucket = self._buckets.pop(code)
            time, phase = code >> 1, code & 1
            for rank in sorted(bucket):
                call = self._calls[rank][phase]
                width = self._widths[rank]
                keys = bucket[rank]
                if len(keys) > 1:
                    keys = sorted(set(keys), key=lambda key: key_order(key, width))
                for key in keys:
                    if self.watch is not None:
                        self.watch(rank, key)
                    call(key, time)
                    after_each(time)

    @property
    def is_used(self) -> bool:
        """True when some rule can ask for a call."""
        return bool(self._calls)


def no_call(key: Any, time: Instant) -> None:
    """Stand for a phase that a rule has no timers in."""
    raise AssertionError((key, time))
