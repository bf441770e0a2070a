"""Columns for the fields that conditions look at: each top-level field as the text of its value.

A text is itself, a number, a boolean, a list or an object its JSON, null and missing are NULL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sluice.backends.duckdb.sqltext import text
from sluice.plan import exprs as x

_COLUMN = re.compile(r"f\d+\Z")

#: The column of an event's type, and of its time in milliseconds.
TYPE, TIME = "event_type", "event_ms"


@dataclass(slots=True)
class Columns:
    """The fields in use, by name; `column` numbers them as they are met."""

    fields: dict[str, str] = field(default_factory=dict)
    #: Every key on a path in use: of a key that occurs twice the last counts, SQL takes the first.
    keys: dict[str, None] = field(default_factory=dict)

    def value(self, node: x.Field) -> str | None:
        """Write the text of a field's value, None for what no column holds."""
        top, *below = node.path
        if top == "@type" and not below:
            return TYPE
        if not isinstance(top, str) or top.startswith("@") or not is_plain(top):
            return None
        path = _json_path(tuple(below))
        if path is None:
            return None
        self.keys.update(dict.fromkeys(str(part) for part in node.path))
        column = self.fields.setdefault(top, f"f{len(self.fields)}")
        # A text that is no JSON has nothing below it.
        return f"TRY(json_extract_string({column}, {text(path)}))" if below else column


def is_plain(key: str) -> bool:
    """Say whether a key is written in JSON as it is, so that a text search can find it."""
    return key.isascii() and key.isprintable() and not set(key) & set('"\\/') and key != ""


def _json_path(parts: tuple[str | int, ...]) -> str | None:
    steps = []
    for part in parts:
        if isinstance(part, int):
            steps.append(f"[{part}]" if part >= 0 else f"[#{part}]")
        elif is_plain(part):
            steps.append(f'."{part}"')
        else:
            return None
    return "$" + "".join(steps)


def as_double(value: str) -> str:
    """Write a text as a number, NULL where it is none."""
    return f"{value}_d" if _COLUMN.match(value) else f"TRY_CAST({value} AS DOUBLE)"


def is_there(value: str) -> str:
    """Write that there is a value."""
    return f"{value}_p" if _COLUMN.match(value) else f"{value} IS NOT NULL"


def forms(column: str, kind: str, source: str) -> str:
    """Write the three columns of a field, by the type of the column that they come from.

    They are its text, its number and whether it is there; those that nobody asks for cost nothing.
    A VARCHAR holds any value as text, a TEXT only texts.
    """
    own, double = source, f"TRY_CAST({source} AS DOUBLE)"
    if kind == "JSON":
        own = f"json_extract_string({source}, '$')"
        double = f"TRY_CAST({own} AS DOUBLE)"
    elif kind == "TEXT":
        double = "NULL::DOUBLE"
    elif kind != "VARCHAR":
        own = f"CAST({source} AS VARCHAR)"
        double = "NULL::DOUBLE" if kind == "BOOLEAN" else f"CAST({source} AS DOUBLE)"
    there = own if kind == "JSON" else source
    return f"{own} AS {column}, {double} AS {column}_d, {there} IS NOT NULL AS {column}_p"


def is_not_ascii(value: str) -> str:
    """Write that a text has letters beyond ASCII, whose case no two tables fold alike."""
    return f"strlen({value}) <> length({value})"
