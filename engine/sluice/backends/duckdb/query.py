"""The queries of a backtest: over files of JSON lines, and over the Parquet files of a lake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sluice.backends.duckdb.fields import TIME, TYPE, forms, is_plain
from sluice.backends.duckdb.gathering import gathered, marks
from sluice.backends.duckdb.narrow import Narrowing
from sluice.backends.duckdb.sqltext import FALSE, TRUE, all_of, any_of, name, text
from sluice.timing import PER_MS

#: No line of JSON holds this byte, so each line is one cell.
_NO_DELIMITER = "\x01"

#: An escape that could spell a key, of which a look at the text would know nothing.
_ESCAPED = "contains(line, '\\u00')"


@dataclass(frozen=True, slots=True)
class LineQuery:
    """How one file of JSON lines is read.

    `type_keys` and `time_keys` are where type and time stand, the first that has a value counts;
    `type_default` is for events without a type. `low` and `high` bound the time, in ms.
    `has_returns`: lines end in CR LF, all of them.
    """

    path: str
    type_keys: tuple[str, ...]
    time_keys: tuple[str, ...]
    type_default: str | None = None
    time_unit: str = "ms"
    low: int | None = None
    high: int | None = None
    has_returns: bool = False
    line_bytes_max: int = 16_000_000


def _where(condition: str, tests: list[str]) -> str:
    """Write that a condition holds and one of some tests, which are looked at only then."""
    test = any_of(tests)
    if condition == TRUE or test == FALSE:
        return test
    return f"CASE WHEN {condition} THEN {test} ELSE FALSE END"


class _Parsed:
    """Values of keys of a line, by structs: DuckDB does not tell the names in one apart by case."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._structs: list[dict[str, str]] = []
        self._place: dict[str, int] = {}
        for key in dict.fromkeys(keys):
            place = sum(held.lower() == key.lower() for held in self._place)
            self._place[key] = place
            self._structs += [{}] if place == len(self._structs) else []
            self._structs[place][key] = "VARCHAR"

    @property
    def columns(self) -> str:
        """The columns that hold the structs; a text that is no JSON has NULL."""
        return ", ".join(
            f"TRY(from_json(line, {text(json.dumps(keys))})) AS parsed{place}"
            for place, keys in enumerate(self._structs)
        )

    def value(self, key: str) -> str:
        """Write the text of a key's value."""
        return f"parsed{self._place[key]}.{name(key)}"

    def first(self, keys: tuple[str, ...], default: str | None = None) -> str:
        """Write the first of several values that is there."""
        values = [self.value(key) for key in keys]
        values += [text(default)] if default is not None else []
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def line_query(query: LineQuery, narrowing: Narrowing) -> str | None:
    """Write a SELECT of a row for each line, in order: `event_ms`, `is_odd`, `line` and marks.

    `line` is NULL where no rule has to see it. An odd line is one whose type or time SQL cannot
    tell; it has a line, but no time. None when a key is spelt in a way that SQL cannot look for.
    """
    own = (*query.type_keys, *query.time_keys)
    if not all(map(is_plain, own)):
        return None
    parsed = _Parsed([*own, *narrowing.fields])
    columns = [
        forms(column, "VARCHAR", parsed.value(key)) for key, column in narrowing.fields.items()
    ]
    # CASE looks at its parts only where it has to, `and` and `or` at all of them for every line.
    plain = [test for key, test in zip(own, _twice(own), strict=True) if key[0] != "@"]
    marked = [test for key, test in zip(own, _twice(own), strict=True) if key[0] == "@"]
    odd = any_of(
        ["contains(line, '\"specversion\"')", *plain, _where("contains(line, '\"@')", marked)]
    )
    low = [f"{TIME} >= {query.low}"] if query.low is not None else []
    high = [f"{TIME} <= {query.high}"] if query.high is not None else []
    # Of an event of another type no field matters.
    doubtful = _where(narrowing.of_types, [_ESCAPED, *_twice(narrowing.keys)])
    kept = any_of([_where(narrowing.of_types, [narrowing.keep]), doubtful])
    return f"""SELECT
  CASE WHEN NOT is_odd THEN {TIME} END AS {TIME},
  is_odd,
  CASE WHEN is_odd OR {all_of([*low, *high, kept])} THEN line END AS line,
  {marks(narrowing.gatherings, narrowing.plain, doubtful)}
FROM (
  SELECT *, {TYPE} IS NULL OR {TIME} IS NULL OR {odd} AS is_odd
  FROM (
    SELECT line, {parsed.first(query.type_keys, query.type_default)} AS {TYPE},
      {_instant(parsed.first(query.time_keys), query.time_unit)} AS {TIME}
      {"".join(", " + column for column in columns)}
    FROM (
      SELECT line, {parsed.columns}
      FROM {_lines(query)}
    )
  )
)"""


@dataclass(frozen=True, slots=True)
class LakeFiles:
    """Files of a lake that are read alike: their type (None: see the rows) and typed columns.

    `columns` are None where fields stand in `raw` alone; else a field that is not among them is
    in no row, unless the file `has_spilled`: then it may be in `raw`.
    """

    paths: tuple[str, ...]
    type: str | None
    columns: Mapping[str, str] | None
    has_spilled: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What of an event is told: columns of a query, written over the columns of files."""

    names: tuple[str, ...]
    select: str


def lake_rows(files: LakeFiles) -> str:
    """Write what reads all rows of files."""
    quoted = ", ".join(text(path) for path in files.paths)
    return f"read_parquet([{quoted}], union_by_name = true, hive_partitioning = false)"


def lake_query(
    files: LakeFiles, narrowing: Narrowing | None, made: Made, condition: str = TRUE
) -> str:
    """Write a SELECT of the events of files that rules may have to see (None: of all).

    Columns are those of `made` and marks; `condition` is over the columns of the files.
    """
    type_ = text(files.type) if files.type is not None else name("@type")
    fields = {} if narrowing is None else narrowing.fields
    columns = "".join(f", {_lake_field(files, *each)}" for each in fields.items())
    if narrowing is not None and files.columns is None:
        columns += ", raw AS written"
    inner = (
        f"SELECT epoch_ms({name('@time')}) AS {TIME}, {type_} AS {TYPE}, {made.select}{columns} "
        f"FROM {lake_rows(files)} WHERE {condition}"
    )
    own = ", ".join(made.names)
    if narrowing is None:
        return f"SELECT {own} FROM ({inner})"
    doubtful = any_of(
        test
        for column in _as_written(files, narrowing)
        for test in (f"contains({column}, '\\u00')", *_twice(narrowing.keys, column))
    )
    marked = marks(narrowing.gatherings, narrowing.plain, doubtful)
    kept = any_of([narrowing.keep, doubtful])
    return f"SELECT {own}, {marked} FROM ({inner}) WHERE {kept}"


def _as_written(files: LakeFiles, narrowing: Narrowing) -> Iterator[str]:
    """Yield the texts of JSON in which a key may stand twice: then the last counts."""
    if files.columns is None:
        yield "CAST(written AS VARCHAR)"
        return
    for field, column in narrowing.fields.items():
        if files.columns.get(field) == "JSON":
            yield f"{column}_json"


def may_misread(files: LakeFiles, narrowing: Narrowing) -> bool:
    """Say whether SQL may read another value of a field than the last of its key."""
    return next(_as_written(files, narrowing), None) is not None


def needed_rows(
    narrowing: Narrowing | None, rows: str, columns: Iterable[str], may_doubt: bool = True
) -> str:
    """Write the SELECT of those of marked rows that rules have to see."""
    return gathered(() if narrowing is None else narrowing.gatherings, rows, columns, may_doubt)


def _lake_field(files: LakeFiles, field: str, column: str) -> str:
    """Write the columns of a field of a lake's files."""
    if files.columns is not None:
        kind = files.columns.get(field)
        if kind is not None:
            written = f"CAST({name(field)} AS VARCHAR) AS {column}_json, " if kind == "JSON" else ""
            # What looks like a number is none: all values of such a column are texts.
            return written + forms(column, "TEXT" if kind == "VARCHAR" else kind, name(field))
        # DuckDB does not tell names apart by case, so of two such fields one is in `raw` alone.
        taken = {"raw", *(held.lower() for held in files.columns)}
        if not files.has_spilled and field.lower() not in taken:
            return forms(column, "VARCHAR", "NULL::VARCHAR")
    return forms(column, "VARCHAR", f"(raw ->> {text('/' + field.replace('~', '~0'))})")


def _lines(query: LineQuery) -> str:
    end = "\\r\\n" if query.has_returns else "\\n"
    return (
        f"read_csv({text(query.path)}, delim = {text(_NO_DELIMITER)}, quote = '', escape = '', "
        f"header = false, auto_detect = false, new_line = '{end}', "
        f"max_line_size = {query.line_bytes_max}, compression = 'none', "
        "columns = {'line': 'VARCHAR'})"
    )


def _instant(value: str, unit: str) -> str:
    """Write the milliseconds of an integer of a unit, or of an RFC 3339 text; else NULL."""
    whole = f"TRY_CAST({value} AS BIGINT)"
    if unit == "s":
        whole = f"TRY({whole} * 1000)"
    elif unit != "ms":
        whole = f"CAST(floor({whole} / {PER_MS[unit]}) AS BIGINT)"
    written = f"CAST(floor(epoch_us(TRY_CAST({value} AS TIMESTAMPTZ)) / 1000) AS BIGINT)"
    return f"CASE WHEN contains({value}, '-') THEN {written} ELSE {whole} END"


def _twice(keys: tuple[str, ...], line: str = "line") -> list[str]:
    """Write for each key that it may occur twice: then the last counts, and SQL takes the first."""
    quoted = (f'"{key}"' for key in keys)
    return [f"{line} LIKE {text(f'%{key}%{key}%')}" for key in quoted]
