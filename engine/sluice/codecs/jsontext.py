"""Read JSON texts (RFC 8259) exactly: integers of any size, and a reason for what is refused."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from sluice.model import INT_MAX, INT_MIN, RejectReason

#: How deep lists and objects may be nested. orjson writes 254 levels at most, and a record that
#: quotes an event adds some of its own.
DEPTH_MAX = 200

_decode = msgspec.json.Decoder().decode
#: Stands for a number that cannot be read, until it is replaced.
_BROKEN = object()
# RFC 8259 section 8.2 allows escapes of lone surrogates; no string can hold them. The last branch
# steps over other escapes, so that an escaped backslash before `ud800` is left alone.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


class Defect(msgspec.Struct, frozen=True):
    """Why a text was refused: the word of the fixed list, and a sentence."""

    reason: RejectReason
    message: str


def read_json(text: bytes, strict: bool = False) -> Any | Defect:
    """Return the value of a JSON text, or the `Defect` for which it is refused.

    Lone surrogates become U+FFFD. Strict: integers beyond 64 bits and repeated keys are defects.
    """
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        value = _second_reading(text, error)
        if value.__class__ is Defect:
            return value
    if len(text) > 2 * DEPTH_MAX and _is_too_deep(text, value):
        return _too_deep()
    return (_strict_defect(text) or value) if strict else value


class Mended(msgspec.Struct, frozen=True):
    """A value that was partly beyond reading: `broken` are the members of an object that were."""

    value: Any
    broken: frozenset[str]


def mend_json(text: bytes) -> Mended | Defect:
    """Return the value of a JSON text whose values are partly beyond reading.

    Invalid UTF-8 and lone surrogates become U+FFFD, numbers out of range and what is nested too
    deep become null; only what breaks the grammar is a defect.
    """
    # Escapes of lone surrogates are no fault, so those that are left mark bytes that are one.
    clean = without_surrogates(text).decode("utf-8", "surrogateescape")
    try:
        value = json.loads(
            clean, parse_float=_float_or_broken, parse_int=_int_or_broken,
            parse_constant=_no_constant,
        )  # fmt: skip
    except RecursionError:
        return _too_deep()
    except ValueError as error:
        return Defect("syntax", f"not JSON: {error}")
    faults: list[None] = []
    if value.__class__ is not dict:
        return Mended(_mended(value, DEPTH_MAX, faults), frozenset())
    out, broken = {}, set()
    for name, child in value.items():
        faults.clear()
        key = _mended(name, 1, faults)
        out[key] = _mended(child, DEPTH_MAX - 1, faults)
        if faults:
            broken.add(key)
    return Mended(out, frozenset(broken))


def without_surrogates(text: bytes) -> bytes:
    """Replace the escapes of lone surrogates with that of U+FFFD."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found.group(1) else found.group(), text)


def _second_reading(text: bytes, error: Exception) -> Any | Defect:
    """Read again with lone surrogates replaced, or say what is wrong with the text."""
    if isinstance(error, RecursionError):
        return _too_deep()
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        return Defect("encoding", f"not UTF-8: {wrong.reason} (byte {wrong.start})")
    if isinstance(error, msgspec.ValidationError):
        return Defect("schema", "a number is out of range")
    if b"\\u" in text:
        clean = without_surrogates(text)
        if clean != text:
            try:
                return _decode(clean)
            except RecursionError:
                return _too_deep()
            except msgspec.ValidationError:
                return Defect("schema", "a number is out of range")
            except msgspec.DecodeError as again:
                error = again
    return Defect("syntax", _syntax_message(text, error))


def _syntax_message(text: bytes, error: Exception) -> str:
    what = str(error).removeprefix("JSON is malformed: ")
    if what == "Input data was truncated":
        what = "it ends too early"
        if text.strip() in (b"{", b"["):
            what += " (a record is one line; an indented one must be an element of an array)"
    return f"not JSON: {what}"


def _too_deep() -> Defect:
    return Defect("syntax", f"lists and objects are nested deeper than {DEPTH_MAX}")


def _is_too_deep(text: bytes, value: Any) -> bool:
    if text.count(b"[") + text.count(b"{") <= DEPTH_MAX:
        return False
    layer = [value]
    for _ in range(DEPTH_MAX):
        layer = [child for node in layer for child in _children(node) if _is_nest(child)]
        if not layer:
            return False
    return True


def _is_nest(value: Any) -> bool:
    return value.__class__ is dict or value.__class__ is list


def _children(nest: Any) -> Iterable[Any]:
    return nest.values() if nest.__class__ is dict else nest if nest.__class__ is list else ()


def _mended(value: Any, depth: int, faults: list[None]) -> Any:
    """Return the value with what could not be read replaced, and a fault noted for each."""
    match value:
        case str():
            mended = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            faults += [None] * (mended != value)
            return mended
        case dict() | list() if depth == 0:
            faults.append(None)
            return None
        case dict():
            return {
                _mended(key, depth, faults): _mended(child, depth - 1, faults)
                for key, child in value.items()
            }
        case list():
            return [_mended(child, depth - 1, faults) for child in value]
        case _ if value is _BROKEN:
            faults.append(None)
            return None
        case _:
            return value


class _Refused(Exception):
    """Carries a defect out of the callbacks of the standard library's reader."""

    def __init__(self, defect: Defect) -> None:
        self.defect = defect


def _strict_defect(text: bytes) -> Defect | None:
    """Return what strict reading refuses in a text that can be read."""
    try:
        json.loads(text.decode(), object_pairs_hook=_unique, parse_int=_int_of_64_bits)
    except _Refused as refused:
        return refused.defect
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Refused(Defect("duplicate_key", f"key {json.dumps(twice)} comes twice"))
    return out


def _int_of_64_bits(digits: str) -> int:
    value = int(digits)
    if not INT_MIN <= value <= INT_MAX:
        raise _Refused(Defect("schema", "an integer is beyond 64 bits"))
    return value


def _int_or_broken(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return _BROKEN


def _float_or_broken(digits: str) -> Any:
    value = float(digits)
    return value if math.isfinite(value) else _BROKEN


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")
