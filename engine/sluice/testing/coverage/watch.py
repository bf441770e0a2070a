"""Look on while tests are played: which conditions held and failed, what came of the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.backends import BuildOptions, Judge, Probe, build, looks_back
from sluice.catalog import Catalog
from sluice.model import Match, Mitigation, Row
from sluice.plan import DEFAULT_LIMITS, Aggregate, Expr, Plan, only_feeding
from sluice.stream import Pipeline, RuleCode
from sluice.testing.player import KINDS, replay
from sluice.testing.script import Script
from sluice.why import NOTHING, with_witness

#: Under this name a rule selects what its `having` is made of.
_PART = "\0part"


@dataclass(slots=True)
class Seen:
    """What was seen of a rule in all its tests.

    `outcomes` are (atom, condition, whether it held); those of `having` have atom -1, those of
    `except` atom -2. `fits` are the atoms that some event fitted; `taken` the places of the
    pattern whose events some match holds.
    """

    outcomes: set[tuple[int, int, bool]] = field(default_factory=set)
    fits: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    effects: set[int] = field(default_factory=set)
    matches: int = 0
    suppressed: int = 0


HAVING, EXCEPT = -1, -2


class Watch:
    """Plays scripts before a rule, with a witness beside it that judges each event of its types."""

    def __init__(
        self, plan: Plan, catalog: Catalog, name: str, conditions: Sequence[Sequence[Expr]],
        having: Sequence[Expr], seen: Seen,
    ) -> None:  # fmt: skip
        """Take the conditions of each atom of the rule, as numbered, and the parts of `having`."""
        self.name, self.seen = name, seen
        mine = with_witness(only_feeding(plan, name), name)
        rules = tuple(_selecting(r, having) if r.name == name else r for r in mine.rules)
        options = BuildOptions(KINDS, whole_events=True)
        self.program = build(replace(mine, rules=rules), catalog, options).program
        code = next(c for c in self.program.codes if c.plan.name == name)
        self._is_window = isinstance(code.plan.pattern, Aggregate)
        self._positions = [atom.position for atom in code.atoms]
        self._witness = self.program.codes[-1].rank
        probe = Probe(self.program, code.width)
        self._early: list[list[tuple[int, Judge]]] = []
        late: list[list[tuple[int, Judge]]] = []
        for parts in conditions:
            judges = [(n, probe.judge(part), looks_back(part)) for n, part in enumerate(parts)]
            self._early.append([(n, judge) for n, judge, is_late in judges if not is_late])
            late.append([(n, judge) for n, judge, is_late in judges if is_late])
        self._excepts = [(n, probe.judge(e)) for n, e in enumerate(code.plan.excepts)]
        self._listen(code, late, len(having))

    def _listen(self, code: RuleCode, late: list[list[tuple[int, Judge]]], parts: int) -> None:
        """Let the rule tell of conditions that look at its match or window."""
        outcomes = self.seen.outcomes
        code.late = tuple(
            None if test is None else _telling(test, number, judges, outcomes)
            for number, (test, judges) in enumerate(zip(code.late, late, strict=True))
        )
        having, select = code.having, code.select
        if having is None:
            return

        def judged(match: Any, key: Any, now: int) -> bool:
            values = select(match, key, now)[-parts:]
            outcomes.update((HAVING, n, value is True) for n, value in enumerate(values))
            return having(match, key, now)

        code.having = judged

    def play(self, script: Script) -> None:
        """Let a script happen, and note what is seen."""
        pipeline = Pipeline(self.program, KINDS, DEFAULT_LIMITS, script.lateness, True)
        self.program.bind({self._witness: self._on_event}, {})
        replay(script, pipeline)
        self._note(pipeline.drain())
        for reporter in pipeline.reporters:
            if reporter.code.plan.name == self.name:
                self.seen.suppressed += reporter.suppressed
        pipeline.pending()
        self._note(pipeline.drain())

    def _note(self, records: Iterable[Any]) -> None:
        seen = self.seen
        for record in records:
            match record:
                case Match() if record.rule == self.name:
                    seen.matches += record.kind == "match"
                    if not self._is_window:
                        seen.taken.update(event.position for event in record.events)
                case Mitigation() if record.rule == self.name:
                    seen.effects.add(record.clause)

    def _on_event(self, row: Row, bits: int, named: int) -> None:
        seen = self.seen
        for number, judges in enumerate(self._early):
            if not named >> number & 1:
                continue
            for place, judge in judges:
                held = judge(row, NOTHING, None, row.time) is True
                seen.outcomes.add((number, place, held))
            if bits >> number & 1:
                seen.fits.add(number)
                if self._is_window:
                    seen.taken.add(self._positions[number])
        for place, judge in self._excepts:
            held = judge(row, NOTHING, None, row.time) is True
            seen.outcomes.add((EXCEPT, place, held))


def _selecting(rule: Any, parts: Sequence[Expr]) -> Any:
    """Return a rule that selects the parts of its `having` too, behind all else."""
    more = tuple((f"{_PART} {number}", part) for number, part in enumerate(parts))
    return replace(rule, select=(*rule.select, *more))


def _telling(
    test: Callable[..., bool], number: int, judges: list[tuple[int, Judge]],
    outcomes: set[tuple[int, int, bool]],
) -> Callable[..., bool]:  # fmt: skip
    """Return a test of an event that tells how each of its conditions came out."""

    def told(row: Row, taken: Any, now: int) -> bool:
        for place, judge in judges:
            outcomes.add((number, place, judge(row, taken, None, now) is True))
        return test(row, taken, now)

    return told
