"""What expressions over a match look at: the events it has taken, and paths into values."""

from __future__ import annotations

from typing import Any, Protocol

from sluice.model import MISSING, Row


class Taken(Protocol):
    """What expressions over a match look at: the events taken and their places."""

    events: list[Row]
    places: list[int]


class Nothing:
    """A match that has taken no event yet."""

    __slots__ = ("events", "places")

    def __init__(self) -> None:
        self.events: list[Row] = []
        self.places: list[int] = []


def taken_at(taken: Taken, positions: tuple[int, ...], which: int) -> Row | None:
    """Return the first (0), last (-1) or n-th event taken at one of the positions, if any."""
    places = taken.places
    if which < 0:
        for i in range(len(places) - 1, -1, -1):
            if places[i] in positions:
                return taken.events[i]
        return None
    for i, place in enumerate(places):
        if place in positions:
            if which == 0:
                return taken.events[i]
            which -= 1
    return None


def get_path(value: Any, path: tuple[str | int, ...]) -> Any:
    """Follow a path through objects and arrays; MISSING where it leads nowhere."""
    for part in path:
        if part.__class__ is str:
            if value.__class__ is not dict:
                return MISSING
            value = value.get(part, MISSING)
        elif value.__class__ is list and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value
