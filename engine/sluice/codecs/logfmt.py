"""Read logfmt: `time=… level=info msg="user logged in" status=200`, one event a line.

A key alone is true. Numbers without quotes are numbers, `true` and `false` truth values; what is
quoted is text. A dotted key is a path of objects.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from sluice.codecs.codec import CodecOptions, InputOptions, check_options
from sluice.codecs.formats import Described, LineCodec
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import RecordReader
from sluice.codecs.text import LocalInstants, put, scalars, zone_of

NAME = "logfmt"

# A key holds no blank, `=` or quote; a bare value may hold `=`, as addresses of pages do.
_QUOTED = r'"((?>(?:[^"\\]++|\\.)*))"'
_PAIR = re.compile(r'([^\s="]++)(?:(=)(?:' + _QUOTED + r'|([^\s"]*+)))?(?=\s|\Z)', re.S)
_PAIRS = re.compile(r"(?>(?:\s*+" + _PAIR.pattern + r")*)\s*+", re.S)
_OPEN_QUOTE = re.compile(r'\s*+[^\s="]*+="(?>(?:[^"\\]++|\\.)*)\Z', re.S)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def logfmt_codec(settings: CodecOptions, options: InputOptions) -> LineCodec:
    """Make the codec `logfmt`: `zone` for times that name none, `text` for fields never numbers."""
    check_options(NAME, settings, ("zone", "text"))
    zone = zone_of(NAME, settings["zone"]) if "zone" in settings else None
    value_of = scalars(settings.get("text", ""))
    reader = RecordReader(options, LocalInstants(options, zone), NAME)

    def parse(line: str) -> Described | Defect:
        fields = read_pairs(line, value_of, options.strict)
        return fields if isinstance(fields, Defect) else (fields, None)

    return LineCodec(NAME, parse, reader, options)


def read_pairs(
    line: str, value_of: Callable[[str, str], Any], strict: bool
) -> dict[str, Any] | Defect:
    """Return the fields of a line, or what is wrong with it."""
    if "=" not in line:
        return Defect("syntax", "not logfmt: there is no KEY=VALUE in the line")
    whole = _PAIRS.match(line)
    assert whole is not None  # no pair at all fits every line
    if whole.end() < len(line):
        return Defect("syntax", _trouble(line, whole.end()))
    pairs = _PAIR.findall(line)
    if strict and len({pair[0] for pair in pairs}) < len(pairs):
        twice = Counter(pair[0] for pair in pairs).most_common(1)[0][0]
        return Defect("duplicate_key", f"key '{twice}' comes twice")
    fields: dict[str, Any] = {}
    for key, equals, quoted, bare in pairs:
        value: Any = quoted
        if bare:
            value = value_of(key, bare)
        elif not equals:
            value = True
        elif "\\" in quoted:
            value = unescape(quoted)
        if "." in key:
            put(fields, key, value)
        else:
            fields[key] = value
    return fields


def unescape(text: str) -> str:
    """Replace the escapes of JSON and of Go; a lone surrogate becomes U+FFFD."""
    plain = _ESCAPE.sub(_character, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(found: re.Match[str]) -> str:
    point, byte, letter = found.groups()
    if letter is not None:
        return _ESCAPED.get(letter, letter)
    return chr(int(point or byte, 16))


def _trouble(line: str, at: int) -> str:
    start = len(line) - len(line[at:].lstrip())
    if _OPEN_QUOTE.match(line, at):
        place = line.index('"', at) + 1
        return f"the quote that opens at character {place} is not closed"
    return f"neither KEY nor KEY=VALUE at character {start + 1}"
