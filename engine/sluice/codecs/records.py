"""Take type, time and id of a record from where they stand, whatever it was written in.

The attributes are the keys `@type @time @id @source @subject @zone @key`; all others are fields.
Without `@type` or `@time` plain fields are looked at, and a source stays with its first choice.
A format that says itself what its records are brings these as `Own`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from sluice.codecs.codec import InputOptions, Place, Settled
from sluice.codecs.jsontext import Defect
from sluice.model import Event
from sluice.timing import Instant

TYPE_FIELDS = ("type", "event_type")
TIME_FIELDS = ("timestamp", "@timestamp", "time", "ts")
ATTRIBUTE_KEYS = frozenset({"@type", "@time", "@id", "@source", "@subject", "@zone", "@key"})

_NOT_SETTLED = Settled()


class Instants(Protocol):
    """Reads the times that a format's fields hold."""

    def read(self, value: Any) -> Instant | None:
        """Read a value; None when it is no time."""
        ...

    def trouble(self, name: str, value: Any) -> str:
        """Say why a value is no time, for people."""
        ...


#: Gives the fields that rules read of events of a type.
Reads = Callable[[str], frozenset[str]]


class Own(NamedTuple):
    """What a format says of a record by itself, or why it cannot; the user's options go first."""

    type: str | Defect
    time: Instant | Defect
    id: str | None = None


class _Taken(NamedTuple):
    """A value and the plain field it was taken from; no field: an attribute or the default."""

    value: Any
    field: str | None = None


class RecordReader:
    """Makes events of records; it remembers for each source which plain fields are in use.

    `type_default` is for records without a type when the user names none.
    """

    __slots__ = ("_default", "_instants", "_is_free", "_options", "_settled", "reads")

    def __init__(
        self, options: InputOptions, instants: Instants, type_default: str | None = None
    ) -> None:
        self._options = options
        self._instants = instants
        self._default = options.type or type_default
        named = (options.type_field, options.time_field, options.id_field)
        self._is_free = not any(named)
        self._settled: dict[str, Settled] = {}
        #: Gives the fields that rules read of events of a type; None: each is taken to be read.
        self.reads: Reads | None = None

    def sound_event(
        self, record: dict[str, Any], broken: frozenset[str], place: Place
    ) -> Event | Defect | None:
        """Make the event of a record with some broken members; None when one of them is read."""
        assert self.reads is not None
        kind = self._type(record, self._settled.get(place[0], _NOT_SETTLED))
        if isinstance(kind, Defect) or broken & (self._asked(record) | self.reads(kind.value)):
            return None
        return self.event(record, place)

    def event(self, record: dict[str, Any], place: Place) -> Event | Defect:
        """Make the event of a record whose attributes are among its keys."""
        settled = self._settled.get(place[0], _NOT_SETTLED)
        kind = self._type(record, settled)
        if isinstance(kind, Defect):
            return kind
        time = self._time(record, settled)
        if isinstance(time, Defect):
            return time
        own = self._id(record)
        if isinstance(own, Defect):
            return own
        source, subject, zone, key = place[0], None, None, None
        fields = record
        if not ATTRIBUTE_KEYS.isdisjoint(record):
            texts: dict[str, str | None] = {}
            for name in ("@source", "@subject", "@zone", "@key"):
                value = record.get(name)
                if value is None or value.__class__ is str:
                    texts[name] = value
                elif name == "@source" or self.reads is None or name in self.reads(kind.value):
                    return Defect("schema", f"{name} must be a text")
            source = texts["@source"] or source
            subject, zone, key = map(texts.get, ("@subject", "@zone", "@key"))
            fields = {name: v for name, v in record.items() if name not in ATTRIBUTE_KEYS}
        self._settle(place[0], settled, kind.field, time.field)
        return Event(
            kind.value, time.value, fields, own, source, place[1], place[2], subject, zone, key
        )

    def own_event(self, fields: dict[str, Any], place: Place, own: Own) -> Event | Defect:
        """Make the event of a record that says itself what it is."""
        kind, time, id_ = own
        if not self._is_free:
            kind, time, id_ = self._renamed(fields, own)
        if isinstance(kind, Defect):
            if self._options.type is None:
                return kind
            kind = self._options.type
        if isinstance(time, Defect):
            return time
        return Event(kind, time, fields, id_, *place)

    def settled(self, source: str) -> Settled | None:
        """Return the plain fields that a source was found to use, None before its first event."""
        return self._settled.get(source)

    def state(self) -> dict[str, Any]:
        """Return what is settled: source to [type field, time field]."""
        return {name: [s.type_field, s.time_field] for name, s in self._settled.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._settled = {name: Settled(*fields) for name, fields in state.items()}

    def _renamed(
        self, fields: dict[str, Any], own: Own
    ) -> tuple[str | Defect, Instant | Defect, str | None]:
        """Put what the user's options name in the place of what the format says."""
        kind, time, id_ = own
        options = self._options
        if options.type_field is not None:
            taken = self._type(fields, _NOT_SETTLED)
            kind = taken if isinstance(taken, Defect) else taken.value
        if options.time_field is not None:
            taken = self._time(fields, _NOT_SETTLED)
            time = taken if isinstance(taken, Defect) else taken.value
        if options.id_field is not None:
            found = self._id(fields)
            if isinstance(found, Defect):
                return found, time, None
            id_ = found or id_
        return kind, time, id_

    def _type(self, record: dict[str, Any], settled: Settled) -> _Taken | Defect:
        """Find the type: `@type`, else the field that the user or the source settled on."""
        value = record.get("@type")
        if value is not None:
            return _named(_Taken(value), "@type")
        found = _first(record, self._options.type_field, TYPE_FIELDS)
        if found is None:
            if self._default is not None:
                return _Taken(self._default)
            looked = self._options.type_field or " or ".join(("@type", *TYPE_FIELDS))
            return Defect("type", f"no type: there is no {looked}, and no --type NAME is given")
        if settled.type_field not in (None, found.field):
            return _unsettled("type", settled.type_field, found.field)
        return _named(found, str(found.field))

    def _time(self, record: dict[str, Any], settled: Settled) -> _Taken | Defect:
        """Find the time: `@time`, else the field that the user or the source settled on."""
        value, field = record.get("@time"), None
        if value is None:
            found = _first(record, self._options.time_field, TIME_FIELDS)
            if found is None:
                looked = self._options.time_field or ", ".join(("@time", *TIME_FIELDS))
                return Defect("time", f"no time: there is none of {looked} (--time-field)")
            value, field = found
            if settled.time_field not in (None, field):
                return _unsettled("time", settled.time_field, field)
        at = self._instants.read(value)
        if at is None:
            return Defect("time", self._instants.trouble(field or "@time", value))
        return _Taken(at, field)

    def _asked(self, record: dict[str, Any]) -> set[str]:
        """Return the keys that are looked at for type, time, id and source of a record."""
        options, asked = self._options, {"@type", "@time", "@id", "@source"}
        for attribute, named, plain in (
            ("@type", options.type_field, TYPE_FIELDS),
            ("@time", options.time_field, TIME_FIELDS),
            ("@id", options.id_field, ()),
        ):
            if record.get(attribute) is not None:
                continue
            if named is not None:
                asked |= {named, named.partition(".")[0]}
                continue
            for name in plain:
                asked.add(name)
                if record.get(name) is not None:
                    break
        return asked

    def _id(self, record: dict[str, Any]) -> str | Defect | None:
        """Return the id that the event brings; a business id may repeat and is never guessed."""
        value, name = record.get("@id"), "@id"
        if value is None and self._options.id_field is not None:
            name = self._options.id_field
            value = _at(record, name)
        if value is None:
            return None
        if isinstance(value, str) and value:
            return value
        if value.__class__ is int:
            return str(value)
        return Defect("id", f"{name} must be a text that is not empty, or an integer")

    def _settle(self, source: str, before: Settled, kind: str | None, time: str | None) -> None:
        if before.type_field == kind and before.time_field == time and source in self._settled:
            return
        now = Settled(before.type_field or kind, before.time_field or time)
        if now != before or source not in self._settled:
            self._settled[source] = now


def _first(record: dict[str, Any], named: str | None, plain: tuple[str, ...]) -> _Taken | None:
    """Return the first plain field that has a value; only the named one when one is named."""
    if named is not None:
        value = _at(record, named)
        return None if value is None else _Taken(value, named)
    for name in plain:
        value = record.get(name)
        if value is not None:
            return _Taken(value, name)
    return None


def _at(record: dict[str, Any], name: str) -> Any:
    """Return the value of a key of this very name, else at this dotted path, else None."""
    value = record.get(name)
    if value is not None or "." not in name:
        return value
    node: Any = record
    for part in name.split("."):
        if node.__class__ is not dict:
            return None
        node = node.get(part)
    return node


def _named(taken: _Taken, name: str) -> _Taken | Defect:
    if taken.value.__class__ is str and taken.value:
        return taken
    return Defect("type", f"{name} must be a text that is not empty")


def _unsettled(what: Any, settled: str | None, found: str | None) -> Defect:
    return Defect(
        what,
        f"this source takes its {what} from '{settled}', settled by its first event, but here "
        f"'{found}' comes first (--{what}-field names one)",
    )
