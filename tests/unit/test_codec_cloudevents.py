"""CloudEvents in their structured JSON form, one by one and in batches."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluice.codecs import InputOptions, JsonCodec, decode_all, make_codec
from sluice.model import Event, Rejected

MINIMAL = {
    "specversion": "1.0", "type": "auth.login", "source": "/sso", "id": "1",
    "time": "1970-01-01T00:00:01Z",
}  # fmt: skip


def one(changes: dict[str, Any], options: InputOptions | None = None) -> Any:
    """Decode the minimal CloudEvent with changes; None takes an attribute away."""
    record = {name: v for name, v in {**MINIMAL, **changes}.items() if v is not None}
    return make_codec("json", options).decode(orjson.dumps(record), ("a", 0, 3))


def test_the_attributes_and_an_object_as_data() -> None:
    """The data's members are the fields; the id is the source and the id."""
    event = one({"subject": "b", "data": {"user": "bob"}, "datacontenttype": "application/json"})
    expected = Event("auth.login", 1_000, {"user": "bob"}, "/sso 1", "/sso", 0, 3, subject="b")
    assert event == expected


def test_extension_attributes_are_fields_and_the_data_wins() -> None:
    """`partitionkey` is the key as well (partitioning extension)."""
    event = one({"traceparent": "00-1", "user": "x", "partitionkey": "k", "data": {"user": "bob"}})
    assert event.fields == {"traceparent": "00-1", "user": "bob", "partitionkey": "k"}
    assert event.key == "k"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, {}),
        ({"data": "text"}, {"data": "text"}),
        ({"data": [1]}, {"data": [1]}),
        ({"data_base64": "eyJhIjoxfQ=="}, {"a": 1}),
        ({"data_base64": "eyJhIjoxfQ==", "datacontenttype": "application/x+json;v=1"}, {"a": 1}),
        ({"data_base64": "AAE=", "datacontenttype": "image/png"}, {"data_base64": "AAE="}),
    ],
)
def test_data_that_is_no_object_is_one_field(
    changes: dict[str, Any], fields: dict[str, Any]
) -> None:
    """`data`, or `data_base64` where the bytes are no JSON."""
    assert one(changes).fields == fields


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time": None}, "time"),
        ({"time": 0}, "time"),
        ({"time": "now"}, "time"),
        ({"type": None}, "type"),
        ({"type": ""}, "type"),
        ({"id": None}, "id"),
        ({"id": 1}, "id"),
        ({"source": None}, "id"),
        ({"subject": 1}, "schema"),
        ({"data_base64": "?"}, "syntax"),
        ({"data_base64": 1}, "syntax"),
        ({"data_base64": "e30=", "data": {}}, "syntax"),
        ({"data_base64": "/w=="}, "encoding"),
    ],
)
def test_what_is_missing_or_malformed_is_rejected(changes: dict[str, Any], reason: str) -> None:
    """Type, source, id and time are required; an absent time is rejected as `time`."""
    outcome = one(changes, InputOptions(type="default"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == reason


def test_strict_reading_goes_into_packed_data() -> None:
    """Repeated keys in `data_base64` are found too."""
    packed = {"data_base64": "eyJhIjoxLCJhIjoyfQ=="}
    assert one(packed).fields == {"a": 2}
    assert one(packed, InputOptions(strict=True)).reason == "duplicate_key"


def test_ids_of_different_sources_differ() -> None:
    """A source holds no space, so source and id cannot run into each other."""
    a, b = one({"source": "/a", "id": "bc"}), one({"source": "/ab", "id": "c"})
    assert (a.id, b.id) == ("/a bc", "/ab c")


def test_an_event_as_printed_is_read_as_it_was() -> None:
    """`specversion` beside `@type` is a field of the data."""
    record = b'{"@type":"t","@time":0,"specversion":"1.0","type":"x"}'
    event = JsonCodec().decode(record, ("a", 0, 1))
    assert isinstance(event, Event)
    assert (event.type, event.fields) == ("t", {"specversion": "1.0", "type": "x"})


def test_a_batch_is_a_list_of_events() -> None:
    """As one message, and as a whole file."""
    batch = orjson.dumps([MINIMAL, {**MINIMAL, "id": "2"}, {**MINIMAL, "id": 3}])
    message = JsonCodec().decode(batch, ("topic", 4, 99))
    assert isinstance(message, list)
    assert [getattr(o, "id", None) for o in message] == ["/sso 1", "/sso 2", None]
    assert {(o.partition, o.offset) for o in message} == {(4, 99)}
    file = list(decode_all(JsonCodec(), batch, "a"))
    assert [getattr(o, "id", None) for o in file] == ["/sso 1", "/sso 2", None]
    assert [o.offset for o in file] == [1, 2, 3]
