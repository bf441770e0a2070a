"""Lower a checked rule set to the plan: positions, keys and sizes, no names left to look up."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import sluice.plan.nodes as plan
from sluice.catalog import Catalog
from sluice.lang import checked as done
from sluice.lang import typed as meant
from sluice.plan.exprs import Expr
from sluice.plan.identity import version_of
from sluice.plan.lower_exprs import lower_expr


def lower(checked: done.Checked, catalog: Catalog) -> plan.Plan:
    """Return the plan of all rules and extracts that have no error.

    Rules stand in the order in which they meet an event: priority falling, then name.
    """
    lists = {n: plan.ListValues(v.kind, v.values, True) for n, v in checked.lists.items()}
    tables = {n: plan.TableRows(t.columns, t.types, t.rows) for n, t in checked.tables.items()}
    rules = [lower_rule(rule) for rule in checked.rules if not rule.is_broken]
    named = [replace(rule, version=version_of(rule, lists)) for rule in rules]
    named.sort(key=lambda rule: (-rule.priority, rule.name))
    extracts = tuple(lower_extract(e) for e in checked.extracts if not e.is_broken)
    return plan.Plan(tuple(named), extracts, checked.schemas, lists, tables)


def lower_rule(rule: done.CheckedRule) -> plan.RulePlan:
    """Return the plan of one rule, without its version."""
    meta = rule.meta
    return plan.RulePlan(
        rule.name,
        _pattern(rule),
        tuple(plan.KeyPart(key.name, key.type, key.nullable) for key in rule.keys),
        having=_having(rule),
        unseen=_unseen(rule),
        until=_atom(rule.until) if rule.until is not None else None,
        excepts=tuple(lower_expr(e) for e in rule.excepts),
        select=tuple((name, lower_expr(typed)) for name, typed in rule.select),
        effects=tuple(_effect(effect) for effect in rule.effects),
        cooldown=_cooldown(rule),
        priority=meta.priority,
        title=rule.title,
        severity=meta.severity,
        tags=meta.tags,
        doc=meta.doc,
        references=meta.references,
        status=meta.status,
        disabled=meta.disabled,
        unbounded=meta.unbounded,
    )


# ---------------------------------------------------------------- patterns


def _pattern(rule: done.CheckedRule) -> plan.Pattern:
    pattern = rule.pattern
    if pattern.whole is not None:
        expected, listed = (), None
        if rule.expect is not None:
            expected, listed = rule.expect.values, rule.expect.list_name
        return plan.Silence(_absent(pattern.whole), expected, listed)
    first = pattern.items[0]
    if rule.window is not None and isinstance(first, done.CheckedStep):
        return plan.Aggregate(_step(first), _window(rule.window))
    if is_filter(rule) and isinstance(first, done.CheckedStep):
        return plan.Filter(_step(first))
    return plan.Sequence(
        tuple(_item(item) for item in pattern.items),
        rule.within_ms,
        rule.meta.overlap or "none",
        _absent(pattern.leading) if pattern.leading is not None else None,
        _absent(pattern.trailing) if pattern.trailing is not None else None,
    )


def is_filter(rule: done.CheckedRule) -> bool:
    """True for one plain step whose every event decides by itself."""
    pattern = rule.pattern
    if len(pattern.items) != 1 or pattern.leading is not None or pattern.trailing is not None:
        return False
    step = pattern.items[0]
    if not isinstance(step, done.CheckedStep) or step.kind == "all_of":
        return False
    if step.entry != done.CheckedEntry():
        return False
    stateful = (rule.within_ms, rule.unseen, rule.until, rule.meta.overlap)
    return step.minimum == step.maximum == 1 and all(part is None for part in stateful)


def _item(item: done.CheckedItem) -> plan.Item:
    if isinstance(item, done.CheckedStep):
        return _step(item)
    return plan.Repeat(
        tuple(_item(inner) for inner in item.items),
        item.minimum, item.maximum, item.reluctant, _entry(item.entry),
    )  # fmt: skip


def _step(step: done.CheckedStep) -> plan.Step:
    atoms = tuple(_atom(atom) for atom in step.atoms)
    return plan.Step(
        step.kind, atoms, step.minimum, step.maximum, step.reluctant, _entry(step.entry)
    )


def _entry(entry: done.CheckedEntry) -> plan.Entry:
    withouts = tuple(_atom(atom) for atom in entry.withouts)
    return plan.Entry(entry.immediately, entry.gap_ms, withouts)


def _atom(atom: done.CheckedAtom) -> plan.Atom:
    where = lower_expr(atom.where) if atom.where is not None else None
    key = tuple(lower_expr(part) for part in atom.key)
    return plan.Atom(atom.position, atom.types, where, key, atom.alias)


def _absent(absence: done.CheckedAbsence) -> plan.Absent:
    return plan.Absent(_atom(absence.atom), absence.duration_ms)


def _window(window: done.CheckedWindow) -> plan.Window:
    return plan.Window(window.kind, window.size, window.every, window.offset, window.maximum)


# ---------------------------------------------------------------- clauses


def _having(rule: done.CheckedRule) -> plan.Having | None:
    if rule.having is None:
        return None
    having = rule.having
    return plan.Having(lower_expr(having.condition), having.for_ms, having.each)


def _unseen(rule: done.CheckedRule) -> plan.Unseen | None:
    if rule.unseen is None:
        return None
    values = tuple(lower_expr(value) for value in rule.unseen.values)
    return plan.Unseen(values, rule.unseen.duration_ms, rule.unseen.after_ms)


def _cooldown(rule: done.CheckedRule) -> plan.Cooldown | None:
    if rule.cooldown is None:
        return None
    return plan.Cooldown(rule.cooldown.duration_ms, rule.cooldown.per, rule.cooldown.per_keys)


def _effect(effect: done.CheckedEffect) -> plan.EffectPlan:
    match effect:
        case done.CheckedEmit(type=kind, fields=fields):
            return plan.EmitEffect(kind, _named(fields))
        case done.CheckedNote(kind=kind, title=title, body=body):
            return plan.NoteEffect(kind, _text(title), _text(body) if body is not None else None)
        case done.CheckedMitigate():
            return plan.MitigateEffect(
                effect.action, _named(effect.args), effect.ttl_ms, effect.mode, effect.is_call
            )
        case _:
            assert_never(effect)


def _named(fields: tuple[tuple[str, meant.Typed], ...]) -> tuple[tuple[str, Expr], ...]:
    return tuple((name, lower_expr(typed)) for name, typed in fields)


def _text(parts: tuple[str | meant.Typed, ...]) -> plan.Text:
    return plan.Text(tuple(p if isinstance(p, str) else lower_expr(p) for p in parts))


def lower_extract(extract: done.CheckedExtract) -> plan.ExtractPlan:
    """Return the plan of one extract."""
    lines = tuple(
        plan.ExtractLine(lower_expr(line.path), line.pattern, line.flags, _named(line.fields))
        for line in extract.lines
    )
    where = lower_expr(extract.where) if extract.where is not None else None
    return plan.ExtractPlan(extract.type, extract.source, where, lines)
