"""Cut a plan down to one rule and what feeds it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from sluice.plan import Atom, EmitEffect, Filter, Plan, RulePlan, Step
from sluice.stream import rule_atoms

#: The pack of the rules that only look on.
WITNESS = "witness"


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
            if any(_is_wanted(made, wanted | sources) for made in _made_by(rule))
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


def with_witnesses(plan: Plan, types: Collection[str]) -> Plan:
    """Add a rule that reports each event of a type, for types that an `extract` makes.

    It comes last of all, so that it changes nothing for the others.
    """
    made = sorted({e.type for e in plan.extracts} & set(types))
    rules = tuple(
        RulePlan(
            f"{WITNESS}.{type_}", Filter(Step("one", (Atom(0, (type_,)),))), version="0" * 16,
            priority=-1.0,
        )
        for type_ in made
    )  # fmt: skip
    return replace(plan, rules=(*plan.rules, *rules)) if rules else plan


def _types_of(rule: RulePlan) -> Iterator[str]:
    return (type_ for atom in rule_atoms(rule) for type_ in atom.types)


def _made_by(rule: RulePlan) -> tuple[str, ...]:
    emitted = tuple(e.type for e in rule.effects if isinstance(e, EmitEffect))
    return (f"match.{rule.name}", f"clear.{rule.name}", *emitted)


def _is_wanted(made: str, wanted: Collection[str]) -> bool:
    """Whether some pattern names a derived type; `any` names none of those."""
    return made in wanted or any(w.endswith(".*") and made.startswith(w[:-1]) for w in wanted)
