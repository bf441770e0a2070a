"""The row class of a rule set, and rows from whole events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from sluice.backends.layout import Layout, Slot
from sluice.model import INT_MAX, INT_MIN, MISSING, Event, Row

_INT = Annotated[int, msgspec.Meta(ge=INT_MIN, le=INT_MAX)]

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
    layout: Layout, keep_raw: bool, misfit: Callable[[str], None]
) -> Callable[[Event], Row]:
    """Return what makes the row of an event; values that a slot does not take are missing."""
    make = row_class(layout)
    fills = tuple((slot.name, str(slot.path[0]), _filler(slot)) for slot in layout.roots)

    def to_row(event: Event) -> Row:
        row: Row = make(
            event.time, event.type, event.id, event.source, event.partition, event.offset,
            event if keep_raw else None,
        )  # fmt: skip
        fields = event.fields
        for name, path, fill in fills:
            if path in fields:
                given = fields[path]
                value = fill(given)
                if value is MISSING and given is not None:
                    misfit(f"{event.type}.{path}")
            elif path[0] == "@":
                value = fill(getattr(event, path[1:], MISSING))
            else:
                continue
            if value is not MISSING:
                setattr(row, name, value)
        return row

    return to_row


def _filler(slot: Slot) -> Callable[[Any], Any]:
    """Return what turns a JSON value into that of a slot; MISSING leaves the default."""
    if slot.kind == "struct":
        return _struct_filler(slot)
    takes, null = _TAKES[slot.kind], slot.null

    def fill(value: Any) -> Any:
        if value is None:
            return None if null else MISSING
        return value if takes(value) else MISSING

    return fill


def _struct_filler(slot: Slot) -> Callable[[Any], Any]:
    make = struct_class(slot)
    fills = tuple((_local(s), str(s.path[-1]), _filler(s)) for s in slot.inner)

    def fill(value: Any) -> Any:
        if value.__class__ is not dict:
            return MISSING
        found = {name: fill(value[key]) for name, key, fill in fills if key in value}
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
