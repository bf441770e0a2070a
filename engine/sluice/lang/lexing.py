"""Cut a rule file into tokens; a word is a keyword just where the parser can go on with it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sluice.errors import Span
from sluice.lang.declarations import Comment

#: The type of a stretch that is no token at all.
FAULT = ""
#: Terminals that take any word; which of them is meant depends on the parser's state alone.
_NAMES = ("NAME", "FIELD", "TAG")
_BLANKS = re.compile(r"[ \t\r\n\f]*")
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: An IPv6 address or network: no token has two colons. One is an IPv4 address at its end.
_IPV6 = re.compile(
    r"(?:[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){2,}(?:(?:\.[0-9]{1,3}){3})?(?:/[0-9]{1,3})?"
    r"(?![\w:])"
)
_FAULTS = re.compile(
    r"""(?P<quote>\"{3}[\s\S]*|["'`][^\n]*)|(?P<number>[0-9][\w.]*(?:/[\w.]+)?)"""
    r"""|(?P<foreign>&&?|\|\|?|->|<>|!|;)|(?P<other>@|[^\w\s]|\w+|[\s\S])"""
)


class Cell:
    """A token, or what the parser made of several: its value, where it stands, how deep it is."""

    __slots__ = ("depth", "end", "start", "type", "value")

    def __init__(self, type: str, value: Any, start: int, end: int, depth: int = 0) -> None:
        self.type, self.value, self.start, self.end, self.depth = type, value, start, end, depth


class Lexicon:
    """The terminals of the grammar, ready for scanning."""

    __slots__ = ("_names", "_patterns", "_scan", "reserved", "spelling", "words")

    def __init__(self, terminals: Iterable[tuple[str, str, list[str]]]) -> None:
        patterns = {name: pattern for name, pattern, _ in terminals}
        self.spelling = {name: tuple(words) for name, _, words in terminals if name not in _NAMES}
        self.words: dict[str, list[str]] = {}
        for name, spelled in self.spelling.items():
            for word in spelled:
                if _WORD.match(word):
                    self.words.setdefault(word, []).append(name)
        keywords = {name for names in self.words.values() for name in names}
        self.reserved = re.compile(patterns["NAME"])
        self._names = {name: re.compile(patterns[name]) for name in _NAMES}
        self._patterns = {"REGEX": re.compile(patterns["REGEX"])}
        apart = {*_NAMES, *keywords, "REGEX", "BLANK", "COMMENT"}
        groups = [f"(?P<{name}>{text})" for name, text in patterns.items() if name not in apart]
        self._scan = re.compile("|".join([f"(?P<WORD>{_WORD.pattern})", *groups]))

    def token(
        self, text: str, at: int, row: Mapping[str, Any], accepts: Callable[[str], bool]
    ) -> Cell:
        """Return the token at an offset where one begins, for a parser state with these actions.

        `accepts` is asked when a word could be both keyword and name.
        """
        found = self._scan.match(text, at)
        if found is None:
            return self._fault(text, at)
        kind = found.lastgroup
        assert kind is not None  # every alternative has a name
        if text[found.end() : found.end() + 1] == ":" and _IPV6.match(text, at):
            return self._fault(text, at)
        if kind == "WORD":
            return self._word(text, at, found.end(), row, accepts)
        if kind == "SLASH" and "REGEX" in row:
            regex = self._patterns["REGEX"].match(text, at)
            if regex is None:
                return Cell(FAULT, text[at : _line_end(text, at)], at, _line_end(text, at))
            return Cell("REGEX", regex[0], at, regex.end())
        return Cell(kind, found[0], at, found.end())

    def _word(
        self, text: str, at: int, end: int, row: Mapping[str, Any], accepts: Callable[[str], bool]
    ) -> Cell:
        after = text[end : end + 1]
        terminals: list[str] = []
        # A keyword ends where no letter, digit, `_` or `.` follows; a `~` belongs to it.
        if after == "~" and text[at : end + 1] in self.words:
            end += 1
            terminals = self.words[text[at:end]]
        elif after != ".":
            terminals = self.words.get(text[at:end], [])
        is_doubtful = any(name in row for name in _NAMES)
        for name in terminals:
            if name in row and (not is_doubtful or accepts(name)):
                return Cell(name, text[at:end], at, end)
        for name, pattern in self._names.items():
            if name in row and (found := pattern.match(text, at)):
                return Cell(name, found[0], at, found.end())
        return Cell(terminals[0] if terminals else "NAME", text[at:end], at, end)

    def _fault(self, text: str, at: int) -> Cell:
        found = _IPV6.match(text, at) or _FAULTS.match(text, at)
        assert found is not None
        return Cell(FAULT, found[0], at, found.end())


class Places:
    """Offsets of one file as lines and columns."""

    __slots__ = ("_file", "_starts")

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def span(self, start: int, end: int) -> Span:
        """Return the span between two offsets."""
        starts = self._starts
        line = bisect_right(starts, start)
        end_line = bisect_right(starts, end) if end > start else line
        return Span(
            self._file, line, start - starts[line - 1] + 1, end_line, end - starts[end_line - 1] + 1
        )

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column that count from 1."""
        return self._starts[line - 1] + column - 1


def skip_blanks(text: str, at: int, places: Places, comments: list[Comment]) -> int:
    """Return where the next token begins, and collect the comments on the way."""
    while True:
        found = _BLANKS.match(text, at)
        assert found is not None
        at = found.end()
        if text[at : at + 1] != "#":
            return at
        comment = _COMMENT.match(text, at)
        assert comment is not None
        own_line = not text[text.rfind("\n", 0, at) + 1 : at].strip(" \t\r\f\ufeff")
        # A carriage return is part of the line break.
        content = comment[0].rstrip("\r")
        span = places.span(at, at + len(content))
        comments.append(Comment(content.rstrip(), own_line, span=span))
        at = comment.end()


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
