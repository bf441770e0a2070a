"""Hold-back: stateless rules see an event on arrival, the others when its turn has come.

What a stateless rule derives from an event waits with it, so that stateful rules meet parent and
children in the order of section 4.3.7, whenever the parent is applied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from sluice.model import Event, Row, Trace
from sluice.stream.report import Outlet
from sluice.stream.watermarks import Place

Order = tuple[int, str, int, int]
Run = Callable[[Row, bool, str], None]
Extract = Callable[[Row], list[Event]]


class Node:
    """An event with what was derived from it on arrival.

    `is_fresh` events have met no rule yet. `children` are what stateless rules derived, with the
    rank of the rule; `extracted` comes right after the event. `origin` is for whoever holds it,
    `trace` that of its record.
    """

    __slots__ = ("children", "extracted", "is_derived", "is_fresh", "origin", "row", "trace")

    def __init__(self, row: Row, is_derived: bool, is_fresh: bool) -> None:
        self.row, self.is_derived, self.is_fresh = row, is_derived, is_fresh
        self.children: list[tuple[int, Node]] = []
        self.extracted: list[Node] = []
        self.origin = 0
        self.trace: Trace | None = None


class HoldBack:
    """Events that have arrived and wait until nothing that sorts before them can still come."""

    def __init__(
        self, outlet: Outlet, run: Run, extract: Extract, to_row: Callable[[Event], Row]
    ) -> None:
        self._outlet, self._run = outlet, run
        self._extract, self._to_row = extract, to_row
        self._heap: list[tuple[Order, int, Node]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def arrive(self, row: Row) -> Node:
        """Let stateless rules meet an event and what they derive from it."""
        root = Node(row, False, False)
        self.arrive_node(root)
        return root

    def arrive_node(self, node: Node) -> None:
        """Let stateless rules meet an event, and what was extracted from it."""
        queue = deque([node])
        while queue:
            self._meet_stateless(queue.popleft(), queue)

    def hold(self, node: Node, place: Place) -> None:
        """Keep an event of an input until `release`."""
        row = node.row
        self._count += 1
        order = (row.time, *place, row.offset)
        heappush(self._heap, (order, self._count, node))

    def release(self, frontier: tuple[int, str, int] | None) -> Node | None:
        """Return the next event that may be applied, if any."""
        if not self._heap:
            return None
        if frontier is not None and self._heap[0][0][:3] > frontier:
            return None
        return heappop(self._heap)[2]

    def apply(self, node: Node) -> None:
        """Let stateful rules meet an event and everything derived from it."""
        queue = deque([node])
        while queue:
            self._meet(queue.popleft(), queue)

    def nodes(self) -> Iterator[tuple[Node, Place]]:
        """Yield what waits, in order, each with the input that it is from."""
        for order, _, node in sorted(self._heap, key=lambda entry: entry[:2]):
            yield node, (order[1], order[2])

    def waiting(self) -> list[list[Any]]:
        """List the events that wait, in order, each after the input that it is from."""
        return [[*place, node.row] for node, place in self.nodes()]

    def _produced(self) -> list[tuple[int, Event]]:
        produced, self._outlet.derived = self._outlet.derived, []
        return produced

    def _meet_stateless(self, node: Node, queue: deque[Node]) -> None:
        self._run(node.row, node.is_derived, "stateless")
        for rank, event in self._produced():
            child = Node(self._to_row(event), True, False)
            node.children.append((rank, child))
            queue.append(child)
        for event in self._extract(node.row):
            node.extracted.append(Node(self._to_row(event), True, False))
        for child in node.extracted:
            self._meet_stateless(child, queue)

    def _meet(self, node: Node, queue: deque[Node]) -> None:
        self._run(node.row, node.is_derived, "all" if node.is_fresh else "stateful")
        produced = [
            (rank, Node(self._to_row(event), True, True)) for rank, event in self._produced()
        ]
        both = sorted([*produced, *node.children], key=lambda child: child[0])
        queue.extend(child for _, child in both)
        if node.is_fresh:
            node.extracted += [
                Node(self._to_row(event), True, True) for event in self._extract(node.row)
            ]
        for child in node.extracted:
            self._meet(child, queue)
