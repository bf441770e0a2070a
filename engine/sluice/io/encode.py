"""Write records as JSON Lines: one record, one line, the same bytes each time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

#: More digits than this are written in parts: Python refuses to turn them to text at once.
DIGITS_AT_ONCE = 4_000
_PART = 10**DIGITS_AT_ONCE


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return a JSON line with its line end.

    Integers are exact whatever their size, lone surrogates become U+FFFD, what is no finite
    number is null.
    """
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits, a lone surrogate, or nested too deep for orjson
        return _text(record).encode() + b"\n"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        members = (f"{_text(key)}:{_text(child)}" for key, child in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, str):
        return orjson.dumps(whole_text(value)).decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return digits(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return orjson.dumps(value).decode()


def whole_text(text: str) -> str:
    """Return the text with U+FFFD for lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def digits(number: int) -> str:
    """Return the decimal digits of an integer of any size."""
    if number < 0:
        return "-" + digits(-number)
    parts: list[str] = []
    while number >= _PART:
        number, low = divmod(number, _PART)
        parts.append(f"{low:0{DIGITS_AT_ONCE}d}")
    return "".join([str(number), *reversed(parts)])
