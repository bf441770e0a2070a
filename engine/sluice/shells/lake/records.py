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
MATCHES = "matches"

#: What a pipeline decides.
Decision = Decided | Rejected | Notice
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

    def record(
        self, table: str, lines: Sequence[bytes], evidence: Sequence[tuple[int, list[bytes]]]
    ) -> None:
        """Take records of a table, and by their numbers the evidence that they do not list."""
        ...


class Kept:
    """Takes what a pipeline decides; `numbers` say how many there are of each table."""

    def __init__(self, target: Target, numbers: dict[str, int]) -> None:
        self._target, self.numbers = target, numbers
        self._extracted: dict[str, list[Parts]] = {}

    def without_extracted(self, decided: Sequence[Decision]) -> list[Decision]:
        """Gather extracted events until something is taken, and return what else was decided."""
        others: list[Decision] = []
        for each in decided:
            if isinstance(each, Extracted):
                event = each.event
                parts = event_parts(event, event.source, event.offset)
                self._extracted.setdefault(event.source, []).append(parts)
            else:
                others.append(each)
        return others

    def take(
        self, decided: Sequence[Decision], made: Sequence[Mapping[str, Any]], lines: Sequence[bytes]
    ) -> None:
        """Take what was decided, with the record of each and its line."""
        emitted: list[Parts] = []
        lines_of: dict[str, list[bytes]] = {}
        evidence: list[tuple[int, list[bytes]]] = []
        for each, record, line in zip(decided, made, lines, strict=True):
            table = TABLE_OF.get(record["kind"])
            if isinstance(each, Event):
                emitted.append(event_parts(each, "", self._number(EVENTS)))
            elif table is not None:
                added = lines_of.setdefault(table, [])
                if isinstance(each, Match) and table == MATCHES and each.evidence is not None:
                    number = self.numbers.get(MATCHES, 0) + len(added)
                    evidence.append((number, _evidence(each, record["time"], number)))
                added.append(_late_line(each, record) if isinstance(each, Late) else line)
        for source, events in self._extracted.items():
            self._target.extracted(source, events)
        self._extracted = {}
        if emitted:
            self._target.emitted(emitted)
        for table, added in lines_of.items():
            self.numbers[table] = self.numbers.get(table, 0) + len(added)
            self._target.record(table, added, evidence if table == MATCHES else ())

    def _number(self, table: str) -> int:
        number = self.numbers.get(table, 0)
        self.numbers[table] = number + 1
        return number


def _evidence(match: Match, decided: str, number: int) -> list[bytes]:
    """Return the lines of the evidence of a match that does not list all of it."""
    own = {"match": match.id, "rule": match.rule, "decided": decided, "n": number}
    return [
        encode_record({**ref.record(), **own, "event": ref.id, "number": place})
        for place, ref in enumerate(match.evidence or ())
    ]


def _late_line(late: Late, record: Mapping[str, Any]) -> bytes:
    """Return the line of a late event: it is named, for the table of events has it."""
    event = late.event
    return encode_record({
        "event": late.id, "type": event["@type"], "time": event["@time"],
        "source": event.get("@source"), "watermark": record["watermark"],
    })  # fmt: skip


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
        held = Records(staging, "parsed_runs", structure("runs"))
        held.add([encode_record(fields)])
        held.load()
        own = stream_name("r", self.id)
        folder = day_folder("runs", format_instant(self.started)[:10])
        writer.overwrite(folder, segment_name(own, 0), record_rows("runs", own, held.table))
