"""Read the access logs of web servers: the common log format, and the combined one.

Apache's documentation ("Log Files", "Custom Log Formats") and nginx's (`log_format`) say what
stands where. What is `-` in a line is missing in the event.
"""

from __future__ import annotations

import re
from typing import Any

from sluice.codecs.codec import CodecOptions, InputOptions, check_options
from sluice.codecs.formats import Described, LineCodec
from sluice.codecs.instants import MEMO_ENTRIES_MAX, InstantReader
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import Own, RecordReader
from sluice.codecs.text import choice, put, scalar, words
from sluice.codecs.yearless import MONTHS
from sluice.timing import Instant

NAME = "weblog"
EVENT_TYPE = "web.request"

_STAMP = r"(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})"
# The name of a user may hold blanks: whoever logs in chooses it, and servers do not quote it.
_HEAD = r"(\S+) (\S+) (.+?) \[" + _STAMP + r"\] "
_QUOTED = r'"((?>(?:[^"\\]++|\\.)*))"'
_REST = r'((?>(?: (?:"(?>(?:[^"\\]++|\\.)*)"|[^\s"]++))*))'
_TAIL = _QUOTED + r" (\d{3}|-) (\d++|-)(?: " + _QUOTED + " " + _QUOTED + ")?" + _REST + r"\s*\Z"
_TOKEN = re.compile(r' (?:"((?>(?:[^"\\]++|\\.)*))"|([^\s"]++))', re.S)
# A value with the blank behind it.
_FIELD = re.compile(r'(?:"(?>(?:[^"\\]++|\\.)*)"|[^\s"]++)(?: |\Z)', re.S)
_REQUEST = re.compile(r"([!-~]+) (\S+)(?: (HTTP/\d(?:\.\d)?))?\Z")
_VHOST = r"(\S+) "
_BYTES_ESCAPED = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.S)
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def weblog_codec(settings: CodecOptions, options: InputOptions) -> LineCodec:
    """Make the codec `weblog`.

    `vhost=yes`: the lines begin with the name of the site. `extra` names what follows the user
    agent, such as `extra=request_time+upstream_time`.
    """
    check_options(NAME, settings, ("vhost", "extra"))
    has_vhost = choice(NAME, "vhost", settings.get("vhost", "no"), ("yes", "no")) == "yes"
    lines = _AccessLines(has_vhost, words(settings.get("extra", "")), options.type or EVENT_TYPE)
    instants = InstantReader(options.time_unit)
    return LineCodec(NAME, lines.parse, RecordReader(options, instants), options)


class _AccessLines:
    """Reads lines; those of one second cost one look at the time."""

    def __init__(self, has_vhost: bool, extra: tuple[str, ...], type_: str) -> None:
        head = (_VHOST if has_vhost else "") + _HEAD
        self._has_vhost, self._extra, self._type = has_vhost, extra, type_
        self._head = re.compile(head, re.S)
        self._line = re.compile(head + _TAIL, re.S)
        self._instants = InstantReader()
        self._memo: dict[str, Instant | None] = {}

    def parse(self, line: str) -> Described | Defect:
        """Return the fields of a line with its time, or what is wrong with it."""
        found = self._line.match(line)
        if found is None:
            return Defect("syntax", self._trouble(line))
        groups = found.groups()
        vhost = groups[0] if self._has_vhost else None
        host, ident, user, stamp, request, status, size, referer, agent, rest = groups[-10:]
        at = self._instant(stamp)
        if at is None:
            return Defect("time", f"no such time: [{stamp}]")
        fields: dict[str, Any] = {}
        for name, text in (("vhost", vhost), ("host", host), ("ident", ident), ("user", user)):
            if text is not None and text != "-":
                fields[name] = text
        _add_request(fields, _plain(request))
        if status != "-":
            fields["status"] = int(status)
        if size != "-":
            fields["bytes"] = scalar(size)
        for name, text in (("referer", referer), ("user_agent", agent)):
            if text is not None and text != "-":
                fields[name] = _plain(text)
        if rest or self._extra:
            defect = self._add_extra(fields, rest)
            if defect is not None:
                return defect
        return fields, Own(self._type, at)

    def _add_extra(self, fields: dict[str, Any], rest: str) -> Defect | None:
        values = [scalar(bare) if bare else _plain(quoted) for quoted, bare in _TOKEN.findall(rest)]
        if not self._extra:
            fields["extra"] = [None if value == "-" else value for value in values]
            return None
        if len(values) != len(self._extra):
            names = ", ".join(self._extra)
            return Defect("schema", f"{len(values)} values behind the user agent, not {names}")
        for name, value in zip(self._extra, values, strict=True):
            if value != "-":
                put(fields, name, value)
        return None

    def _instant(self, stamp: str) -> Instant | None:
        """Read `10/Oct/2000:13:55:36 -0700`."""
        if stamp not in self._memo:
            if len(self._memo) >= MEMO_ENTRIES_MAX:
                self._memo.clear()
            day, month, year, clock = stamp[:2], stamp[3:6], stamp[7:11], stamp[12:20]
            zone = f"{stamp[21:24]}:{stamp[24:]}"
            text = f"{year}-{MONTHS.get(month, 0):02d}-{day}T{clock}{zone}"
            self._memo[stamp] = self._instants.read_text(text)
        return self._memo[stamp]

    def _trouble(self, line: str) -> str:
        """Say where a line stops being one of an access log."""
        head = self._head.match(line)
        if head is None:
            site = "SITE " if self._has_vhost else ""
            return (
                f"not an access log: it begins {site}HOST IDENT USER [10/Oct/2000:13:55:36 +0200]"
            )
        at = head.end()
        if line[at : at + 1] != '"':
            return f"the request is not in quotes (character {at + 1})"
        while found := _FIELD.match(line, at):
            at = found.end()
        if line[at : at + 1] == '"':
            return f"the quote that opens at character {at + 1} is not closed"
        return f"status and bytes do not follow the request (character {head.end() + 1})"


def _add_request(fields: dict[str, Any], request: str) -> None:
    """Take a request line apart; what is none stays whole, as `request`."""
    if request in ("-", ""):
        return
    found = _REQUEST.match(request)
    if found is None:
        fields["request"] = request
        return
    method, target, protocol = found.groups()
    path, mark, query = target.partition("?")
    fields["method"] = method
    fields["path"] = path
    if mark:
        fields["query"] = query
    if protocol is not None:
        fields["protocol"] = protocol


def _plain(text: str) -> str:
    """Undo the escapes of Apache (`\\"`, `\\\\`, `\\n`, `\\x16`) and nginx (`\\x22`)."""
    if "\\" not in text:
        return text
    return _BYTES_ESCAPED.sub(_byte, text.encode()).decode("utf-8", "replace")


def _byte(found: re.Match[bytes]) -> bytes:
    code, letter = found.groups()
    return bytes((int(code, 16),)) if code is not None else _ESCAPED.get(letter, letter)
