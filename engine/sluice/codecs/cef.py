"""Read CEF, the Common Event Format of ArcSight, alone or behind a syslog header.

`CEF:0|vendor|product|version|signature|name|severity|key=value …` ("ArcSight Common Event Format
Implementation Standard"). The type is `cef.VENDOR.PRODUCT`, the extension's keys are fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from sluice.codecs.codec import (
    CodecOptions,
    Decoded,
    Framing,
    InputOptions,
    Place,
    Settled,
    check_options,
)  # fmt: skip
from sluice.codecs.formats import event_of
from sluice.codecs.instants import InstantReader
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.syslog import SyslogCodec
from sluice.codecs.text import read_text, scalar, type_part, zone_of
from sluice.codecs.yearless import MONTHS
from sluice.model import Event, Rejected
from sluice.timing import Instant

#: The header's parts by the names that the standard gives them.
HEADER = ("deviceVendor", "deviceProduct", "deviceVersion", "signatureId", "name", "severity")
#: Where the time stands: when the device had the event, when it ended, when it began.
TIME_KEYS = ("rt", "end", "start")
#: Keys whose values the standard says are numbers.
NUMBERS = frozenset(
    """
    cfp1 cfp2 cfp3 cfp4 cn1 cn2 cn3 cnt destinationTranslatedPort dlat dlong dpid dpt dvcpid
    flexNumber1 flexNumber2 fsize in oldFileSize out slat slong sourceTranslatedPort spid spt type
    """.split()
)

_START = re.compile(r"CEF:\d")
_PART = r"((?>(?:[^|\\]++|\\.)*))"
_HEADER = re.compile(r"CEF:\d++(?:\.\d++)?\|" + r"\|".join([_PART] * 6) + r"\|(.*)\Z", re.S)
_KEY = re.compile(r"(?:\A|(?<=\s))([A-Za-z0-9_][\w.\[\]-]*+)=", re.ASCII)
_ESCAPE = re.compile(r"\\(.)", re.S)
_ESCAPED = {"n": "\n", "r": "\r"}
#: The forms of the standard, with and without milliseconds, year and zone.
_STAMP = re.compile(
    r"([A-Z][a-z]{2}) (\d\d?)(?: (\d{4}))? (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?: (\S+))?\Z", re.ASCII
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CefCodec:
    """The codec `cef`; `year` and `zone` are for times that leave them out."""

    __slots__ = ("_is_zone_named", "_options", "_reader", "_stamps", "_syslog", "_uses_header")

    name = "cef"

    def __init__(self, settings: CodecOptions, options: InputOptions | None = None) -> None:
        check_options(self.name, settings, ("year", "zone"))
        zone = zone_of(self.name, settings.get("zone", "UTC"))
        self._is_zone_named, self._uses_header = "zone" in settings, False
        self._options = options or InputOptions()
        self._syslog = SyslogCodec(settings, options)
        self._stamps = _Stamps(zone, settings.get("year"))
        self._reader = RecordReader(self._options, InstantReader(self._options.time_unit))

    def framing(self, head: bytes) -> Framing:
        """Return `lines`, always."""
        return "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one line: an event, a rejection, or None when it is blank."""
        text = read_text(line, place, self._options.strict)
        if text is None or isinstance(text, Rejected):
            return text
        return event_of(self._read(text, place), self._reader, line, place)

    def settled(self, source: str) -> Settled | None:
        """Return None: the format says where type and time are."""
        return None

    @property
    def assumes_utc(self) -> bool:
        """Whether there were times without a zone, and no option says which one is meant."""
        of_header = self._uses_header and self._syslog.assumes_utc
        return of_header or (self._stamps.met_no_zone and not self._is_zone_named)

    def state(self) -> dict[str, Any]:
        """Return at which year and month the syslog headers of each source stand."""
        return self._syslog.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._syslog.restore(state)

    def _read(self, text: str, place: Place) -> tuple[dict[str, Any], Own] | Defect:
        start = _START.search(text)
        if start is None:
            return Defect("syntax", "not CEF: there is no CEF:0| in the line")
        found = _HEADER.match(text, start.start())
        if found is None:
            count = len(re.findall(r"(?<!\\)\|", text[start.start() :]))
            return Defect("syntax", f"the header of CEF has 7 parts, each with a |, not {count}")
        *head, extension = found.groups()
        fields = read_extension(extension.strip())
        if isinstance(fields, Defect):
            return fields
        for name, value in zip(HEADER, head, strict=True):
            fields[name] = _plain(value)
        fields["severity"] = scalar(fields["severity"])
        outer = self._outer(text[: start.start()], place)
        time = self._time(fields, outer)
        if isinstance(outer, Event):
            fields["syslog"] = {n: v for n, v in outer.fields.items() if n != "message"}
        vendor, product = (type_part(fields[name]).lower() for name in HEADER[:2])
        return fields, Own(f"{self.name}.{vendor}.{product}", time)

    def _outer(self, header: str, place: Place) -> Event | Defect | None:
        """Read the syslog header, if there is one."""
        if not header.strip():
            return None
        made = self._syslog.decode(header.encode() + b"-", place)
        if isinstance(made, Rejected):
            return Defect(made.reason, f"in the syslog header: {made.message}")
        return made if isinstance(made, Event) else None

    def _time(self, fields: dict[str, Any], outer: Event | Defect | None) -> Instant | Defect:
        for name in TIME_KEYS:
            value = fields.get(name)
            if value is not None:
                at = self._stamps.read(str(value))
                if at is not None:
                    return at
                hint = "an epoch in ms, or Mar 09 2026 07:20:00 (zone, year: options of the codec)"
                return Defect("time", f'{name} is no time: "{str(value)[:60]}"; {hint}')
        if outer is None:
            keys = ", ".join(TIME_KEYS)
            return Defect("time", f"no time: there is none of {keys}, and no syslog header")
        self._uses_header = True
        return outer.time if isinstance(outer, Event) else outer


def read_extension(text: str) -> dict[str, Any] | Defect:
    """Return the fields of an extension: a value goes on to the blank before the next key."""
    found = list(_KEY.finditer(text))
    if text and (not found or found[0].start() != 0):
        return Defect("syntax", "the extension of CEF does not begin with KEY=VALUE")
    fields: dict[str, Any] = {}
    for key, following in zip(found, [*found[1:], None], strict=True):
        end = following.start() if following is not None else len(text)
        value = _plain(text[key.end() : end].rstrip(" "))
        name = key.group(1)
        if value:
            fields[name] = scalar(value) if name in NUMBERS else value
    return fields


class _Stamps:
    """Reads the times of the standard."""

    def __init__(self, zone: ZoneInfo, year: str | None) -> None:
        self._zone, self._year = zone, year
        self._instants = InstantReader()
        self.met_no_zone = False

    def read(self, text: str) -> Instant | None:
        """Read an epoch in ms, a time of the standard, or RFC 3339; None when it is none."""
        if text.isascii() and text.isdigit():
            return self._instants.read(int(text)) if len(text) < 16 else None
        found = _STAMP.match(text)
        if found is None:
            return self._instants.read_text(text)
        month, day, year, clock, fraction, zone = found.groups()
        numbers = (int(year or self._year or 0), MONTHS.get(month, 0), int(day))
        hour, minute, second = (int(part) for part in clock.split(":"))
        try:
            at = datetime(*numbers, hour, minute, second, tzinfo=UTC)
            there = self._there(at, zone)
        except (ValueError, OverflowError):
            return None
        if there is None:
            return None
        ms = (there - _EPOCH) // timedelta(milliseconds=1)
        return ms + int((fraction or "0")[:3].ljust(3, "0"))

    def _there(self, at: datetime, zone: str | None) -> datetime | None:
        """Return the time in its zone: none, `UTC`, `+0200`, or what the option's zone is called.

        Other abbreviations mean several zones each, so they are none.
        """
        if zone is None:
            self.met_no_zone = True
            return at.replace(tzinfo=self._zone)
        if zone in ("Z", "UTC", "GMT"):
            return at
        offset = _OFFSET.match(zone)
        if offset is not None:
            sign, hours, minutes = offset.groups()
            delta = timedelta(hours=int(hours), minutes=int(minutes))
            return at.replace(tzinfo=timezone(delta if sign == "+" else -delta))
        first = at.replace(tzinfo=self._zone)
        both = (first, first.replace(fold=1))
        return next((each for each in both if each.tzname() == zone), None)


def _plain(text: str) -> str:
    """Undo the escapes of the standard: `\\|`, `\\\\`, `\\=`, `\\n`, `\\r`."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found.group(1), found.group(1)), text)
