"""Rows of a query as people and programs read them: table, JSON Lines, CSV, Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from sluice.cli import plots
from sluice.cli.output import put_bytes
from sluice.cli.render import safe
from sluice.io import encode_record
from sluice.timing import format_duration, format_instant

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.shells import Answer

Form = Literal["table", "json", "csv", "parquet", "markdown"]
Row = Sequence[Any]

#: A table shows so many rows, and of a cell so many characters.
TABLE_ROWS_MAX = 1_000
CELL_MAX = 120

_EPOCH = datetime(1970, 1, 1)
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


def tell(terminal: Terminal, error: Exception) -> None:
    """Say what is wrong with SQL, with its picture of the place."""
    terminal.say(f"{terminal.paint('error:', 'error', sys.stderr)} {error}")


def written(answer: Answer, form: str) -> Iterable[bytes]:
    """Return an answer in a form, piece by piece."""
    write = {
        "table": as_table, "json": as_json, "csv": as_csv, "markdown": as_markdown,
    }[form]  # fmt: skip
    return write(answer.columns, answer.types, answer.rows)


def put_all(pieces: Iterable[bytes]) -> None:
    """Write pieces to stdout, many at a time."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > 64 * 1024:
            put_bytes(bytes(held))
            held.clear()
    put_bytes(bytes(held))


def picture(answer: Answer, width: int) -> str:
    """Draw the last column of numbers over the first column."""
    from sluice.shells import QueryError

    numbers = [n for n, kind in enumerate(answer.types) if is_number(kind) and n > 0]
    if not numbers:
        raise QueryError("--plot needs a first column of names or times, and one of numbers")
    rows = list(answer.rows)
    if not rows:
        return "no rows\n"
    labels = [_label(plain(row[0], answer.types[0]), answer.types[0]) for row in rows]
    values = [float(row[numbers[-1]] or 0) for row in rows]
    if min(values) < 0:
        raise QueryError("--plot draws no numbers below 0")
    is_long = len(rows) > plots.BARS_MAX
    return safe((plots.columns if is_long else plots.bars)(labels, values, width))


def _label(value: Any, kind: str) -> str:
    text = "-" if value is None else str(value)
    if kind.startswith("TIMESTAMP") and text.endswith(":00.000Z"):
        return text[:16].replace("T", " ")
    return text if len(text) <= 40 else text[:39] + "…"


def terminal_width() -> int:
    """Return how wide the terminal is; 80 where there is none."""
    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 200))


def as_json(columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield each row as a line: an object by the names of the columns."""
    for row in rows:
        held = zip(columns, types, row, strict=True)
        yield encode_record({name: plain(value, kind) for name, kind, value in held})


def as_csv(columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the head and each row as RFC 4180 has it, with `\\n`; nothing for null."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_bare(v, kind, "") for v, kind in zip(row, types, strict=True)])
        yield from _drained(text)
    yield from _drained(text)


def as_markdown(
    columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]
) -> Iterator[bytes]:
    """Yield a table in Markdown, numbers to the right."""
    marks = ["--:" if is_number(kind) else "---" for kind in types]
    for cells in (columns, marks):
        yield f"| {' | '.join(_piped(c) for c in cells)} |\n".encode()
    for row in rows:
        cells = [_bare(v, kind, "") for v, kind in zip(row, types, strict=True)]
        yield f"| {' | '.join(_piped(c) for c in cells)} |\n".encode()


def as_table(columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a table with its columns one below the other; long cells and long tables are cut."""
    rows = iter(rows)
    shown = [
        [_cut(_bare(v, kind, "-")) for v, kind in zip(row, types, strict=True)]
        for row in islice(rows, TABLE_ROWS_MAX)
    ]
    heads = [_cut(name) for name in columns]
    widths = [max(map(len, cells)) for cells in zip(heads, *shown, strict=True)]
    yield _line(heads, types, widths)
    yield _line(["-" * width for width in widths], types, widths)
    for cells in shown:
        yield _line(cells, types, widths)
    if next(rows, None) is not None:
        yield f"… more than {TABLE_ROWS_MAX:,} rows: -o csv or -o json gives all\n".encode()


def plain(value: Any, kind: str) -> Any:
    """Return a value of a column as JSON has it: times as texts, integers exact."""
    if isinstance(value, str):
        return json.loads(value) if kind == "JSON" else value
    if isinstance(value, dict):
        return {str(key): plain(held, "") for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held, "") for held in value]
    if isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return format_instant((naive - _EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return format_duration(value // timedelta(milliseconds=1))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def is_number(kind: str) -> bool:
    """Say whether a type of DuckDB is one of numbers."""
    return any(word in kind for word in _NUMBERS) and "[" not in kind and "(" not in kind[:6]


def _bare(value: Any, kind: str, nothing: str) -> str:
    """Return a value as a text without quotes; what is nested as JSON, as it was written."""
    if value is None:
        return nothing
    if isinstance(value, str):
        return value
    made = plain(value, kind)
    if isinstance(made, str):
        return made
    if isinstance(made, float) and math.isfinite(made):
        return f"{made:.6f}".rstrip("0").rstrip(".") if 1e-4 <= abs(made) < 1e15 else str(made)
    return encode_record({"v": made})[5:-2].decode()


def _cut(text: str) -> str:
    one = safe(" ".join(text.split())) if "\n" in text or "\t" in text else safe(text)
    return one if len(one) <= CELL_MAX else one[: CELL_MAX - 1] + "…"


def _piped(text: str) -> str:
    return safe(" ".join(text.split())).replace("\\", "\\\\").replace("|", "\\|")


def _line(cells: Sequence[str], types: Sequence[str], widths: Sequence[int]) -> bytes:
    placed = (
        cell.rjust(width) if is_number(kind) else cell.ljust(width)
        for cell, kind, width in zip(cells, types, widths, strict=True)
    )
    return ("  ".join(placed).rstrip() + "\n").encode()


def _drained(text: io.StringIO) -> Iterator[bytes]:
    yield text.getvalue().encode()
    text.seek(0)
    text.truncate()
