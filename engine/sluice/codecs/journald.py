"""Read the systemd journal: lines of `journalctl -o json`, entries of `journalctl -o export`.

The commonest fields have the names that they have in `syslog` events: `host app pid message
severity facility`, and `unit`; all others keep theirs. The id is the cursor of the entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.codecs.codec import (
    CodecOptions,
    Decoded,
    Framing,
    InputOptions,
    Place,
    Settled,
    check_options,
)  # fmt: skip
from sluice.codecs.entries import LENGTH_BYTES, whole_entry
from sluice.codecs.formats import event_of, read_record
from sluice.codecs.instants import InstantReader
from sluice.codecs.json import BOM
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.syslog import FACILITIES, SEVERITIES
from sluice.codecs.text import whole_number
from sluice.timing import Instant

EVENT_TYPE = "journald"
#: Fields under another name (systemd.journal-fields(7)).
NAMES = {
    "MESSAGE": "message", "_HOSTNAME": "host", "SYSLOG_IDENTIFIER": "app", "_PID": "pid",
    "_SYSTEMD_UNIT": "unit",
}  # fmt: skip
#: What the program is called where it does not say it itself.
APP_FALLBACK = "_COMM"
TIME_FIELD, CURSOR = "__REALTIME_TIMESTAMP", "__CURSOR"
#: Fields that are numbers, which the journal keeps as text.
NUMBERS = frozenset(
    """
    CODE_LINE ERRNO EXIT_CODE EXIT_STATUS LEADER OBJECT_PID OBJECT_UID OBJECT_GID SYSLOG_PID TID
    _AUDIT_LOGINUID _AUDIT_SESSION _GID _PID _SOURCE_REALTIME_TIMESTAMP _UID
    __MONOTONIC_TIMESTAMP __REALTIME_TIMESTAMP __SEQNUM
    """.split()
)


class JournalCodec:
    """The codec `journald`; it has no options."""

    __slots__ = ("_instants", "_reader", "_strict", "_type")

    name = "journald"

    def __init__(self, settings: CodecOptions, options: InputOptions | None = None) -> None:
        check_options(self.name, settings, ())
        options = options or InputOptions()
        self._strict = options.strict
        self._type = options.type or EVENT_TYPE
        self._instants = InstantReader("us")
        self._reader = RecordReader(options, InstantReader(options.time_unit))

    def framing(self, head: bytes) -> Framing | None:
        """Return how a source is split: JSON begins with a brace or a bracket, entries do not."""
        start = head.removeprefix(BOM).lstrip()[:1]
        if start == b"[":
            return "array"
        return "lines" if start == b"{" else "entries" if start else None

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one entry in either form: an event, a rejection, or None when it is blank."""
        text = line.removeprefix(BOM) if place[2] <= 1 else line
        if not text or text.isspace():
            return None
        is_json = text.lstrip()[:1] == b"{"
        entry = self._json(text) if is_json else read_entry(whole_entry(text))
        made = entry if isinstance(entry, Defect) else self._described(entry)
        return event_of(made, self._reader, line, place)

    def settled(self, source: str) -> Settled | None:
        """Return None: the format says where type and time are."""
        return None

    def state(self) -> dict[str, Any]:
        """Return nothing: each entry stands for itself."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""

    def _json(self, text: bytes) -> dict[str, Any] | Defect:
        value = read_record(text, self._strict)
        if isinstance(value, Defect | dict):
            return value
        return Defect("syntax", "an entry of the journal is a JSON object")

    def _described(self, entry: dict[str, Any]) -> tuple[dict[str, Any], Own]:
        fields: dict[str, Any] = {}
        cursor = entry.pop(CURSOR, None)
        for name, value in entry.items():
            plain = _value(value)
            if plain.__class__ is str and name in NUMBERS:
                number = whole_number(plain)
                plain = plain if number is None else number
            fields[NAMES.get(name, name)] = plain
        if "app" not in fields and APP_FALLBACK in fields:
            fields["app"] = fields[APP_FALLBACK]
        _name_by_number(fields, "PRIORITY", "severity", SEVERITIES)
        _name_by_number(fields, "SYSLOG_FACILITY", "facility", FACILITIES)
        own_id = cursor if cursor.__class__ is str and cursor else None
        return fields, Own(self._type, self._time(fields), own_id)

    def _time(self, fields: Mapping[str, Any]) -> Instant | Defect:
        value = fields.get(TIME_FIELD)
        if value is None:
            return Defect("time", f"no time: there is no {TIME_FIELD}")
        at = self._instants.read(value) if value.__class__ is int else None
        if at is None:
            return Defect("time", f"{TIME_FIELD} is no number of microseconds since 1970")
        return at


def read_entry(entry: bytes) -> dict[str, Any] | Defect:
    """Return the fields of an entry of the export format; those that repeat are lists."""
    if not entry.endswith(b"\n\n"):
        return Defect("syntax", "the empty line that ends an entry of the journal is missing")
    fields: dict[str, Any] = {}
    at, end = 0, len(entry) - 1
    while at < end:
        stop = entry.index(b"\n", at)
        name, equals, value = entry[at:stop].partition(b"=")
        if equals:
            at = stop + 1
        else:
            start = stop + 1 + LENGTH_BYTES
            length = int.from_bytes(entry[stop + 1 : start], "little")
            value, at = entry[start : start + length], start + length + 1
            if at > end or not name:
                return Defect("syntax", "a field of the journal is neither NAME=VALUE nor binary")
        _append(fields, name.decode("ascii", "replace"), value.decode("utf-8", "replace"))
    return fields


def _append(fields: dict[str, Any], name: str, value: str) -> None:
    before = fields.get(name)
    if before is None:
        fields[name] = value
    elif before.__class__ is list:
        before.append(value)
    else:
        fields[name] = [before, value]


def _value(value: Any) -> Any:
    """Return a value as text: what is no UTF-8 comes as an array of its bytes."""
    if value.__class__ is not list:
        return value
    if value and all(each.__class__ is int and 0 <= each <= 255 for each in value):
        return bytes(value).decode("utf-8", "replace")
    return [_value(each) for each in value]


def _name_by_number(fields: dict[str, Any], number: str, name: str, names: tuple[str, ...]) -> None:
    """Put the keyword of syslog in the place of its number."""
    value = fields.get(number)
    at = whole_number(value) if value.__class__ is str else value
    if at.__class__ is int and 0 <= at < len(names):
        del fields[number]
        fields[name] = names[at]
