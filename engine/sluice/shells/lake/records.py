"""What a run decides, as the lake keeps it: records, events that rules make, the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sluice.io import encode_record
from sluice.model import Event, Match, Rejected
from sluice.shells.lake.inputs import event_parts
from sluice.shells.lake.layout import EVENTS, day_folder, segment_name, stream_name
from sluice.shells.lake.segments import Writer
from sluice.shells.lake.staging import Records, Staging
from sluice.shells.lake.tables import record_rows, structure
from sluice.stream import Extracted, Late, Notice
from sluice.stream import Record as Decided
from sluice.timing import format_instant

#: The table of each kind of record that is kept.
TABLE_OF = {
    "match": "matches", "note": "notes", "mitigation": "mitigations", "late": "late",
    "rejected": "rejected",
}  # fmt: skip
RECORD_TABLES = tuple(TABLE_OF.values())

#: Of an event: its attributes, and its fields as a line of JSON.
Parts = tuple[dict[str, Any], bytes]

#: What a pipeline is asked for so that all tables can be filled.
KEPT_KINDS = frozenset({*TABLE_OF, "event", "extracted", "evidence"})


class Target(Protocol):
    """Where what is kept goes."""

    def extracted(self, source: str, events: Sequence[Parts]) -> None:
        """Take events that were extracted from those of a source."""
        ...

    def emitted(self, events: Sequence[Parts]) -> None:
        """Take events that rules have made."""
        ...

    def record(self, table: str, records: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Take records of a table, each with the evidence that it does not list itself."""
        ...


class Kept:
    """Takes what a pipeline decides; `numbers` say how many there are of each table."""

    def __init__(self, target: Target, numbers: dict[str, int]) -> None:
        self._target, self.numbers = target, numbers

    def take(
        self, decided: Sequence[Decided | Rejected | Notice], made: Sequence[Mapping[str, Any]]
    ) -> None:
        """Take what was decided, with the record of each."""
        extracted: dict[str, list[Parts]] = {}
        emitted: list[Parts] = []
        records: dict[str, list[tuple[bytes, Sequence[bytes]]]] = {}
        for each, record in zip(decided, made, strict=True):
            if isinstance(each, Extracted):
                event = each.event
                parts = event_parts(event, event.source, event.offset)
                extracted.setdefault(event.source, []).append(parts)
            elif isinstance(each, Event):
                emitted.append(event_parts(each, "", self._number(EVENTS)))
            elif record["kind"] in TABLE_OF:
                table = TABLE_OF[record["kind"]]
                number = self._number(table)
                records.setdefault(table, []).append(_lines(each, record, number))
        for source, events in extracted.items():
            self._target.extracted(source, events)
        if emitted:
            self._target.emitted(emitted)
        for table, lines in records.items():
            self._target.record(table, lines)

    def _number(self, table: str) -> int:
        number = self.numbers.get(table, 0)
        self.numbers[table] = number + 1
        return number


def _lines(each: Any, record: Mapping[str, Any], number: int) -> tuple[bytes, Sequence[bytes]]:
    """Return the line of a record, and those of the evidence that it does not list itself."""
    evidence: list[bytes] = []
    if isinstance(each, Match) and each.evidence is not None:
        own = {"match": each.id, "rule": each.rule, "decided": record["time"], "n": number}
        evidence = [
            encode_record({**ref.record(), **own, "event": ref.id, "number": place})
            for place, ref in enumerate(each.evidence)
        ]
    elif isinstance(each, Late):
        event = each.event
        record = {
            "event": each.id, "type": event["@type"], "time": event["@time"],
            "source": event.get("@source"), "watermark": record["watermark"],
        }  # fmt: skip
    return encode_record(record), evidence


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of the table `runs`; `how` is `running`, `done`, `stopped` or `failed`.

    A run that was killed stays `running`. `started` and `ended` are times of the wall clock in
    milliseconds.
    """

    id: str
    started: int
    ended: int | None
    how: str
    version: str
    rules: Mapping[str, str]
    inputs: Sequence[str]
    resumed_events: int
    events: int
    matches: int
    late: int
    rejected: int
    stream: str

    def put(self, staging: Staging, writer: Writer) -> None:
        """Write the row."""
        fields = asdict(self)
        for name in ("started", "ended"):
            fields[name] = None if fields[name] is None else format_instant(fields[name])
        held = Records(0)
        held.lines = [encode_record(fields)]
        held.load(staging, "parsed", structure("runs"))
        own = stream_name("r", self.id)
        folder = day_folder("runs", format_instant(self.started)[:10])
        writer.overwrite(folder, segment_name(own, 0), record_rows("runs", own))
