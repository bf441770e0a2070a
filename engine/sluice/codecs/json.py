"""Read events from JSON: an object a line, or the elements of one array.

The attributes are the keys `@type @time @id @source @subject @zone @key`; all others are fields.
Without `@type` or `@time` plain fields are looked at, and a source stays with its first choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sluice.codecs.cloudevents import cloudevent, is_cloudevent
from sluice.codecs.codec import Decoded, Framing, InputOptions, Place, Settled
from sluice.codecs.instants import InstantReader, time_trouble
from sluice.codecs.jsontext import Defect, mend_json, read_json
from sluice.model import Event, Rejected, rejected
from sluice.timing import Instant

TYPE_FIELDS = ("type", "event_type")
TIME_FIELDS = ("timestamp", "@timestamp", "time", "ts")
ATTRIBUTE_KEYS = frozenset({"@type", "@time", "@id", "@source", "@subject", "@zone", "@key"})

BOM = b"\xef\xbb\xbf"
_NOT_SETTLED = Settled()


class _Taken(NamedTuple):
    """A value and the plain field it was taken from; no field: an attribute or the default."""

    value: Any
    field: str | None = None


class JsonCodec:
    """The codec `json`; it remembers for each source which plain fields are in use."""

    __slots__ = ("_instants", "_options", "_settled")

    name = "json"

    def __init__(self, options: InputOptions | None = None) -> None:
        self._options = options or InputOptions()
        self._instants = InstantReader(self._options.time_unit)
        self._settled: dict[str, Settled] = {}

    def framing(self, head: bytes) -> Framing:
        """Return `array` when `[` is the first byte that is not blank."""
        return "array" if head.removeprefix(BOM).lstrip()[:1] == b"[" else "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one record: an event, a rejection, the events of a CloudEvents batch, or None."""
        if not line or line.isspace():
            return None
        text = line.removeprefix(BOM) if place[2] <= 1 else line
        return self._decoded(read_json(text, self._options.strict), line, place)

    def mended(self, line: bytes, place: Place) -> Decoded:
        """Read as `decode` does, but repair values that cannot be read instead of refusing them.

        For the whole event of a line whose fields that matter were read already: what no rule
        reads is not checked.
        """
        outcome = self.decode(line, place)
        if outcome.__class__ is not Rejected:
            return outcome
        return self._decoded(mend_json(line.removeprefix(BOM)), line, place)

    def settled(self, source: str) -> Settled | None:
        """Return the plain fields that a source was found to use, None before its first event."""
        return self._settled.get(source)

    def state(self) -> dict[str, Any]:
        """Return what is settled: source to [type field, time field]."""
        return {name: [s.type_field, s.time_field] for name, s in self._settled.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._settled = {name: Settled(*fields) for name, fields in state.items()}

    def _decoded(self, value: Any, line: bytes, place: Place) -> Decoded:
        if value.__class__ is list and value and all(map(_is_batched, value)):
            return [self._event_or_rejected(record, line, place) for record in value]
        return self._event_or_rejected(value, line, place)

    def _event_or_rejected(self, value: Any, line: bytes, place: Place) -> Event | Rejected:
        if value.__class__ is dict:
            made = self._event(value, place)
            if isinstance(made, Event):
                return made
        else:
            made = value if isinstance(value, Defect) else Defect("syntax", _no_object(value))
        return rejected(place, made.reason, made.message, line)

    def _event(self, record: dict[str, Any], place: Place) -> Event | Defect:
        if is_cloudevent(record):
            return cloudevent(record, place, self._instants, self._options.strict)
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
            for name in ("@source", "@subject", "@zone", "@key"):
                if record.get(name) is not None and record[name].__class__ is not str:
                    return Defect("schema", f"{name} must be a text")
            source = record.get("@source") or source
            subject, zone, key = record.get("@subject"), record.get("@zone"), record.get("@key")
            fields = {name: v for name, v in record.items() if name not in ATTRIBUTE_KEYS}
        self._settle(place[0], settled, kind.field, time.field)
        return Event(
            kind.value, time.value, fields, own, source, place[1], place[2], subject, zone, key
        )

    def _type(self, record: dict[str, Any], settled: Settled) -> _Taken | Defect:
        """Find the type: `@type`, else the field that the user or the source settled on."""
        value = record.get("@type")
        if value is not None:
            return _named(_Taken(value), "@type")
        found = _first(record, self._options.type_field, TYPE_FIELDS)
        if found is None:
            if self._options.type is not None:
                return _Taken(self._options.type)
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
        at: Instant | None = self._instants.read(value)
        if at is None:
            return Defect("time", time_trouble(field or "@time", value, self._options.time_unit))
        return _Taken(at, field)

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


def _no_object(value: Any) -> str:
    name = "an array" if value.__class__ is list else "a text, a number, true, false or null"
    hint = "; an array of records must be the whole input" if value.__class__ is list else ""
    return f"a record is a JSON object, this is {name}{hint}"


def _is_batched(value: Any) -> bool:
    return value.__class__ is dict and is_cloudevent(value)
