"""What happens in a captured test: events on a clock that begins with the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.lang import covers
from sluice.model import Event, event_id
from sluice.plan import Plan, fields_used
from sluice.testing.script import SOURCE, Script, Tick
from sluice.timing import Duration, Instant, format_instant

#: Attributes that a test can set, and how an event holds them.
TEXT_ATTRIBUTES = ("id", "source", "subject", "zone", "key")
_ATTRIBUTES = (*TEXT_ATTRIBUTES, "topic", "partition", "received")


@dataclass(frozen=True, slots=True)
class Take:
    """One event: its time, type, and fields (attributes among them, with their `@`)."""

    time: Instant
    type: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """Events in order, from `base` on, and the instant up to which the clock goes.

    `is_dated` says that the test begins at that date; without it a test begins in 1970.
    """

    takes: tuple[Take, ...]
    end: Instant
    is_dated: bool = False

    @property
    def base(self) -> Instant:
        """The instant that is 0 on the clock."""
        return min(self.takes[0].time, self.end) if self.takes else self.end

    @property
    def shift(self) -> Duration:
        """How much later everything was than it is in the test."""
        return 0 if self.is_dated else self.base

    def script(self) -> Script:
        """Return what a test plays."""
        arrivals: list[Event | Tick] = []
        for offset, take in enumerate(self.takes, 1):
            attributes: dict[str, Any] = {"source": SOURCE}
            fields = {}
            for name, value in take.fields.items():
                if name.startswith("@"):
                    attributes[name[1:]] = value
                else:
                    fields[name] = value
            time = take.time - self.shift
            arrivals.append(Event(take.type, time, fields, offset=offset, **attributes))
        if not self.takes or self.end > self.takes[-1].time:
            arrivals.append(Tick(self.end - self.shift))
        return Script(self.base - self.shift, 0, tuple(arrivals))


#: Makes of an event what a test says of it.
Taker = Callable[[Event], Take]


def taker(plan: Plan, is_whole: bool) -> Taker:
    """Return what takes of events the fields and attributes that a plan reads, or all fields."""
    used = fields_used(plan)
    known: dict[str, tuple[frozenset[tuple[str | int, ...]], frozenset[str]]] = {}

    def take(event: Event) -> Take:
        if event.type not in known:
            paths = {
                path
                for pattern, found in used.items()
                if covers(pattern, event.type, is_derived=False)
                for path in found
            }
            attributes = frozenset(str(p[0])[1:] for p in paths if str(p[0]).startswith("@"))
            known[event.type] = frozenset(p for p in paths if str(p[0])[:1] != "@"), attributes
        paths_of, attributes_of = known[event.type]
        fields = _own(event.fields) if is_whole else _pruned(event.fields, paths_of)
        return Take(event.time, event.type, {**fields, **_attributes(event, attributes_of)})

    return take


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    # In a test a name with `@` is an attribute.
    return {name: value for name, value in fields.items() if not name.startswith("@")}


def _attributes(event: Event, read: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _ATTRIBUTES:
        if name not in read:
            continue
        value: Any = event_id(event) if name == "id" else getattr(event, name)
        if name == "received" and value is not None:
            value = format_instant(value)
        if value is not None and value != "":
            found[f"@{name}"] = value
    return found


def _pruned(fields: Mapping[str, Any], paths: Iterable[tuple[str | int, ...]]) -> dict[str, Any]:
    """Return the parts of an object that paths lead to; of an array all or nothing."""
    below: dict[str, list[tuple[str | int, ...]]] = {}
    for path in paths:
        below.setdefault(str(path[0]), []).append(path[1:])
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        rests = below.get(name)
        if rests is None:
            continue
        is_parted = isinstance(value, dict) and all(r and isinstance(r[0], str) for r in rests)
        kept[name] = _pruned(value, rests) if is_parted else value
    return kept


def without(takes: Sequence[Take], places: Iterable[int]) -> tuple[Take, ...]:
    """Return the events but those at some places."""
    left_out = set(places)
    return tuple(take for place, take in enumerate(takes) if place not in left_out)
