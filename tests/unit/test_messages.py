"""Events of messages of a broker, and what a group notes beside its offsets."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.codecs import Headers, InputOptions, decode_message, make_codec
from sluice.io import Note, SourceNote, read_note, read_source_note
from sluice.io.kafka.notes import NOTE_BYTES_MAX
from sluice.model import Event, Rejected, event_id

PLACE = ("orders", 3, 77)
TIME = "2024-05-01T00:00:00Z"
CLOUD: Headers = [
    ("ce_specversion", b"1.0"), ("ce_type", b"order.made"), ("ce_source", b"/shop"),
    ("ce_id", b"9"), ("ce_time", TIME.encode()), ("ce_subject", b"s"), ("ce_tenant", b"t"),
]  # fmt: skip


def decoded(value: bytes | None, headers: Headers = (), codec: str = "json") -> list[object]:
    """Decode a message: events as they are, of rejections the reason."""
    found = decode_message(make_codec(codec, InputOptions(type="plain")), value, headers, PLACE)
    return [each if isinstance(each, Event) else each.reason for each in found]


def one(value: bytes, headers: Headers = ()) -> Event:
    """Decode a message that holds one event."""
    [event] = decoded(value, headers)
    assert isinstance(event, Event)
    return event


def test_a_record_has_the_place_of_its_message() -> None:
    """Topic, partition and offset name the event where it brings no id."""
    event = one(b'{"ts": 5, "n": 1}')
    assert (event.source, event.partition, event.offset) == PLACE
    assert event_id(event) == "orders:3:77"


def test_the_binary_mode_is_the_structured_one() -> None:
    """Attributes in headers and data in the value are the event that one JSON text would be."""
    plain = {
        "specversion": "1.0", "type": "order.made", "source": "/shop", "id": "9", "time": TIME,
        "subject": "s", "tenant": "t", "data": {"n": 1},
    }  # fmt: skip
    assert one(b'{"n": 1}', CLOUD) == one(json.dumps(plain).encode())


@pytest.mark.parametrize(
    ("value", "kind", "fields"),
    [
        (b'{"n": 1}', b"application/json; charset=utf-8", {"n": 1}),
        (b'{"n": 1}', b"application/vnd.shop+json", {"n": 1}),
        (b"[1, 2]", b"application/json", {"data": [1, 2]}),
        ("grün".encode(), b"text/plain", {"data": "grün"}),
        (b"", b"application/json", {}),
    ],
)
def test_data_of_the_binary_mode(value: bytes, kind: bytes, fields: dict[str, object]) -> None:
    """JSON is fields, a text is `data`, nothing is nothing."""
    event = one(value, [*CLOUD, ("content-type", kind)])
    assert event.fields == {"tenant": "t", **fields}


def test_a_binary_cloudevent_that_lacks_something() -> None:
    """It is rejected as the structured one would be."""
    assert decoded(b"{}", [h for h in CLOUD if h[0] != "ce_time"]) == ["time"]
    assert decoded(b"{", CLOUD) == ["syntax"]
    assert decoded(b"\xff", [*CLOUD, ("content-type", b"image/png")]) == ["encoding"]


def test_headers_of_others_mean_nothing() -> None:
    """Only `ce_specversion` tells a CloudEvent; only the codec json reads them."""
    assert one(b'{"ts": 5}', [("traceparent", b"00-x"), ("ce_id", b"9")]).id is None
    assert decoded(b"a=1 time=2024-05-01T00:00:00Z", CLOUD, "logfmt") != []


def test_several_records_in_one_message() -> None:
    """Each has an identity; what is broken among them is rejected by itself."""
    found = decode_message(
        make_codec("json"), b'{"type":"a","ts":1}\n\n{"type":\n{"type":"b","ts":2,"@id":"x"}\n'
        b'{"type":"c","ts":3}', (), PLACE,
    )  # fmt: skip
    ids = [event_id(each) if isinstance(each, Event) else each.reason for each in found]
    assert ids == ["orders:3:77", "syntax", "x", "orders:3:77/4"]
    assert all((each.partition, each.offset) == PLACE[1:] for each in found)


def test_a_message_without_value_holds_nothing() -> None:
    """A tombstone of a compacted topic is no event, and no mistake."""
    assert decoded(None) == []
    assert decoded(b" ") == []


@given(st.binary(max_size=60), st.lists(st.tuples(st.just("ce_specversion"), st.binary())))
def test_nothing_raises(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    """Whatever the bytes: events and rejections of this place."""
    for each in decode_message(make_codec("json"), value, headers, PLACE):
        assert isinstance(each, Event | Rejected)
        assert (each.partition, each.offset) == PLACE[1:]


def test_a_note_is_read_as_it_was_written() -> None:
    """Short ones as JSON, that people can read."""
    note = Note(12, {"keyed/3": 5, "auth events/0": 0}, {"orders": ["type", "ts"]})
    assert read_note(note.text()) == note
    assert json.loads(note.text())["to"] == 12


def test_a_note_fits_the_broker() -> None:
    """A long one is packed; of what is too long even then the producers that spoke last stay."""
    packed = Note(1, {f"topic.{n}/{n}": n for n in range(250)})
    assert len(packed.text()) <= NOTE_BYTES_MAX
    assert read_note(packed.text()) == packed
    huge = Note(1, {zlib.crc32(b"%d" % n).__format__("08x"): n**5 for n in range(2_000)})
    kept = read_note(huge.text())
    assert len(huge.text()) <= NOTE_BYTES_MAX
    assert kept.to == 1 and 50 < len(kept.seen) < 2_000
    assert list(kept.seen) == list(huge.seen)[-len(kept.seen) :]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", "z:", "z:~~~~", "z:" + base64.b85encode(b"x").decode(), '{"to": "x"}',
     '{"seen": [1]}', '{"seen": {"a": "b"}, "codec": 5}'],
)  # fmt: skip
def test_a_note_of_another_is_an_empty_one(text: str) -> None:
    """Who commits to the group by hand does not stop the feed."""
    assert read_note(text) == Note()


def test_a_note_of_the_filter_stage_is_read_as_it_was_written() -> None:
    """With what decoding has learned where that fits the broker, else without."""
    for codec in ({}, {"columns": {"orders": ["type", "ts"]}}):
        note = SourceNote(-5, -9, codec)
        assert read_source_note(note.text()) == note and note.fits
    huge = SourceNote(5, 1, {zlib.crc32(b"%d" % n).__format__("08x"): n**5 for n in range(2_000)})
    assert len(huge.text()) <= NOTE_BYTES_MAX and not huge.fits
    assert read_source_note(huge.text()) == SourceNote(5, 1)
    assert read_source_note("1700 -5") == SourceNote(1700, -5)  # the first form
    for text in (
        "",
        "{",
        "5",
        "5 x",
        '{"seen": 5}',
        '{"seen": 5, "first": "x", "codec": []}',
        '{"to": 9}',
    ):
        assert read_source_note(text) == SourceNote()


def test_a_note_that_unpacks_to_much_is_damaged() -> None:
    """What somebody else packed may not fill the memory."""
    bomb = "z:" + base64.b85encode(zlib.compress(b" " * 50_000_000)).decode()
    assert read_note(bomb) == Note()
