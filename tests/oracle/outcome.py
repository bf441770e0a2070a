"""What a rule decides, before `cooldown` says what is reported."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evaluate import Scope
from .heads import KeyOf
from .spec import Event


@dataclass(frozen=True)
class Due:
    """Something that time brings about: phase 1 windows, phase 3 deadlines (4.3.6)."""

    time: int
    phase: int
    key: KeyOf
    order: tuple[int, int]


@dataclass(eq=False)
class Found:
    """A match; the reporter sets `is_reported` and `id`."""

    key: KeyOf
    time: int
    start: int
    end: int
    events: list[tuple[Event, int]]
    scope: Scope
    is_reported: bool = False
    id: str = ""
    deciding: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cleared:
    """The `having` of a match is no longer true."""

    key: KeyOf
    time: int
    match: Found


Outcome = Found | Cleared
