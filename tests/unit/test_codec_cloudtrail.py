"""Events from CloudTrail: lines, arrays and whole files with `Records`; and a real theft.

The real records are those of a data theft over S3 (OTRF Security-Datasets). They are no part of
this repository: put the file beside it in `../shared/data/cloudtrail/`, or name it in
`SLUICE_CLOUDTRAIL_LOG`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sluice.codecs import InputOptions, decode_all, make_chunker, make_codec
from sluice.model import Event, Rejected
from sluice.timing import format_instant

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "cloudtrail"
LOG = Path(
    os.environ.get(
        "SLUICE_CLOUDTRAIL_LOG", BESIDE / "ec2_proxy_s3_exfiltration_2020-09-14011940.json"
    )
)
needs_log = pytest.mark.skipif(
    not LOG.exists(),
    reason=f"NOT TESTED on real input: {LOG} is not there; SLUICE_CLOUDTRAIL_LOG names another",
)


def record(name: str = "CreateUser", **fields: Any) -> dict[str, Any]:
    """A record with the fields that every one has."""
    return {
        "eventSource": "iam.amazonaws.com", "eventName": name, "eventID": f"id-{name}",
        "eventTime": "2026-03-09T07:20:00Z", "userIdentity": {"arn": "arn:aws:iam::1:user/bob"},
        **fields,
    }  # fmt: skip


def read(text: Any, options: InputOptions | None = None) -> list[Any]:
    """Return number and type of each event, number and reason of each rejection."""
    data = text if isinstance(text, bytes) else json.dumps(text).encode()
    return [
        (o.offset, o.type if isinstance(o, Event) else o.reason)
        for o in decode_all(make_codec("cloudtrail", options), data, "a.json")
    ]


def test_a_record() -> None:
    """Type from service and name, time and id from the record, fields as they are."""
    (event,) = decode_all(make_codec("cloudtrail"), json.dumps(record()).encode(), "a.json")
    assert event == Event(
        "cloudtrail.iam.CreateUser", 1_773_040_800_000, record(), "id-CreateUser", "a.json", 0, 1
    )


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("s3.amazonaws.com", "GetObject", "cloudtrail.s3.GetObject"),
        ("compute-optimizer.amazonaws.com", "GetX", "cloudtrail.compute_optimizer.GetX"),
        ("signin.amazonaws.com", "ConsoleLogin", "cloudtrail.signin.ConsoleLogin"),
        ("EC2", "REST.GET.OBJECT", "cloudtrail.ec2.REST_GET_OBJECT"),
        ("s3.amazonaws.com", "7", "cloudtrail.s3._7"),
    ],
)
def test_the_type_is_service_and_name(source: str, name: str, expected: str) -> None:
    """So that `cloudtrail.iam.*` is a step."""
    assert read(record(name, eventSource=source)) == [(1, expected)]


def test_a_whole_file_is_an_object_with_records() -> None:
    """On one line or many, also several such objects one behind the other; records are counted."""
    one, two = record("A"), record("B")
    expected = [(1, "cloudtrail.iam.A"), (2, "cloudtrail.iam.B")]
    assert read({"Records": [one, two]}) == expected
    assert read(json.dumps({"Records": [one, two]}, indent=2).encode()) == expected
    both = json.dumps({"Records": [one]}) + json.dumps({"Records": []}) + "\n"
    assert read((both + json.dumps({"Records": [two]})).encode()) == expected
    assert read(b"\xef\xbb\xbf" + json.dumps({"Records": [one, two]}).encode()) == expected
    assert read({"Records": []}) == []


def test_lines_and_arrays() -> None:
    """A line may hold `Records` as well; its events share the line's number."""
    lines = "\n".join(json.dumps(each) for each in (record("A"), {"Records": [record("B"), 5]}))
    assert read(lines.encode()) == [
        (1, "cloudtrail.iam.A"), (2, "cloudtrail.iam.B"), (2, "syntax"),
    ]  # fmt: skip
    assert read([record("A"), record("B")]) == [(1, "cloudtrail.iam.A"), (2, "cloudtrail.iam.B")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"Records":[RECORD,{"eventSource":"x', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD,', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD]', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD]}x', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD]}{"Other":[]}', [(1, "cloudtrail.iam.A"), (2, "syntax")]),
        (b'{"Records":[RECORD,,RECORD]}',
         [(1, "cloudtrail.iam.A"), (2, "syntax"), (3, "cloudtrail.iam.A")]),
        (b'{"Records":[5,RECORD]}', [(1, "syntax"), (2, "cloudtrail.iam.A")]),
        (b'{"Records":', [(1, "syntax")]),
        (b'{"Records":5}', [(1, "type")]),
        (b'{"Record', [(1, "syntax")]),
    ],
)  # fmt: skip
def test_a_cut_file_gives_what_is_whole(text: bytes, expected: list[Any]) -> None:
    """And one rejection that says what is missing."""
    assert read(text.replace(b"RECORD", json.dumps(record("A")).encode())) == expected


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"eventName": None}, "type", "not a record of CloudTrail: eventName is no text"),
        ({"eventSource": 5}, "type", "not a record of CloudTrail: eventSource is no text"),
        ({"eventTime": "soon"}, "time", "eventTime is no RFC 3339 time"),
        ({"eventTime": None}, "time", "no time: there is none of eventTime, @timestamp"),
    ],
)
def test_what_is_refused_says_why(fields: dict[str, Any], reason: str, message: str) -> None:
    """A record of something else, or without a time."""
    line = json.dumps(record(**fields)).encode()
    refused = make_codec("cloudtrail").decode(line, ("a", 0, 1))
    assert isinstance(refused, Rejected)
    assert refused.reason == reason
    assert message in refused.message


def test_how_a_file_begins_is_awaited() -> None:
    """A pipe may give a byte at a time: what `{` begins cannot be told."""
    framing = make_codec("cloudtrail").framing
    heads = (b"", b" {", b'{ "Rec', b'{"Records" : [', b"[", b'{"a"')
    expected = [None, None, None, "records", "array", "lines"]
    assert [framing(head) for head in heads] == expected
    text = json.dumps({"Records": [record("A"), record("B")]}).encode()
    chunker = make_chunker("records", "a")
    cuts = [cut for a, b in pairwise(range(len(text) + 1)) for cut in chunker.feed(text[a:b])]
    assert [cut.line for cut in [*cuts, *chunker.finish()]] == [2, 3]


def test_options_of_the_input_count() -> None:
    """The time of receipt instead, another id; a type for what brings none."""
    given = record(at="2026-03-09T08:00:00Z", requestID="r1")
    codec = make_codec("cloudtrail", InputOptions(time_field="at", id_field="requestID"))
    event = codec.decode(json.dumps(given).encode(), ("a", 0, 1))
    assert isinstance(event, Event)
    assert (format_instant(event.time), event.id) == ("2026-03-09T08:00:00.000Z", "r1")
    assert read({**record(), "eventName": None}, InputOptions(type="odd")) == [(1, "odd")]


@needs_log
def test_real_records_are_read_whole() -> None:
    """103 records, none refused; types, ids and fields as a plain reading finds them."""
    text = LOG.read_bytes()
    outcomes = list(decode_all(make_codec("cloudtrail"), text, "c"))
    plain = [json.loads(line) for line in text.splitlines()]
    assert [getattr(o, "id", None) for o in outcomes] == [r["eventID"] for r in plain]
    assert [o.fields for o in outcomes if isinstance(o, Event)] == plain
    types = Counter(o.type for o in outcomes if isinstance(o, Event))
    assert (types["cloudtrail.sts.AssumeRole"], types["cloudtrail.s3.GetObject"]) == (5, 2)
    whole = json.dumps({"Records": plain}).encode()
    again = list(decode_all(make_codec("cloudtrail"), whole, "c"))
    assert again == outcomes
