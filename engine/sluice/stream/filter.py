"""Filters: each event that fits is a match; nothing is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.stream.code import RuleCode
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.stream.unseen import Unseen


class FilterOperator:
    """Runs one rule of a single plain step."""

    def __init__(self, code: RuleCode, reporter: Reporter) -> None:
        self.code, self.reporter = code, reporter
        self.unseen: Unseen | None = None
        self._branches = tuple(
            (1 << number, code.key_of[code.variant[number]], [atom.position])
            for number, atom in enumerate(code.atoms)
        )
        #: Nobody reads what it finds, and that an event fits is all there is to know.
        self.is_counted = (
            reporter.is_light
            and not reporter.is_told
            and code.having is None
            and code.plan.cooldown is None
            and not code.plan.keys
        )

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """A filter remembers nothing."""
        return iter(())

    def load(self, key: Key, saved: list[Any]) -> None:
        """A filter remembers nothing."""

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event for which `bits` of the branches hold; the first of them takes it."""
        for bit, key_of, places in self._branches:
            if not bits & bit:
                continue
            key = key_of(row)
            if key is None:
                continue
            taken = Nothing()
            taken.events, taken.places = [row], places
            having = self.code.having
            if having is None or having(taken, key, row.time):
                self.reporter.report(key, row.time, row.time, row.time, taken)
                return
