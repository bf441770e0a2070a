"""Turn the text of a literal into its value, or say what is wrong with it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from sluice.errors import Span
from sluice.timing import UNIT_MS

INTEGER_MAX = 2**63 - 1

_UNIT_BYTES = {
    f"{letter}{infix}B": factor**power
    for power, letter in enumerate("KMGT", start=1)
    for infix, factor in (("", 1000), ("i", 1024))
}
_DURATION_PART = re.compile(r"([0-9]+)(ms|[wdhms])")
_ESCAPE = re.compile(r"\\(u\{[^}\"\n]*\}?|[\s\S])")
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


class Flaw(Exception):
    """A part that is wrong but whose place in the grammar is clear: parsing goes on with `value`.

    Where: `at` is (offset, length) from the start of the literal, `place` a span; else all of it.
    """

    def __init__(
        self, code: str, message: str, value: Any, *, hint: str | None = None,
        at: tuple[int, int] | None = None, place: Span | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
        self.value, self.at, self.place = value, at, place


def read_integer(text: str) -> int:
    """Read `12`, `1_000`, `0x1F`."""
    plain = text.replace("_", "")
    value = int(plain, 16) if plain[:2] in ("0x", "0X") else _decimal(plain)
    return _bounded(value, text)


def read_size(text: str) -> int:
    """Read `10MB` (by 1000) or `10MiB` (by 1024) as bytes."""
    unit = re.search(r"[KMGT]i?B\Z", text)
    assert unit is not None
    return _bounded(_decimal(text[: unit.start()].replace("_", "")) * _UNIT_BYTES[unit[0]], text)


def read_float(text: str) -> float:
    """Read `1.5`, `1_000.25`."""
    value = float(text.replace("_", ""))
    if value == float("inf"):
        raise Flaw("SL0107", f"`{_short(text)}` is too large for a float", 0.0)
    return value


def read_duration(text: str) -> int:
    """Read `1h30m` as milliseconds; the units fall."""
    parts = _DURATION_PART.findall(text)
    sizes = [UNIT_MS[unit] for _, unit in parts]
    value = sum(_decimal(number) * size for (number, _), size in zip(parts, sizes, strict=True))
    if any(left <= right for left, right in pairwise(sizes)):
        ordered = sorted({unit for _, unit in parts}, key=lambda unit: -UNIT_MS[unit])
        raise Flaw(
            "SL0107", f"the units of `{_short(text)}` must fall, each at most once", value,
            hint=f"write them in the order {' '.join(ordered)}, such as `1h30m`",
        )  # fmt: skip
    return _bounded(value, text)


def read_address(text: str) -> str:
    """Check an IPv4 address or network: four numbers up to 255, a prefix up to 32."""
    address, _, prefix = text.partition("/")
    if any(int(part) > 255 for part in address.split(".")):
        raise Flaw("SL0107", f"`{text}` is no IPv4 address: a part is above 255", text)
    if prefix and int(prefix) > 32:
        raise Flaw("SL0107", f"`{text}` is no IPv4 network: the prefix is above 32", text)
    return text


def read_string(text: str) -> str:
    """Read the inside of `"…"` with its escapes."""
    return _unescape(text[1:-1], 1)


def read_long_string(text: str) -> str:
    '''Read `"""…"""`: without the first line break and the indentation that all lines share.'''
    body = text[3:-3]
    lines = body.split("\n")
    if len(lines) > 1:
        # The line with the closing quotes counts even when it is blank: it shows the margin.
        counted = [line for line in lines[1:-1] if line.strip()] + [lines[-1]]
        margin = min(len(line) - len(line.lstrip(" \t")) for line in counted)
        first = [lines[0]] if lines[0].strip() else []
        body = "\n".join(first + [line[margin:] for line in lines[1:]])
    try:
        return _unescape(body, 3)
    except Flaw as flaw:
        # Lines were cut, so offsets into the text no longer hold.
        flaw.at = None
        raise


def read_regex(text: str) -> tuple[str, str]:
    r"""Read `/re/flags`: the pattern with `\/` as `/`, and the flags sorted."""
    body, _, flags = text[1:].rpartition("/")
    pattern = re.sub(r"\\(.)", lambda m: "/" if m[1] == "/" else m[0], body)
    if not set(flags) <= set("ims") or len(set(flags)) < len(flags):
        at = (len(text) - len(flags), len(flags))
        message = f"`{flags}` are no flags of a regular expression"
        hint = "use each of `i` (ignore case), `m` (lines), `s` (dot matches all) at most once"
        raise Flaw("SL0115", message, (pattern, ""), at=at, hint=hint)
    return pattern, "".join(sorted(flags))


def _unescape(body: str, offset: int) -> str:
    if "\\" not in body:
        return body
    flaws: list[Flaw] = []

    def one(found: re.Match[str]) -> str:
        name = found[1]
        value = _code_point(name[2:-1]) if name[0] == "u" else _ESCAPES.get(name)
        if value is None:
            message = f"`{found[0]}` is no escape"
            hint = r"""write `\\` for a backslash, or a raw text in single quotes: `'C:\dir'`"""
            if name[0] == "u":
                hint = r"write a code point in braces: `\u{1F600}`"
            at = (offset + found.start(), found.end() - found.start())
            flaws.append(Flaw("SL0106", message, None, at=at, hint=hint))
        return found[0] if value is None else value

    value = _ESCAPE.sub(one, body)
    if flaws:
        flaws[0].value = value
        raise flaws[0]
    return value


def _code_point(digits: str) -> str | None:
    if not re.fullmatch("[0-9A-Fa-f]{1,6}", digits):
        return None
    number = int(digits, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else None


def _decimal(digits: str) -> int:
    # Python refuses to read very long numbers; those are out of range anyway.
    return int(digits) if len(digits) <= 40 else 10**40


def _bounded(value: int, text: str) -> int:
    if value > INTEGER_MAX:
        message = f"`{_short(text)}` is too large: an int has 64 bits"
        raise Flaw("SL0107", message, 0, hint=f"the largest is {INTEGER_MAX}")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
