"""Read the plain part of RE2's syntax into a tree of character sets, and write it for `re`.

What is not listed here is not read (`parse_pattern` returns None) and stays with RE2: classes by
name, `\\p`, `\\Q`, octal escapes, flags inside the pattern, repeats of repeats and of assertions,
and `\\B`, which `re` does not find in an empty text.
Sets are spelled out, so that what `\\s`, `.` or case mean to the other engine does not matter.
Syntax: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

CODE_MAX = 0x10FFFF
#: Deeper nesting and longer patterns are left to RE2.
DEPTH_MAX = 30
PATTERN_LENGTH_MAX = 2_000

#: Sorted, disjoint, inclusive ranges of code points.
Ranges = tuple[tuple[int, int], ...]

Position = Literal["start", "end", "line start", "line end", "word"]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Assertion:
    """A position that takes no character."""

    kind: Position


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; empty for nothing."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The first branch that leads to a match."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node `low` to `high` times (None: any number), as many as can be unless `lazy`."""

    node: Node
    low: int
    high: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class Named:
    """A named group."""

    name: str
    node: Node


Node = Chars | Assertion | Sequence | Choice | Repeat | Named


class _Unread(Exception):
    """The pattern uses what is not read here."""


def parse_pattern(pattern: str, flags: str) -> Node | None:
    """Return the tree of a pattern that RE2 accepts, None when it is not plain enough."""
    leading = re.match(r"\(\?([ims]+)\)", pattern)
    if leading:
        pattern, flags = pattern[leading.end() :], flags + leading.group(1)
    if len(pattern) > PATTERN_LENGTH_MAX:
        return None
    reader = _Reader(pattern, frozenset(flags))
    try:
        node = reader.choice(0)
        return node if reader.at == len(pattern) else None
    except _Unread:
        return None


def union(*sets: Ranges) -> Ranges:
    """Return the set of all characters that are in one of the sets."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(r for ranges in sets for r in ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


def complement(ranges: Ranges) -> Ranges:
    """Return the set of all other characters."""
    out, at = [], 0
    for low, high in ranges:
        if at < low:
            out.append((at, low - 1))
        at = high + 1
    return (*out, (at, CODE_MAX)) if at <= CODE_MAX else tuple(out)


def is_disjoint(a: Ranges, b: Ranges) -> bool:
    """True when no character is in both sets."""
    return not any(low <= top and bottom <= high for low, high in a for bottom, top in b)


def group_names(node: Node) -> tuple[str, ...]:
    """Return the names of the groups from left to right, as `re` numbers them in `render`."""
    match node:
        case Named(name, inner):
            return (name, *group_names(inner))
        case Repeat(inner):
            return group_names(inner)
        case Sequence(parts) | Choice(parts):
            return tuple(name for part in parts for name in group_names(part))
        case _:
            return ()


def render(node: Node) -> str:
    """Write the tree as a pattern of `re` (without flags; compile it with `re.ASCII`)."""
    match node:
        case Chars(ranges):
            return _render_set(ranges)
        case Assertion(kind):
            return _ASSERTIONS[kind]
        case Sequence(items):
            return "".join(map(render, items))
        case Choice(branches):
            return "(?:" + "|".join(map(render, branches)) + ")"
        case Named(_, inner):
            return "(" + render(inner) + ")"
        case Repeat(inner, low, high, lazy):
            body = render(inner) if isinstance(inner, Chars) else f"(?:{render(inner)})"
            return body + _render_count(low, high) + ("?" if lazy else "")


# ---------------------------------------------------------------- writing

_ASSERTIONS: dict[str, str] = {
    "start": r"\A", "end": r"\Z", "line start": "(?m:^)", "line end": "(?m:$)",
    "word": r"\b",
}  # fmt: skip


def _render_count(low: int, high: int | None) -> str:
    known = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    if (low, high) in known:
        return known[low, high]
    return f"{{{low},{'' if high is None else high}}}"


def _render_set(ranges: Ranges) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    if ranges == complement(()):
        return "(?s:.)"
    # A negated class is shorter for what was written as one, and `re` runs it faster.
    negated = len(ranges) > 1 and ranges[0][0] == 0 and ranges[-1][1] == CODE_MAX
    written = complement(ranges) if negated else ranges
    inner = "".join(
        _render_code(low) + ("" if low == high else "-" + _render_code(high))
        for low, high in written
    )
    return f"[{'^' if negated else ''}{inner}]"


def _render_code(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and char.isalnum() else f"\\U{code:08x}"


# ---------------------------------------------------------------- reading

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))  # RE2's \s has no vertical tab, that of `re` has
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7}
_POSITIONS: dict[str, Position] = {"A": "start", "z": "end", "b": "word"}
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")
_COUNT = re.compile(r"\{([0-9]{1,4})(,?)([0-9]{0,4})\}")
_GROUP = re.compile(r"\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_STARS = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _Reader:
    """A recursive descent over one pattern."""

    __slots__ = ("at", "flags", "text")

    def __init__(self, text: str, flags: frozenset[str]) -> None:
        self.text, self.flags, self.at = text, flags, 0

    def choice(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise _Unread
        branches = [self.sequence(depth)]
        while self.take("|"):
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            items.append(self.repeat(self.atom(depth)))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def take(self, char: str) -> bool:
        found = self.text.startswith(char, self.at)
        self.at += found * len(char)
        return found

    def repeat(self, node: Node) -> Node:
        count = self.count()
        if count is None:
            return node
        lazy = self.take("?")
        if isinstance(node, Assertion) or self.count() is not None:
            raise _Unread
        low, high = count
        return Repeat(node, low, high, lazy)

    def count(self) -> tuple[int, int | None] | None:
        char = self.text[self.at : self.at + 1]
        if char in _STARS and char:
            self.at += 1
            return _STARS[char]
        if char != "{":
            return None
        found = _COUNT.match(self.text, self.at)
        if found is None:
            raise _Unread
        self.at = found.end()
        low = int(found[1])
        high = (int(found[3]) if found[3] else None) if found[2] else low
        return low, high

    def atom(self, depth: int) -> Node:
        char = self.text[self.at]
        self.at += 1
        if char == "(":
            return self.group(depth)
        if char == "[":
            return Chars(self.bracket())
        if char == ".":
            return Chars(complement(() if "s" in self.flags else ((10, 10),)))
        if char == "^":
            return Assertion("line start" if "m" in self.flags else "start")
        if char == "$":
            return Assertion("line end" if "m" in self.flags else "end")
        if char == "\\":
            position = _POSITIONS.get(self.text[self.at : self.at + 1])
            if position is not None:
                self.at += 1
                return Assertion(position)
            return Chars(self.escape())
        if char in "*+?{":
            raise _Unread
        return Chars(self.cased(((ord(char), ord(char)),)))

    def group(self, depth: int) -> Node:
        named = _GROUP.match(self.text, self.at)
        if named:
            self.at = named.end()
        elif not self.take("?:") and self.take("?"):
            raise _Unread
        node = self.choice(depth + 1)
        if not self.take(")"):
            raise _Unread
        return Named(named[1], node) if named else node

    def escape(self) -> Ranges:
        """Read what stands behind a backslash as a set."""
        char = self.text[self.at : self.at + 1]
        if char.lower() in _CLASSES and char:
            self.at += 1
            ranges = self.cased(_CLASSES[char.lower()])
            return complement(ranges) if char.isupper() else ranges
        code = self.escaped_code()
        return self.cased(((code, code),))

    def escaped_code(self) -> int:
        found = _HEX.match(self.text, self.at)
        if found:
            self.at = found.end()
            return min(int(found[1] or found[2], 16), CODE_MAX)
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char in _CONTROLS and char:
            return _CONTROLS[char]
        if not char or not char.isascii() or char.isalnum() or char == "_":
            raise _Unread
        return ord(char)

    def bracket(self) -> Ranges:
        """Read a class behind its `[`."""
        negated = self.take("^")
        if self.take("]"):
            raise _Unread
        sets: list[Ranges] = []
        while not self.take("]"):
            sets.append(self.bracket_item())
        ranges = complement(union(*sets)) if negated else union(*sets)
        if not ranges:
            raise _Unread
        return ranges

    def bracket_item(self) -> Ranges:
        if self.text[self.at : self.at + 2].lower() in ("\\d", "\\w", "\\s"):
            self.at += 1
            return self.escape()
        low = self.bracket_code()
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] == "]":
            return self.cased(((low, low),))
        self.at += 1
        high = self.bracket_code()
        if high < low:
            raise _Unread
        return self.cased(((low, high),))

    def bracket_code(self) -> int:
        if self.at >= len(self.text) or self.text.startswith("[:", self.at):
            raise _Unread
        char = self.text[self.at]
        self.at += 1
        return self.escaped_code() if char == "\\" else ord(char)

    def cased(self, ranges: Ranges) -> Ranges:
        """Add the other cases of a set under flag `i`, as far as ASCII goes."""
        if "i" not in self.flags:
            return ranges
        if ranges[-1][1] > 127:
            raise _Unread
        extra: list[tuple[int, int]] = []
        for low, high in ranges:
            for code in range(low, high + 1):
                char = chr(code)
                other = ord(char.swapcase())
                extra.append((other, other))
                # The only letters beyond ASCII that fold to one in it: long s and Kelvin sign.
                if char in "kKsS":
                    beyond = 0x212A if char in "kK" else 0x17F
                    extra.append((beyond, beyond))
        return union(ranges, tuple(extra))
