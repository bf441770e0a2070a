"""Events from JSON: attributes, plain fields, times, ids, and what is refused with which word."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluice.codecs import (
    DEPTH_MAX,
    Codec,
    InputOptions,
    JsonCodec,
    Settled,
    decode_all,
    make_codec,
)
from sluice.model import Event, Rejected, event_id

STRICT = InputOptions(strict=True)


def one(line: bytes | dict[str, Any], options: InputOptions | None = None) -> Any:
    """Decode one line as line 7 of `a.jsonl`."""
    text = orjson.dumps(line) if isinstance(line, dict) else line
    return make_codec("json", options).decode(text, ("a.jsonl", 0, 7))


def reason(outcome: Any) -> tuple[str, str]:
    """Return reason and message of a rejection."""
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason, outcome.message


def test_attributes_are_the_keys_with_at_and_all_others_are_fields() -> None:
    """The seven attribute keys leave the fields; other keys with `@` are fields."""
    event = one({
        "@type": "auth.login", "@time": "1970-01-01T00:00:01.5Z", "@id": "e1", "@source": "s",
        "@subject": "b", "@zone": "z", "@key": "k", "@rule": "r", "type": 1, "user": None,
    })  # fmt: skip
    fields = {"@rule": "r", "type": 1, "user": None}
    assert event == Event(
        "auth.login", 1_500, fields, "e1", "s", 0, 7, subject="b", zone="z", key="k"
    )


def test_a_null_attribute_is_absent() -> None:
    """An absent value is written as null, so null is read as absent."""
    record = {"@type": "t", "@time": 0, "@id": None, "@source": None, "@key": None}
    assert one(record) == Event("t", 0, {}, source="a.jsonl", offset=7)
    assert reason(one({"@type": None, "@time": 0}))[0] == "type"
    assert one({"@type": "t", "@time": None, "ts": 3}).time == 3


def test_without_an_id_the_place_is_the_id() -> None:
    """A business id is not taken."""
    assert event_id(one({"@type": "t", "@time": 0, "id": 9})) == "a.jsonl:0:7"


@pytest.mark.parametrize("name", ["type", "event_type"])
@pytest.mark.parametrize("time", ["timestamp", "@timestamp", "time", "ts"])
def test_plain_fields_give_type_and_time_and_stay_fields(name: str, time: str) -> None:
    """What was taken from a plain field stays one."""
    event = one({name: "t", time: 5})
    assert (event.type, event.time, event.fields) == ("t", 5, {name: "t", time: 5})


def test_the_first_plain_field_that_is_there_counts() -> None:
    """`type` before `event_type`; `timestamp` before `@timestamp`, `time`, `ts`."""
    event = one({"ts": 4, "time": 3, "@timestamp": 2, "timestamp": 1, "event_type": "b"})
    assert (event.type, event.time) == ("b", 1)


def test_a_source_stays_with_the_choice_of_its_first_event() -> None:
    """Another choice later is rejected and says which was settled; other sources are free."""
    codec = JsonCodec()
    a, b = ("a", 0, 1), ("b", 0, 1)
    assert codec.settled("a") is None
    assert isinstance(codec.decode(b'{"type":"t","time":1}', a), Event)
    assert codec.settled("a") == Settled("type", "time")
    word, message = reason(codec.decode(b'{"type":"t","time":1,"timestamp":2}', a))
    assert word == "time"
    assert "'time'" in message and "'timestamp'" in message and "--time-field" in message
    word, message = reason(codec.decode(b'{"event_type":"t","time":1}', a))
    assert word == "type"
    assert "'type'" in message and "'event_type'" in message
    assert isinstance(codec.decode(b'{"event_type":"t","ts":1}', b), Event)
    assert codec.settled("b") == Settled("event_type", "ts")


def test_what_was_rejected_or_attributed_settles_nothing() -> None:
    """Only plain fields of an accepted event settle a choice."""
    codec = JsonCodec()
    codec.decode(b'{"type":"t","time":"yesterday"}', ("a", 0, 1))
    assert codec.settled("a") is None
    codec.decode(b'{"@type":"t","@time":0}', ("a", 0, 2))
    assert codec.settled("a") == Settled()
    assert isinstance(codec.decode(b'{"event_type":"t","ts":1}', ("a", 0, 3)), Event)
    assert codec.settled("a") == Settled("event_type", "ts")


def test_what_is_settled_outlives_a_restart() -> None:
    """`state` and `restore` carry the choices over."""
    before, after = JsonCodec(), JsonCodec()
    before.decode(b'{"type":"t","time":1}', ("a", 0, 1))
    after.restore(orjson.loads(orjson.dumps(before.state())))
    assert after.settled("a") == Settled("type", "time")


def test_named_fields_replace_the_search() -> None:
    """`--type-field --time-field --id-field`, by key or dotted path."""
    options = InputOptions("event.action", "event.at", "event.id")
    nested = {"event": {"action": "t", "at": 5, "id": 12}, "type": "x", "time": 9}
    event = one(nested, options)
    assert (event.type, event.time, event.id) == ("t", 5, "12")
    flat = {"event.action": "u", "event.at": 6, "event.id": "i"}
    event = one(flat, options)
    assert (event.type, event.time, event.id) == ("u", 6, "i")
    assert reason(one({"type": "x", "time": 9}, options))[0] == "type"
    assert one({"event": {"action": "t", "at": 5}}, options).id is None
    assert one({"@type": "a", "@time": 1, "@id": "b", **nested}, options).id == "b"


def test_a_default_type_is_for_events_that_bring_none() -> None:
    """`--type NAME` stands in, and settles nothing."""
    codec = make_codec("json", InputOptions(type="d"))
    assert codec.decode(b'{"ts":1}', ("a", 0, 1)).type == "d"  # type: ignore[union-attr]
    assert codec.decode(b'{"type":"t","ts":1}', ("a", 0, 2)).type == "t"  # type: ignore[union-attr]
    assert reason(one({"ts": 1})) == (
        "type", "no type: there is no @type or type or event_type, and no --type NAME is given",
    )  # fmt: skip


@pytest.mark.parametrize("value", [1, "", True, ["t"], {}])
def test_a_type_is_a_text(value: Any) -> None:
    """Anything else is rejected as `type`, also where a default stands by."""
    assert reason(one({"@type": value, "@time": 0}, InputOptions(type="d")))[0] == "type"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1970-01-01T00:00:00.0019Z", "ms", 1),
        ("1970-01-01T00:00:00Z", "ns", 0),
        ("1970-01-01T01:00:00.25+01:00", "ms", 250),
        ("1969-12-31T23:59:59.9999Z", "ms", -1),
        ("2016-12-31T23:59:60.5Z", "ms", 1_483_228_800_000),
        ("1970-01-01T00:00:00", "ms", None),
        ("1970-01-01T00:00:00.Z", "ms", None),
        ("1970-01-01T00:00:00.٣Z", "ms", None),
        ("1970-13-01T00:00:00Z", "ms", None),
        ("0", "ms", None),
        ("", "ms", None),
        ("Z", "ms", None),
        (1_600_000_000, "s", 1_600_000_000_000),
        (-1, "ms", -1),
        (1_999, "us", 1),
        (-1, "us", -1),
        (1_999_999, "ns", 1),
        (253_402_300_799_999, "ms", 253_402_300_799_999),
        (253_402_300_800_000, "ms", None),
        (253_402_300_800, "s", None),
        (-62_135_596_800_001, "ms", None),
        (10**30, "ns", None),
        (1.0, "ms", None),
        (True, "ms", None),
        ([1], "ms", None),
    ],
)
def test_a_time_is_rfc_3339_or_an_integer(value: Any, unit: Any, expected: int | None) -> None:
    """Finer times are rounded down; what is outside 0001 to 9999 or no time is rejected."""
    text = b'{"@type":"t","@time":%s}' % (
        str(value).encode() if type(value) is int else orjson.dumps(value)
    )
    outcome = one(text, InputOptions(time_unit=unit))
    if expected is None:
        assert reason(outcome)[0] == "time"
    else:
        assert outcome.time == expected


def test_no_time_no_event() -> None:
    """The message names what was looked for."""
    word, message = reason(one({"@type": "t"}))
    assert word == "time"
    assert "@time, timestamp, @timestamp, time, ts" in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("e", "e"),
        (7, "7"),
        (10**25, str(10**25)),
        ("", None),
        (True, None),
        (1.5, None),
        ({}, None),
    ],
)
def test_an_id_is_a_text_or_an_integer(value: Any, expected: str | None) -> None:
    """An integer becomes a text; anything else is rejected as `id`."""
    text = str(value).encode() if type(value) is int else orjson.dumps(value)
    outcome = one(b'{"@type":"t","@time":0,"@id":%s}' % text)
    if expected is None:
        assert reason(outcome)[0] == "id"
    else:
        assert outcome.id == expected


@pytest.mark.parametrize("name", ["@source", "@subject", "@zone", "@key"])
def test_other_attributes_are_texts(name: str) -> None:
    """A number there is rejected as `schema`."""
    assert reason(one({"@type": "t", "@time": 0, name: 1})) == ("schema", f"{name} must be a text")


@pytest.mark.parametrize(
    "number", [2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**4_000]
)
def test_integers_are_exact_whatever_their_size(number: int) -> None:
    """Beyond 64 bits they are kept, but strict reading rejects them as `schema`."""
    text = b'{"@type":"t","@time":0,"n":[%s]}' % str(number).encode()
    assert one(text).fields == {"n": [number]}
    outcome = one(text, STRICT)
    if -(2**63) <= number < 2**63:
        assert outcome.fields == {"n": [number]}
    else:
        assert reason(outcome)[0] == "schema"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"NaN", "syntax"), (b"Infinity", "syntax"), (b"-Infinity", "syntax"), (b"01", "syntax"),
        (b"'x'", "syntax"), (b'"a\x01"', "syntax"), (b'"\\x"', "syntax"), (b'"\\ud8"', "syntax"),
        (b"[1,]", "syntax"), (b"1 2", "syntax"), (b"", "syntax"), (b"nul", "syntax"),
        (b"1e999", "schema"), (b"1" * 5_000, "schema"),
        (b'"\xff"', "encoding"), (b'"\xed\xa0\x80"', "encoding"), (b'"\xc3', "encoding"),
        (b"[" * 100_000, "syntax"), (b'{"a":' * 100_000, "syntax"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_rejected(value: bytes, expected: str) -> None:
    """Grammar is `syntax`, bytes are `encoding`, numbers that no reader holds are `schema`."""
    line = b'{"@type":"t","@time":0,"f":' + value + b"}"
    for options in (InputOptions(), STRICT):
        outcome = one(line, options)
        assert reason(outcome)[0] == expected
        assert len(outcome.data) <= 4_096


def test_nesting_has_a_limit_that_does_not_depend_on_the_stack() -> None:
    """As deep as `DEPTH_MAX` is fine, one more is rejected; many brackets side by side are fine."""
    for opening, closing in ((b"[", b"]"), (b'{"a":[', b"]}")):
        levels = DEPTH_MAX - 1 if opening == b"[" else (DEPTH_MAX - 1) // 2
        deep = opening * levels + closing * levels
        assert isinstance(one(b'{"@type":"t","@time":0,"f":' + deep + b"}"), Event)
        deep = opening * (levels + 1) + closing * (levels + 1)
        assert reason(one(b'{"@type":"t","@time":0,"f":' + deep + b"}"))[0] == "syntax"
    wide = b"[" + b",".join([b"[]"] * 5_000) + b"]"
    assert isinstance(one(b'{"@type":"t","@time":0,"f":' + wide + b"}"), Event)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb"\ud800", "�"), (rb"a\udfffb", "a�b"), (rb"\ud83d\u0041", "�A"),
        (rb"\ud83d\ude00", "😀"), (rb"\ud83d\ud83d\ude00", "�😀"), (rb"\\ud800", r"\ud800"),
        (rb"\\\ud800", "\\�"), (rb"\uDBFF", "�"), (rb"\udc00\ud800", "��"),
    ],
)  # fmt: skip
def test_a_lone_surrogate_becomes_the_replacement_character(text: bytes, expected: str) -> None:
    """RFC 8259 section 8.2 lets them in; in keys and in values, pairs are left alone."""
    event = one(b'{"@type":"t","@time":0,"f":"%s","%s":1}' % (text, text))
    assert event.fields == {"f": expected, expected: 1}


def test_of_repeated_keys_the_last_counts_unless_strict() -> None:
    """Strict reading finds them at any depth, however they are spelled."""
    text = rb'{"@type":"t","@time":0,"o":{"a":1,"\u0061":2}}'
    assert one(text).fields == {"o": {"a": 2}}
    assert reason(one(text, STRICT)) == ("duplicate_key", 'key "a" comes twice')
    assert isinstance(one(b'{"@type":"t","@time":0,"o":{"a":1},"a":2}', STRICT), Event)


@pytest.mark.parametrize("line", [b"1", b'"x"', b"null", b"[]", b'[{"@type":"t","@time":0}]'])
def test_a_record_is_an_object(line: bytes) -> None:
    """Anything else is rejected and says so."""
    word, message = reason(one(line))
    assert word == "syntax"
    assert message.startswith("a record is a JSON object, this is ")


@pytest.mark.parametrize("line", [b"", b" ", b"\t\r", b"\r"])
def test_a_blank_line_is_nothing(line: bytes) -> None:
    """Neither an event nor a rejection."""
    assert one(line) is None


def test_an_indented_record_is_explained() -> None:
    """The most likely reason for a lone brace is named."""
    assert "an indented one must be an element of an array" in reason(one(b"{"))[1]


def test_only_what_is_read_is_checked() -> None:
    """A value beyond reading is repaired where nobody reads it; the grammar must be right."""
    codec, place = JsonCodec(), ("a", 0, 1)
    text = b'{"@type":"t","@time":0,"u":"\xff\\ud800","x":1e999,"n":%s,"d":%s}'
    text %= b"1" * 5_000, b"[" * 300 + b"]" * 300
    assert reason(codec.decode(text, place))[0] == "encoding"
    codec.read_only(lambda type_: frozenset({"x"} if type_ == "s" else {"y"}))
    event = codec.decode(text, place)
    assert isinstance(event, Event)
    assert {k: event.fields[k] for k in "uxn"} == {"u": "\ufffd\ufffd", "x": None, "n": None}
    assert reason(codec.decode(text.replace(b'"t"', b'"s"'), place))[0] == "encoding"
    for broken in (b"{", b'{"@type":"t","@time":0,"x":NaN}', b"[" * 100_000):
        assert reason(codec.decode(broken, place))[0] == "syntax"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"@type":"\xff","@time":0}', "encoding"),
        (b'{"@type":"t","@time":1e999}', "schema"),
        (b'{"type":"t","event_type":"\xff","time":0,"ts":1e999}', None),
        (b'{"type":"\xff","event_type":"t","time":0}', "encoding"),
        (b'{"@type":"t","@time":0,"@id":1e999}', "schema"),
        (b'{"@type":"t","@time":0,"@source":"\xff"}', "encoding"),
        (b'{"@type":"t","@time":0,"@zone":"\xff"}', None),
        (b'{"@type":"t","@time":0,"@zone":5}', None),
        (b'{"@type":"t","@time":0,"@subject":5}', "schema"),
        (b'{"specversion":"1.0","type":"t","source":"s","id":"1","data":{"u":1e999}}', "schema"),
        (b'["\xff"]', "encoding"),
    ],
)
def test_what_the_event_itself_needs_is_checked(line: bytes, why: str | None) -> None:
    """Type, time, id and source as far as they are looked at, and attributes that rules read."""
    codec = JsonCodec()
    codec.read_only(lambda type_: frozenset({"@subject"}))
    outcome = codec.decode(line, ("a", 0, 1))
    assert (None if isinstance(outcome, Event) else reason(outcome)[0]) == why


def test_strict_input_checks_everything() -> None:
    """Whatever the rules read."""
    codec = JsonCodec(InputOptions(strict=True))
    codec.read_only(lambda type_: frozenset())
    line = b'{"@type":"t","@time":0,"u":1e999}'
    assert reason(codec.decode(line, ("a", 0, 1)))[0] == "schema"


def test_a_byte_order_mark_is_skipped_on_the_first_line_only() -> None:
    """Editors on Windows write one."""
    lines = b'\xef\xbb\xbf{"@type":"t","@time":0}\n\xef\xbb\xbf{"@type":"t","@time":0}\n'
    first, second = decode_all(JsonCodec(), lines, "a")
    assert isinstance(first, Event)
    assert reason(second)[0] == "syntax"


def test_lines_are_numbered_physically() -> None:
    """Blank lines count; the offset of a rejection is its line."""
    text = b'\n{"@type":"t","@time":0}\r\n  \n{\n{"@type":"t","@time":1}\n'
    got = [(o.offset, type(o)) for o in decode_all(JsonCodec(), text, "a")]
    assert got == [(2, Event), (4, Rejected), (5, Event)]


def test_half_a_line_at_the_end_is_an_event_if_it_can_be_read() -> None:
    """Else it is rejected as `syntax`, and says that the input ends there."""
    whole = b'{"@type":"t","@time":0}'
    (event,) = decode_all(JsonCodec(), whole, "a")
    assert isinstance(event, Event)
    (torn,) = decode_all(JsonCodec(), whole[:-3], "a")
    word, message = reason(torn)
    assert word == "syntax"
    assert message.startswith("the input ends in the middle of a line")
    (torn,) = decode_all(JsonCodec(), b'{"f":"\xc3', "a")
    assert reason(torn)[0] == "syntax"
    (complete,) = decode_all(JsonCodec(), b'{"@time":0}', "a")
    assert reason(complete)[0] == "type"


def elements(codec: Codec, text: bytes) -> list[tuple[int, str]]:
    """Return number and type (or reason) of each record of an array."""
    outcomes = decode_all(codec, text, "a")
    return [(o.offset, o.type if isinstance(o, Event) else o.reason) for o in outcomes]


def test_the_elements_of_one_array_are_records() -> None:
    """Numbered from 1, however the array is laid out; a bad element stands alone."""
    text = b"""
    [
      {"@type": "a",
       "@time": 0, "s": "],[{}\\"\\\\", "o": {"x": [1, {"y": []}]}},
      {"@type": "b", "@time": 0}, 3,
      {"@type": "c" "@time": 0},
      {"@type": "d", "@time": 0}
    ]

    """
    expected = [(1, "a"), (2, "b"), (3, "syntax"), (4, "syntax"), (5, "d")]
    assert elements(JsonCodec(), text) == expected
    assert elements(JsonCodec(), b"\xef\xbb\xbf" + text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[]", []),
        (b"[ ]", []),
        (b"[", [(1, "syntax")]),
        (b'[{"@type":"a","@time":0}', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a","@time":0},', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a","@time":0},]', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a","@time":0},,]', [(1, "a"), (2, "syntax"), (3, "syntax")]),
        (b'[{"@type":"a","@time":0},{"@ty', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a","@time":0}] {}', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a","@time":0}]]\n[', [(1, "a"), (2, "syntax")]),
        (b'[{"@type":"a\nb","@time":0}]', [(1, "syntax")]),
        (b"[}]", [(1, "syntax")]),
    ],
)
def test_a_broken_array_gives_what_is_whole(text: bytes, expected: list[tuple[int, str]]) -> None:
    """What comes before the damage is read; each damage is told once."""
    assert elements(JsonCodec(), text) == expected
