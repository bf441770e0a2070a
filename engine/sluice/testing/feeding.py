"""Let a test look on at events that no rule reports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sluice.plan import Atom, Filter, Plan, RulePlan, Step

#: The pack of the rules that only look on.
WITNESS = "witness"


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
