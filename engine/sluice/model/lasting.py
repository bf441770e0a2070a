"""Durations among values that know no types, as records and answers hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.model.schema import ANY, Type


class Lasting(int):
    """A duration in milliseconds: the number for programs, to be written `1h30m` for people."""

    __slots__ = ()


def mark_durations(value: Any, kind: Type) -> Any:
    """Return a value of a type with its durations as `Lasting`, those in lists and objects too."""
    if kind.kind == "duration" and type(value) is int:
        return Lasting(value)
    if kind.item is not None and isinstance(value, list):
        return [mark_durations(item, kind.item) for item in value]
    if kind.fields and isinstance(value, Mapping):
        return mark_durations_in(value, {name: each.type for name, each in kind.fields.items()})
    return value


def mark_durations_in(values: Mapping[str, Any], types: Mapping[str, Type]) -> dict[str, Any]:
    """Return named values with their durations as `Lasting`; a name without a type is as it is."""
    return {name: mark_durations(value, types.get(name, ANY)) for name, value in values.items()}
