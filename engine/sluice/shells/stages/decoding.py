"""Records of an input topic become events: many at once where that is the same as one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.backends import LineDecoder
from sluice.codecs import (
    LINE_BYTES_MAX,
    Chunk,
    InputOptions,
    JsonCodec,
    decode_message,
    make_codec,
)
from sluice.io import Message
from sluice.model import Trace, rejected, trace_of
from sluice.stream import Inlet, Place


@dataclass(frozen=True, slots=True)
class TopicInput:
    """How the records of a topic become events; `lateness_ms` is how late they may be."""

    codec: str
    options: InputOptions
    lateness_ms: int = 0


class Decoding:
    """What decodes the records of one source partition for an inlet."""

    def __init__(
        self, settings: TopicInput, place: Place, inlet: Inlet, learned: Mapping[str, Any]
    ) -> None:
        self._place, self.inlet = place, inlet
        self._options = settings.options
        self._codec = make_codec(settings.codec, settings.options)
        self._codec.restore(learned)
        #: How many bytes of records came, ever.
        self.bytes = 0
        self.use()

    @property
    def learned(self) -> Mapping[str, Any]:
        """What whoever goes on here has to know: columns, years, which fields are the time."""
        return self._codec.state()

    def use(self) -> None:
        """Decode for the rule set that the inlet has now."""
        self._lines: LineDecoder | None = None
        if isinstance(self._codec, JsonCodec):
            self._codec.read_only(self.inlet.program.reads)
            source, partition = self._place
            self._lines = LineDecoder(
                self.inlet, self._codec, self._options, source, partition=partition
            )

    def take(self, records: Sequence[Message]) -> None:
        """Decode records in order of offsets and feed the inlet."""
        values = [record.value for record in records if record.value is not None]
        self.inlet.raw_of = _Raw(records)
        has_headers = any(record.headers for record in records)
        self.inlet.traces = _traces(records) if has_headers else {}
        first = records[0].offset
        is_whole = records[-1].offset - first == len(values) - 1
        # An array, or what else is no object, may hold several events.
        if is_whole and not has_headers and all(value[:1] == b"{" for value in values):
            data = b"\n".join(values) + b"\n"
            is_small = len(data) <= LINE_BYTES_MAX
            if is_small and data.count(b"\n") == len(values) and self._lines is not None:
                self.bytes += len(data)
                self._lines.feed(Chunk(data, first, len(values)))
                return
        for record in records:
            self._take_one(record)

    def _take_one(self, record: Message) -> None:
        place, size = (*self._place, record.offset), len(record.value or b"")
        self.bytes += size
        if size > LINE_BYTES_MAX:
            message = f"the record is longer than {LINE_BYTES_MAX} bytes"
            self.inlet.reject(rejected(place, "size", message, record.value or b""))
            return
        self.inlet.feed(decode_message(self._codec, record.value, record.headers or (), place))


class _Raw:
    """Gives the bytes of a record of a batch."""

    def __init__(self, records: Sequence[Message]) -> None:
        self._records = records

    def __call__(self, offset: int) -> bytes:
        first = self._records[0].offset
        near = offset - first
        if near < len(self._records) and self._records[near].offset == offset:
            return self._records[near].value or b""
        return next((r.value or b"" for r in self._records if r.offset == offset), b"")


def _traces(records: Sequence[Message]) -> dict[int, Trace]:
    """Return what the headers of records say of traces, by offset."""
    found = {record.offset: trace_of(record.headers or ()) for record in records}
    return {offset: trace for offset, trace in found.items() if trace is not None}
