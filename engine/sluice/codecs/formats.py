"""Codecs made of a function: what one line of text, or one JSON object, says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.codecs.arrays import may_open_records
from sluice.codecs.codec import Decoded, Framing, InputOptions, Place, Settled
from sluice.codecs.json import BOM
from sluice.codecs.jsontext import Defect, mend_json, read_json
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.text import read_text
from sluice.model import Event, Rejected, rejected

#: The fields of a record, and what it is; None: its type and time are among the fields.
Described = tuple[dict[str, Any], Own | None]


class LineCodec:
    """A codec whose records are lines of text; `parse` says what a line holds."""

    __slots__ = ("_parse", "_reader", "_strict", "name")

    def __init__(
        self, name: str, parse: Callable[[str], Described | Defect], reader: RecordReader,
        options: InputOptions,
    ) -> None:  # fmt: skip
        self.name = name
        self._parse, self._reader, self._strict = parse, reader, options.strict

    def framing(self, head: bytes) -> Framing:
        """Return `lines`, always."""
        return "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one line: an event, a rejection, or None when it is blank."""
        text = read_text(line, place, self._strict)
        if text is None or isinstance(text, Rejected):
            return text
        return event_of(self._parse(text), self._reader, line, place)

    def settled(self, source: str) -> Settled | None:
        """Return the plain fields that a source was found to use, None when there are none."""
        return self._reader.settled(source)

    def state(self) -> dict[str, Any]:
        """Return which fields each source uses."""
        return self._reader.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._reader.restore(state)


class RecordCodec:
    """A codec whose records are JSON objects; `describe` says what an object is.

    `has_records`: an object may hold an array of them as `Records`, as whole files do.
    """

    __slots__ = ("_describe", "_has_records", "_reader", "_strict", "name")

    def __init__(
        self, name: str, describe: Callable[[dict[str, Any]], Described | Defect],
        reader: RecordReader, options: InputOptions, has_records: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self._describe, self._reader, self._strict = describe, reader, options.strict
        self._has_records = has_records

    def framing(self, head: bytes) -> Framing | None:
        """Return how a source is split: by how it begins; None when that is too short to tell."""
        start = head.removeprefix(BOM).lstrip()
        if start.startswith(b"["):
            return "array"
        if not self._has_records:
            return "lines"
        opens = may_open_records(start)
        return None if opens is None else "records" if opens else "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one object: an event, a rejection, the events of nested records, or None."""
        if not line or line.isspace():
            return None
        text = line.removeprefix(BOM) if place[2] <= 1 else line
        value = read_record(text, self._strict)
        if self._has_records and value.__class__ is dict and value.keys() == {"Records"}:
            inner = value["Records"]
            if inner.__class__ is list:
                return [self._event(each, line, place) for each in inner]
        return self._event(value, line, place)

    def settled(self, source: str) -> Settled | None:
        """Return None: the format says where type and time are."""
        return None

    def state(self) -> dict[str, Any]:
        """Return nothing: each record stands for itself."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""

    def _event(self, value: Any, line: bytes, place: Place) -> Event | Rejected:
        if isinstance(value, Defect):
            return rejected(place, value.reason, value.message, line)
        if value.__class__ is not dict:
            return rejected(place, "syntax", f"a record of {self.name} is a JSON object", line)
        return event_of(self._describe(value), self._reader, line, place)


def read_record(text: bytes, strict: bool) -> Any | Defect:
    """Return the value of a record in JSON, with what cannot be read of it repaired.

    Who can put a byte that is no UTF-8, or a number beyond all bounds, into a field that is logged
    must not be able to make the record disappear. Strict reading refuses it.
    """
    value = read_json(text, strict)
    if strict or not isinstance(value, Defect):
        return value
    mended = mend_json(text)
    return value if isinstance(mended, Defect) else mended.value


def event_of(
    made: Described | Defect, reader: RecordReader, line: bytes, place: Place
) -> Event | Rejected:
    """Make the event of what a record says, or the rejection that says why there is none."""
    if not isinstance(made, Defect):
        fields, own = made
        event = reader.event(fields, place) if own is None else reader.own_event(fields, place, own)
        if isinstance(event, Event):
            return event
        made = event
    return rejected(place, made.reason, made.message, line)
