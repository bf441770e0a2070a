"""What a run brings into a lake, stream by stream: open blocks, and when they become segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sluice.shells.lake.layout import NO_DAY, REST, day_folder, event_folder
from sluice.shells.lake.segments import Rule, Span, Writer
from sluice.shells.lake.staging import STAGE, Events, Lines, Records, Staging, Types
from sluice.shells.lake.tables import event_rows, evidence_rows, record_rows, structure

#: How many folders a block may have; what comes after them lies together.
FOLDERS_MAX = 1_000
#: How many blocks of extracted events wait for more: those of two neighbours are mixed where an
#: input is not in order.
OPEN_BLOCKS_MAX = 2

#: Names of segments that were there when the run began, with their folders.
Index = Mapping[int, Iterable[str]]


class EventBlock:
    """Events of one block of a stream that are not in a segment, or in one that will grow."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.lines: Lines | None = None
        self.events = Events()
        self.counts: dict[str, int] = {}
        self.has_news = True

    def __len__(self) -> int:
        return len(self.events) + (len(self.lines) if self.lines is not None else 0)


class EventStream:
    """Events of an input, of its extracts, or those that rules emit.

    `index` says by block which folders have had segments of this stream; `rule` what becomes of
    rows that are there; `low` is the first offset that this run sees, None before it sees one.
    """

    def __init__(
        self, name: str, source: str, rule: Rule, size: int, tools: tuple[Staging, Writer],
        index: Index,
    ) -> None:  # fmt: skip
        self.name, self.source, self._rule, self._size = name, source, rule, size
        self._staging, self._writer = tools
        self._index = index
        self.low: int | None = None
        self.high = 0
        self._open: dict[int, EventBlock] = {}

    def add_lines(self, data: bytes, first: int, times: list[int], types: list[str]) -> None:
        """Take whole lines with their times and types."""
        start = first // self._size * self._size
        room = start + self._size - first
        if len(times) > room:
            lines = data.split(b"\n", room)
            rest = lines.pop()
            head = b"\n".join(lines) + b"\n"
            self.add_lines(head, first, times[:room], types[:room])
            self.add_lines(rest, first + room, times[room:], types[room:])
            return
        block = self._block(first)
        if block.lines is None:
            block.lines = Lines(self._staging)
        block.lines.add(data, first, times, types)
        block.has_news = True

    def add_events(self, events: Iterable[tuple[Mapping[str, Any], bytes]]) -> None:
        """Take events one by one; `n` of what goes with each is the offset."""
        for meta, raw in events:
            block = self._block(meta["n"])
            block.events.add(meta, raw)
            block.has_news = True

    def reach(self, low: int, high: int) -> None:
        """Learn that all offsets from `low` to before `high` were seen."""
        self.low = low if self.low is None else self.low
        self.high = max(self.high, high)
        if self._rule == "append":
            for first in [f for f in self._open if f + self._size <= high]:
                self._settle(first)

    def flush(self) -> None:
        """Bring everything into segments; blocks that can grow stay open."""
        for first in sorted(self._open):
            self._write(self._open[first])
            if self._rule == "merge":
                self._close(first)

    def end(self, is_complete: bool) -> None:
        """Flush for the last time; what of this stream was there and is no more goes away."""
        if is_complete and self._rule == "replace" and self.low is not None:
            self.high = 1 << 62
            first = self.low // self._size * self._size
            for each in {first, *(f for f in self._index if f >= first)}:
                self._open.setdefault(each, EventBlock(each)).has_news = True
        self.flush()
        self.drop()

    def drop(self) -> None:
        """Forget what is in no segment."""
        for first in list(self._open):
            self._close(first)

    def _block(self, offset: int) -> EventBlock:
        first = offset // self._size * self._size
        block = self._open.get(first)
        if block is None:
            block = self._open[first] = EventBlock(first)
            if self._rule != "append" and len(self._open) > OPEN_BLOCKS_MAX:
                self._settle(min(self._open))
        return block

    def _settle(self, first: int) -> None:
        with self._writer.together():
            self._write(self._open[first])
        self._close(first)

    def _close(self, first: int) -> None:
        block = self._open.pop(first)
        if block.lines is not None:
            block.lines.close()

    def _span(self, first: int) -> Span:
        low = first if self.low is None else max(self.low, first)
        return Span(self.name, first, self._size, low, min(self.high, first + self._size))

    def _write(self, block: EventBlock) -> None:
        """Write the segments of a block that have changed since they were written last."""
        if not block.has_news:
            return
        block.has_news = False
        con, types = self._staging.con, Types()
        con.execute(f"CREATE OR REPLACE TEMP TABLE stage ({STAGE})")
        is_bare = not len(block.events)
        if block.lines is not None and len(block.lines):
            block.lines.load(types)
        if not is_bare:
            block.events.load(self._staging, types)
        rows = event_rows(self.name, self.source, types.names, is_bare)
        order = "" if is_bare else "ORDER BY n"
        folders = {folder: (where, n) for folder, where, n in self._folders(types)}
        for folder in set(self._index.get(block.first, ())) - folders.keys():
            folders[folder] = ("false", 0)
        span = self._span(block.first)
        new_rows = f"CREATE OR REPLACE TEMP VIEW new_rows AS {rows}"
        if self._rule == "append" and block.first in self._index:
            con.execute(new_rows)
            for folder in folders:
                self._writer.refuse_others(folder, span, self.source)
        for folder, (where, count) in folders.items():
            if block.counts.get(folder) != count:
                con.execute(f"{new_rows} WHERE {where} {order}")
                self._writer.put(folder, span, self._rule)
        block.counts = {folder: count for folder, (_, count) in folders.items()}

    def _folders(self, types: Types) -> list[tuple[str, str, int]]:
        """List the folders of what is in `stage`: path, condition, rows."""
        found = self._staging.con.execute(
            "SELECT k, CAST(epoch_ms(t) AS DATE)::VARCHAR AS day, count(*), "
            "min(CAST(epoch_ms(t) AS DATE)) - DATE '1970-01-01' "
            "FROM stage GROUP BY ALL ORDER BY min(n), k"
        ).fetchall()
        names, folders = types.names, []
        for k, day, count, number in found[:FOLDERS_MAX]:
            low = number * 86_400_000
            condition = f"k = {k} AND t >= {low} AND t < {low + 86_400_000}"
            folders.append((event_folder(names[k], day), condition, count))
        if len(found) > FOLDERS_MAX:
            others = " OR ".join(f"({condition})" for _, condition, _ in folders)
            rest = sum(count for _, _, count, _ in found[FOLDERS_MAX:])
            folders.append((f"events/type={REST}/day={NO_DAY}", f"NOT ({others})", rest))
        return folders


class RecordStream:
    """Records of one table that a run decides, by their number; `first` is that of the next."""

    def __init__(
        self, table: str, name: str, size: int, first: int, tools: tuple[Staging, Writer],
        index: Index,
    ) -> None:  # fmt: skip
        self.table, self.name, self._size = table, name, size
        self._staging, self._writer, self._index = *tools, index
        self._low = self.next = first
        self._block = Records(self._staging, f"parsed_{table}", structure(table))
        self._block.begin(first)
        self._evidence: list[bytes] = []
        self._written = first

    def add(self, lines: Sequence[bytes], evidence: Iterable[tuple[int, list[bytes]]]) -> None:
        """Take records, and by their numbers the evidence that they do not list themselves."""
        while lines:
            part = lines[: self._size - self.next % self._size]
            lines = lines[len(part) :]
            self._block.add(part)
            for number, held in evidence:
                if self.next <= number < self.next + len(part):
                    self._evidence += held
            self.next += len(part)
            if self.next % self._size == 0:
                with self._writer.together():
                    self.flush()
                self._begin(self.next)

    def flush(self) -> None:
        """Bring everything into segments; the last block stays open."""
        if self._written < self.next:
            self._write(self._block.first // self._size * self._size, self.next)
            self._written = self.next

    def end(self, is_complete: bool) -> None:
        """Flush for the last time; records that were there and are not decided again go away."""
        if not is_complete or not (self._index or self.next > self._low):
            self.flush()
            return
        first = self._block.first // self._size * self._size
        self._write(first, first + self._size)
        self._begin(first + self._size)
        for each in sorted(f for f in self._index if f > first):
            self._write(each, each + self._size)

    def _begin(self, first: int) -> None:
        self._block.begin(first)
        self._evidence = []

    def _write(self, first: int, high: int) -> None:
        self._block.load()
        span = Span(self.name, first, self._size, max(self._low, first), high)
        self._put(self.table, record_rows(self.table, self.name, self._block.table), span)
        if self.table == "matches":
            self._put("evidence", self._with_evidence(), span)

    def _with_evidence(self) -> str:
        """Return the query for the evidence of the matches at hand."""
        rows = evidence_rows(self.name, self._block.table)
        if not self._evidence:
            return rows
        listed = Records(self._staging, "listed", structure("evidence"))
        listed.add(self._evidence)
        listed.load()
        more = record_rows(
            "evidence", self.name, "(SELECT s, (raw->>'n')::BIGINT AS n FROM listed)"
        )
        return f'SELECT * FROM (({rows}) UNION ALL BY NAME ({more})) ORDER BY "@offset", number'

    def _put(self, table: str, query: str, span: Span) -> None:
        """Write the rows of one table, day by day."""
        con = self._staging.con
        found = [(NO_DAY, "true")]
        if table != "rejected":
            days = con.execute(
                f"SELECT DISTINCT CAST(s.time AS DATE)::VARCHAR FROM {self._block.table} ORDER BY 1"
            ).fetchall()
            column = "decided" if table == "evidence" else "time"
            found = [(day, f"CAST(\"{column}\" AS DATE) = DATE '{day}'") for (day,) in days]
        folders = {day_folder(table, each): condition for each, condition in found}
        gone = set(self._index.get(span.first, ())) - folders.keys()
        folders |= dict.fromkeys((f for f in gone if f.startswith(f"{table}/")), "false")
        for folder, condition in folders.items():
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW new_rows AS SELECT * FROM ({query}) WHERE {condition}"
            )
            self._writer.put(folder, span, "replace")
