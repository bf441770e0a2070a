"""The conditions of many rules as one tree of `if`s: shared ones once, equal fields by a table.

An entry is a conjunction of tests with an action. Entries that begin with the same test stand
under one `if`; entries that begin with `local == constant` on the same local stand under one look
into a table.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_INDENT_MAX = 14

#: So many entries make a table of constants worth its look-up.
_SWITCH_MIN = 4

#: So many cases of a table stand in one chain; so many chains, squared, a table may have.
_BLOCK = 64

_GUARDED = re.compile(r"\((v\w+) is not None and (.*)\)\Z", re.DOTALL)
_EQUAL = re.compile(r"(v\w+) == ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+)\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """Tests that must all hold, and a line of code."""

    tests: tuple[str, ...]
    action: str


class Tree:
    """Writes entries as nested `if`s.

    `table` gives a name to a dict's `get`; `hashable` are the locals that may be looked up.
    """

    def __init__(self, table: Callable[[dict[Any, int]], str], hashable: frozenset[str]) -> None:
        self._table, self._hashable = table, hashable
        self._switches = 0

    def write(self, entries: list[Entry], depth: int = 1) -> list[str]:
        """Return the lines for entries, at a depth of indentation."""
        counts = Counter(test for entry in entries for test in entry.tests)
        ordered = [
            Entry(_guarded(sorted(e.tests, key=lambda t: (_cost(t), -counts[t]))), e.action)
            for e in entries
        ]
        return self._lines(ordered, depth)

    def _lines(self, entries: list[Entry], depth: int) -> list[str]:
        pad = "    " * depth
        lines = [pad + e.action for e in entries if not e.tests]
        rest = [e for e in entries if e.tests]
        if depth >= _INDENT_MAX:
            return lines + [f"{pad}if {' and '.join(e.tests)}: {e.action}" for e in rest]
        switched, rest = self._switch(rest, depth)
        groups: dict[str, list[Entry]] = {}
        for entry in rest:
            groups.setdefault(entry.tests[0], []).append(Entry(entry.tests[1:], entry.action))
        lines += switched
        for test, group in groups.items():
            if len(group) == 1:
                tests = " and ".join((test, *group[0].tests))
                lines.append(f"{pad}if {tests}: {group[0].action}")
            else:
                lines.append(f"{pad}if {test}:")
                lines += self._lines(group, depth + 1)
        return lines

    def _switch(self, entries: list[Entry], depth: int) -> tuple[list[str], list[Entry]]:
        """Write the entries that begin with equality by tables; return them and the rest."""
        by_local: dict[str, dict[str, list[Entry]]] = {}
        for entry in entries:
            found = _EQUAL.match(entry.tests[0])
            if found is not None and found[1] in self._hashable:
                held = by_local.setdefault(found[1], {})
                held.setdefault(found[2], []).append(Entry(entry.tests[1:], entry.action))
        chosen = {name: held for name, held in by_local.items() if len(held) >= _SWITCH_MIN}
        lines: list[str] = []
        pad = "    " * depth
        for local, held in chosen.items():
            table = self._table({_constant(text): n for n, text in enumerate(held)})
            self._switches += 1
            case = f"x{self._switches}"
            lines.append(f"{pad}if ({case} := {table}({local})) is not None:")
            lines += self._cases(case, list(held.values()), depth + 1)
        rest = [e for e in entries if not _is_chosen(e, chosen)]
        return lines, rest

    def _cases(self, case: str, groups: list[list[Entry]], depth: int) -> list[str]:
        """Write the entries of each case; blocks of them, since Python nests `elif`s."""
        lines: list[str] = []
        pad = "    " * depth
        for first in range(0, len(groups), _BLOCK):
            lines.append(f"{pad}{'if' if not first else 'elif'} {case} < {first + _BLOCK}:")
            for number, group in enumerate(groups[first : first + _BLOCK], first):
                word = "if" if number == first else "elif"
                lines.append(f"{pad}    {word} {case} == {number}:")
                lines += self._lines(group, depth + 2)
        return lines


def _is_chosen(entry: Entry, chosen: dict[str, dict[str, list[Entry]]]) -> bool:
    found = _EQUAL.match(entry.tests[0])
    return found is not None and found[1] in chosen


def _constant(text: str) -> Any:
    """Return the constant that a literal of generated code stands for."""
    return ast.literal_eval(text)


def _guarded(tests: list[str]) -> tuple[str, ...]:
    """Split `(v is not None and test)` in two, so that the guard can be shared."""
    out: list[str] = []
    for test in tests:
        found = _GUARDED.match(test)
        if found is None:
            out.append(test)
            continue
        guard = f"{found[1]} is not None"
        if guard not in out:
            out.append(guard)
        out.append(found[2])
    return tuple(out)


def _cost(test: str) -> int:
    """Order tests: cheap and selective ones first."""
    if _EQUAL.match(test):
        return 0
    if "find" in test or "like" in test:
        return 6
    if "found" in test:
        return 5
    if ".startswith(" in test or ".endswith(" in test:
        return 4
    if "' in " in test or '" in ' in test:
        return 3
    if re.search(r"\w\(", test):
        return 5
    return 1 if "==" in test or " in " in test else 2
