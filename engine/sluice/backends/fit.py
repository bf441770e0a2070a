"""Fit events to their schemas: what does not fit is missing for the rules, and counted."""

from __future__ import annotations

from sluice.backends import operations as ops
from sluice.backends.emit import Emitter
from sluice.backends.layout import Path, Slot
from sluice.backends.mismatches import Misfits, field_name
from sluice.model import MISSING, Type, canonical_ip
from sluice.plan import Plan

_NUMBERS = ("float", "percent", "ratio")


def fit_lines(type_: str, plan: Plan, out: Emitter, misfits: Misfits) -> list[str]:
    """Write the lines that fit the row `e` of an event type to its schema."""
    schema = plan.schemas.get(type_)
    if schema is None:
        return []
    lines: list[str] = []
    for slot in out.layout.roots:
        declared = schema.fields.get(str(slot.path[0]))
        if declared is not None:
            if declared.type.kind == "object":
                lines += _fit_object(slot, declared.type, type_, out, misfits)
                continue
            name = f"misfit {field_name(type_, slot.path)}"
            count = out.name("misfit", misfits.counter(type_, slot.path), name)
            lines += _fit(slot, declared.type, count, out)
    return lines


def _fit_object(slot: Slot, type_: Type, event: str, out: Emitter, misfits: Misfits) -> list[str]:
    """Write what fits the fields of an object that are read; those read from a JSON object are
    fitted where they are read, and only counted here."""
    if slot.kind == "struct":
        parts = [
            (inner.name.rpartition(".")[2], ops.Fitted(found), misfits.counter(event, inner.path))
            for inner in slot.inner
            if (found := _type_at(type_, inner.path[1:])) is not None
            and not _is_settled(inner, found)
        ]
        fit = out.name("fit", ops.FittedObject(parts), f"fit {event} {slot.name}")
        return [f"e.{slot.name} = {fit}(e.{slot.name})"] if parts else []
    nested = [
        (inner.rest, ops.Fitted(found), misfits.counter(event, path))
        for path, inner in out.layout.slots.items()
        if inner.name == slot.name and inner.rest
        and (found := _type_at(type_, inner.rest)) is not None
    ]  # fmt: skip
    check = out.name("check", ops.CheckedObject(nested), f"check {event} {slot.name}")
    return [f"if (t0 := e.{slot.name}).__class__ is dict: {check}(t0)"] if nested else []


def _type_at(type_: Type, path: Path) -> Type | None:
    """Return the declared type at a path inside an object, None where nothing is declared."""
    for part in path:
        if type_.kind != "object" or part not in type_.fields:
            return None
        type_ = type_.fields[str(part)].type
    return None if type_.kind in ("any", "object") else type_


def _fit(slot: Slot, type_: Type, count: str, out: Emitter) -> list[str]:
    """Write what fits one slot; `count` is the name of what counts a value that does not."""
    kind, field = type_.kind, f"e.{slot.name}"
    if _is_settled(slot, type_):
        return []
    if kind == "enum" and slot.kind == "str":
        values = frozenset(type_.values)
        allowed = out.name("enum", values | {None}, values)
        test = f"if {field} not in {allowed}"
        return [f"{test}: {field} = {count}({field})"]
    if kind == "ip" and slot.kind == "str":
        # The text of most addresses is canonical already: the memo answers.
        convert = out.name("canonical_ip", canonical_ip, "canonical_ip")
        return [
            f"if (t0 := {field}) is not None and (t1 := {convert}(t0)) != t0:",
            f"    {field} = t1 if t1 is not None else {count}(t0)",
        ]
    convert = out.name("coerce", ops.Fitted(type_), f"fitted {count}")
    guard = "is not None"
    if slot.null:
        missing = out.name("MISSING", MISSING, "MISSING")
        guard = f"is not None and t0 is not {missing}"
    return [
        f"if (t0 := {field}) {guard}:",
        f"    t1 = {convert}(t0)",
        f"    {field} = t1 if t1 is not None else {count}(t0)",
    ]


def _is_settled(slot: Slot, type_: Type) -> bool:
    """True when all that the slot holds fits the type."""
    if type_.kind in ("string", *_NUMBERS):
        return slot.kind == ("str" if type_.kind == "string" else "num")
    return type_.kind == "any"
