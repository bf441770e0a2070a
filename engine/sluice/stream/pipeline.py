"""The pipeline: events in, records out; a function of its input, whatever the batches were."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sluice.errors import CheckpointError
from sluice.model import Event, Rejected, Row, event_id
from sluice.plan import Limits
from sluice.stream.arrival import HoldBack, Node
from sluice.stream.budget import Budget
from sluice.stream.checkpoint import (
    FORMAT,
    READABLE,
    Records,
    load_record,
    load_rule,
    save_rules,
)  # fmt: skip
from sluice.stream.filter import FilterOperator
from sluice.stream.functions import Functions
from sluice.stream.notices import Extracted, Late, Notice
from sluice.stream.operators import Operator, holdings, operator_of
from sluice.stream.program import OnRow, Program
from sluice.stream.report import Outlet, Record, Reporter
from sluice.stream.silence import SilenceOperator
from sluice.stream.stats import Stats
from sluice.stream.timers import NEVER, Timers
from sluice.stream.watermarks import Place, Watermarks
from sluice.timing import Instant


class Pipeline:
    """Runs a rule set over events of one partition of work."""

    def __init__(
        self, program: Program, kinds: frozenset[str], limits: Limits, lateness: int = 0,
        whole_events: bool = False, in_order: bool = False,
    ) -> None:  # fmt: skip
        self.program, self.limits, self._in_order = program, limits, in_order
        self.timers = Timers()
        self.watermarks = Watermarks(lateness)
        self.stats = Stats()
        self.outlet = Outlet(kinds, program.heard, program.whole if whole_events else None)
        self.reporters: list[Reporter] = []
        self.operators: list[Operator] = []
        for code in program.codes:
            reporter = Reporter(code, self.outlet, limits)
            self.reporters.append(reporter)
            self.operators.append(operator_of(code, reporter, self.timers, limits))
        counters = {
            o.code.rank: o.reporter
            for o in self.operators
            if isinstance(o, FilterOperator) and o.is_counted
        }
        program.bind({o.code.rank: o.on_event for o in self.operators}, counters)
        #: Whether an event can set a timer or bring about another event.
        self._has_effects = self.timers.is_used or any(r.may_derive for r in self.reporters)
        self._tables = {
            (is_derived, part): Functions(self._compiler(is_derived, part))
            for is_derived in (False, True)
            for part in ("all", "stateless", "stateful")
        }
        self._extracts: dict[str, Callable[[Row], list[Event]] | None] = {}
        self.held = HoldBack(self.outlet, self._run, self._extract, program.to_row)
        self._unarmed = [
            o for o in self.operators if isinstance(o, SilenceOperator) and not o.is_armed
        ]
        self.now: Instant | None = None
        self._budget = Budget(
            holdings(self.reporters, self.operators), program, limits.state_bytes_max
        )

    # ------------------------------------------------------------ input

    def open(self, source: str, partition: int = 0) -> None:
        """Expect events from a source partition, so that it holds others back."""
        self.watermarks.open((source, partition))

    def end(self, source: str, partition: int = 0) -> None:
        """Expect nothing more from it (it ended, or is idle)."""
        self.watermarks.end((source, partition))
        self._catch_up()

    def feed(self, events: Iterable[Event | Rejected], source: str | None = None) -> None:
        """Take events in order of arrival.

        `source` is the input that they come from, where events may name a source of their own:
        inputs are merged, and have watermarks.
        """
        to_row = self.program.to_row
        for event in events:
            if isinstance(event, Rejected):
                self.reject(event)
            else:
                row = to_row(event)
                self.take(row, (row.source if source is None else source, row.partition))

    def reject(self, rejected: Rejected) -> None:
        """Count what did not become an event, and pass it on to whoever reads it."""
        counts = self.stats.rejected
        counts[rejected.reason] = counts.get(rejected.reason, 0) + 1
        if "rejected" in self.outlet.kinds:
            self.outlet.records.append(rejected)

    @property
    def is_direct(self) -> bool:
        """True while events can be applied as they come: one source, in order, no lateness."""
        return self.watermarks.lateness == 0 and self.watermarks.live_count <= 1

    def take(self, row: Row, place: Place) -> None:
        """Take one event of an input."""
        self.count()
        stats, time = self.stats, row.time
        if stats.first is None or time < stats.first:
            stats.first = time
        if stats.last is None or time > stats.last:
            stats.last = time
        if not self.watermarks.see(place, time):
            self._late(row, place)
        elif self.now is not None and time < self.now:
            # An input that had ended, or is new, is behind what was applied already.
            self._late(row, place, self.now, True)
        elif self.is_direct and not self.held:
            self.apply(row)
        else:
            self.held.hold(self._waiting(row), place)
            # Each time, so that records do not depend on how the input was cut.
            self._catch_up()

    def count(self) -> None:
        """Count an event, and look from time to time whether the state is too large."""
        self.stats.events += 1
        self._budget.spend(1)

    def tick(self, time: Instant) -> None:
        """Let time come to an instant of which no event is fed: no rule has to see any."""
        self._begin(time)

    def feed_rows(self, rows: Sequence[Row], offset: int, source: str) -> None:
        """Take rows of an input, whose lines begin at `offset`; the quick path.

        Rows have no line number yet, and one each: the first is line `offset`.
        """
        place = (source, 0)
        if not self.is_direct or self.held or self._unarmed:
            for number, row in enumerate(rows, offset):
                self._place(row, number)
                self.take(row, place)
            return
        now = before = self.now if self.now is not None else -NEVER
        functions, derived, timers = self._tables[False, "all"], self.outlet, self.timers
        has_effects = self._has_effects
        known, has_places = functions.known, self.program.needs_places
        due = timers.next_code >> 1
        for row in rows:
            time = row.time
            if now < time < due:
                now = time
            elif time != now:
                if time < now:
                    self._place(row, offset)
                    self._late(row, place, now, now == before)
                    offset += 1
                    continue
                now = time
                self.advance(2 * time + 1)
                due = timers.next_code >> 1
            try:
                function = known[row.type]
            except KeyError:
                function = functions.of(row.type)
            if function is not None:
                if has_places:
                    row.offset = offset
                function(row)
                if has_effects:
                    if derived.derived:
                        self._drain()
                    due = timers.next_code >> 1
            offset += 1
        self._note_rows(rows, now, place)

    def _waiting(self, row: Row) -> Node:
        """Return what waits for its turn: stateless rules see it now, or in order too."""
        return Node(row, False, True) if self._in_order else self.held.arrive(row)

    def _place(self, row: Row, offset: int) -> None:
        if self.program.needs_places:
            row.offset = offset

    def _note_rows(self, rows: Sequence[Row], now: Instant, place: Place) -> None:
        stats = self.stats
        stats.events += len(rows)
        self._budget.spend(len(rows))
        if rows:
            self.now = now
            first = rows[0].time
            stats.first = first if stats.first is None else min(first, stats.first)
            stats.last = now if stats.last is None else max(now, stats.last)
            self.watermarks.see(place, now)

    def _late(
        self, row: Row, place: Place, watermark: Instant | None = None, is_behind: bool = False
    ) -> None:
        """A late event reaches stateless rules only."""
        stats = self.stats
        own = self.watermarks.watermark(place)
        if watermark is None:
            watermark = own
        stats.late += 1
        stats.late_inputs[place[0]] = stats.late_inputs.get(place[0], 0) + 1
        stats.behind += is_behind and row.time >= own
        stats.first = row.time if stats.first is None else min(stats.first, row.time)
        stats.late_by_ms = max(stats.late_by_ms, watermark - row.time)
        self.held.arrive(row)
        if "late" in self.outlet.kinds:
            late = Late(self.program.whole(row), watermark, event_id(row))
            self.outlet.records.append(late)

    # ------------------------------------------------------------ rules

    def apply_all(self, rows: Sequence[Row]) -> None:
        """Let all rules meet events of the one input, which are in order and know their places."""
        self._budget.spend(len(rows))
        for row in rows:
            self.apply(row)

    def apply(self, row: Row, is_derived: bool = False) -> None:
        """Let all rules meet an event whose turn has come."""
        self._begin(row.time)
        function = self._tables[is_derived, "all"].of(row.type)
        if function is not None:
            function(row)
            if self.outlet.derived:
                self._drain()

    def _begin(self, time: Instant) -> None:
        if self.timers.next_code <= 2 * time:
            self.advance(2 * time + 1)
        self.now = time
        if self._unarmed:
            unarmed, self._unarmed = self._unarmed, []
            for operator in unarmed:
                operator.arm(time)

    def advance(self, limit: int) -> None:
        """Let all timers act whose code is below `limit`."""
        self.timers.fire(limit, self._after_timer)

    def _after_timer(self, time: Instant) -> None:
        if self.outlet.derived:
            self._drain()

    def _drain(self) -> None:
        """Let rules meet what was derived, first in first out."""
        outlet, table = self.outlet, self._tables[True, "all"]
        to_row = self.program.to_row
        queue = deque(outlet.derived)
        outlet.derived = []
        while queue:
            _, event = queue.popleft()
            function = table.of(event.type)
            if function is not None:
                function(to_row(event))
                if outlet.derived:
                    queue.extend(outlet.derived)
                    outlet.derived = []

    def functions(self, part: str) -> Functions:
        """Return what runs the rules on events that come in, extracts included.

        `part` as `Program.function` has it.
        """
        return self._tables[False, part]

    def _compiler(self, is_derived: bool, part: str) -> Callable[[str], OnRow | None]:
        """Return what compiles the functions of one table, extraction included."""

        def compiled(type_: str) -> OnRow | None:
            function = self.program.function(type_, is_derived, part)
            extract = self._extractor(type_) if part == "all" else None
            if extract is None:
                return function

            def run(row: Row) -> None:
                if function is not None:
                    function(row)
                for event in extract(row):
                    child = self._tables[True, "all"].of(event.type)
                    if child is not None:
                        child(self.program.to_row(event))

            return run

        return compiled

    def _run(self, row: Row, is_derived: bool, part: str) -> None:
        # `all` functions extract by themselves; the hold-back does that for its nodes.
        if part == "all":
            stateless = self._tables[is_derived, "stateless"].of(row.type)
            stateful = self._tables[is_derived, "stateful"].of(row.type)
            self._run_both(row, stateless, stateful)
            return
        function = self._tables[is_derived, part].of(row.type)
        if function is not None:
            function(row)

    def _run_both(self, row: Row, stateless: OnRow | None, stateful: OnRow | None) -> None:
        if stateless is not None:
            stateless(row)
        if stateful is not None:
            stateful(row)
        self.outlet.derived.sort(key=lambda item: item[0])

    def _extract(self, row: Row) -> list[Event]:
        type_ = row.type
        if type_ not in self._extracts:
            self._extracts[type_] = self._extractor(type_)
        extract = self._extracts[type_]
        return extract(row) if extract is not None else []

    def _extractor(self, type_: str) -> Callable[[Row], list[Event]] | None:
        """Return what extracts from a type, and keeps what it has made where that is asked for."""
        extract = self.program.extractor(type_)
        if extract is None or "extracted" not in self.outlet.kinds:
            return extract
        outlet = self.outlet

        def kept(row: Row) -> list[Event]:
            found = extract(row)
            outlet.records += map(Extracted, found)
            return found

        return kept

    def _catch_up(self) -> None:
        """Apply what can be applied now, and let time run up to the watermark."""
        self.run_to(self.watermarks.frontier())

    def run_to(
        self, frontier: tuple[Instant, str, int] | None,
        applied: Callable[[Node], None] | None = None,
    ) -> None:  # fmt: skip
        """Apply what waits up to a place in the total order, None: all of it."""
        if self.held or frontier is not None:
            while (node := self.held.release(frontier)) is not None:
                self._apply_node(node)
                if applied is not None:
                    applied(node)
            if frontier is not None and self.now is not None and frontier[0] > self.now:
                self.advance(2 * frontier[0] + 1)

    def _apply_node(self, node: Node) -> None:
        self._begin(node.row.time)
        self.held.apply(node)

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """The input has ended: apply what waits and complete the last instant."""
        while (node := self.held.release(None)) is not None:
            self._apply_node(node)
        if self.now is not None:
            self.advance(2 * self.now + 2)

    def close(self) -> None:
        """Let time run on to the end of all deadlines."""
        self.advance(NEVER)

    def pending(self) -> None:
        """Let time run on, reporting what would match as pending; the state is spent then."""
        self.outlet.is_pending = True
        self.advance(NEVER)

    def drain(self) -> list[Record | Rejected | Notice]:
        """Return what was decided since the last call, in order."""
        records = self.outlet.records
        self.outlet.records = []
        return records

    # ------------------------------------------------------------ checkpoints

    def snapshot(self) -> bytes:
        """Return the whole state as bytes; nothing may wait in `drain`."""
        assert not self.outlet.records and not self.outlet.derived
        records = Records(self.program)
        header = {
            "format": FORMAT, "now": self.now, "stats": asdict(self.stats),
            "lateness": self.watermarks.lateness, "watermarks": self.watermarks.state(),
            "held": self.held.waiting(), "budget": self._budget.left,
            "unfit": self.program.unfit, "mismatches": self.program.mismatches.counts,
        }  # fmt: skip
        parts = [records.write(header)]
        parts += save_rules(records, self.reporters, self.operators)
        return b"".join(parts)

    def restore(self, text: bytes) -> list[str]:
        """Take a state that `snapshot` gave; return the rules whose state was left out.

        CheckpointError when it is of another format.
        """
        records = Records(self.program).read(text)
        header = next(records, None)
        if not isinstance(header, dict) or header.get("format") not in READABLE:
            found = header.get("format") if isinstance(header, dict) else "unknown"
            raise CheckpointError(
                f"the checkpoint has format {found}, this version reads {FORMAT}; "
                "remove the file to start anew"
            )
        self.now = header["now"]
        self.stats = Stats(**header["stats"])
        self.watermarks.restore(header["watermarks"])
        self._budget.left = header.get("budget", self._budget.left)
        left_out = self._restore_rules(records)
        self._restore_held(header["held"])
        # After events that are held have met stateless rules once more.
        self.program.unfit.update(header.get("unfit", {}))
        counted: dict[str, dict[str, int]] = header.get("mismatches", {})
        kept = {rule: held for rule, held in counted.items() if rule not in left_out}
        self.program.mismatches.restore(kept)
        return left_out

    def _restore_rules(self, records: Iterator[Any]) -> list[str]:
        places = {
            (r.code.plan.name, r.code.plan.version): (r, o)
            for r, o in zip(self.reporters, self.operators, strict=True)
        }
        left_out: list[str] = []
        current = None
        for record in records:
            if record[0] != "rule":
                if current is not None:
                    load_record(record, *current)
                continue
            current = places.get((record[1], record[2]))
            if current is None:
                left_out.append(record[1])
            else:
                load_rule(record, *current)
        self.forget_armed()
        return left_out

    def forget_armed(self) -> None:
        """Leave alone the rules whose expected keys were armed before a restart."""
        self._unarmed = [o for o in self._unarmed if not o.is_armed]

    def _restore_held(self, waiting: list[Any]) -> None:
        """Hold events back again; what stateless rules said of them was said before."""
        counts = [(r.matches, r.suppressed, dict(r.incomplete)) for r in self.reporters]
        records, self.outlet.records = self.outlet.records, []
        for source, partition, row in waiting:
            self.held.hold(self._waiting(row), (source, partition))
        self.outlet.records = records
        for reporter, before in zip(self.reporters, counts, strict=True):
            reporter.matches, reporter.suppressed, reporter.incomplete = before
