"""Read CSV (RFC 4180) and its relatives: one event a row, the columns are the fields.

The first row of a source names its columns. An empty cell is a missing field; a cell that is
written as a number is one. A dotted column is a path of objects.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from sluice.codecs.cells import DELIMITERS, FRAMING_PREFIX
from sluice.codecs.codec import (
    CodecOptions,
    Decoded,
    Framing,
    InputOptions,
    Place,
    Settled,
    check_options,
)  # fmt: skip
from sluice.codecs.jsontext import Defect
from sluice.codecs.records import TIME_FIELDS, RecordReader
from sluice.codecs.text import LocalInstants, choice, put, read_text, scalars, words, zone_of
from sluice.model import Event, Rejected, rejected

#: How many columns a message names.
SHOWN_COLUMNS_MAX = 12
#: Columns whose names are never values: where they stand again there is a header.
_MARKS = frozenset({"@time", "@type", *TIME_FIELDS})


class CsvCodec:
    """The codec `csv`; it remembers the columns of each source."""

    __slots__ = (
        "_columns", "_delimiter", "_framing", "_has_header", "_instants", "_marks", "_names",
        "_reader", "_strict", "_value",
    )  # fmt: skip

    name = "csv"

    def __init__(self, settings: CodecOptions, options: InputOptions | None = None) -> None:
        check_options(self.name, settings, ("delimiter", "header", "zone", "text"))
        options = options or InputOptions()
        by_mark = {mark: word for word, mark in DELIMITERS.items()}
        named = settings.get("delimiter", "comma")
        word = choice(self.name, "delimiter", by_mark.get(named, named), DELIMITERS)
        self._delimiter = DELIMITERS[word]
        self._framing: Any = FRAMING_PREFIX + word
        header = settings.get("header", "yes")
        self._has_header = header == "yes"
        self._names = () if header in ("yes", "no") else words(header)
        zone = zone_of(self.name, settings["zone"]) if "zone" in settings else None
        self._value = scalars(settings.get("text", ""))
        self._strict = options.strict
        self._instants = LocalInstants(options, zone)
        self._marks = _MARKS | {options.time_field} if options.time_field else _MARKS
        self._reader = RecordReader(options, self._instants, self.name)
        self._columns: dict[str, tuple[str, ...]] = {}

    def framing(self, head: bytes) -> Framing:
        """Return the CSV framing of the delimiter."""
        framing: Framing = self._framing
        return framing

    def decode(self, line: bytes, place: Place) -> Decoded:
        """Read one row: an event, a rejection, or None for the header and blank lines."""
        text = read_text(line, place, self._strict)
        if text is None or isinstance(text, Rejected):
            return text
        made = self._row(text, place)
        return (
            rejected(place, made.reason, made.message, line) if isinstance(made, Defect) else made
        )

    def settled(self, source: str) -> Settled | None:
        """Return the columns that hold the type and the time of a source."""
        return self._reader.settled(source)

    def state(self) -> dict[str, Any]:
        """Return the columns of each source, and which hold type and time."""
        columns = {source: list(names) for source, names in self._columns.items()}
        return {"columns": columns, "settled": self._reader.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        columns = state.get("columns", {})
        self._columns = {source: tuple(names) for source, names in columns.items()}
        self._reader.restore(state.get("settled", {}))

    def _row(self, text: str, place: Place) -> Event | Defect | None:
        cells = self._cells(text)
        if isinstance(cells, Defect):
            return cells
        source = place[0]
        columns = self._columns.get(source)
        if columns is None:
            return self._begin(cells, place)
        if self._is_header(cells):
            return self._begin_again(cells, columns, source)
        return self._event(cells, columns, place)

    def _event(self, cells: list[str], columns: tuple[str, ...], place: Place) -> Event | Defect:
        if len(cells) != len(columns):
            count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            there = (
                "there is 1 column" if len(columns) == 1 else f"there are {len(columns)} columns"
            )
            hint = self._delimiter_hint(columns)
            return Defect("schema", f"{count} where {there} ({_listed(columns)}){hint}")
        fields: dict[str, Any] = {}
        for name, cell in zip(columns, cells, strict=True):
            if cell:
                put(fields, name, self._value(name, cell))
        return self._reader.event(fields, place)

    def _delimiter_hint(self, columns: tuple[str, ...]) -> str:
        """Name the delimiter that the header seems to have, where this one does not split it."""
        if len(columns) > 1:
            return ""
        counts = {word: columns[0].count(mark) for word, mark in DELIMITERS.items()}
        likely = max(counts, key=lambda word: (counts[word], word != "space"))
        return f"; try --codec csv:delimiter={likely}" if counts[likely] else ""

    def _cells(self, text: str) -> list[str] | Defect:
        if '"' not in text:
            return text.split(self._delimiter)
        # The chunker writes the line ends of a quoted cell as carriage returns.
        lines = (text.replace("\r", "\n"),)
        try:
            return next(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            return Defect("syntax", f"not CSV: {error}")

    def _begin(self, cells: list[str], place: Place) -> Event | Defect | None:
        """Take the columns of a source from its first row, or from the option."""
        if self._has_header:
            if any(self._is_instant(cell) for cell in cells):
                hint = "without one, name the columns: --codec csv:header=NAME+NAME"
                return Defect("schema", f"the first row is no header: it holds a time; {hint}")
            self._columns[place[0]] = _column_names(cells)
            return None
        names = self._names or tuple(f"c{n}" for n in range(1, len(cells) + 1))
        self._columns[place[0]] = names
        if tuple(cell.strip() for cell in cells) == names:
            return None
        return self._event(cells, names, place)

    def _is_header(self, cells: list[str]) -> bool:
        """True for a row that names columns again: one such as `time` stands where values are."""
        return (
            (self._has_header or bool(self._names))
            and not self._marks.isdisjoint(cell.strip() for cell in cells)
            and not any(self._is_instant(cell) for cell in cells)
        )

    def _begin_again(
        self, cells: list[str], columns: tuple[str, ...], source: str
    ) -> Defect | None:
        """Take a header in the middle of a source: said aloud when it is another one."""
        names = _column_names(cells)
        if names == columns:
            return None
        self._columns[source] = names
        return Defect(
            "schema",
            f"another header: {_listed(names)} instead of {_listed(columns)}; "
            "the rows from here are read by it",
        )

    def _is_instant(self, cell: str) -> bool:
        return len(cell) >= len("2026-03-09 07:20:00") and self._instants.read(cell) is not None


def _column_names(cells: list[str]) -> tuple[str, ...]:
    """Name the columns; one without a name, or with one that is taken, is `c` and its number."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = cell.strip()
        names.append(name if name and name not in names else f"c{number}")
    return tuple(names)


def _listed(columns: tuple[str, ...]) -> str:
    shown = ", ".join(columns[:SHOWN_COLUMNS_MAX])
    return shown if len(columns) <= SHOWN_COLUMNS_MAX else f"{shown}, …"
