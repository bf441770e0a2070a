"""Read syslog: RFC 5424, RFC 3164 (BSD), and what rsyslog writes to files.

Events have the type `syslog` and the fields `host app pid message`; with a priority also
`facility` and `severity`, as the keywords that syslog.conf and `logger` use; of RFC 5424 also
`msgid` and `structured_data` (an object of objects). What a line does not say is missing.
"""

from __future__ import annotations

import re
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
from sluice.codecs.instants import InstantReader, time_trouble
from sluice.codecs.jsontext import Defect
from sluice.codecs.text import read_text, zone_of
from sluice.codecs.yearless import YearlessClock
from sluice.errors import ConfigError
from sluice.model import Event, Rejected, rejected
from sluice.timing import Instant

EVENT_TYPE = "syslog"
#: RFC 5424 section 6.2.1, tables 1 and 2, by number.
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
PRIORITY_MAX = 191
PID_DIGITS_MAX = 18

# RFC 3164 section 4.1, and the same with an RFC 3339 time (rsyslog's file format). The host may
# be left out, as local sockets do; then the tag, which ends with a colon, is the first word.
_TRADITIONAL = re.compile(
    r"(?:<(\d{1,3})>)?(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d):(\d\d)|(\d{4}-\d\d-\d\dT[^ ]+)) "
    r"(?:([^ ]*[^ :]) +)?(?:([^ :\[]+)(?:\[([^ \]]*)\])?:(?: |\Z|(?<=\]:)))?(.*)\Z",
    re.DOTALL,
)
# RFC 5424 section 6; the structured data and the message follow.
_MODERN = re.compile(
    r"<(\d{1,3})>([1-9]\d{0,2}) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) (?=[-\[])", re.ASCII
)
_ELEMENT = re.compile(
    r'\[([^ =\]"]{1,32})((?>(?: [^ =\]"]{1,32}="(?>(?:[^"\\\]]|\\.)*)")*))\]', re.DOTALL
)
_PARAM = re.compile(r' ([^ =\]"]+)="((?>(?:[^"\\\]]|\\.)*))"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')


class SyslogCodec:
    """The codec `syslog`; `year` and `zone` say what RFC 3164 times leave out."""

    __slots__ = ("_clocks", "_instants", "_is_zone_named", "_strict", "_year", "_zone")

    name = "syslog"

    def __init__(self, settings: CodecOptions, options: InputOptions | None = None) -> None:
        check_options(self.name, settings, ("year", "zone"))
        self._year = _year(settings["year"]) if "year" in settings else None
        self._zone = zone_of(self.name, settings.get("zone", "UTC"))
        self._is_zone_named = "zone" in settings
        self._strict = options is not None and options.strict
        self._instants = InstantReader()
        self._clocks: dict[tuple[str, int], YearlessClock] = {}

    def framing(self, head: bytes) -> Framing:
        """Return `lines`, always."""
        return "lines"

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one line: an event, a rejection, or None when it is blank."""
        text = read_text(line, place, self._strict)
        if text is None or isinstance(text, Rejected):
            return text
        found = _MODERN.match(text)
        made = self._modern(text, found) if found else self._traditional(text, place)
        if isinstance(made, Defect):
            return rejected(place, made.reason, made.message, line)
        at, fields = made
        return Event(EVENT_TYPE, at, fields, None, *place)

    def settled(self, source: str) -> Settled | None:
        """Return None: types and times are not taken from fields."""
        return None

    @property
    def assumes_utc(self) -> bool:
        """Whether there were times without a zone, and no option says which one is meant."""
        return bool(self._clocks) and not self._is_zone_named

    def state(self) -> dict[str, Any]:
        """Return the year and month at which each source's clock stands."""
        return {
            "clocks": [
                [source, partition, *clock.state()]
                for (source, partition), clock in self._clocks.items()
            ]
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._clocks = {
            (source, partition): YearlessClock(self._zone, *at)
            for source, partition, *at in state.get("clocks", ())
        }

    def _traditional(self, text: str, place: Place) -> tuple[Instant, dict[str, Any]] | Defect:
        found = _TRADITIONAL.match(text)
        if found is None:
            return Defect("syntax", "not a syslog line (RFC 5424, RFC 3164)")
        priority, minute, second, stamp, host, app, pid, message = found.groups()
        if minute is None:
            at = self._instants.read_text(stamp)
        else:
            clock = self._clocks.get(place[:2]) or self._start(place)
            if clock is None:
                hint = "give the year of the first line: --codec syslog:year=2015,zone=UTC"
                return Defect("time", f"the time has no year; {hint}")
            at = clock.read(minute, second)
        if at is None:
            return Defect("time", f'no such time: "{stamp or f"{minute}:{second}"}"')
        fields: dict[str, Any] = {}
        if host is not None:
            fields["host"] = host
        if app is not None:
            fields["app"] = app
            if pid:
                fields["pid"] = _pid(pid)
        fields["message"] = message
        if priority is not None and not _add_priority(fields, priority):
            return Defect("syntax", f"the priority <{priority}> is beyond <{PRIORITY_MAX}>")
        return at, fields

    def _modern(self, text: str, found: re.Match[str]) -> tuple[Instant, dict[str, Any]] | Defect:
        priority, version, stamp, host, app, pid, msgid = found.groups()
        if version != "1":
            return Defect("syntax", f"version {version} of the syslog protocol is not known")
        if stamp == "-":
            return Defect("time", "the line has no time (RFC 5424 section 6.2.3)")
        at = self._instants.read_text(stamp)
        if at is None:
            return Defect("time", time_trouble("the time", stamp, "ms"))
        named = (("host", host), ("app", app), ("pid", _pid(pid)), ("msgid", msgid))
        fields: dict[str, Any] = {name: value for name, value in named if value != "-"}
        structured = _structured_data(text, found.end())
        if isinstance(structured, Defect):
            return structured
        elements, end = structured
        # Section 6.4: a byte order mark may say that the message is UTF-8.
        fields["message"] = text[end + 1 :].removeprefix("\ufeff")
        if not _add_priority(fields, priority):
            return Defect("syntax", f"the priority <{priority}> is beyond <{PRIORITY_MAX}>")
        if elements:
            fields["structured_data"] = elements
        return at, fields

    def _start(self, place: Place) -> YearlessClock | None:
        """Start the clock of a source; None when no year is known."""
        if self._year is None:
            return None
        clock = self._clocks[place[:2]] = YearlessClock(self._zone, self._year)
        return clock


def _structured_data(text: str, start: int) -> tuple[dict[str, dict[str, str]], int] | Defect:
    """Read STRUCTURED-DATA (RFC 5424 section 6.3); return it and where it ends."""
    elements: dict[str, dict[str, str]] = {}
    at = start
    if text[at] == "-":
        at += 1
    while at < len(text) and text[at] == "[":
        found = _ELEMENT.match(text, at)
        if found is None:
            return Defect("syntax", f"malformed structured data (character {at})")
        # An id must not repeat (section 6.3.2); should it, its parameters are put together.
        # A parameter may (6.3.3); the last one counts, as with the keys of JSON.
        params = elements.setdefault(found.group(1), {})
        for name, value in _PARAM.findall(found.group(2)):
            params[name] = _ESCAPED.sub(r"\1", value) if "\\" in value else value
        at = found.end()
    if at < len(text) and text[at] != " ":
        return Defect("syntax", f"a space is missing after the structured data (character {at})")
    return elements, at


def _add_priority(fields: dict[str, Any], priority: str) -> bool:
    """Add facility and severity (PRI = facility * 8 + severity); False when out of range."""
    number = int(priority)
    if number > PRIORITY_MAX:
        return False
    fields["facility"], fields["severity"] = FACILITIES[number >> 3], SEVERITIES[number & 7]
    return True


def _pid(text: str) -> int | str:
    """Return digits as a number; RFC 5424 allows other names of a process."""
    is_number = text.isascii() and text.isdigit() and len(text) <= PID_DIGITS_MAX
    return int(text) if is_number else text


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4 and "0001" < text < "9999"):
        raise ConfigError(f"codec 'syslog': year={text} is no year; write year=2015")
    return int(text)
