"""Cut a rule set down to some rules, so that they can be checked again quickly."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sluice.lang import RuleSet, Unit
from sluice.lang import declarations as decl
from sluice.plan import Plan


def part_of(ruleset: RuleSet, plan: Plan) -> RuleSet:
    """Return the rule set with the rules and extracts of a plan, the tunes of these, no tests.

    All other declarations stay: rules of several files may speak of one event.
    """
    packs = {rule.name.rpartition(".")[0] for rule in plan.rules}
    kept = {*(rule.name for rule in plan.rules), *(f"{pack}.*" for pack in packs)}
    extracted = {extract.type for extract in plan.extracts}
    units = {
        path: with_declarations(
            unit,
            tuple(
                item
                for item in unit.parsed.file.declarations
                if _is_kept(item, unit.pack, kept, extracted)
            ),
        )
        for path, unit in ruleset.units.items()
    }
    return replace(ruleset, units=units, diagnostics=())


def _is_kept(
    item: decl.Declaration, pack: str, kept: Collection[str], extracted: Collection[str]
) -> bool:
    match item:
        case decl.Rule(name=name):
            return f"{pack}.{name}" in kept
        case decl.Extract(type=type_):
            return type_ in extracted
        case decl.Tune(target=target):
            return target in kept
        case decl.Test():
            return False
        case _:
            return True


def with_declarations(unit: Unit, declarations: tuple[decl.Declaration, ...]) -> Unit:
    """Return a file that declares these things instead."""
    parsed = unit.parsed
    file = replace(parsed.file, declarations=declarations)
    return replace(unit, parsed=replace(parsed, file=file, lost=()))
