"""Find the rules that somebody names on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sluice.plan import Plan, RulePlan


def named_rules(
    plan: Plan, names: Iterable[str], option: str = "RULE", kinds: str = "rule"
) -> tuple[RulePlan, ...]:
    """Return the rules of these names, by full name or, where it is clear, by the last word.

    A name that no rule has is wrong usage of `option`, where `kinds` could be named.
    """
    found: dict[str, RulePlan] = {}
    for name in names:
        matching = [r for r in plan.rules if r.name == name]
        matching = matching or [r for r in plan.rules if r.name.rpartition(".")[2] == name]
        if not matching:
            near = difflib.get_close_matches(name, [r.name for r in plan.rules], n=1, cutoff=0.5)
            hint = f", did you mean {near[0]}?" if near else ""
            raise typer.BadParameter(f"there is no {kinds} '{name}'{hint}", param_hint=option)
        found.update((r.name, r) for r in matching)
    return tuple(found.values())
