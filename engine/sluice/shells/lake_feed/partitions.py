"""One partition of a topic as a lake feed reads it: events that come in, or Sluice's own output.

A block is what shares a segment: offsets between two multiples of the lake's `segment_offsets`. A
group goes on at the start of the block that is open, so that whoever reads it again writes the
same segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from sluice.backends import BuildOptions, LineDecoder, build
from sluice.catalog import builtins
from sluice.codecs import Chunk, JsonCodec, decode_message, make_codec
from sluice.io import Mark, Message, Note, TopicPlace, note_number, read_note
from sluice.model import Event, Rejected, Row
from sluice.plan import Plan
from sluice.shells.lake.inputs import LakeInput, event_parts
from sluice.shells.lake.layout import stream_name
from sluice.shells.lake.streams import EventStream
from sluice.shells.lake_feed.outputs import ThereOf, output_blocks, read_output
from sluice.shells.lake_feed.records import Tools
from sluice.shells.lake_feed.request import FeedCounts, FeedTopic


class Partition(Protocol):
    """What a feed has open of a partition."""

    @property
    def next(self) -> int:
        """The offset behind what was taken."""
        ...

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages in the order of their offsets."""
        ...

    def flush(self) -> None:
        """Bring everything into segments."""
        ...

    def mark(self) -> Mark:
        """Return where whoever comes later goes on, when what was flushed is durable."""
        ...

    def close(self) -> None:
        """Drop what is open."""
        ...


class _Place:
    """How far a partition was read, and the start of the block that is open."""

    def __init__(self, size: int, low: int, note: Note) -> None:
        self._size = size
        self.start = self.next = low
        self.note = note

    def blocks(self, messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """Yield messages without those that were read before, cut where a block begins."""
        at = 0
        while at < len(messages) and messages[at].offset < self.next:
            at += 1
        while at < len(messages):
            limit = messages[at].offset // self._size * self._size + self._size
            end = at + 1
            while end < len(messages) and messages[end].offset < limit:
                end += 1
            yield messages[at:end]
            at = end

    def begins(self, offset: int) -> bool:
        """Say whether an offset is in another block than those before, which then is the open
        one."""
        first = offset // self._size * self._size
        if first <= self.start:
            return False
        self.start = first
        return True


class InputPartition:
    """Events of one partition of a topic."""

    def __init__(
        self, topic: FeedTopic, partition: int, mark: Mark, tools: Tools, there: ThereOf
    ) -> None:
        stream = stream_name("s", topic.name, partition)
        note = read_note(mark.note)
        self._topic, self._partition = topic.name, partition
        self._place = _Place(tools.lake.segment_offsets, mark.offset, note)
        self._codec = make_codec(topic.codec, topic.options)
        self._codec.restore(note.codec)
        self._stream = EventStream(
            stream, topic.name, "append", tools.lake.segment_offsets,
            (tools.staging, tools.writer), there(stream),
        )  # fmt: skip
        self._stream.reach(mark.offset, mark.offset)
        self._decoder: LineDecoder | None = None
        if isinstance(self._codec, JsonCodec):
            self._tap = LakeInput(_Now(), self._stream, is_json=True, is_known=False)
            no_rules = _NoRules()
            self._codec.read_only(no_rules.program.reads)
            self._decoder = LineDecoder(no_rules, self._codec, topic.options, topic.name, self._tap)

    @property
    def next(self) -> int:
        """The offset behind what was taken."""
        return self._place.next

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages in the order of their offsets."""
        place = self._place
        for block in place.blocks(messages):
            if place.begins(block[0].offset):
                place.note = Note(codec=dict(self._codec.state()))
            self._take_block(block)
            place.next = block[-1].offset + 1
            self._stream.reach(place.next, place.next)

    def flush(self) -> None:
        """Bring everything into segments."""
        self._stream.flush()

    def mark(self) -> Mark:
        """Return where whoever comes later goes on."""
        place = self._place
        return Mark(place.start, Note(place.next, codec=place.note.codec).text())

    def close(self) -> None:
        """Drop what is open."""
        self._stream.drop()

    def _take_block(self, messages: Sequence[Message]) -> None:
        for run, is_plain in _runs(messages) if self._decoder else ((messages, False),):
            if is_plain:
                self._take_lines(run)
                continue
            events = []
            for each in run:
                where = (self._topic, self._partition, each.offset)
                for event in decode_message(self._codec, each.value, each.headers, where):
                    if isinstance(event, Event):
                        events.append(event_parts(event, self._topic, each.offset))
            self._stream.add_events(events)

    def _take_lines(self, messages: Sequence[Message]) -> None:
        """Take messages that follow each other, each a line: the quick way."""
        assert self._decoder is not None
        data = b"\n".join([*(each.value or b"" for each in messages), b""])
        chunk = Chunk(data, messages[0].offset, len(messages))
        self._tap.begin(chunk)
        self._decoder.feed(chunk)
        self._tap.end(messages[-1].offset + 1)


class OutputPartition:
    """Records of one of Sluice's own topics; those of each producer are taken once."""

    def __init__(
        self, of: TopicPlace, table: str, mark: Mark, tools: Tools, there: ThereOf,
        counts: FeedCounts,
    ) -> None:  # fmt: skip
        self._counts = counts
        self._place = _Place(tools.lake.segment_offsets, mark.offset, read_note(mark.note))
        self._seen = dict(self._place.note.seen)
        self._blocks = output_blocks(of, table, mark.offset, tools, there)

    @property
    def next(self) -> int:
        """The offset behind what was taken."""
        return self._place.next

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages in the order of their offsets."""
        place = self._place
        for block in place.blocks(messages):
            if place.begins(block[0].offset):
                place.note = Note(seen=dict(self._seen))
            for each in block:
                self._take_one(each)
            place.next = block[-1].offset + 1
            self._blocks.reach(place.next)

    def flush(self) -> None:
        """Bring everything into segments."""
        self._blocks.flush()

    def mark(self) -> Mark:
        """Return where whoever comes later goes on."""
        place = self._place
        return Mark(place.start, Note(place.next, place.note.seen).text())

    def close(self) -> None:
        """Drop what is open."""
        self._blocks.close()

    def _take_one(self, message: Message) -> None:
        if not note_number(self._seen, message):
            self._counts.repeated += 1
            return
        output = read_output(message)
        if output is None or not self._blocks.add(message.offset, output):
            self._counts.strange += 1


class _NoRules:
    """Takes what was decoded for those who look at it on its way."""

    def __init__(self) -> None:
        self.program = build(Plan(), builtins(), BuildOptions(kinds=frozenset())).program

    def feed(self, events: Iterable[Event | Rejected], source: str | None = None) -> None:
        """Let events pass."""
        for _ in events:
            pass

    def feed_rows(self, rows: Sequence[Row], offset: int, source: str) -> None:
        """Let rows pass."""


class _Now:
    """Does what it is sent at once: a feed has a thread of its own already."""

    def send(self, act: Callable[..., None], *args: Any) -> None:
        """Do it."""
        act(*args)

    def check(self) -> None:
        """There is nothing to wait for."""


def _runs(messages: Sequence[Message]) -> Iterator[tuple[Sequence[Message], bool]]:
    """Cut messages into runs that are a JSON object on a line each, without gaps, and others."""
    start, before = 0, _is_line(messages[0])
    for at in range(1, len(messages)):
        is_line = _is_line(messages[at])
        if is_line != before or messages[at].offset != messages[at - 1].offset + 1:
            yield messages[start:at], before
            start, before = at, is_line
    yield messages[start:], before


def _is_line(message: Message) -> bool:
    value = message.value
    if value is None or value[:1] != b"{" or b"\n" in value:
        return False
    return not message.headers or all(name[:3] != "ce_" for name, _ in message.headers)
