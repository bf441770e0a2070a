"""What enters a window: the step's test, the key, first-seen, and the values for aggregates."""

from __future__ import annotations

from typing import Any

from sluice.model import Key, Row
from sluice.plan import Aggregate, Limits
from sluice.stream.code import RuleCode
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.stream.unseen import Unseen

_NOTHING = Nothing()


class Entering:
    """The door of an aggregate rule's windows."""

    def __init__(self, code: RuleCode, reporter: Reporter, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Aggregate)
        self.code = code
        self.unseen = Unseen(code, limits, reporter.evictions) if code.unseen else None
        until = code.plan.until
        numbers = {id(atom): n for n, atom in enumerate(code.atoms)}
        self._until = None if until is None else numbers[id(until)]
        self._branches = tuple(numbers[id(atom)] for atom in pattern.step.atoms)

    def until_key(self, row: Row, bits: int) -> Key | None:
        """Return the key whose windows this event ends, if it does."""
        if self._until is None or not bits >> self._until & 1:
            return None
        return self.code.key_of[self.code.variant[self._until]](row)

    def enter(self, row: Row, bits: int) -> tuple[Key, tuple[Any, ...]] | None:
        """Return the key and the aggregates' inputs of an event that enters, else None."""
        code = self.code
        for branch, atom in enumerate(self._branches):
            if not bits >> atom & 1:
                continue
            late = code.late[atom]
            if late is not None and not late(row, _NOTHING, row.time):
                continue
            key = code.key_of[code.variant[atom]](row)
            if key is None:
                continue
            if self.unseen is not None and not self.unseen.test(key, row):
                return None
            return key, code.inputs(row, branch) if code.inputs is not None else ()
        return None
