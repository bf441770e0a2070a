"""The row class of a rule set, and rows from whole events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from sluice.backends.layout import Layout, Path, Slot
from sluice.model import (
    ANY,
    INT_MAX,
    INT_MIN,
    MISSING,
    Event,
    EventSchema,
    Field,
    Row,
    Type,
    coerce,
)  # fmt: skip

_INT = Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]

#: Counts a value of a field of an event type that is missing because no slot takes it.
Misfit = Callable[[str, Path], None]

#: Turns the JSON value of a field of an event type into that of its slot.
Fill = Callable[[Any, str], Any]

_FLOATS = ("float", "percent", "ratio")

#: What a slot takes from JSON: its type says what every use of the field asks for.
SLOT_TYPES: dict[str, Any] = {
    "num": _INT | float | None,
    "str": str | None,
    "any": _INT | float | str | bool | None | list | dict | msgspec.UnsetType,
}


def slot_field(slot: Slot) -> tuple[str, Any, Any]:
    """Return name, type and default of a slot as a struct field."""
    if slot.kind == "struct":
        inner = struct_class(slot)
        return slot.name, inner, inner()
    return _local(slot), SLOT_TYPES[slot.kind], MISSING if slot.null else None


def struct_class(slot: Slot) -> Any:
    """Return the class of an object of which only some fields are read."""
    fields = [slot_field(inner) for inner in slot.inner]
    keys = {_local(inner): str(inner.path[-1]) for inner in slot.inner}
    # Frozen, because all rows without the field share the default.
    return msgspec.defstruct(
        f"Inner_{slot.name}", fields, rename=keys, gc=False, frozen=True, kw_only=True
    )


def _local(slot: Slot) -> str:
    return slot.name.rpartition(".")[2]


def row_class(layout: Layout) -> Any:
    """Return the class of rows that are built from whole events."""
    fields = [(name, Any, default) for name, _, default in map(slot_field, layout.roots)]
    return msgspec.defstruct("EventRow", fields, bases=(Row,), gc=False)


def row_maker(
    layout: Layout, schemas: Mapping[str, EventSchema], keep_raw: bool, misfit: Misfit
) -> Callable[[Event], Row]:
    """Return what makes the row of an event; values that a slot does not take are missing."""
    make = row_class(layout)
    untyped = slot_fills(layout.roots, {}, misfit)
    typed: dict[str, tuple[tuple[str, str, Fill], ...]] = {}

    def fills_of(type_: str) -> tuple[tuple[str, str, Fill], ...]:
        """Return what fills the slots of a type, made when it is first seen."""
        schema = schemas.get(type_)
        if schema is None:
            return untyped
        fills = typed[type_] = slot_fills(layout.roots, schema.fields, misfit)
        return fills

    def to_row(event: Event) -> Row:
        type_ = event.type
        row: Row = make(
            event.time, type_, event.id, event.source, event.partition, event.offset,
            event if keep_raw else None,
        )  # fmt: skip
        fields = event.fields
        for name, key, fill in typed.get(type_) or fills_of(type_):
            if key in fields:
                value = fill(fields[key], type_)
            elif key[0] == "@":
                value = fill(getattr(event, key[1:], MISSING), type_)
            else:
                continue
            if value is not MISSING:
                setattr(row, name, value)
        return row

    return to_row


def slot_fills(
    slots: tuple[Slot, ...], fields: Mapping[str, Field], misfit: Misfit
) -> tuple[tuple[str, str, Fill], ...]:
    """Return for each slot its name, its key in JSON, and what fills it from a value there."""
    found = []
    for slot in slots:
        key = str(slot.path[-1])
        declared = fields[key].type if key in fields else ANY
        fill = _struct_fill if slot.kind == "struct" else _leaf_fill
        found.append((_local(slot), key, fill(slot, declared, misfit)))
    return tuple(found)


def _leaf_fill(slot: Slot, declared: Type, misfit: Misfit) -> Fill:
    """Return what turns a JSON value into that of a slot; MISSING leaves the default."""
    takes, null, path = _TAKES[slot.kind], slot.null, slot.path
    is_float = declared.kind in _FLOATS

    def fill(value: Any, type_: str) -> Any:
        if value is None:
            return None if null else MISSING
        if takes(value) or value is MISSING:
            return value
        # A whole number that no integer holds is a float where the schema says so.
        whole = coerce(value, declared) if is_float else None
        if whole is None:
            misfit(type_, path)
        return MISSING if whole is None else whole

    return fill


def _struct_fill(slot: Slot, declared: Type, misfit: Misfit) -> Fill:
    make = struct_class(slot)
    fills = slot_fills(slot.inner, declared.fields, misfit)

    def fill(value: Any, type_: str) -> Any:
        if value.__class__ is not dict:
            if value is not None and value is not MISSING:
                misfit(type_, slot.path)
            return MISSING
        found = {name: fill(value[key], type_) for name, key, fill in fills if key in value}
        return make(**{name: v for name, v in found.items() if v is not MISSING})

    return fill


def _is_number(value: Any) -> bool:
    return value.__class__ is float or (value.__class__ is int and INT_MIN <= value <= INT_MAX)


_TAKES: dict[str, Callable[[Any], bool]] = {
    # An integer is 64 bits signed: a larger one is no value.
    "any": lambda value: value.__class__ is not int or INT_MIN <= value <= INT_MAX,
    "str": lambda value: value.__class__ is str,
    "num": _is_number,
}


def slot_value(slot: Slot, row: Row) -> Any:
    """Return the JSON value of a row's slot, MISSING when it has none."""
    value = getattr(row, slot.name)
    if slot.kind != "struct":
        return MISSING if value is None and not slot.null else value
    held = {}
    for inner in slot.inner:
        found = getattr(value, _local(inner))
        if found is not MISSING and (found is not None or inner.null):
            held[str(inner.path[-1])] = found
    return held or MISSING
