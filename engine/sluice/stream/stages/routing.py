"""Which partitions need an event: asked where it comes in, and checked again where it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sluice.model import Key, Row, key_partition, key_parts
from sluice.plan import Placement
from sluice.stream.code import RuleCode
from sluice.stream.pattern import has_immediately

#: Partitions by key are remembered for so many keys of a rule.
_KEYS_REMEMBERED_MAX = 20_000


class Route:
    """Which partition a rule's keys belong to."""

    def __init__(self, code: RuleCode, placement: Placement, count: int) -> None:
        self._placement, self._count, self._width = placement, count, code.width
        self._known: dict[Key, int] = {}
        self._only = None if placement.route else key_partition(placement.group, (), count)

    def of(self, key: Key) -> int:
        """Return the partition of a key."""
        if self._only is not None:
            return self._only
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEYS_REMEMBERED_MAX:
                self._known.clear()
            parts = key_parts(key, self._width)
            chosen = [parts[place] for place in self._placement.route]
            found = key_partition(self._placement.group, chosen, self._count)
            self._known[key] = found
        return found


class Router:
    """Stands for the operator of a rule where its events come in: notes where they go."""

    def __init__(self, code: RuleCode, route: Route, targets: set[int]) -> None:
        self._variants = tuple(variants_of(code))
        self._is_strict = has_immediately(code.plan)
        self._route, self._targets = route, targets

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event that `bits` of the rule's tests hold on."""
        looked = named if self._is_strict else bits
        for key_of, mask in self._variants:
            if looked & mask:
                key = key_of(row)
                if key is not None:
                    self._targets.add(self._route.of(key))


class Gate:
    """Stands before the operator of a rule where events arrive: lets in the keys that belong here.

    An event travels once for all rules of a partition, so it may also fit a rule whose key for
    it belongs elsewhere. `touched` learns of each key whose state an event may change.
    """

    def __init__(
        self, code: RuleCode, route: Route, here: int,
        on_event: Callable[[Row, int, int], None], touched: Callable[[int, Key], None],
    ) -> None:  # fmt: skip
        self._variants = tuple(variants_of(code))
        self._rank, self._route, self._here = code.rank, route, here
        self._on_event, self._touched = on_event, touched

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event; hide the tests whose key belongs to another partition."""
        for key_of, mask in self._variants:
            if not named & mask:
                continue
            key = key_of(row)
            if key is not None and self._route.of(key) == self._here:
                self._touched(self._rank, key)
            else:
                bits &= ~mask
                named &= ~mask
        if named:
            self._on_event(row, bits, named)


def variants_of(code: RuleCode) -> Iterator[tuple[Callable[[Row], Any], int]]:
    """Yield each way in which a rule names its key, with the tests that name it so."""
    for variant, key_of in enumerate(code.key_of):
        mask = sum(1 << n for n, each in enumerate(code.variant) if each == variant)
        yield key_of, mask
