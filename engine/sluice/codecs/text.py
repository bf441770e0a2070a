"""What the codecs of text formats share: text from bytes, numbers from text, local times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sluice.codecs.codec import InputOptions, Place, did_you_mean
from sluice.codecs.instants import MEMO_ENTRIES_MAX, InstantReader, time_trouble
from sluice.errors import ConfigError
from sluice.model import Rejected, rejected
from sluice.timing import INSTANT_MAX, INSTANT_MIN, Instant

#: So many digits always fit 64 bits.
INT_DIGITS_MAX = 18
#: A dotted name with more parts stays one key.
NAME_PARTS_MAX = 20

# With leading zeros, a sign `+` or an exponent a text is more likely a code than an amount.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?\Z", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\Z", re.ASCII)
_DIGITS = re.compile(r"-?\d+\Z", re.ASCII)
_DECIMAL = re.compile(r"-?\d+\.\d+\Z", re.ASCII)

_WORDS = {"true": True, "false": False}
_ODD = re.compile(r"[^A-Za-z0-9_]+")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def read_text(line: bytes, place: Place, strict: bool = False) -> str | Rejected | None:
    """Return a line as text, None when it is blank; a source may start with a byte order mark.

    Bytes that are not UTF-8 become U+FFFD: log formats name no encoding, and who can choose a
    user name must not be able to make a line disappear. Strict reading rejects them.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as wrong:
        if strict:
            message = f"not UTF-8: {wrong.reason} (byte {wrong.start})"
            return rejected(place, "encoding", message, line)
        text = line.decode("utf-8", "replace")
    if place[2] <= 1:
        text = text.removeprefix("\ufeff")
    return None if not text or text.isspace() else text


def whole_number(text: str) -> int | None:
    """Read digits as JSON writes an integer; None for everything else."""
    found = scalar(text)
    return found if isinstance(found, int) else None


def scalar(text: str) -> str | int | float:
    """Return a text that is written as a JSON number without an exponent as that number."""
    if text[:1] not in "-0123456789" or len(text) > INT_DIGITS_MAX:
        return text
    found = _NUMBER.match(text)
    if found is None:
        return text
    return float(text) if found.group(1) else int(text)


def scalars(names: str) -> Callable[[str, str], Any]:
    """Return what makes the value of a field of its name and text.

    A number, true or false where it is written as one; text for the fields that the option
    `text=a+b` names, and for all of them with `*`.
    """
    texts = frozenset(words(names))

    def value_of(name: str, text: str) -> Any:
        if name in texts:
            return text
        return _WORDS[text] if text in _WORDS else scalar(text)

    return (lambda name, text: text) if names == "*" else value_of


def put(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a field; a dotted name is a path of objects: `http.status` is `status` of `http`.

    Where a part of the path has a value already that is no object, the name stays one key.
    """
    if "." not in name:
        fields[name] = value
        return
    *parts, last = name.split(".")
    node: Any = fields
    if all(parts) and last and len(parts) < NAME_PARTS_MAX:
        for part in parts:
            node = node.setdefault(part, {})
            if node.__class__ is not dict:
                break
        else:
            node[last] = value
            return
    fields[name] = value


def type_part(text: str) -> str:
    """Return a text as a part of an event type: letters, digits and `_`, no digit in front."""
    part = _ODD.sub("_", text).strip("_") or "_"
    return f"_{part}" if part[0].isdigit() else part


def words(value: str) -> tuple[str, ...]:
    """Split the value of an option that holds several names: `user+zip`."""
    return tuple(word for word in value.split("+") if word)


def zone_of(codec: str, name: str) -> ZoneInfo:
    """Return the zone of a codec's option; ConfigError when there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(name, available_timezones())
        raise ConfigError(f"codec '{codec}': there is no zone '{name}'{near}") from None


def choice(codec: str, key: str, value: str, known: Collection[str]) -> str:
    """Return the value of an option that is one of a few words."""
    if value in known:
        return value
    near = did_you_mean(value, known)
    raise ConfigError(f"codec '{codec}': {key}={value} is none of {', '.join(known)}{near}")


class LocalInstants:
    """Reads times as text files write them.

    RFC 3339; the same without a zone, in the zone of the option; epochs as digits in the unit of
    `--time-unit`, and with a fraction when that is seconds. A local time that comes twice in
    autumn is the first of the two.
    """

    __slots__ = ("_instants", "_memo", "_unit", "_zone")

    def __init__(self, options: InputOptions, zone: ZoneInfo | None = None) -> None:
        self._unit = options.time_unit
        self._zone = zone
        self._instants = InstantReader(options.time_unit)
        self._memo: dict[str, Instant | None] = {}

    def read(self, value: Any) -> Instant | None:
        """Read a text or a number; None when it is no time."""
        if value.__class__ is str:
            return self._read_text(value)
        if value.__class__ is float:
            return self._read_seconds(value)
        return self._instants.read(value)

    def trouble(self, name: str, value: Any) -> str:
        """Say why a value is no time, for people."""
        if self._zone is None and value.__class__ is str and _LOCAL.match(value[:19]):
            return f'{name} has no zone: "{value[:40]}"; name it, as in zone=UTC after the codec'
        return time_trouble(name, value, self._unit)

    def _read_text(self, text: str) -> Instant | None:
        at = self._instants.read_text(text)
        if at is not None or not text[:1].isdigit():
            return at
        if _DIGITS.match(text):
            return self._instants.read(int(text)) if len(text) <= INT_DIGITS_MAX + 1 else None
        if _DECIMAL.match(text):
            return self._read_seconds(float(text))
        return self._read_local(text)

    def _read_local(self, text: str) -> Instant | None:
        """Read a time without a zone; a fraction follows a point or a comma."""
        if self._zone is None:
            return None
        second, fraction = text[:19], text[20:]
        if len(text) > 19 and not (text[19] in ".," and fraction.isascii() and fraction.isdigit()):
            return None
        if second not in self._memo:
            if len(self._memo) >= MEMO_ENTRIES_MAX:
                self._memo.clear()
            self._memo[second] = _local_instant(second, self._zone)
        at = self._memo[second]
        return None if at is None else at + int(fraction[:3].ljust(3, "0") if fraction else 0)

    def _read_seconds(self, value: float) -> Instant | None:
        """Read seconds with a fraction. A double holds them to a microsecond, just not exactly."""
        if self._unit != "s" or not math.isfinite(value) or abs(value) > INSTANT_MAX:
            return None
        ms = math.floor(value * 1_000 + 0.000_5)
        return ms if INSTANT_MIN <= ms <= INSTANT_MAX else None


def _local_instant(second: str, zone: ZoneInfo) -> Instant | None:
    if not _LOCAL.match(second):
        return None
    try:
        at = datetime.fromisoformat(second).replace(tzinfo=zone)
        ms = (at - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None
    return ms if INSTANT_MIN <= ms <= INSTANT_MAX else None
