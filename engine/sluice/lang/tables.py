"""Flatten what Lark made of the grammar into tables that load fast.

The tables are plain data (compressed JSON): terminals in the order of lexing, productions, and
one row per parser state. States are numbered in the order in which a walk from the start meets
them, so the same grammar always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from typing import Any

START = "file"

_WORD = re.compile("[a-z_]+")


def fingerprint(grammar: str, lark_version: str) -> str:
    """Return what the tables depend on, as a hash: the grammar and the version of Lark."""
    return hashlib.sha256(f"{lark_version}\n{grammar}".encode()).hexdigest()


def flatten(parser: Any, marks: str) -> dict[str, Any]:
    """Return the tables of a `Lark` parser as plain data; `marks` is the fingerprint."""
    table = parser.parser.parser._parse_table
    numbers = _walk(table)
    productions: dict[Any, int] = {}
    rows = [
        {
            symbol: numbers[target] if action.name == "Shift"
            else -1 - productions.setdefault(target, len(productions))
            for symbol, (action, target) in sorted(table.states[state].items())
        }
        for state in numbers
    ]  # fmt: skip
    return {
        "fingerprint": marks,
        "terminals": [_terminal(each) for each in parser.parser.lexer.root_lexer.terminals],
        "productions": [_production(rule) for rule in productions],
        "rows": rows,
        "start": numbers[table.start_states[START]],
        "end": numbers[table.end_states[START]],
    }


def dump(tables: dict[str, Any]) -> bytes:
    """Write tables as bytes."""
    text = json.dumps(tables, sort_keys=True, separators=(",", ":"))
    return zlib.compress(text.encode(), 9)


def load(data: bytes) -> dict[str, Any]:
    """Read what `dump` wrote."""
    tables: dict[str, Any] = json.loads(zlib.decompress(data))
    return tables


def _walk(table: Any) -> dict[int, int]:
    """Number the states breadth first, symbols in alphabetical order."""
    numbers = {table.start_states[START]: 0}
    for state in (queue := [table.start_states[START]]):
        for _, (action, target) in sorted(table.states[state].items(), key=lambda item: item[0]):
            if action.name == "Shift" and target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
    return numbers


def _terminal(terminal: Any) -> list[Any]:
    """Return name, pattern, and the words (for a keyword) or the sign that it stands for."""
    pattern = terminal.pattern.to_regexp()
    if terminal.pattern.type == "str":
        return [terminal.name, pattern, [terminal.pattern.value]]
    spelled = [word + end for word in _WORD.findall(pattern) for end in ("", "~")]
    return [terminal.name, pattern, [w for w in spelled if re.fullmatch(pattern, w)]]


def _production(rule: Any) -> list[Any]:
    """Return origin, size, builder, and which children it gets.

    The builder is None where a single child is handed on, "" where the children are spliced into
    those of the parent. A pick is a child's index, -1 - index for a child to splice, None for an
    optional part that is not there.
    """
    origin = rule.origin.name
    gaps = [bool(gap) for gap in rule.options.empty_indices] or [False] * len(rule.expansion)
    picks: list[int | None] = []
    position = 0
    for gap in gaps:
        if gap:
            picks.append(None)
            continue
        symbol = rule.expansion[position]
        if not (symbol.is_term and symbol.filter_out):
            splice = not symbol.is_term and symbol.name.startswith("_")
            picks.append(-1 - position if splice else position)
        position += 1
    if origin.startswith("_"):
        return [origin, len(rule.expansion), "", picks]
    single = rule.options.expand1 and not rule.alias and len(picks) == 1
    return [origin, len(rule.expansion), None if single else rule.alias or origin, picks]
