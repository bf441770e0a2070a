"""Tell people what a rule waits for, what it does then, and what it can cost in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sluice.catalog import Action
from sluice.model import DEFAULT_LIMITS, Limits
from sluice.plan.bounds import StateBound, state_bound
from sluice.plan.identity import version_of
from sluice.plan.nodes import Plan, RulePlan
from sluice.plan.story import Branch, judgement, outcome, pattern_branch
from sluice.plan.text import names_of, quoted
from sluice.timing import format_duration

NO_ACTIONS: Mapping[str, Action] = MappingProxyType({})


def explain(
    rule: RulePlan, plan: Plan, limits: Limits = DEFAULT_LIMITS,
    actions: Mapping[str, Action] = NO_ACTIONS,
) -> str:  # fmt: skip
    """Return a tree for people: pattern, key, deadlines, what follows, and the state bound.

    `actions` are those of the catalog, to write arguments as a rule does.
    """
    title = f"rule {rule.name}" + (f" {quoted(rule.title)}" if rule.title else "")
    names = names_of(rule)
    below = (
        Branch(f"version   {rule.version or version_of(rule, plan.lists)}"),
        Branch(f"severity  {rule.severity}" + (" (disabled)" if rule.disabled else "")),
        Branch("key       " + _key_text(rule)),
        pattern_branch(rule, names),
        *judgement(rule, names),
        *outcome(rule, names, actions),
        _state_branch(state_bound(rule, limits), limits),
    )
    return "\n".join([title, *_draw(below, "")]) + "\n"


def explain_document(
    rule: RulePlan, plan: Plan | None = None, limits: Limits = DEFAULT_LIMITS,
    actions: Mapping[str, Action] = NO_ACTIONS,
) -> dict[str, Any]:  # fmt: skip
    """Return what `explain` says as a JSON document; durations are in milliseconds.

    Without a plan, entries of lists are unknown, which matters only to a rule without version.
    """
    names = names_of(rule)
    bound = state_bound(rule, limits)
    lists = plan.lists if plan is not None else {}
    return {
        "rule": rule.name,
        "title": rule.title,
        "version": rule.version or version_of(rule, lists),
        "severity": rule.severity,
        "tags": list(rule.tags),
        "priority": rule.priority,
        "status": rule.status,
        "disabled": rule.disabled,
        "key": [{"name": key.name, "nullable": key.nullable} for key in rule.keys],
        "pattern": _branch_document(pattern_branch(rule, names)),
        "clauses": [_branch_document(b) for b in judgement(rule, names)],
        "then": [_branch_document(b) for b in outcome(rule, names, actions)],
        "state": _state_document(bound, limits),
    }


def _key_text(rule: RulePlan) -> str:
    if not rule.keys:
        return "none: all events are one"
    return ", ".join(key.name + ("?" if key.nullable else "") for key in rule.keys)


def _state_branch(bound: StateBound, limits: Limits) -> Branch:
    if bound.is_stateless:
        return Branch("state     none: it judges each event alone")
    rows = [
        ("candidates per key", bound.candidates_per_key, limits.candidates_per_key_max),
        ("events per key", bound.events_per_key, limits.events_per_key_max),
        ("keys", bound.keys, limits.keys_per_rule_max),
    ]
    if bound.cooldown_keys is None:
        rows.append(("keys of the cooldown", None, limits.keys_per_rule_max))
    worst = size_text(bound.bytes_worst)
    if bound.bytes_worst == limits.state_bytes_max:
        worst += " (the cap of the process)"
    below = [Branch(f"{name}: {_bound_text(value, cap)}") for name, value, cap in rows]
    if bound.unseen_per_key is None:
        below.insert(2, _unseen_branch(limits))
    if bound.values_per_key != 0:
        below.insert(2, Branch(f"values of aggregates per key: {_values_text(bound)}"))
    below.append(Branch(f"horizon: {_horizon_text(bound.horizon_ms)}"))
    below.append(Branch(f"about {size_text(bound.bytes_per_key)} for a full key, at worst {worst}"))
    return Branch("state", tuple(below))


def _unseen_branch(limits: Limits) -> Branch:
    cap = f"the cap of {limits.events_per_key_max:,} applies"
    forgotten = "beyond it the oldest is forgotten, and new when it comes again"
    return Branch(f"combinations of unseen per key: unbounded ({cap})", (Branch(forgotten),))


def _values_text(bound: StateBound) -> str:
    most = bound.values_per_key
    return "as many as the plugin keeps" if most is None else f"{most:,}"


def _bound_text(value: int | None, cap: int) -> str:
    if value is None:
        return f"unbounded (the cap of {cap:,} applies)"
    return f"{value:,}" if value <= cap else f"{value:,}, capped at {cap:,}"


def _horizon_text(horizon: int | None) -> str:
    if horizon is None:
        return "unbounded (caps apply): no key is dropped for being idle"
    return f"a key is dropped {format_duration(horizon)} after its last event"


def _state_document(bound: StateBound, limits: Limits) -> dict[str, Any]:
    """Return the bound; null stands for "none but the cap"."""
    return {
        "stateless": bound.is_stateless,
        "candidates_per_key": bound.candidates_per_key,
        "candidates_per_key_max": limits.candidates_per_key_max,
        "events_per_key": bound.events_per_key,
        "events_per_key_max": limits.events_per_key_max,
        "unseen_per_key": bound.unseen_per_key,
        "values_per_key": bound.values_per_key,
        "keys": bound.keys,
        "cooldown_keys": bound.cooldown_keys,
        "keys_per_rule_max": limits.keys_per_rule_max,
        "horizon_ms": bound.horizon_ms,
        "bytes_per_key": bound.bytes_per_key,
        "bytes_worst": bound.bytes_worst,
        "state_bytes_max": limits.state_bytes_max,
    }


def size_text(size: int) -> str:
    """Write a number of bytes with three digits at most: `1.5 KiB`, `954 MiB`."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB"]
    while value >= 1000 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.3g} {units[0]}"


def _draw(branches: Sequence[Branch], margin: str) -> list[str]:
    out = []
    for index, branch in enumerate(branches):
        is_last = index == len(branches) - 1
        out.append(margin + ("└─ " if is_last else "├─ ") + branch.text)
        out += _draw(branch.below, margin + ("   " if is_last else "│  "))
    return out


def _branch_document(branch: Branch) -> Any:
    """Return a branch as JSON: its text, or an object when there is something below."""
    if not branch.below:
        return branch.text
    return {"text": branch.text, "below": [_branch_document(b) for b in branch.below]}
