"""Where the tests and the expressions of a rule are: walks over patterns, without a meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from sluice.plan.exprs import And, Expr
from sluice.plan.nodes import (
    Aggregate,
    Atom,
    EffectPlan,
    EmitEffect,
    Filter,
    Item,
    MitigateEffect,
    NoteEffect,
    Pattern,
    Repeat,
    RulePlan,
    Sequence,
    Silence,
    Step,
    Text,
)  # fmt: skip


def steps_of(pattern: Pattern) -> Iterator[Step]:
    """Yield the steps that take events, as written; those of groups too."""
    match pattern:
        case Filter(step) | Aggregate(step):
            yield step
        case Sequence(items):
            for item in items:
                yield from _steps_below(item)
        case Silence():
            return
        case _:
            assert_never(pattern)


def taken_atoms(pattern: Pattern) -> Iterator[Atom]:
    """Yield the tests whose events a match can hold."""
    for step in steps_of(pattern):
        yield from step.atoms
    if isinstance(pattern, Silence):
        yield pattern.absent.atom


def pattern_atoms(pattern: Pattern) -> Iterator[Atom]:
    """Yield every test of a pattern: taken, forbidden between (`without`), and absent ones."""
    yield from taken_atoms(pattern)
    if not isinstance(pattern, Sequence):
        yield from (atom for s in steps_of(pattern) for atom in s.entry.withouts)
        return
    for item in pattern.items:
        yield from _withouts_below(item)
    yield from (a.atom for a in (pattern.leading, pattern.trailing) if a is not None)


def atoms_of(rule: RulePlan) -> Iterator[Atom]:
    """Yield every test of a rule, its `until` last."""
    yield from pattern_atoms(rule.pattern)
    if rule.until is not None:
        yield rule.until


def effect_exprs(effect: EffectPlan) -> Iterator[Expr]:
    """Yield the expressions that an effect evaluates."""
    match effect:
        case EmitEffect(fields=pairs) | MitigateEffect(args=pairs):
            yield from (value for _, value in pairs)
        case NoteEffect(title=title, body=body):
            for text in (title, body or Text(())):
                yield from (part for part in text.parts if not isinstance(part, str))
        case _:
            assert_never(effect)


def conjuncts(condition: Expr | None) -> tuple[Expr, ...]:
    """Return the parts of a condition that must all be true."""
    if condition is None:
        return ()
    if isinstance(condition, And):
        return tuple(part for item in condition.items for part in conjuncts(item))
    return (condition,)


def conjunction(parts: tuple[Expr, ...]) -> Expr | None:
    """Return the condition that all parts are true, None when there is none."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(parts)


def _steps_below(item: Item) -> Iterator[Step]:
    if isinstance(item, Step):
        yield item
        return
    for inner in item.items:
        yield from _steps_below(inner)


def _withouts_below(item: Item) -> Iterator[Atom]:
    yield from item.entry.withouts
    if isinstance(item, Repeat):
        for inner in item.items:
            yield from _withouts_below(inner)
