"""What the stages decide, as records of output topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.backends import OUTPUT_TOPICS, TopicNames
from sluice.io import encode_record
from sluice.model import Rejected, Trace, trace_headers
from sluice.stream import Late, to_record


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record of an output topic; `headers` say which one it is, whenever it is sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def outgoing(
    names: TopicNames, origin: str, number: int, partition: int, decided: Any,
    trace: Trace | None = None,
) -> Outgoing:  # fmt: skip
    """Return what is sent of something decided.

    `origin` names the log that it was decided on, `number` only grows there and is the same each
    time: sinks leave out what they had.
    """
    record = to_record(decided)
    kind = record["kind"]
    headers = (
        ("sluice-seq", f"{origin} {number}".encode()), ("sluice-kind", kind.encode()),
        *trace_headers(trace, f"{origin} {number}"),
    )  # fmt: skip
    return Outgoing(
        names.of(OUTPUT_TOPICS[kind]), partition % names.partitions, _key(record, decided),
        encode_record(record).rstrip(b"\n"), headers,
    )  # fmt: skip


def _key(record: Mapping[str, Any], decided: Any) -> bytes:
    if isinstance(decided, Rejected):
        return f"{decided.source}:{decided.partition}:{decided.offset}".encode()
    if "rule" in record:
        return f"{record['rule']}|".encode() + encode_record(record["key"]).rstrip(b"\n")
    own = decided.id if isinstance(decided, Late) else record["event"].get("@id", "")
    return str(own).encode()
