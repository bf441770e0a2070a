"""The functions of event types that a pipeline has at hand."""

from __future__ import annotations

from collections.abc import Callable

from sluice.stream.program import OnRow

#: How many event types get a function of their own; beyond them they are compiled each time.
TYPES_MAX = 10_000


class Functions:
    """The function of each event type, compiled when the type is first seen.

    `known` is a plain dict, which the interpreter looks into without a call.
    """

    def __init__(self, compiled: Callable[[str], OnRow | None]) -> None:
        self.known: dict[str, OnRow | None] = {}
        self._compiled = compiled

    def of(self, type_: str) -> OnRow | None:
        """Return the function of a type, None when no rule looks at it."""
        if type_ in self.known:
            return self.known[type_]
        function = self._compiled(type_)
        if len(self.known) < TYPES_MAX:
            self.known[type_] = function
        return function
