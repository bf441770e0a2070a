"""Change a pattern in one place: a step, a quantifier, what may stand between steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sluice.lang import short
from sluice.lang import syntax as tree
from sluice.testing.mutation.change import Change, Variant, gone, without_part
from sluice.testing.mutation.expressions import expressions


def patterns(pattern: tree.Pattern) -> Iterator[Variant]:
    """Yield a pattern with one change, for each change of it."""
    for steps, change in _sequence(pattern.steps):
        yield change, replace(pattern, steps=steps)
    if pattern.leading is not None:
        yield gone(pattern.leading), replace(pattern, leading=None)
        for change, new in _absence(pattern.leading):
            yield change, replace(pattern, leading=new)
    if pattern.trailing is not None:
        yield gone(pattern.trailing), replace(pattern, trailing=None)
        for change, new in _absence(pattern.trailing):
            yield change, replace(pattern, trailing=new)
    if pattern.whole is not None:
        for change, new in _absence(pattern.whole):
            yield change, replace(pattern, whole=new)


def steps(step: tree.Step) -> Iterator[Variant]:
    """Yield a step with one change, for each change of it."""
    if step.quantifier is not None:
        for change, new in _quantifier(step.quantifier):
            yield change, replace(step, quantifier=new)
    if step.where is not None:
        if not (isinstance(step.where, tree.Binary) and step.where.op == "and"):
            yield gone(step.where), replace(step, where=None)
        for change, new in expressions(step.where):
            yield change, replace(step, where=new)
    if step.gap is not None:
        yield gone(step.gap), replace(step, gap=None)
        for change, new in expressions(step.gap):
            yield change, replace(step, gap=new)
    if step.immediately:
        yield (
            Change(step.span, short(replace(step, immediately=False))),
            replace(step, immediately=False),
        )
    for place, without in enumerate(step.withouts):
        yield gone(without), without_part(step, "withouts", place)
        for change, new in _without(without):
            withouts = (*step.withouts[:place], new, *step.withouts[place + 1 :])
            yield change, replace(step, withouts=withouts)
    for change, head in _head(step.head):
        yield change, replace(step, head=head)


def _sequence(items: tuple[tree.Step, ...]) -> Iterator[tuple[tuple[tree.Step, ...], Change]]:
    for place, step in enumerate(items):
        before, after = items[:place], items[place + 1 :]
        if len(items) > 1:
            rest = (*before, *after)
            # What stood between this step and the one before it goes with it.
            first = replace(rest[0], gap=None, immediately=False)
            yield ((first, *rest[1:]) if place == 0 else rest), gone(step)
        for change, new in steps(step):
            yield (*before, new, *after), change


def _absence(absence: tree.Absence) -> Iterator[Variant]:
    for change, new in steps(absence.step):
        yield change, replace(absence, step=new)
    for change, within in expressions(absence.within):
        yield change, replace(absence, within=within)


def _without(without: tree.Without) -> Iterator[Variant]:
    if without.where is not None:
        yield gone(without.where), replace(without, where=None)
        for change, new in expressions(without.where):
            yield change, replace(without, where=new)


def _head(head: tree.Head) -> Iterator[Variant]:
    match head:
        case tree.EventHead(args=args):
            for place, arg in enumerate(args or ()):
                for change, new in expressions(arg):
                    assert args is not None
                    yield change, replace(head, args=(*args[:place], new, *args[place + 1 :]))
        case tree.AnyOf(branches=branches) | tree.AllOf(branches=branches):
            for items, change in _sequence(branches):
                yield change, replace(head, branches=items)
        case tree.Group(sequence=sequence):
            for items, change in _sequence(sequence):
                yield change, replace(head, sequence=items)


def _quantifier(quantifier: tree.Quantifier) -> Iterator[Variant]:
    """Move a bound by one; the two of `{n}` together. A bound that a param names stays."""
    least, most = quantifier.minimum, quantifier.maximum
    if isinstance(least, tree.Number):
        together = most == least
        for low in _moved(least):
            yield _bounds(quantifier, low, low if together else most)
        if together:
            return
    if isinstance(most, tree.Number):
        for high in _moved(most):
            yield _bounds(quantifier, least, high)


def _moved(number: tree.Number) -> list[tree.Number]:
    values = [int(number.value) + 1, int(number.value) - 1]
    return [replace(number, value=value, text=str(value)) for value in values if value >= 0]


def _bounds(quantifier: tree.Quantifier, least: tree.Expr, most: tree.Expr | None) -> Variant:
    new = replace(quantifier, minimum=least, maximum=most)
    low = short(least)
    high = "," if most is None else "" if most == least else f",{short(most)}"
    text = f"{{{low}{high}}}" + "?" * new.reluctant
    return Change(quantifier.span, text), new
