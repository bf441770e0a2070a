"""Functions that decode and hash text. Bytes that are not UTF-8 have no text: unknown."""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import Any

from sluice.catalog.catalog import Function
from sluice.catalog.signatures import is_number, takes, whole
from sluice.model import ANY, STRING

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_URL_SAFE = str.maketrans("-_", "+/")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def functions() -> tuple[Function, ...]:
    """Return the entries."""
    return (
        Function(
            "base64_decode", takes(("text", STRING)), STRING, base64_decode,
            "Return the text that Base64 hides (RFC 4648, both alphabets, padding may be "
            "missing); what is not Base64 or not UTF-8 is unknown.",
            ('base64_decode("c2x1aWNl")', '"sluice"'),
        ),
        Function(
            "url_decode", takes(("text", STRING)), STRING, url_decode,
            "Return the text with `%41` and the like decoded once (RFC 3986); `+` and a `%` "
            "without two hex digits stay.",
            ('url_decode("a%20b+%C3%BC")', '"a b+ü"'),
        ),
        Function(
            "hex", takes(("value", ANY)), STRING, to_hex,
            "Return a whole number in hexadecimal, or the UTF-8 bytes of a text, in lower case.",
            ("hex(255)", '"ff"'),
        ),
        Function(
            "sha256", takes(("text", STRING)), STRING, sha256,
            "Return the SHA-256 (FIPS 180-4) of the text's UTF-8 bytes, in hexadecimal.",
            (
                'sha256("abc")',
                '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"',
            ),
        ),
    )  # fmt: skip


def base64_decode(text: Any) -> str | None:
    """Return the text behind Base64."""
    if text.__class__ is not str or not _BASE64.match(text):
        return None
    letters = text.rstrip("=").translate(_URL_SAFE)
    padded = letters + "=" * (-len(letters) % 4)
    # Padding may be left out, but what is there must be right.
    if "=" in text and len(text) != len(padded):
        return None
    try:
        return binascii.a2b_base64(padded, strict_mode=True).decode()
    except ValueError:
        return None


def url_decode(text: Any) -> str | None:
    """Return the text with its percent escapes decoded."""
    if text.__class__ is not str:
        return None
    if "%" not in text:
        return str(text)
    try:
        return _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), text.encode()).decode()
    except ValueError:
        return None


def to_hex(value: Any) -> str | None:
    """Return hexadecimal digits."""
    if value.__class__ is str:
        return value.encode("utf-8", "replace").hex()
    number = whole(value) if is_number(value) else None
    return None if number is None else format(number, "x")


def sha256(text: Any) -> str | None:
    """Return the SHA-256 in hexadecimal."""
    if text.__class__ is not str:
        return None
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
