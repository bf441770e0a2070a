"""Read events from JSON: an object a line, or the elements of one array.

Where type, time and id stand is the matter of `records`; CloudEvents are told by `specversion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.codecs.cloudevents import cloudevent, is_cloudevent
from sluice.codecs.codec import Decoded, Framing, InputOptions, Place, Settled
from sluice.codecs.instants import InstantReader
from sluice.codecs.jsontext import Defect, mend_json, read_json
from sluice.codecs.records import Reads, RecordReader
from sluice.model import Event, Rejected, rejected

BOM = b"\xef\xbb\xbf"


class JsonCodec:
    """The codec `json`; it remembers for each source which plain fields are in use."""

    __slots__ = ("_instants", "_options", "_reader")

    name = "json"

    def __init__(self, options: InputOptions | None = None) -> None:
        self._options = options or InputOptions()
        self._instants = InstantReader(self._options.time_unit)
        self._reader = RecordReader(self._options, self._instants)

    def framing(self, head: bytes) -> Framing:
        """Return `array` when `[` is the first byte that is not blank."""
        return "array" if head.removeprefix(BOM).lstrip()[:1] == b"[" else "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one record: an event, a rejection, the events of a CloudEvents batch, or None."""
        if not line or line.isspace():
            return None
        text = line.removeprefix(BOM) if place[2] <= 1 else line
        value = read_json(text, self._options.strict)
        if value.__class__ is Defect and self._reader.reads is not None:
            made = self._mended(text, place)
            if made is not None:
                return made
        return self._decoded(value, line, place)

    def read_only(self, reads: Reads) -> None:
        """Check only the fields that rules read of events of a type, unless `strict` is asked."""
        if not self._options.strict:
            self._reader.reads = reads

    def _mended(self, text: bytes, place: Place) -> Event | None:
        """Return the event of a text in which no value that is read is beyond reading."""
        found = mend_json(text)
        if isinstance(found, Defect) or found.value.__class__ is not dict:
            return None
        if is_cloudevent(found.value):
            return None
        made = self._reader.sound_event(found.value, found.broken, place)
        return made if isinstance(made, Event) else None

    def settled(self, source: str) -> Settled | None:
        """Return the plain fields that a source was found to use, None before its first event."""
        return self._reader.settled(source)

    def state(self) -> dict[str, Any]:
        """Return what is settled: source to [type field, time field]."""
        return self._reader.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._reader.restore(state)

    def _decoded(self, value: Any, line: bytes, place: Place) -> Decoded:
        if value.__class__ is list and value and all(map(_is_batched, value)):
            return [self._event_or_rejected(record, line, place) for record in value]
        return self._event_or_rejected(value, line, place)

    def _event_or_rejected(self, value: Any, line: bytes, place: Place) -> Event | Rejected:
        if value.__class__ is dict:
            made = (
                cloudevent(value, place, self._instants, self._options.strict)
                if is_cloudevent(value)
                else self._reader.event(value, place)
            )
            if isinstance(made, Event):
                return made
        else:
            made = value if isinstance(value, Defect) else Defect("syntax", _no_object(value))
        return rejected(place, made.reason, made.message, line)


def _no_object(value: Any) -> str:
    name = "an array" if value.__class__ is list else "a text, a number, true, false or null"
    hint = "; an array of records must be the whole input" if value.__class__ is list else ""
    return f"a record is a JSON object, this is {name}{hint}"


def _is_batched(value: Any) -> bool:
    return value.__class__ is dict and is_cloudevent(value)
