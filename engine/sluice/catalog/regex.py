"""Run regular expressions: RE2 is the law, `re` a quicker hand where it is proven equal.

The only module that knows google-re2. Searching takes time linear in the text, always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import re2

from sluice.catalog.linear import begins_with_literal, is_anchored, is_linear
from sluice.catalog.pattern import Node, group_names, parse_pattern, render
from sluice.model import like_pattern

#: What a set of regular expressions may take when compiled, in bytes.
SET_BYTES_MAX = 64 * 2**20

#: How many compiled regular expressions are remembered: rules are checked, then built.
REGEX_MEMO_MAX = 1_000

#: A search: None when nothing was found, else anything.
Find = Callable[[str], object | None]
_Groups = Callable[[str], Sequence[str | None] | None]

_UNANCHORED = re2._Anchor.UNANCHORED
# What may hide a group: an escaped character, a class.
_GROUPS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\\\]])*\]|\(\?P?<(?P<name>\w+)>", re.DOTALL)


class Regex:
    """A compiled regular expression.

    `search(text)` says whether it is found anywhere in the text; `find` is the same as None or
    not None, without the cost of a wrapper. `engine` is `re` or `re2`.
    """

    __slots__ = ("_match", "_names", "engine", "find", "flags", "group_names", "pattern", "search")

    search: Callable[[str], bool]
    find: Find

    def __init__(self, pattern: str, flags: str, law: Any) -> None:
        self.pattern, self.flags = pattern, flags
        names: dict[str, int] = law.groupindex
        self.group_names: tuple[str, ...] = tuple(sorted(names, key=names.__getitem__))
        tree = _quick(pattern, flags)
        self._match: _Groups
        if tree is None:
            self.engine = "re2"
            self.search, self.find = _search_re2(law)
            self._match = _match_re2(law, [names[name] for name in self.group_names])
        else:
            self.engine = "re"
            self.find = _bound(tree)
            self.search = _claim(self.find)
            self._match = _match_re(self.find)
            assert group_names(tree) == self.group_names

    def groups(self, text: str) -> dict[str, str | None] | None:
        """Return the named groups of the first match, None without a match.

        A group that took no part is None.
        """
        found = self._match(text)
        return None if found is None else dict(zip(self.group_names, found, strict=True))


class RegexSet:
    """Several regular expressions, searched for in one pass."""

    __slots__ = ("_finds",)

    def __init__(self, regexes: Iterable[Regex]) -> None:
        regexes = tuple(regexes)
        # An open `\Q` would quote the other branches too: such a pattern stays alone.
        alone = tuple(regex.find for regex in regexes if "\\Q" in regex.pattern)
        branches = [_inline(regex) for regex in regexes if "\\Q" not in regex.pattern]
        self._finds = alone + _alternatives(branches)

    def match_any(self, text: str) -> bool:
        """Return whether one of them is found in the text."""
        return any(find(text) is not None for find in self._finds)


@lru_cache(REGEX_MEMO_MAX)
def compile_regex(pattern: str, flags: str = "") -> Regex | str:
    """Compile a pattern with flags of `i m s`; a string is the reason why that is refused."""
    unknown = set(flags) - set("ims")
    if unknown:
        return f"unknown flag {min(unknown)}"
    names = [found["name"] for found in _GROUPS.finditer(pattern) if found["name"]]
    for name in names:
        if names.count(name) > 1:
            return f"two groups are named {name}"
    law = _compile_re2(_with_flags(pattern, flags))
    return law if isinstance(law, str) else Regex(pattern, flags, law)


def compile_like(pattern: str) -> Callable[[str], bool]:
    """Return the test of a `like` pattern, linear in the text.

    The same as searching for `model.like_pattern(pattern)`, mostly without a regular expression:
    the parts between the stars are looked for from left to right, each as early as it can be.
    """
    parts = _literals(pattern)
    if parts is None:
        regex = compile_regex(like_pattern(pattern))
        # A `like` pattern has nothing that RE2 refuses but sheer size, which a rule file bounds.
        assert isinstance(regex, Regex), regex
        return regex.search
    head, tail, inner = parts[0], parts[-1], [part for part in parts[1:-1] if part]
    if len(parts) == 1:
        return head.__eq__
    if not inner and not tail:
        return lambda text: text.startswith(head)
    if not inner and not head:
        return lambda text: text.endswith(tail)
    if len(inner) == 1 and not head and not tail:
        return lambda text: inner[0] in text
    return _like(head, inner, tail)


_LIKE_TOKEN = re.compile(r"\[([*?])\]|(\*+)|(\?)|([^*?])", re.DOTALL)


def _literals(pattern: str) -> list[str] | None:
    """Return the texts between the stars of a `like` pattern, None when it has a `?`."""
    parts = [""]
    for escaped, stars, mark, literal in _LIKE_TOKEN.findall(pattern):
        if mark:
            return None
        if stars:
            parts.append("")
        else:
            parts[-1] += escaped or literal
    return parts


def _like(head: str, inner: list[str], tail: str) -> Callable[[str], bool]:
    length_min = len(head) + len(tail)

    def test(text: str) -> bool:
        if len(text) < length_min or not text.startswith(head) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for part in inner:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return test


# ---------------------------------------------------------------- engines


def _quick(pattern: str, flags: str) -> Node | None:
    """Return the tree of a pattern that `re` runs with the same result and not slower."""
    tree = parse_pattern(pattern, flags)
    if tree is None or not is_linear(tree):
        return None
    # Measured: RE2 costs 0.7 µs a call and next to nothing a character. `re` is quicker where it
    # looks at one place, or can skip to a character; else it steps through the text.
    return tree if is_anchored(tree) or begins_with_literal(tree) else None


def _bound(tree: Node) -> Callable[[str], re.Match[str] | None]:
    compiled = re.compile(render(tree), re.ASCII)
    return compiled.match if is_anchored(tree) else compiled.search


def _claim(find: Find) -> Callable[[str], bool]:
    return lambda text: find(text) is not None


def _match_re(find: Any) -> _Groups:
    def match(text: str) -> Sequence[str | None] | None:
        found = find(text)
        if found is None:
            return None
        values: Sequence[str | None] = found.groups()
        return values

    return match


def _encode(text: str) -> bytes:
    """Encode a text for RE2; what is no Unicode text (a lone surrogate) becomes a `?`."""
    return text.encode("utf-8", "replace")


def _search_re2(law: Any) -> tuple[Callable[[str], bool], Find]:
    # The wrapper's own `search` makes a match object with offsets in characters, which costs
    # twice the search; nobody asks for them here.
    match = law._regexp.Match

    def search(text: str) -> bool:
        data = _encode(text)
        return bool(match(_UNANCHORED, data, 0, len(data))[0][0] >= 0)

    def find(text: str) -> object | None:
        data = _encode(text)
        return True if match(_UNANCHORED, data, 0, len(data))[0][0] >= 0 else None

    return search, find


def _match_re2(law: Any, indexes: list[int]) -> _Groups:
    match = law._regexp.Match

    def groups(text: str) -> list[str | None] | None:
        data = _encode(text)
        spans = match(_UNANCHORED, data, 0, len(data))
        if spans[0][0] < 0:
            return None
        chosen = [spans[index] for index in indexes]
        return [None if start < 0 else data[start:end].decode() for start, end in chosen]

    return groups


def _with_flags(pattern: str, flags: str) -> str:
    return f"(?{''.join(sorted(set(flags)))}){pattern}" if flags else pattern


def _compile_re2(pattern: str, bytes_max: int | None = None, is_search: bool = False) -> Any:
    """Return RE2's object, or the reason why it refuses."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = is_search
    if bytes_max is not None:
        options.max_mem = bytes_max
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "refused by RE2"
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    except UnicodeEncodeError:
        return "not a Unicode text"


def _inline(regex: Regex) -> str:
    """Return a pattern as one branch of a larger one."""
    flags = "".join(sorted(set(regex.flags)))
    return f"(?{flags}:{regex.pattern})"


def _alternatives(branches: list[str]) -> tuple[Find, ...]:
    """Compile branches as one pattern, or as several when that is too large for RE2.

    Not `re2.Set`: when its automaton outgrows its memory it answers "nothing", while a pattern
    goes on without the automaton.
    """
    if not branches:
        return ()
    law = _compile_re2("|".join(branches), SET_BYTES_MAX, is_search=True)
    if isinstance(law, str):
        # One branch alone was accepted before, with less memory.
        assert len(branches) > 1, law
        half = len(branches) // 2
        return _alternatives(branches[:half]) + _alternatives(branches[half:])
    return (_search_re2(law)[1],)
