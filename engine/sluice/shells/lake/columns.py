"""Columns of fields: which type holds all values of a field exactly, and how they are read.

Texts are VARCHAR, whole numbers of 64 bits BIGINT, numbers DOUBLE where no whole one among them is
beyond 2**53, truth values BOOLEAN; objects, arrays and everything mixed is JSON, as it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from sluice.shells.lake.tables import name as quoted
from sluice.shells.lake.tables import text

#: Of how many fields of a type there are columns; the others are in `raw`.
COLUMNS_MAX = 500
#: What a column may not be called: these have a meaning already.
_TAKEN = frozenset({"raw"})
_KINDS = {
    "VARCHAR": "VARCHAR", "UBIGINT": "BIGINT", "BIGINT": "BIGINT", "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """The types of the fields of an event type, by name in the order of how often they occur.

    `wide` are BIGINT columns with values beyond 2**53.
    """

    types: Mapping[str, str]
    wide: frozenset[str] = frozenset()


def infer(con: duckdb.DuckDBPyConnection, rows: str) -> Columns:
    """Return the columns for the fields in the column `raw` of a query."""
    found = con.execute(
        "SELECT e.key, list(DISTINCT CASE WHEN e.type = 'DOUBLE' AND "
        "regexp_full_match(e.value::VARCHAR, '-?[0-9]+') THEN 'HUGE' ELSE e.type END), "
        "max(CASE WHEN e.type IN ('UBIGINT', 'BIGINT') THEN "
        "abs(e.value::VARCHAR::HUGEINT) ELSE 0 END), count(*) "
        f"FROM ({rows}) AS r, json_each(r.raw) AS e GROUP BY e.key ORDER BY 4 DESC, 1"
    ).fetchall()
    types: dict[str, str] = {}
    wide: set[str] = set()
    taken = set(_TAKEN)
    for key, kinds, greatest, _ in found:
        if key is None or key.startswith("@") or key.lower() in taken or "\0" in key or not key:
            continue
        taken.add(key.lower())  # DuckDB does not tell names apart by case
        types[key] = _settled(set(kinds) - {"NULL"}, int(greatest or 0))
        if types[key] == "BIGINT" and greatest > 2**53:
            wide.add(key)
        if len(types) == COLUMNS_MAX:
            break
    return Columns(types, frozenset(wide))


def _settled(kinds: set[str], greatest: int) -> str:
    held = {_KINDS.get(kind, "JSON") for kind in kinds}
    if not held:
        return "JSON"  # nothing but null
    if greatest > 2**63 - 1:
        return "JSON"
    if held == {"BIGINT", "DOUBLE"}:
        return "DOUBLE" if greatest <= 2**53 else "JSON"
    return held.pop() if len(held) == 1 else "JSON"


def merge(many: Iterable[Columns]) -> Columns:
    """Return columns that hold what each of several does."""
    types: dict[str, str] = {}
    spelled: dict[str, str] = {}
    wide: set[str] = set()
    many = list(many)
    for each in many:
        wide |= each.wide
    for each in many:
        for field, kind in each.types.items():
            known = spelled.setdefault(field.lower(), field)
            if known != field:
                continue
            before = types.get(field, kind)
            types[field] = before if before == kind else _wider(before, kind, field in wide)
    return Columns(types, frozenset(wide & types.keys()))


def _wider(one: str, other: str, is_wide: bool) -> str:
    return "DOUBLE" if {one, other} == {"BIGINT", "DOUBLE"} and not is_wide else "JSON"


def typed(columns: Columns) -> str:
    """Return the structure for `json_transform` that reads these columns exactly."""
    import json

    return text(json.dumps(dict(columns.types)))


def fresh(field: str, kind: str) -> str:
    """Return the expression that reads a field from `raw`, where it fits the type of its column."""
    path = text("/" + field.replace("~", "~0").replace("/", "~1"))
    if kind == "JSON":
        return f"raw->{path}"
    value = f"raw->>{path}"
    if kind == "BIGINT":
        # A cast would round what is no whole number.
        return (
            f"CASE WHEN contains({value}, '.') OR contains({value}, 'e') OR "
            f"contains({value}, 'E') THEN NULL ELSE TRY_CAST({value} AS BIGINT) END"
        )
    return value if kind == "VARCHAR" else f"TRY_CAST({value} AS {kind})"


def stored(field: str, kind: str | None, wanted: str) -> str:
    """Return the expression for a typed column of a file as the type that all files share."""
    if kind is None:
        return f"NULL::{wanted}"
    column = quoted(field)
    if kind == wanted:
        return column
    return f"to_json({column})" if wanted == "JSON" else f"{column}::{wanted}"
