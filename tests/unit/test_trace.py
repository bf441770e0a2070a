"""Traces go on from the headers of events to those of what they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model import Trace, trace_headers, trace_of, trace_of_match

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", True)


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        (PARENT, TRACE),
        (PARENT[:-2] + b"00", Trace(TRACE.trace_id, TRACE.span_id, False)),
        # A flag that is not known says nothing about sampling.
        (PARENT[:-2] + b"fe", Trace(TRACE.trace_id, TRACE.span_id, False)),
        # A version that comes later may hold more.
        (b"cc" + PARENT[2:] + b"-what-the-future-will-be-like", TRACE),
        (PARENT + b"-more", None),
        (b"cc" + PARENT[2:] + b".what", None),
        (b"ff" + PARENT[2:], None),
        (PARENT.upper(), None),
        (PARENT[:-1], None),
        (PARENT + b"\n", None),
        (b"00-" + b"0" * 32 + PARENT[35:], None),
        (PARENT[:36] + b"0" * 16 + b"-01", None),
        (b"", None),
        (b"\xff\xfe", None),
        (None, None),
    ],
)
def test_reading(parent: bytes | None, expected: Trace | None) -> None:
    """What the recommendation calls valid is read; what is damaged is no trace."""
    assert trace_of([("id", b"e1"), ("traceparent", parent)]) == expected


def test_two_parents_are_none() -> None:
    """Nobody knows which one is meant."""
    assert trace_of([("traceparent", PARENT), ("traceparent", PARENT)]) is None
    assert trace_of([]) is None


def test_state_goes_along() -> None:
    """What vendors added is joined and handed on unchanged, unless it is too long."""
    headers = [("traceparent", PARENT), ("tracestate", b"a=1"), ("tracestate", b"b=2")]
    trace = trace_of(headers)
    assert trace is not None
    assert trace_headers(trace, "m1")[1:] == [("tracestate", b"a=1,b=2")]
    long = trace_of([("traceparent", PARENT), ("tracestate", b"a=" + b"x" * 511)])
    assert long == TRACE


@given(st.from_regex("[0-9a-f]{32}", fullmatch=True).filter(lambda t: int(t, 16)), st.text())
def test_what_is_written_is_read(trace_id: str, record_id: str) -> None:
    """The trace and its sampling stay, the span is a new one, and the same at each replay."""
    trace = Trace(trace_id, TRACE.span_id, True, b"a=1")
    headers = trace_headers(trace, record_id)
    read = trace_of(headers)
    assert read is not None and read.span_id != trace.span_id
    assert read == Trace(trace_id, read.span_id, True, b"a=1")
    assert headers == trace_headers(trace, record_id)


def test_without_a_trace_none_begins() -> None:
    """Events that are not traced lead to records that are not."""
    assert trace_headers(None, "m1") == []


def test_each_record_is_a_span() -> None:
    """Two matches of one event are two spans of its trace."""
    spans = {trace_headers(TRACE, record_id)[0][1] for record_id in ("m1", "m2")}
    assert len(spans) == 2


def test_a_match_continues_its_last_event() -> None:
    """Of the events of a match the last one decides; others may have no trace, or another."""
    other = Trace("f" * 32, "e" * 16, False)
    match = {"events": [{"id": "e1"}, {"id": "e2"}]}
    assert trace_of_match(match, {"e1": other, "e2": TRACE}) == TRACE
    assert trace_of_match(match, {"e1": other}) is None
    assert trace_of_match({"events": []}, {"e1": other}) is None
