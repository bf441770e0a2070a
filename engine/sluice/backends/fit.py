"""Fit events to their schemas: what does not fit is missing for the rules, and counted."""

from __future__ import annotations

from sluice.backends import operations as ops
from sluice.backends.emit import Emitter
from sluice.backends.layout import Slot
from sluice.model import MISSING, Type, canonical_ip
from sluice.plan import Plan

_NUMBERS = ("float", "percent", "ratio")


def fit_lines(type_: str, plan: Plan, out: Emitter, mismatches: ops.Mismatches) -> list[str]:
    """Write the lines that fit the row `e` of an event type to its schema."""
    schema = plan.schemas.get(type_)
    if schema is None:
        return []
    lines: list[str] = []
    for slot in out.layout.roots:
        declared = schema.fields.get(str(slot.path[0]))
        if declared is not None:
            lines += _fit(slot, declared.type, f"{type_}.{slot.path[0]}", out, mismatches)
    return lines


def _fit(slot: Slot, type_: Type, name: str, out: Emitter, mismatches: ops.Mismatches) -> list[str]:
    kind, field = type_.kind, f"e.{slot.name}"
    if kind in ("any", "object") or (kind in ("string", *_NUMBERS) and _is_sure(slot, kind)):
        return []
    if kind == "enum" and slot.kind == "str":
        values = frozenset(type_.values)
        allowed = out.name("enum", values | {None}, values)
        test = f"if {field} not in {allowed}"
        return [f"{test}: {field} = {_count(name, out, mismatches)}({field})"]
    if kind == "ip" and slot.kind == "str":
        # The text of most addresses is canonical already: the memo answers.
        convert = out.name("canonical_ip", canonical_ip, "canonical_ip")
        count = _count(name, out, mismatches)
        return [
            f"if (t0 := {field}) is not None and (t1 := {convert}(t0)) != t0:",
            f"    {field} = t1 if t1 is not None else {count}(t0)",
        ]
    convert = out.name("coerce", ops.Fitted(type_), f"fitted {type_} {name}")
    count = _count(name, out, mismatches)
    guard = "is not None"
    if slot.null:
        missing = out.name("MISSING", MISSING, "MISSING")
        guard = f"is not None and t0 is not {missing}"
    return [
        f"if (t0 := {field}) {guard}:",
        f"    t1 = {convert}(t0)",
        f"    {field} = t1 if t1 is not None else {count}(t0)",
    ]


def _is_sure(slot: Slot, kind: str) -> bool:
    return slot.kind == ("str" if kind == "string" else "num")


def _count(name: str, out: Emitter, mismatches: ops.Mismatches) -> str:
    return out.name("misfit", mismatches.counter(name), f"misfit {name}")
