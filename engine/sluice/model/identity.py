"""Hashes that name things: the same content, the same name, on every machine (RFC 8785)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import rfc8785

_SAFE = 2**53 - 1


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    JSON numbers beyond 2^53 have no exact form there; such an integer is written as
    `["int", "digits"]`.
    """
    if _is_plain(value):
        return orjson.dumps(value)
    return rfc8785.dumps(_exact(value))


def digest(value: Any, digits: int) -> str:
    """Return the first hex digits of SHA-256 over the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()[:digits]


def _is_plain(value: Any) -> bool:
    """True for lists of strings, small integers, booleans and nulls: orjson's form is canonical."""
    kind = value.__class__
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_SAFE <= value <= _SAFE)
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return False


def _exact(value: Any) -> Any:
    kind = value.__class__
    if kind is int and not -_SAFE <= value <= _SAFE:
        return ["int", str(value)]
    if kind is dict:
        return {k: _exact(v) for k, v in value.items()}
    if kind is list or kind is tuple:
        return [_exact(v) for v in value]
    return value
