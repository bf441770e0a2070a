"""A rule that looks on: it stands beside the rule asked about and sees each event of its types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sluice.plan import (
    EmitEffect,
    Entry,
    Expr,
    Filter,
    Item,
    Plan,
    Repeat,
    RulePlan,
    Sequence,
    Step,
    field_uses,
    steps_of,
    taken_atoms,
)
from sluice.plan import exprs as x
from sluice.stream import rule_atoms

#: No rule of a file can have this name.
WITNESS = "the witness"


def with_witness(plan: Plan, name: str) -> Plan:
    """Return the plan with a witness of a rule, last in rank.

    Its atoms are those of the rule, in the same order, so that an event has the same bits for
    both. Each of its steps is `immediately`: such a rule is told of each event of its types,
    whatever holds on it. It reads the fields of the rule as they are, null and missing apart.
    """
    rule = rule_named(plan, name)
    steps = tuple(Step("one", (atom,), entry=Entry(immediately=True)) for atom in rule_atoms(rule))
    witness = RulePlan(
        WITNESS,
        Sequence(steps, within_ms=1),
        rule.keys,
        select=tuple((str(n), test) for n, test in enumerate(_read_whole(rule))),
        # What the rule emits is its own, for the witness too.
        effects=tuple(replace(e, fields=()) for e in rule.effects if isinstance(e, EmitEffect)),
        priority=-1.0,
    )
    return replace(plan, rules=(*plan.rules, witness))


def telling_bits(rule: RulePlan) -> int:
    """Return the bits of the atoms whose refused events may tell why a candidate went no further:
    those of the steps after the first; -1, all of them, when nothing may come in between."""
    pattern = rule.pattern
    if not isinstance(pattern, Sequence):
        return 0
    if any(_is_immediate(item) for item in pattern.items):
        return -1
    steps = list(steps_of(pattern))
    later = {id(atom) for step in steps[1:] for atom in step.atoms}
    return sum(1 << n for n, atom in enumerate(rule_atoms(rule)) if id(atom) in later)


def _is_immediate(item: Item) -> bool:
    if item.entry.immediately:
        return True
    return isinstance(item, Repeat) and any(map(_is_immediate, item.items))


def rule_named(plan: Plan, name: str) -> RulePlan:
    """Return a rule of a plan."""
    return next(rule for rule in plan.rules if rule.name == name)


def without_effects(plan: Plan, rule: RulePlan) -> Plan:
    """Return a plan that runs this rule alone, over rows as the given plan lays them out.

    The rules of the given plan are there and disabled, and what its extracts read is held by one
    more: all that reads a field has its say in how rows are laid out.
    """
    reads = [e for extract in plan.extracts for e in _of_extract(extract)]
    carrier = RulePlan(
        "the carrier", Filter(Step("one", (rule_atoms(rule)[0],))),
        select=tuple((str(n), expr) for n, expr in enumerate(reads)), disabled=True,
    )  # fmt: skip
    others = (replace(other, disabled=True) for other in plan.rules)
    return replace(plan, rules=(rule, *others, carrier), extracts=(), schemas={})


def asking_for_rows(rule: RulePlan, plan: Plan) -> RulePlan:
    """Return the rule with a `select` value that reads a field of an event taken.

    A threshold of whose events only times are asked keeps nothing else of them.
    """
    witness = rule_named(plan, WITNESS)
    if not isinstance(rule.pattern, Sequence) or not witness.select:
        return rule
    test = witness.select[0][1]
    assert isinstance(test, x.IsNull) and isinstance(test.operand, x.Field)
    position = next(taken_atoms(rule.pattern)).position
    field = x.AliasField("", (position,), 0, test.operand.path)
    return replace(rule, select=(*rule.select, ("", field)))


def _of_extract(extract: object) -> Iterator[Expr]:
    where = getattr(extract, "where", None)
    if where is not None:
        yield where
    for line in getattr(extract, "lines", ()):
        yield line.path
        for _, value in line.fields:
            yield value


def _read_whole(rule: RulePlan) -> Iterator[Expr]:
    """Yield a test for null of each field that decides or is selected."""
    paths = {
        path: None
        for uses in field_uses(Plan((rule,))).values()
        for path, use in uses.items()
        if use != {"effect"} and not str(path[0]).startswith("@")
    }
    return (x.IsNull(x.Field(path)) for path in sorted(paths, key=str))
