"""Cut a plan down to one rule and what feeds it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from sluice.lang import covers
from sluice.plan.atoms import atoms_of
from sluice.plan.nodes import Aggregate, EmitEffect, Plan, RulePlan


def only_feeding(plan: Plan, name: str) -> Plan:
    """Return the plan of a rule with the rules and extracts that feed it, directly or not.

    They all run, also those that are disabled.
    """
    by_name = {rule.name: rule for rule in plan.rules}
    kept = {name}
    wanted = set(_types_of(by_name[name]))
    while True:
        sources = {e.source for e in plan.extracts if _is_wanted(e.type, wanted)}
        feeding = {
            rule.name
            for rule in plan.rules
            if any(_is_wanted(made, wanted | sources) for made in made_by(rule))
        }
        if sources <= wanted and feeding <= kept:
            break
        kept |= feeding
        wanted |= sources | {t for n in feeding for t in _types_of(by_name[n])}
    return replace(
        plan,
        rules=tuple(replace(r, disabled=False) for r in plan.rules if r.name in kept),
        extracts=tuple(e for e in plan.extracts if _is_wanted(e.type, wanted)),
    )


def made_by(rule: RulePlan) -> Iterator[str]:
    """Yield the types of the events that a rule makes: its matches, their ends, what it emits."""
    yield f"match.{rule.name}"
    # Elsewhere `having` is judged once, and does not end.
    if isinstance(rule.pattern, Aggregate) and rule.pattern.window.kind in ("sliding", "last"):
        yield f"clear.{rule.name}"
    yield from (effect.type for effect in rule.effects if isinstance(effect, EmitEffect))


def _types_of(rule: RulePlan) -> Iterator[str]:
    return (type_ for atom in atoms_of(rule) for type_ in atom.types)


def _is_wanted(made: str, wanted: Collection[str]) -> bool:
    return any(covers(pattern, made) for pattern in wanted)
