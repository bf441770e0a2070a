"""Find the conditions that several places of a plan ask of the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sluice.plan.atoms import atoms_of, conjuncts
from sluice.plan.exprs import Agg, AliasField, Expr, KeyValue, Now, Selected, walk
from sluice.plan.identity import fingerprint
from sluice.plan.nodes import Plan


@dataclass(frozen=True, slots=True)
class SharedCondition:
    """A condition on one event: how many tests ask it, and the rules that they belong to."""

    condition: Expr
    count: int
    rules: tuple[str, ...]


def shared_conditions(plan: Plan) -> Mapping[str, Mapping[str, SharedCondition]]:
    """Return by event type, then by `fingerprint`, the conditions that occur more than once.

    Types are as the tests name them (`auth.*` and `auth.login` are two). A condition is one
    part of a `where` (or an `except`, which every test of its rule asks) that needs nothing but
    the event.
    """
    found: dict[str, dict[str, SharedCondition]] = {}
    for rule in plan.rules:
        if rule.disabled:
            continue
        for atom in atoms_of(rule):
            parts = (*conjuncts(atom.where), *rule.excepts)
            for part in filter(is_about_event, parts):
                for kind in atom.types:
                    _count(found.setdefault(kind, {}), part, rule.name)
    shared = {
        kind: {name: entry for name, entry in entries.items() if entry.count > 1}
        for kind, entries in found.items()
    }
    return {kind: entries for kind, entries in shared.items() if entries}


def is_about_event(expr: Expr) -> bool:
    """True when an expression needs nothing but the event at hand."""
    return not any(isinstance(n, AliasField | KeyValue | Selected | Agg | Now) for n in walk(expr))


def _count(entries: dict[str, SharedCondition], part: Expr, rule: str) -> None:
    name = fingerprint(part)
    entry = entries.get(name, SharedCondition(part, 0, ()))
    rules = entry.rules if rule in entry.rules else (*entry.rules, rule)
    entries[name] = replace(entry, count=entry.count + 1, rules=rules)
