"""Clauses that hold something back: a test reaches one when it would go differently without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sluice.lang import declarations as decl
from sluice.lang import syntax as tree
from sluice.testing.coverage.points import Point

#: Longer than any test: a bound of so many milliseconds bounds nothing.
_ENDLESS_MS = 1_000 * 365 * 86_400_000

#: A point, and the rule without the clause that it is about.
Without = tuple[Point, decl.Rule]


def without_clauses(rule: decl.Rule) -> Iterator[Without]:
    """Yield the rule without each of the clauses that hold something back."""
    for place, clause in enumerate(rule.clauses):
        for point, new in _clause(clause):
            kept = () if new is None else (new,)
            yield (
                point,
                replace(rule, clauses=(*rule.clauses[:place], *kept, *rule.clauses[place + 1 :])),
            )


def _clause(clause: decl.Clause) -> Iterator[tuple[Point, decl.Clause | None]]:
    match clause:
        case decl.When(pattern=pattern):
            for point, steps in _steps(pattern.steps):
                yield point, replace(clause, pattern=replace(pattern, steps=steps))
        case decl.Until():
            yield Point(clause.span, "until", "ends nothing"), None
        case decl.Unseen():
            yield Point(clause.span, "unseen", "refuses nothing that was seen before"), None
        case decl.Having(duration=duration) if duration is not None:
            point = Point(duration.span, "for", "is never broken off")
            yield point, replace(clause, duration=None)
        case decl.Within():
            yield Point(clause.span, "within", "cuts nothing off"), _endless(clause, "duration")
        case decl.Window(kind="sliding"):
            yield Point(clause.span, "window", "nothing leaves it"), _endless(clause, "size")
        case _:
            pass


def _endless(clause: Any, name: str) -> Any:
    span = getattr(clause, name).span
    return replace(clause, **{name: tree.DurationLiteral(_ENDLESS_MS, span=span)})


def _steps(steps: tuple[tree.Step, ...]) -> Iterator[tuple[Point, tuple[tree.Step, ...]]]:
    for place, step in enumerate(steps):
        for point, new in _step(step):
            yield point, (*steps[:place], new, *steps[place + 1 :])


def _step(step: tree.Step) -> Iterator[tuple[Point, tree.Step]]:
    if step.gap is not None:
        yield Point(step.gap.span, "gap", "cuts nothing off"), replace(step, gap=None)
    if step.immediately:
        point = Point(step.span, "immediately", "`immediately` stops nothing")
        yield point, replace(step, immediately=False)
    for place, without in enumerate(step.withouts):
        withouts = (*step.withouts[:place], *step.withouts[place + 1 :])
        yield Point(without.span, "without", "stops nothing"), replace(step, withouts=withouts)
    if isinstance(step.head, tree.Group):
        for point, sequence in _steps(step.head.sequence):
            yield point, replace(step, head=replace(step.head, sequence=sequence))
