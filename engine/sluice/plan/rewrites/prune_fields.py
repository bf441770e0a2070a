"""Find which fields of which events a plan reads, so that nothing else need be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from sluice.plan.atoms import atoms_of, effect_exprs, taken_atoms
from sluice.plan.exprs import Agg, AliasField, Expr, Field, PathPart, children
from sluice.plan.nodes import Atom, ExtractPlan, Plan, RulePlan, Sequence

Path = tuple[PathPart, ...]

#: What a field is read for: judging one event, telling keys apart, judging the match, reporting.
Use = Literal["where", "key", "having", "unseen", "except", "select", "effect", "extract"]

Found = tuple[str, Path, Use]


def fields_used(plan: Plan) -> Mapping[str, frozenset[Path]]:
    """Return the paths that a plan reads, by the event types that its tests name.

    A type is as written: `auth.login`, `auth.*`, `any`; an event needs the paths of all that
    cover it. A path stands for everything below it; attributes are one-part paths that start
    with `@`. What the engine itself needs (`@type @time @id …`) is not listed unless a rule
    names it.
    """
    return {kind: frozenset(paths) for kind, paths in field_uses(plan).items()}


def field_uses(plan: Plan) -> Mapping[str, Mapping[Path, frozenset[Use]]]:
    """Return what each path that a plan reads is read for, by event type."""
    out: dict[str, dict[Path, frozenset[Use]]] = {}
    for rule in plan.rules:
        for kind, path, use in _of_rule(rule):
            paths = out.setdefault(kind, {})
            paths[path] = paths.get(path, frozenset()) | {use}
        for atom in atoms_of(rule):
            for kind in atom.types:
                out.setdefault(kind, {})
    for extract in plan.extracts:
        paths = out.setdefault(extract.source, {})
        for path in _of_extract(extract):
            paths[path] = paths.get(path, frozenset()) | {"extract"}
    return out


def _of_rule(rule: RulePlan) -> Iterator[Found]:
    taken = tuple(taken_atoms(rule.pattern))
    everything = tuple(atoms_of(rule))
    for atom in everything:
        yield from _read(atom.where, "where", (atom,), taken)
        for key in atom.key:
            yield from _read(key, "key", (atom,), taken)
    for condition in rule.excepts:
        yield from _read(condition, "except", everything, taken)
    if rule.unseen is not None:
        for value in rule.unseen.values:
            yield from _read(value, "unseen", _first_atoms(rule), taken)
    if rule.having is not None:
        yield from _read(rule.having.condition, "having", taken, taken)
    for _, value in rule.select:
        yield from _read(value, "select", taken, taken)
    for effect in rule.effects:
        for value in effect_exprs(effect):
            yield from _read(value, "effect", taken, taken)


def _first_atoms(rule: RulePlan) -> tuple[Atom, ...]:
    """Return the tests of the first step, of which `unseen` is the last."""
    pattern = rule.pattern
    if not isinstance(pattern, Sequence):
        return tuple(taken_atoms(pattern))
    return tuple(taken_atoms(Sequence(pattern.items[:1])))


def _read(
    expr: Expr | None, use: Use, here: Iterable[Atom], taken: tuple[Atom, ...]
) -> Iterator[Found]:
    """Yield what an expression reads; `here` are the tests whose event is the one at hand."""
    match expr:
        case None:
            return
        case Field(path=path):
            yield from ((kind, path, use) for atom in here for kind in atom.types)
        case AliasField(positions=positions, path=path):
            atoms = (atom for atom in taken if atom.position in positions)
            yield from ((kind, path, use) for atom in atoms for kind in atom.types)
        case Agg(positions=positions):
            over = [a for a in taken if positions is None or a.position in positions]
            for child in children(expr):
                yield from _read(child, use, over, taken)
        case _:
            for child in children(expr):
                yield from _read(child, use, here, taken)


def _of_extract(extract: ExtractPlan) -> Iterator[Path]:
    exprs = [extract.where] if extract.where is not None else []
    for line in extract.lines:
        exprs += [line.path, *(value for _, value in line.fields)]
    for expr in exprs:
        yield from _paths(expr)


def _paths(expr: Expr) -> Iterator[Path]:
    if isinstance(expr, Field):
        yield expr.path
    for child in children(expr):
        yield from _paths(child)
