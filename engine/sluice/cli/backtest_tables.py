"""The tables of a sweep and of a comparison with earlier rules, as text and as documents."""

from __future__ import annotations

import json
from typing import Any

from sluice.cli.backtest_report import read_document, read_line
from sluice.cli.render import pairs, safe
from sluice.shells import Comparison, Sweep

_BAR_WIDTH = 40


def sweep_document(sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as a JSON document."""
    return {
        "ok": True,
        "engine": {"used": sweep.chosen.engine, "why_not_sql": sweep.chosen.reason},
        **read_document(sweep.read),
        "sweep": [{"values": p.values, "matches": p.matches} for p in sweep.points],
    }


def sweep_report(sweep: Sweep) -> str:
    """Return a table and a plot of matches for each value, rule by rule."""
    lines = [read_line(sweep.read), _engine(sweep)]
    heads = [" ".join(f"{_short(n)}={v}" for n, v in p.values.items()) for p in sweep.points]
    width = max(map(len, heads), default=0)
    rules = sorted({rule for point in sweep.points for rule in point.matches})
    told = [rule for rule in rules if any(point.matches[rule] for point in sweep.points)]
    for rule in told:
        counts = [point.matches[rule] for point in sweep.points]
        lines += ["", rule]
        if len(set(counts)) == 1:
            lines.append(f"  {counts[0]:,} with every value")
            continue
        most = max(counts)
        lines += [
            f"  {head:{width}}  {count:>9,}  {'█' * -(-count * _BAR_WIDTH // most)}".rstrip()
            for head, count in zip(heads, counts, strict=True)
        ]
    silent = [rule for rule in rules if rule not in told]
    if silent:
        lines += ["", f"no match with any value: {', '.join(silent)}"]
    return safe("\n".join(lines)) + "\n"


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _engine(found: Sweep | Comparison) -> str:
    if found.chosen.engine == "sql":
        return "engine: SQL, all in one pass"
    why = f" (not SQL: {found.chosen.reason})" if found.chosen.reason else ""
    return f"engine: stream, one pass each{why}"


def against_document(found: Comparison) -> dict[str, Any]:
    """Return a comparison as a JSON document."""
    return {
        "ok": True,
        "engine": {"used": found.chosen.engine, "why_not_sql": found.chosen.reason},
        **read_document(found.read),
        "rules": [
            {
                "rule": each.rule, "same": each.same, "new": each.new_count,
                "gone": each.gone_count, "first_new": _named(each.new),
                "first_gone": _named(each.gone),
            }
            for each in found.changes
        ],
    }  # fmt: skip


def _named(names: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [{"time": time, "key": json.loads(key)} for time, key in names]


def against_report(found: Comparison) -> str:
    """Return which matches are new, gone and the same, rule by rule."""
    width = max((len(each.rule) for each in found.changes), default=0)
    lines = [read_line(found.read), _engine(found), ""]
    lines.append(f"{'':{width}}  {'same':>8}  {'new':>8}  {'gone':>8}")
    for each in found.changes:
        counts = (each.same, each.new_count, each.gone_count)
        lines.append(f"{each.rule:{width}}  " + "  ".join(f"{count:>8,}" for count in counts))
        for what, names in (("new", each.new), ("gone", each.gone)):
            lines += [f"  {what:4}  {time}  {pairs(json.loads(key))}" for time, key in names]
    return safe("\n".join(lines)) + "\n"
