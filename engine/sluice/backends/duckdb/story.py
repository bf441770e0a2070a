"""What SQL asks for a rule, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.backends.duckdb.counting import may_be_counted
from sluice.backends.duckdb.gathering import Gathering
from sluice.backends.duckdb.narrow import narrowing
from sluice.catalog import Catalog
from sluice.plan import Plan, only_feeding


def explain_sql(plan: Plan, names: Iterable[str], catalog: Catalog) -> list[dict[str, Any]]:
    """Return for some rules of a plan what SQL asks of events, or why it asks nothing.

    What feeds a rule (other rules, extracts) is part of what it asks.
    """
    found = []
    for name in names:
        part = only_feeding(plan, name)
        own = narrowing(part, catalog)
        rule = next(rule for rule in part.rules if rule.name == name)
        near = own.gatherings[0] if own.gatherings and len(own.rules) == 1 else None
        reasons = [f"{each.rule}: {each.reason}" for each in own.open_rules]
        found.append({
            "rule": name,
            "is_supported": not reasons,
            "reason": reasons[0] if reasons else None,
            "where": None if reasons else own.keep,
            "near": None if near is None else _near(near),
            "is_counted": may_be_counted(rule, part),
            "columns": {column: field for field, column in own.fields.items()},
        })  # fmt: skip
    return found


def _near(near: Gathering) -> dict[str, Any]:
    return {
        "within_ms": near.radius_ms,
        "by": list(near.keys),
        "events": [{"count": count, "where": test} for test, count in near.required],
    }


def sql_story(told: dict[str, Any]) -> str:
    """Return what SQL asks for one rule as text."""
    lines = [told["rule"]]
    if told["is_counted"]:
        lines.append("  SQL counts its matches by itself where a packed lake has typed columns")
    if not told["is_supported"]:
        return "\n".join([*lines, f"  not by SQL: {told['reason']}"])
    lines.append(f"  SQL leaves events where\n    {told['where']}")
    near = told["near"]
    if near is not None:
        by = f", of the same {' and '.join(near['by'])}" if near["by"] else ""
        lines.append(f"  that have within {near['within_ms']} ms before or after them{by}")
        lines += [f"    {each['count']} where {each['where']}" for each in near["events"]]
    columns = ", ".join(f"{column} is {field}" for column, field in told["columns"].items())
    return "\n".join([*lines, *([f"  {columns}"] if columns else [])])
