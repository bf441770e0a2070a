"""Look at single events beside a pipeline: what a condition says of them, and what refused them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sluice.backends.conditions import truth
from sluice.backends.emit import Emitter, View
from sluice.backends.program import CompiledRules
from sluice.backends.rules import looks_back
from sluice.backends.values import value
from sluice.model import Key, Row
from sluice.plan import Atom, Expr, conjuncts
from sluice.stream import Program, Taken
from sluice.timing import Instant

#: (event, match so far, key, now) -> a run-time value, None for unknown.
Judge = Callable[[Row | None, Taken, Key, Instant], Any]

#: How many events that failed nothing else are kept of each condition.
CLOSE_MAX = 8


class Refusal:
    """One part of the condition of an atom, and the events of which it was the first to fail.

    `alone` counts those that failed nothing else of the atom; `close` are the last of them.
    """

    __slots__ = ("alone", "atom", "close", "condition", "false", "first", "last", "unknown")

    def __init__(self, atom: int, condition: Expr) -> None:
        self.atom, self.condition = atom, condition
        self.false = self.unknown = self.alone = 0
        self.first: Row | None = None
        self.last: Row | None = None
        self.close: deque[Row] = deque(maxlen=CLOSE_MAX)


class Probe:
    """Expressions over the rows of a compiled rule set, compiled when they are first asked for."""

    def __init__(self, program: Program, width: int) -> None:
        """Take the program whose rows are looked at; `width` is how many parts the key has."""
        assert isinstance(program, CompiledRules)
        self._out = Emitter(program.plan, program.catalog, program.layout, truth)
        self._out.names["WIDTH"] = width
        self._judges: dict[Expr, Judge] = {}

    def judge(self, expr: Expr) -> Judge:
        """Return what gives the value of an expression; of a condition true, false or None.

        What is looked at in a window (its aggregates, `select` values) cannot be asked for.
        """
        if expr not in self._judges:
            source = f"def on(e, m, k, n): return {value(expr, View(), self._out)}"
            self._judges[expr] = self._compiled(source)
        return self._judges[expr]

    def refusals(
        self, atoms: Sequence[tuple[int, Atom]]
    ) -> tuple[Callable[[Row], int], tuple[Refusal, ...]]:
        """Return what counts an event that none of the atoms took, and where it is counted.

        It gives the bits of the atoms of which the event failed one part alone. Only conditions on
        the event alone are looked at, each in the order written.
        """
        found: list[Refusal] = []
        lines = ["def on(e):", "    alone = 0"]
        for number, atom in atoms:
            parts = [part for part in conjuncts(atom.where) if not looks_back(part)]
            refusals = [Refusal(number, part) for part in parts]
            lines += self._chain(refusals)
            found += refusals
        return self._compiled("\n".join([*lines, "    return alone"])), tuple(found)

    def _chain(self, refusals: list[Refusal]) -> list[str]:
        """Write the tests of one atom: the first that is not true counts the event."""
        view, out = View(now="e.time"), self._out
        true = [truth(r.condition, view, out) for r in refusals]
        lines = []
        for place, refusal in enumerate(refusals):
            name = out.name("refusal", refusal)
            rest = " and ".join(true[place + 1 :])
            lines += [
                f"    {'el' if place else ''}if not {true[place]}:",
                f"        if {truth(refusal.condition, view, out, False)}: {name}.false += 1",
                f"        else: {name}.unknown += 1",
                f"        if {name}.first is None: {name}.first = e",
                f"        {name}.last = e",
                f"        if {rest or 'True'}:",
                f"            {name}.alone += 1; {name}.close.append(e)",
                f"            alone |= {1 << refusal.atom}",
            ]
        return lines

    def _compiled(self, source: str) -> Any:
        names = self._out.names
        exec(compile(source, "<probe>", "exec"), names)
        return names.pop("on")
