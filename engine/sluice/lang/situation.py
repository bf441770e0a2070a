"""What is known where parsing stopped, and what an explanation of it is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.errors import Diagnostic
from sluice.lang.declarations import Lost
from sluice.lang.lexing import Cell, Lexicon, Places

DECLARATION = re.compile(
    r"^(?:pack|import|event|extract|list|table|param|let|def|rule|tune|test)(?![\w.])", re.MULTILINE
)


def is_declaration(text: str, at: int, begin: int) -> bool:
    """Tell whether a declaration word stands in column 1 at an offset behind `begin`."""
    return at > begin and DECLARATION.match(text, at) is not None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the parser stands: the token in question, the one before, what either place expects.

    `begin` is where the declaration begins, `opened` its open brackets.
    """

    text: str
    places: Places
    lexicon: Lexicon
    cell: Cell
    expected: frozenset[str]
    before: Cell | None
    expected_before: frozenset[str]
    opened: tuple[Cell, ...]
    begin: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What to report, and how to go on: with `cell` in place of the token, or behind `skip_to`.

    With neither, parsing resumes at the next declaration.
    """

    diagnostic: Diagnostic
    cell: Cell | None = None
    skip_to: int | None = None


def found_at(
    at: Situation, code: str, message: str, *, hint: str | None = None, cell: Cell | None = None
) -> Diagnostic:
    """Return an error at the token in question, or at another cell."""
    place = cell or at.cell
    return Diagnostic(code, "error", message, at.places.span(place.start, place.end), hint)


def cut(text: str) -> str:
    """Return a text as it can be quoted: one line, not too long."""
    line = text.split("\n", maxsplit=1)[0]
    return line if len(line) <= 40 and line == text else f"{line[:37]}…"


#: A rule or a test with its name, wherever it stands: what is hidden may begin within a line. The
#: other words occur in texts and comments, so they count where a declaration should begin.
_NAMED = re.compile(
    r"((?<![\w.])(?:rule|test)|^(?:let|def|param|list|table|event|extract))"
    r"\s+((?:\w+|`[^`\n]+`)(?:\.(?:\w+|`[^`\n]+`))*)",
    re.MULTILINE,
)
_LOST_KINDS: Mapping[str, Literal["rule", "test", "event"]] = {
    "rule": "rule", "test": "test", "event": "event", "extract": "event",
}  # fmt: skip


def lost_names(text: str, start: int, end: int, places: Places) -> list[Lost]:
    """Return what is declared in a stretch that could not be parsed."""
    found = list(_NAMED.finditer(text, start, end))
    ends = [*(each.start() for each in found), end][1:]
    return [
        Lost(_LOST_KINDS.get(each[1], "name"), each[2].replace("`", ""),
             places.span(each.start(), stop))
        for each, stop in zip(found, ends, strict=True)
    ]  # fmt: skip
