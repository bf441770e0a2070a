"""What Sluice's own topics carry, as the tables of the lake keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from sluice.codecs import JsonCodec, read_json
from sluice.io import Message, TopicPlace, encode_record
from sluice.model import Event
from sluice.shells.lake.inputs import event_parts
from sluice.shells.lake.layout import EVENTS, stream_name
from sluice.shells.lake.streams import EventStream
from sluice.shells.lake_feed.records import RecordBlocks, There, Tools

#: The kind of record that goes into each table as a row.
_KINDS = {
    "matches": "match", "notes": "note", "mitigations": "mitigation", "late": "late",
    "rejected": "rejected",
}  # fmt: skip

#: Gives where a stream has segments already.
ThereOf = Callable[[str], There]


class Output(NamedTuple):
    """A record of a topic: its kind, itself, and the key that it came with."""

    kind: str
    record: Mapping[str, Any]
    key: str | None


class Blocks(Protocol):
    """Where the records of a partition go."""

    def add(self, offset: int, output: Output) -> bool:
        """Take a record; False when it is none of these."""
        ...

    def reach(self, offset: int) -> None:
        """Learn that everything before an offset was seen."""
        ...

    def flush(self) -> None:
        """Bring everything into segments."""
        ...

    def close(self) -> None:
        """Drop what is open."""
        ...


def read_output(message: Message) -> Output | None:
    """Read a record of Sluice; None when it is something else."""
    record = None if message.value is None else read_json(message.value)
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    key = None if message.key is None else message.key.decode("utf-8", "replace")
    return Output(record["kind"], record, key)


def output_blocks(place: TopicPlace, table: str, low: int, tools: Tools, there: ThereOf) -> Blocks:
    """Return where the records of a partition go."""
    stream = stream_name("r", *place)
    if table != EVENTS:
        return _TableBlocks(RecordBlocks(table, stream, low, tools, there(stream)))
    return _EventBlocks(place, low, tools, there)


class _TableBlocks:
    """Records of one table."""

    def __init__(self, blocks: RecordBlocks) -> None:
        self._blocks = blocks
        self.flush, self.close = blocks.flush, blocks.close

    def add(self, offset: int, output: Output) -> bool:
        """Take a record; False when it is none of these."""
        table = self._blocks.table
        if output.kind == _KINDS[table]:
            record = _late(output) if table == "late" else output.record
            self._blocks.add(offset, encode_record(record))
            return True
        # The lake keeps matches, and not how long they lasted.
        return table == "matches" and output.kind == "clear"

    def reach(self, offset: int) -> None:
        """Learn that everything before an offset was seen."""


class _EventBlocks:
    """Events that rules have emitted, and that were extracted from others."""

    def __init__(self, place: TopicPlace, low: int, tools: Tools, there: ThereOf) -> None:
        self._place = ("", place[1])
        self._codec = JsonCodec()
        self._streams: dict[str, EventStream] = {}
        for kind, letter in (("event", "r"), ("extracted", "x")):
            stream = stream_name(letter, *place)
            self._streams[kind] = EventStream(
                stream, "", "append", tools.lake.segment_offsets, (tools.staging, tools.writer),
                there(stream),
            )  # fmt: skip
        self.reach(low)

    def add(self, offset: int, output: Output) -> bool:
        """Take a record; False when it is none of these."""
        stream = self._streams.get(output.kind)
        event = output.record.get("event")
        if stream is None or not isinstance(event, dict):
            return False
        made = self._codec.decode(encode_record(event), (*self._place, offset))
        if not isinstance(made, Event):
            return False
        stream.add_events([event_parts(made, "", offset)])
        return True

    def reach(self, offset: int) -> None:
        """Learn that everything before an offset was seen."""
        for stream in self._streams.values():
            stream.reach(offset, offset)

    def flush(self) -> None:
        """Bring everything into segments."""
        for stream in self._streams.values():
            stream.flush()

    def close(self) -> None:
        """Drop what is open."""
        for stream in self._streams.values():
            stream.drop()


def _late(output: Output) -> dict[str, Any]:
    """Return the row of a late event: it is named, for the table of events has it."""
    event = output.record.get("event")
    if not isinstance(event, dict):
        event = {}
    return {
        "event": event.get("@id") or output.key, "type": event.get("@type"),
        "time": event.get("@time"), "source": event.get("@source"),
        "watermark": output.record.get("watermark"),
    }  # fmt: skip
