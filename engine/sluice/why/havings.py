"""What `having` said of a candidate that took all its events, and what would have satisfied it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.plan import Expr, RulePlan, conjunction, conjuncts
from sluice.plan import exprs as x
from sluice.why.case import Case
from sluice.why.changes import eased, inlined, with_condition
from sluice.why.explanation import Measure, Obstacle
from sluice.why.facts import json_value, shown
from sluice.why.recording import Held
from sluice.why.trial import Entry, Found


def having_parts(rule: RulePlan) -> tuple[Expr, ...]:
    """Return the parts of a rule's `having`, with what its `select` names stand for."""
    return () if rule.having is None else conjuncts(inlined(rule.having.condition, rule))


def with_parts(rule: RulePlan, parts: Sequence[Expr]) -> RulePlan:
    """Return the rule with other parts of `having`; with none it asks nothing of a match."""
    condition = conjunction(tuple(parts))
    return replace(rule, having=None) if condition is None else with_condition(rule, condition)


def measure(case: Case, part: Expr, left: Any, right: Any, verdict: bool | None) -> Measure:
    """Return what a part of `having` came to: the value, and the constant that it is held to."""
    text = case.facts.text(part)
    if not isinstance(part, x.Cmp):
        return Measure(text, verdict, None, verdict)
    sides = [json_value(left, part.left.type), json_value(right, part.right.type)]
    if isinstance(part.left, x.Const):
        sides.reverse()
    return Measure(text, sides[0], sides[1], verdict)


def with_part_met(
    case: Case, parts: tuple[Expr, ...], number: int, sides: tuple[Any, Any]
) -> tuple[str, RulePlan]:
    """Return the rule with one part of `having` met, and what was done: another number, or as if
    the part were true."""
    text = case.facts.text
    easier = eased(parts[number], *sides)
    others = (*parts[:number], *parts[number + 1 :])
    if easier is None:
        return f"with `{text(parts[number])}` true", with_parts(case.rule, others)
    others = (*parts[:number], easier, *parts[number + 1 :])
    return f"`having {text(easier)}`", with_parts(case.rule, others)


def told_part(
    case: Case, part: Expr, sides: tuple[Any, Any], verdict: bool | None, because: str = ""
) -> str:
    """Tell how a part of `having` came out: `count() >= 5` is false (count() = 4)."""
    word = "false" if verdict is False else "unknown"
    inside = because
    if not inside and isinstance(part, x.Cmp):
        pairs = zip((part.left, part.right), sides, strict=True)
        told = [(e, shown(json_value(v, e.type))) for e, v in pairs if not isinstance(e, x.Const)]
        inside = ", ".join(f"{case.facts.text(expr)} = {value}" for expr, value in told)
    return f"`{case.facts.text(part)}` is {word}" + (f" ({inside})" if inside else "")


@dataclass(slots=True)
class HavingStudy:
    """A candidate of a sequence, a silence or a single event, and the `having` it met."""

    case: Case
    found: Found
    entries: list[Entry]

    def obstacles(self) -> list[Obstacle]:
        """Return what each part that was not true said."""
        parts = having_parts(self.case.rule)
        return [
            self._obstacle(parts, number)
            for number, part in enumerate(parts)
            if self._verdict(part) is not True
        ]

    def measures(self) -> tuple[Measure, ...]:
        """Return what every part came to."""
        return tuple(
            measure(
                self.case, part, self._side(part, "left"), self._side(part, "right"),
                self._verdict(part),
            )
            for part in having_parts(self.case.rule)
        )  # fmt: skip

    def _obstacle(self, parts: tuple[Expr, ...], number: int) -> Obstacle:
        part, facts = parts[number], self.case.facts
        value, verdict = self._side(part, "left"), self._verdict(part)
        because = facts.because(part, None, self._held) if verdict is None else ""
        sides = value, self._side(part, "right")
        remedy, changed = with_part_met(self.case, parts, number, sides)
        is_enough = self.case.fires(changed, self.entries, self.found) is not None
        text = "`having`: " + told_part(self.case, part, sides, verdict, because)
        came, time = measure(self.case, part, *sides, verdict), self.found.time
        return Obstacle("having", text, remedy, is_enough, came.asked, came.value, time)

    @property
    def _held(self) -> Held:
        return Held(self.found.events, self.found.places)

    def _verdict(self, part: Expr) -> bool | None:
        found = self.found
        return self.case.facts.verdict(part, None, self._held, found.key, found.time)

    def _side(self, part: Expr, side: str) -> Any:
        expr = getattr(part, side, None)
        if not isinstance(part, x.Cmp) or expr is None:
            return None
        judge = self.case.facts.probe.judge(expr)
        return judge(None, self._held, self.found.key, self.found.time)
