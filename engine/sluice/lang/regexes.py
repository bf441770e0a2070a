"""Say why a regular expression is refused, in our words and at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.catalog import compile_regex
from sluice.errors import Span

MALFORMED, NOT_LINEAR = "SL0314", "SL0308"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with a regular expression; `start` and `end` are offsets in the pattern."""

    code: str
    reason: str
    hint: str | None
    start: int
    end: int

    @property
    def message(self) -> str:
        """The finding in one sentence."""
        if self.code == MALFORMED:
            return f"this regular expression is malformed: {self.reason}"
        return f"this regular expression cannot run in linear time: {self.reason}"

    def span(self, whole: Span, pattern: str) -> Span:
        """Return the place in a literal `/pattern/flags` that stands at a span."""
        # A slash of the pattern is written `\/`.
        start = self.start + pattern.count("/", 0, self.start)
        end = self.end + pattern.count("/", 0, self.end)
        width = whole.end_column - whole.column
        if whole.line != whole.end_line or not 0 <= start < end <= width - 2:
            return whole
        column = whole.column + 1
        return Span(whole.file, whole.line, column + start, whole.line, column + end)


def refusal(pattern: str, flags: str = "") -> Refusal | None:
    """Return why a pattern is refused, None when it is fine."""
    compiled = compile_regex(pattern, flags)
    if not isinstance(compiled, str):
        return None
    kind, _, part = compiled.partition(": ")
    start = _place(pattern, kind, part)
    shown = pattern[start:]
    code, reason, hint, length = _explain(kind, part, shown)
    if length == 0:
        return Refusal(code, reason, hint, 0, len(pattern))
    return Refusal(code, reason, hint, start, min(start + length, len(pattern)))


# ---------------------------------------------------------------- where

# An escaped character, or one that is itself.
_TOKEN = re.compile(r"\\.|[\s\S]", re.DOTALL)
_UNPRECEDED = re.compile(r"(?:^|(?<=\|)|(?<=\())[*+]|(?:^|(?<=\|))\?")


def _place(pattern: str, kind: str, part: str) -> int:
    """Return the offset of what RE2 complains about; 0 when that cannot be told."""
    if kind in ("missing )", "unexpected )"):
        return _unpaired(pattern, kind == "unexpected )")
    if kind == "missing ]":
        return max(0, pattern.rfind(part))
    if kind == "no argument for repetition operator" and (found := _UNPRECEDED.search(pattern)):
        return found.start()
    starts = [each.start() for each in _TOKEN.finditer(pattern)]
    return next((at for at in starts if part and pattern.startswith(part, at)), 0)


def _unpaired(pattern: str, is_closing: bool) -> int:
    """Return the offset of the parenthesis that has no partner."""
    opened: list[int] = []
    in_class = False
    for each in _TOKEN.finditer(pattern):
        at, text = each.start(), each[0]
        if in_class:
            # A `]` right behind the opening is a character of the class.
            is_first = pattern[:at].endswith(("[", "[^"))
            in_class = text != "]" or is_first
        elif text == "[":
            in_class = True
        elif text == "(":
            opened.append(at)
        elif text == ")":
            if not opened and is_closing:
                return at
            del opened[-1:]
    return opened[-1] if opened else 0


# ---------------------------------------------------------------- what

_AROUND = "look-around has no linear form; test the parts with `and`, `and not`"
_BACK = "what a group took cannot be asked for again; take it out by `extract` and compare"
_BACKTRACK = "nothing backtracks here, so there is nothing to forbid: leave the sign out"
_NO_PROGRAM = "a regular expression is no program; write the cases one by one"

#: Groups that begin with `(?`: code, reason, hint. The first that fits wins.
_GROUPS: tuple[tuple[str, tuple[str, str, str | None]], ...] = (
    ("(?=", (NOT_LINEAR, "`(?=` looks ahead", _AROUND)),
    ("(?!", (NOT_LINEAR, "`(?!` looks ahead", _AROUND)),
    ("(?<=", (NOT_LINEAR, "`(?<=` looks behind", _AROUND)),
    ("(?<!", (NOT_LINEAR, "`(?<!` looks behind", _AROUND)),
    ("(?P=", (NOT_LINEAR, "`(?P=` refers to a group", _BACK)),
    ("(?>", (NOT_LINEAR, "`(?>` forbids backtracking", "write `(?:`: nothing backtracks here")),
    ("(?(", (NOT_LINEAR, "`(?(` depends on a group", _NO_PROGRAM)),
    ("(?R", (NOT_LINEAR, "`(?R` calls itself", _NO_PROGRAM)),
    ("(?P>", (NOT_LINEAR, "`(?P>` calls a group", _NO_PROGRAM)),
    ("(?&", (NOT_LINEAR, "`(?&` calls a group", _NO_PROGRAM)),
    ("(?#", (MALFORMED, "there are no comments in it", "write `# …` behind the rule's line")),
    ("(?x", (MALFORMED, "there is no flag x", "write it without white space and comments")),
)

#: Escapes of other engines, and what is written here.
_ESCAPES = {
    "Z": r"the end of the text is `\z`",
    "h": r"white space in a line is `[ \t]`",
    "e": r"the escape character is `\x1b`",
    "u": r"a code point is written `\x{00E9}`",
    "x": r"two hexadecimal digits, or several in braces: `\x41`, `\x{1F600}`",
    "R": r"a line break is `\r?\n`",
    "N": r"all but a line break is `[^\n]`",
}


_UNPAIRED: Mapping[str, tuple[str, str, str | None, int]] = {
    "missing )": (MALFORMED, "`(` is never closed", r"a plain parenthesis is written `\(`", 1),
    "unexpected )": (MALFORMED, "`)` closes nothing", r"a plain parenthesis is written `\)`", 1),
    "missing ]": (MALFORMED, "`[` is never closed", r"a plain bracket is written `\[`", 1),
    "trailing \\": (MALFORMED, "it ends in a backslash", r"a plain one is written `\\`", 0),
}


def _explain(kind: str, part: str, shown: str) -> tuple[str, str, str | None, int]:
    """Return code, reason, hint, and how many characters it is about (0: all of them)."""
    match kind:
        case "missing )" | "unexpected )" | "missing ]" | "trailing \\":
            return _UNPAIRED[kind]
        case "invalid perl operator" | "invalid named capture group":
            return _group(kind, part, shown)
        case "invalid escape sequence":
            return _escape(part)
        case "invalid repetition size":
            return _repetition(part)
        case "bad repetition operator" if part[1:] == "+":
            return NOT_LINEAR, f"`{part}` forbids backtracking", _BACKTRACK, len(part)
        case "bad repetition operator":
            reason = f"`{part}` repeats a repetition"
            return MALFORMED, reason, "put what is repeated into a group: `(?:a{2}){3}`", len(part)
        case "no argument for repetition operator":
            reason = f"`{part}` has nothing in front to repeat"
            return MALFORMED, reason, f"a plain `{part}` is written `\\{part}`", len(part)
        case "invalid character class range":
            return _class(part)
        case _ if kind.startswith("two groups are named"):
            return MALFORMED, kind, "rename one of them", 0
        case _ if kind.startswith("pattern too large"):
            return NOT_LINEAR, "it is too large", "repeat less, or split it into several", 0
        case _:
            return MALFORMED, kind if not part else f"{kind}: {part}", None, 0


def _group(kind: str, part: str, shown: str) -> tuple[str, str, str | None, int]:
    for opening, (code, reason, hint) in _GROUPS:
        if shown.startswith(opening):
            return code, reason, hint, len(opening)
    if re.match(r"\(\?[0-9]", shown):
        return NOT_LINEAR, f"`{part}` calls a group", _NO_PROGRAM, len(part)
    if kind == "invalid named capture group":
        hint = "a group is named by letters, digits and `_`: `(?<user>…)`"
        return MALFORMED, f"`{part}` names no group", hint, len(part)
    hint = "there are `(…)`, `(?:…)`, `(?<name>…)` and flags: `(?i)`"
    return MALFORMED, f"`{part}` begins no group", hint, len(part)


def _escape(part: str) -> tuple[str, str, str | None, int]:
    letter = part[1:2]
    if letter.isdigit() or letter in ("k", "g"):
        return NOT_LINEAR, f"`{part}` refers to a group", _BACK, len(part)
    return MALFORMED, f"there is no `{part}`", _ESCAPES.get(letter), len(part)


def _repetition(part: str) -> tuple[str, str, str | None, int]:
    low, _, high = part.strip("{}").partition(",")
    if high and int(low) > int(high):
        return MALFORMED, f"`{part}`: {low} is above {high}", f"write `{{{high},{low}}}`", len(part)
    reason = f"`{part}` repeats more than 1,000 times, all of them together"
    return NOT_LINEAR, reason, "repeat less, or test the length: `length(x) > 1_000`", len(part)


def _class(part: str) -> tuple[str, str, str | None, int]:
    if part.startswith(("\\p", "\\P")):
        hint = r"there are categories such as `\p{L}` and scripts such as `\p{Greek}`"
        return MALFORMED, f"there is no class `{part}`", hint, len(part)
    if part.startswith("["):
        hint = "there are classes such as `[[:alpha:]]` and `[[:digit:]]`"
        return MALFORMED, f"there is no class `{part}`", hint, len(part)
    first, _, last = part.partition("-")
    hint = f"write `{last}-{first}`, or a plain `-` as `\\-`"
    return MALFORMED, f"the range `{part}` is empty", hint, len(part)
