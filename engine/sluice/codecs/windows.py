"""Read Windows events as JSON, in the three forms that collectors write.

Flat: NXLog and what is made from it, one key a field. Winlogbeat: `winlog` with `event_data`.
Rendered XML, as `evtx_dump` writes it: `Event` with `System` and `EventData`. All become the flat
form, with the names of the flat form. The type of event 4624 of the channel Security is
`windows.security.event_4624`, that of Sysmon's event 1 `windows.sysmon.event_1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.codecs.codec import CodecOptions, InputOptions, check_options
from sluice.codecs.formats import Described, RecordCodec
from sluice.codecs.instants import InstantReader
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.text import LocalInstants, scalar, type_part, zone_of
from sluice.timing import Instant

NAME = "windows"
#: Windows numbers events in 16 bits; classic ones have qualifiers above, which do not belong here.
EVENT_ID_MAX = 65_535
#: Fields that are numbers in every event that has them; some exporters write them as text.
NUMBERS = ("DestinationPort", "IpPort", "KeyLength", "LogonType", "SourcePort")
#: Whose channel is not told is told by its provider, which has another name here.
PROVIDERS = {"security_auditing": "security"}
#: What channels begin and end with that says nothing.
PREFIXES, SUFFIX = ("Microsoft-Windows-", "Windows "), "/Operational"
#: Sysmon's own time, and the time at which Windows wrote the event; both are UTC.
UTC_FIELDS = ("UtcTime", "SystemTime", "TimeCreated")
LOCAL_FIELD, RECEIVED_FIELD = "EventTime", "@timestamp"

# The names of the parts of an event's head: in the flat form, in Winlogbeat's, in the XML's.
_HEADS = (
    ("EventID", "event_id", "EventID"),
    ("Channel", "channel", "Channel"),
    ("Hostname", "computer_name", "Computer"),
    ("RecordNumber", "record_id", "EventRecordID"),
    ("Task", "task", "Task"),
    ("Keywords", "keywords", "Keywords"),
)


def windows_codec(settings: CodecOptions, options: InputOptions) -> RecordCodec:
    """Make the codec `windows`; `zone` is that of `EventTime`, which names none."""
    check_options(NAME, settings, ("zone",))
    zone = zone_of(NAME, settings["zone"]) if "zone" in settings else None
    clock = _Clock(LocalInstants(options, zone), InstantReader(options.time_unit))
    types: dict[tuple[str, int], str] = {}

    def describe(record: dict[str, Any]) -> Described | Defect:
        fields = {name: v for name, v in flat(record).items() if v != "-"}
        for name in NUMBERS:
            value = fields.get(name)
            if value.__class__ is str:
                fields[name] = scalar(value)
        number = event_number(fields.get("EventID"))
        if isinstance(number, Defect):
            return fields, Own(number, clock.read(fields))
        fields["EventID"] = number
        room = fields.get("Channel") or fields.get("SourceName") or ""
        kind = types.get((room, number)) if room.__class__ is str else None
        if kind is None:
            part = channel_part(room)
            if isinstance(part, Defect):
                return fields, Own(part, clock.read(fields))
            kind = f"{NAME}.{part}.event_{number}"
            if len(types) < _TYPES_MAX:
                types[room, number] = kind
        return fields, Own(kind, clock.read(fields))

    return RecordCodec(NAME, describe, RecordReader(options, clock.local), options)


#: How many types are remembered as they were made.
_TYPES_MAX = 10_000


class _Clock:
    """Finds when an event was: by its own clock, else when it was received."""

    def __init__(self, local: LocalInstants, plain: InstantReader) -> None:
        self.local, self._plain = local, plain

    def read(self, fields: Mapping[str, Any]) -> Instant | Defect:
        """Return the time of an event, or why there is none."""
        for name in UTC_FIELDS:
            value = fields.get(name)
            if value.__class__ is str:
                at = self._plain.read_text(value.removesuffix(" UTC").removesuffix("Z") + "Z")
                if at is None:
                    at = self._plain.read_text(value)
                return Defect("time", self._plain.trouble(name, value)) if at is None else at
        value = fields.get(LOCAL_FIELD)
        at = self.local.read(value) if value is not None else None
        received = fields.get(RECEIVED_FIELD)
        if at is None and received is not None:
            at = self._plain.read(received)
            if at is None:
                return Defect("time", self._plain.trouble(RECEIVED_FIELD, received))
        if at is not None:
            return at
        if value is not None:
            return Defect("time", self.local.trouble(LOCAL_FIELD, value))
        names = ", ".join((*UTC_FIELDS, LOCAL_FIELD, RECEIVED_FIELD))
        return Defect("time", f"no time: there is none of {names}")


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return the flat form of a record."""
    winlog, event = record.get("winlog"), record.get("Event")
    if isinstance(winlog, dict):
        fields = {name: value for name, value in record.items() if name != "winlog"}
        for ours, theirs, _ in _HEADS:
            _add(fields, ours, winlog.get(theirs))
        _add(fields, "SourceName", winlog.get("provider_name"))
        return fields | _object(winlog.get("event_data")) | _object(winlog.get("user_data"))
    if isinstance(event, dict) and isinstance(event.get("System"), dict):
        system = event["System"]
        fields = {}
        for ours, _, theirs in _HEADS:
            _add(fields, ours, _text(system.get(theirs)))
        _add(fields, "SourceName", _attribute(system, "Provider", "Name"))
        _add(fields, "SystemTime", _attribute(system, "TimeCreated", "SystemTime"))
        content = {**_object(event.get("EventData")), **_user_data(event.get("UserData"))}
        return fields | {name: _text(v) for name, v in content.items() if name[:1] != "#"}
    return record


def event_number(value: Any) -> int | Defect:
    """Return the number of an event, which some exporters write as text."""
    number = scalar(value) if value.__class__ is str else value
    if number.__class__ is int and 0 <= number <= EVENT_ID_MAX:
        return int(number)
    if value is None:
        return Defect("type", "not a Windows event: there is no EventID")
    return Defect("type", f"EventID is no number from 0 to {EVENT_ID_MAX}")


def channel_part(channel: Any) -> str | Defect:
    """Return the part of the type that is the channel: `sysmon`, `security`, `wmi_activity`."""
    if channel.__class__ is not str or not channel:
        return Defect("type", "not a Windows event: neither Channel nor SourceName is a text")
    for prefix in PREFIXES:
        channel = channel.removeprefix(prefix)
    part = type_part(channel.removesuffix(SUFFIX)).lower()
    return PROVIDERS.get(part, part)


def _add(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        fields[name] = value


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _user_data(value: Any) -> dict[str, Any]:
    """Return the fields of `UserData`, which stand in one element of any name."""
    inner = [v for name, v in _object(value).items() if name[:1] != "#"]
    return _object(inner[0]) if len(inner) == 1 else {}


def _text(value: Any) -> Any:
    """Return the content of an element with attributes: `{"#text": 1, "#attributes": …}`."""
    return value.get("#text") if isinstance(value, dict) and "#attributes" in value else value


def _attribute(system: Mapping[str, Any], element: str, name: str) -> Any:
    attributes = _object(system.get(element)).get("#attributes")
    if attributes is None:  # the other way in which evtx_dump writes them
        attributes = system.get(f"{element}_attributes")
    return _object(attributes).get(name)
