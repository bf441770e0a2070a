"""Events from logfmt: pairs, quotes, escapes, numbers, dotted keys, times without a zone."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.codecs import InputOptions, decode_all, make_codec
from sluice.errors import ConfigError
from sluice.model import Event, Rejected
from sluice.timing import format_instant

T = "time=2026-03-09T07:20:00Z"


def one(line: str | bytes, codec: str = "logfmt", options: InputOptions | None = None) -> Any:
    """Decode one line as line 7 of `a.log`."""
    text = line.encode() if isinstance(line, str) else line
    return make_codec(codec, options).decode(text, ("a.log", 0, 7))


def fields(rest: str, codec: str = "logfmt") -> Any:
    """Return the fields of a line with a time, without it; or the message why there is none."""
    event = one(f"{T} {rest}", codec)
    if isinstance(event, Rejected):
        return event.message
    return {name: value for name, value in event.fields.items() if name != "time"}


def test_a_line_of_a_service() -> None:
    """The time is taken from `time`, the type is `logfmt`, the rest are fields."""
    line = f'{T} level=warn msg="user logged in" status=200 took=0.25 user=bob'
    expected = {
        "time": "2026-03-09T07:20:00Z", "level": "warn", "msg": "user logged in", "status": 200,
        "took": 0.25, "user": "bob",
    }  # fmt: skip
    assert one(line) == Event("logfmt", 1_773_040_800_000, expected, None, "a.log", 0, 7)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("a=1 b=-2.50 c=0", {"a": 1, "b": -2.5, "c": 0}),
        ("a=007 b=+1 c=1e3 d=0x1F", {"a": "007", "b": "+1", "c": "1e3", "d": "0x1F"}),
        ("a=1234567890123456789012", {"a": "1234567890123456789012"}),
        ('a="1" b="true"', {"a": "1", "b": "true"}),
        ("a=true b=false c", {"a": True, "b": False, "c": True}),
        ('a= b="" c=-', {"a": "", "b": "", "c": "-"}),
        ("url=/x?a=b&c=d", {"url": "/x?a=b&c=d"}),
        ("http.status=404 http.path=/ x..y=1 .z=2", {
            "http": {"status": 404, "path": "/"}, "x..y": 1, ".z": 2}),
        ("a=1 a.b=2", {"a": 1, "a.b": 2}),
        ("a=1 a=2", {"a": 2}),
        (r'a="say \"hi\"\n\tC:\\x \u00e9 \x41"', {"a": 'say "hi"\n\tC:\\x é A'}),
        (r'a="\ud83d\ude00 \ud800"', {"a": "😀 \ufffd"}),
        ("  a=1\t b=2  ", {"a": 1, "b": 2}),
        ("größe=3 a=\x00", {"größe": 3, "a": "\x00"}),
    ],
)  # fmt: skip
def test_values(rest: str, expected: dict[str, Any]) -> None:
    """What is written as a number is one; what is quoted, or looks like a code, is text."""
    assert fields(rest) == expected


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        (f'{T} msg="no end', "syntax", "the quote that opens at character 31 is not closed"),
        (f'{T} msg="a"b=1', "syntax", "neither KEY nor KEY=VALUE at character 27"),
        (f'{T} "a"=1', "syntax", "neither KEY nor KEY=VALUE at character 27"),
        (f"{T} =1", "syntax", "neither KEY nor KEY=VALUE at character 27"),
        ("plain text", "syntax", "not logfmt: there is no KEY=VALUE in the line"),
        ("level=info", "time", "no time: there is none of @time, timestamp, @timestamp, time, ts"),
        (
            "time=soon",
            "time",
            'time is no RFC 3339 time with a zone (2020-09-14T01:19:40Z): "soon"',
        ),
        ("time=2026-03-09T07:20:00", "time", "time has no zone"),
    ],
)
def test_what_is_refused_says_where(line: str, reason: str, message: str) -> None:
    """An open quote is told by its place; the line number is that of the record."""
    refused = one(line)
    assert (refused.reason, refused.offset) == (reason, 7)
    assert message in refused.message


def test_a_broken_line_costs_only_itself() -> None:
    """The line behind an open quote is read."""
    text = f'{T} msg="no end\n{T} n=1\n\n'.encode()
    first, second = decode_all(make_codec("logfmt"), text, "a.log")
    assert isinstance(first, Rejected) and isinstance(second, Event)
    assert second.fields["n"] == 1


def test_times_without_a_zone_are_in_the_zone_of_the_option() -> None:
    """Also in summer; a comma before the fraction is Python's way."""
    times = [
        format_instant(one(f't=1 time="{stamp}"', "logfmt:zone=Europe/Berlin").time)
        for stamp in ("2026-03-09 07:20:00", "2026-07-09T07:20:00.5", "2026-07-09 07:20:00,123")
    ]
    expected = ["2026-03-09T06:20:00.000Z", "2026-07-09T05:20:00.500Z", "2026-07-09T05:20:00.123Z"]
    assert times == expected
    assert one('time="2026-13-09 07:20:00"', "logfmt:zone=UTC").reason == "time"
    assert one('time="2026-03-09 07:20:00x"', "logfmt:zone=UTC").reason == "time"


@pytest.mark.parametrize(
    ("stamp", "unit", "expected"),
    [
        ("1773040800123", "ms", "2026-03-09T07:20:00.123Z"),
        ('"1773040800123"', "ms", "2026-03-09T07:20:00.123Z"),
        ("1773040800", "s", "2026-03-09T07:20:00.000Z"),
        ("1773040800.123", "s", "2026-03-09T07:20:00.123Z"),
        ('"1773040800.123999"', "s", "2026-03-09T07:20:00.123Z"),
        ("1773040800.123", "ms", None),
        ('"99999999999999999999999"', "s", None),
    ],
)
def test_epochs_are_digits_of_the_unit(stamp: str, unit: Any, expected: str | None) -> None:
    """With a fraction when the unit is seconds, rounded down."""
    outcome = one(f"ts={stamp}", options=InputOptions(time_unit=unit))
    at = format_instant(outcome.time) if isinstance(outcome, Event) else None
    assert at == expected


def test_options_of_the_input_count() -> None:
    """Type, time and id from the fields that the user names, as with JSON."""
    options = InputOptions(type_field="kind", time_field="when.at", id_field="n", type="app")
    event = one("kind=login when.at=2026-03-09T07:20:00Z n=5", options=options)
    assert (event.type, event.id) == ("login", "5")
    assert one("when.at=2026-03-09T07:20:00Z", options=options).type == "app"
    assert one(f"{T} type=login").type == "login"
    assert one(f"{T} @type=x @id=7 a=1").fields == {"time": "2026-03-09T07:20:00Z", "a": 1}


def test_fields_that_are_never_numbers() -> None:
    """`text=user+zip` names some, `text=*` all."""
    assert fields("user=12 zip=10115 n=3", "logfmt:text=user+zip") == {
        "user": "12", "zip": "10115", "n": 3,
    }  # fmt: skip
    assert fields("user=12 ok=true", "logfmt:text=*") == {"user": "12", "ok": "true"}


def test_bytes_that_are_not_utf_8() -> None:
    """Become U+FFFD, so that nobody makes a line disappear; strict reading refuses them."""
    line = f"{T} user=".encode() + b"\xff\xfe"
    assert one(line).fields["user"] == "��"
    assert one(line, options=InputOptions(strict=True)).reason == "encoding"
    assert one(f"{T} a=1 a=2", options=InputOptions(strict=True)).reason == "duplicate_key"


def test_options_are_checked() -> None:
    """A zone that does not exist is answered with the nearest."""
    with pytest.raises(
        ConfigError, match="'logfmt': there is no zone 'Europe/Berln': did you mean"
    ):
        make_codec("logfmt:zone=Europe/Berln")
    with pytest.raises(ConfigError, match="no option 'zon': did you mean 'zone'"):
        make_codec("logfmt:zon=UTC")
