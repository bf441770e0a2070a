"""What a pipeline asks of a compiled rule set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sluice.model import Event, Row
from sluice.stream.code import RuleCode
from sluice.stream.mismatches import Mismatches

OnRow = Callable[[Row], None]


class Program(Protocol):
    """A compiled rule set, as a backend gives it."""

    codes: tuple[RuleCode, ...]
    #: Events by type that no line of an extract fitted.
    unfit: dict[str, int]
    #: Values of another type than the rules ask for.
    mismatches: Mismatches
    #: Whether anything asks where an event stood; else rows need not know.
    needs_places: bool

    def bind(self, operators: dict[int, Callable[..., None]], counters: dict[int, Any]) -> None:
        """Take the operators that the functions of event types call, by rank.

        `counters` have a count `matches`, for rules that are only counted.
        """
        ...

    def function(self, type_: str, is_derived: bool, part: str) -> OnRow | None:
        """Return what runs the rules on an event of a type; None when none looks at it."""
        ...

    def extractor(self, type_: str) -> Callable[[Row], list[Event]] | None:
        """Return what turns an event of a type into extracted events, if anything does."""
        ...

    def reads(self, type_: str) -> frozenset[str]:
        """Return the top-level fields (and attributes) that rules read of events of a type."""
        ...

    def to_row(self, event: Event) -> Row:
        """Return the row of an event."""
        ...

    def row_state(self, row: Row) -> list[Any]:
        """Return a row as plain data, for a checkpoint."""
        ...

    def row_from(self, state: list[Any]) -> Row:
        """Return the row that plain data stand for."""
        ...

    def heard(self, type_: str) -> bool:
        """Say whether some rule listens to a derived type."""
        ...

    def whole(self, row: Row) -> dict[str, Any]:
        """Return the whole event of a row as its JSON object."""
        ...
