"""Recognise what is written as other languages write it, and say how it is written here."""

from __future__ import annotations

import re
from collections.abc import Callable

from sluice.lang.lexing import FAULT, Cell
from sluice.lang.situation import Finding, Situation, cut, found_at
from sluice.lang.types import address_text, network_text

# ---------------------------------------------------------------- signs

_FOREIGN = {
    "&&": ("and", "_AND"), "&": ("and", "_AND"), "||": ("or", "_OR"), "|": ("or", "_OR"),
    "!": ("not", "NOT"), "<>": ("!=", "NE"), "->": ("then", "_THEN"), ";": (None, None),
}  # fmt: skip


def _foreign(at: Situation) -> Finding | None:
    if at.cell.type != FAULT or at.cell.value not in _FOREIGN:
        return None
    word, terminal = _FOREIGN[at.cell.value]
    if word is None:
        report = found_at(at, "SL0105", "`;` is no part of the language", hint="leave it out")
        return Finding(report, skip_to=at.cell.end)
    report = found_at(at, "SL0112", f"there is no `{at.cell.value}`", hint=f"write `{word}`")
    if terminal in at.expected:
        return Finding(report, Cell(terminal or "", word, at.cell.start, at.cell.end))
    return Finding(report, skip_to=at.cell.end)


def _equals(at: Situation) -> Finding | None:
    if at.cell.type != "EQUAL" or "EQ" not in at.expected:
        return None
    start, follower = at.cell.start, at.text[at.cell.end : at.cell.end + 1]
    if follower in ("<", ">"):
        word, name, end = ("<=", "LE", start + 2) if follower == "<" else (">=", "GE", start + 2)
        message = f"there is no `={follower}`"
    else:
        word, name, end, message = "==", "EQ", start + 1, "`=` gives a name to a value"
    cell = Cell(name, word, start, end)
    hint = f"write `{word}` to compare"
    return Finding(found_at(at, "SL0112", message, hint=hint, cell=cell), cell)


def _arrow(at: Situation) -> Finding | None:
    if (
        at.cell.type != "MINUS"
        or "_THEN" not in at.expected
        or at.text[at.cell.end : at.cell.end + 1] != ">"
    ):
        return None
    cell = Cell("_THEN", "then", at.cell.start, at.cell.end + 1)
    return Finding(found_at(at, "SL0112", "there is no `->`", hint="write `then`", cell=cell), cell)


def _tripled(at: Situation) -> Finding | None:
    """`===` and `<>`: a sign too many behind a comparison."""
    before = at.before
    if before is None or before.end != at.cell.start:
        return None
    pair = before.value + at.cell.value
    hints = {"===": "==", "==~=": "==~", "!==": "!=", "<>": "!=", "->": "then"}
    if pair not in hints:
        return None
    cell = Cell(FAULT, pair, before.start, at.cell.end)
    report = found_at(
        at, "SL0112", f"there is no `{pair}`", hint=f"write `{hints[pair]}`", cell=cell
    )
    return Finding(report, skip_to=at.cell.end)


def _is_not_null(at: Situation) -> Finding | None:
    if at.before is None or at.before.type != "_IS":
        return None
    if at.cell.type == "NOT":
        cell = Cell(FAULT, "", at.before.start, at.cell.end)
        hint = "write `exists x` (it has a value), or `not (x is null)`"
        report = found_at(at, "SL0116", "there is no `is not`", hint=hint, cell=cell)
        return Finding(report, skip_to=at.cell.end)
    hint = "write `==` to compare, `missing x` for no value at all"
    return Finding(found_at(at, "SL0116", "only `null` follows `is`", hint=hint))


# ---------------------------------------------------------------- what other languages have


def _bare_ipv6(at: Situation) -> Finding | None:
    text = at.cell.value
    if at.cell.type != FAULT or text.count(":") < 2:
        return None
    place = Cell("STRING", f'"{text}"', at.cell.start, at.cell.end)
    kind = network_text if "/" in text else address_text
    message = "an IPv6 address or network is written as text"
    hint: str | None = f"write `{place.value}`"
    if kind(text) is None:
        message, hint = f"`{cut(text)}` is no IPv6 address or network", None
    found = found_at(at, "SL0118", message, hint=hint, cell=place)
    if "STRING" in at.expected:
        return Finding(found, place)
    return Finding(found, skip_to=at.cell.end)


_CALLED = re.compile(r"[\w.]+\s*\(\s*\Z")


def _star_argument(at: Situation) -> Finding | None:
    if at.cell.type != "STAR" or at.before is None or at.before.type != "LPAR":
        return None
    called = _CALLED.search(at.text, at.begin, at.cell.start)
    if called is None:
        return None
    name = called[0].rstrip(" (\t\n")
    hint = "write `count()`" if name == "count" else f"name a field: `{name}(amount)`"
    found = found_at(at, "SL0112", f"there is no `{name}(*)`", hint=hint)
    if name == "count":
        return Finding(found, skip_to=at.cell.end)
    return Finding(found, Cell("INT", "1", at.cell.start, at.cell.end))


#: An absence that ends where a further step begins.
_INNER_ABSENCE = re.compile(r"(?<![\w.])then\s+no\s+([\w.]+)[^{}]*?\s(?=then\b)")
_NEXT_STEP = re.compile(r"then\s+(no\s+)?([\w.]+)")


def _inner_absence(at: Situation) -> Finding | None:
    """`a then no b then c`: an absence in the middle is a `without`."""
    if at.cell.value != "then" or "_THEN" in at.expected:
        return None
    absence = _INNER_ABSENCE.search(at.text, at.begin)
    step = _NEXT_STEP.match(at.text, at.cell.start)
    if absence is None or absence.end() != at.cell.start or step is None:
        return None
    hint = f"write `then {step[2]} without {absence[1]}`: no {absence[1]} lies between"
    if step[1]:
        hint = "write a rule for each absence"
    message = "an absence stands at the beginning or at the end of a pattern"
    return Finding(found_at(at, "SL0113", message, hint=hint))


#: Stretches that are no tokens of this language.
FOREIGN_SIGNS: tuple[Callable[[Situation], Finding | None], ...] = (_bare_ipv6, _foreign)
#: Tokens of this language, put together as in another.
FOREIGN_WORDS: tuple[Callable[[Situation], Finding | None], ...] = (
    _equals, _arrow, _tripled, _is_not_null, _star_argument, _inner_absence,
)  # fmt: skip
