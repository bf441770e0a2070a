"""Continue the trace of an event in what it leads to: W3C Trace Context, level 1.

https://www.w3.org/TR/trace-context-1/, sections 3.2 and 3.3; headers of Kafka instead of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sluice.model.identity import digest

PARENT, STATE = "traceparent", "tracestate"

#: Longer ones may be dropped (section 3.3.1.5).
STATE_BYTES_MAX = 512

Headers = list[tuple[str, bytes]]

_PARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.DOTALL,
)
_NO_SPAN = "0" * 16


class Trace(msgspec.Struct, frozen=True):
    """Where an event stands in a trace: the trace, the span that sent it, whether it is sampled.

    `trace_id` has 32 and `span_id` 16 lower-case hex digits; `state` is what vendors added.
    """

    trace_id: str
    span_id: str
    is_sampled: bool
    state: bytes = b""


def trace_of(headers: Sequence[tuple[str, bytes | None]]) -> Trace | None:
    """Read the trace from the headers of a record; None without one, or when it is damaged."""
    parents = [value for name, value in headers if name == PARENT]
    if len(parents) != 1 or parents[0] is None:
        return None
    found = _PARENT.fullmatch(parents[0])
    # Version 00 ends here; a later one may go on, and begins alike (section 4.1).
    if found is None or (found[1] == b"00" and found[5] is not None):
        return None
    states = b",".join(value for name, value in headers if name == STATE and value)
    return Trace(
        found[2].decode(), found[3].decode(), bool(int(found[4], 16) & 1),
        states if len(states) <= STATE_BYTES_MAX else b"",
    )  # fmt: skip


def trace_headers(trace: Trace | None, record_id: str) -> Headers:
    """Return the headers with which a record goes on in a trace, under a span of its own.

    The span is named after the id of the record, so that a replay writes the same bytes.
    """
    if trace is None:
        return []
    span = digest(["span", trace.trace_id, trace.span_id, record_id], 16)
    if span == _NO_SPAN:
        span = _NO_SPAN[:-1] + "1"
    parent = f"00-{trace.trace_id}-{span}-{int(trace.is_sampled):02x}"
    state = [(STATE, trace.state)] if trace.state else []
    return [(PARENT, parent.encode()), *state]


def trace_of_match(record: Mapping[str, Any], traces: Mapping[str, Trace]) -> Trace | None:
    """Return the trace that a match continues: that of its last event, by the ids of events."""
    events = record["events"]
    return traces.get(events[-1]["id"]) if events else None
