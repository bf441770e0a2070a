"""Compares what the engine decides with what the oracle decides."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

from .generate import scenario
from .naive import as_dict, run, token
from .render import render
from .spec import Event
from .values import plain

Simulate = Callable[..., list[dict[str, Any]]]
#: Codes of diagnostics about names and types.
REFUSALS = frozenset({"SL0201", "SL0207", "SL0210", "SL0301", "SL0302"})

COMPARED = (
    "kind",
    "rule",
    "key",
    "time",
    "start",
    "end",
    "events",
    "event_count",
    "suppressed",
    "select",
)


@dataclass(frozen=True)
class Case:
    """One scenario with both answers, in one form."""

    kind: str
    seed: int
    text: str
    events: Sequence[Event]
    expected: list[dict[str, Any]]
    actual: list[dict[str, Any]]

    @property
    def is_refused(self) -> bool:
        """Whether the compiler refused the rules because of names or types.

        The generator knows no static types: what it writes may compare a list with a number, or
        give an alias twice. Such a case says nothing about what rules mean.
        """
        return any(r.get("code", "") in REFUSALS for r in self.actual)

    @property
    def agrees(self) -> bool:
        """Whether both say the same, in the same order."""
        return same(self.expected, self.actual)

    @property
    def has_match(self) -> bool:
        """Whether the oracle reports a match."""
        return any(r["kind"] == "match" for r in self.expected)

    def __str__(self) -> str:
        lines = [f"--- {self.kind} seed {self.seed}", self.text.rstrip(), "events:"]
        lines += ["  " + json.dumps(e.to_dict()) for e in self.events]
        expected = [json.dumps(r) for r in self.expected]
        actual = [json.dumps(r) for r in self.actual]
        lines.append("- oracle, + engine:")
        lines += ["  " + line.rstrip() for line in ndiff(expected, actual)]
        return "\n".join(lines)


def case(simulate: Simulate, kind: str, seed: int, *, close: bool = False) -> Case:
    """Run one scenario through the engine and the oracle."""
    rules, events = scenario(seed, kind)
    text = render(rules)
    expected = [normal(as_dict(r)) for r in run(rules, events, close=close)]
    try:
        actual = engine_records(simulate(text, [e.to_dict() for e in events], close=close))
    except Exception as error:  # A failure of the engine is a disagreement, shown as such.
        found = getattr(error, "diagnostics", ())
        code = found[0].code if found else ""
        actual = [{"kind": "error", "error": f"{type(error).__name__}: {error}", "code": code}]
    return Case(kind, seed, text, events, expected, actual)


def engine_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The engine's records, reduced to what is compared.

    The ids of matches hash the compiler's version of the rule, so they, and the ids of what is
    derived from matches, are replaced by the oracle's stand-ins.
    """
    tokens: dict[str, str] = {}
    found = []
    for record in records:
        if record["kind"] not in ("match", "pending", "clear"):
            continue
        reduced = {k: record[k] for k in COMPARED if k in record}
        if record["kind"] == "clear":
            reduced = {k: record[k] for k in ("kind", "rule", "key", "time")}
        else:
            reduced["events"] = [[_id(e, tokens), e["position"]] for e in record["events"]]
            tokens[record["id"]] = token(reduced)
        found.append(normal(reduced))
    return found


def _id(entry: Mapping[str, Any], tokens: Mapping[str, str]) -> str:
    if str(entry.get("type", "")).startswith("clear."):
        return "clear"
    own, colon, number = str(entry["id"]).rpartition(":")
    if colon and own in tokens:
        return f"{tokens[own]}:{number}"
    return tokens.get(str(entry["id"]), str(entry["id"]))


def normal(record: Mapping[str, Any]) -> dict[str, Any]:
    """One form for what means the same: 1 and 1.0, tuples and lists."""
    return {k: _normal(v) for k, v in record.items()}


def _normal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _normal(v) for k, v in value.items()}
    return plain(value)


def same(left: Any, right: Any) -> bool:
    """Equality that tells true from 1, and lets floats differ in their last digits.

    Sums may be taken in another order; language.md promises no last digit.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, float) or isinstance(right, float):
        if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
            return False
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return bool(left == right)
