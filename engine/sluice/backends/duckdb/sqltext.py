"""SQL as text: literals, and `and` and `or` that drop what decides nothing."""

from __future__ import annotations

from collections.abc import Iterable

TRUE, FALSE = "TRUE", "FALSE"


def text(value: str) -> str:
    """Write a string as an SQL literal; it holds no NUL, which no SQL text can."""
    assert "\0" not in value
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Write the name of a column."""
    return '"' + value.replace('"', '""') + '"'


def number(value: int | float) -> str:
    """Write a number as a double."""
    return f"CAST({text(repr(float(value)))} AS DOUBLE)"


def all_of(parts: Iterable[str]) -> str:
    """Join conditions that must all hold."""
    return _joined(parts, " AND ", TRUE, FALSE)


def any_of(parts: Iterable[str]) -> str:
    """Join conditions of which one must hold."""
    return _joined(parts, " OR ", FALSE, TRUE)


def _joined(parts: Iterable[str], word: str, neutral: str, deciding: str) -> str:
    kept = [part for part in dict.fromkeys(parts) if part != neutral]
    if deciding in kept:
        return deciding
    if len(kept) < 2:
        return kept[0] if kept else neutral
    return "(" + word.join(kept) + ")"
