"""Events from CEF: header, extension, escapes, times, and what syslog puts in front."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.codecs import InputOptions, make_codec
from sluice.model import Event, Rejected
from sluice.timing import format_instant

HEAD = "CEF:0|Example Inc.|Threat-Manager|1.0|100|worm stopped|10|"


def one(line: str | bytes, codec: str = "cef", options: InputOptions | None = None) -> Any:
    """Decode one line as line 7 of `a.cef`."""
    text = line.encode() if isinstance(line, str) else line
    return make_codec(codec, options).decode(text, ("a.cef", 0, 7))


def extension(text: str) -> Any:
    """Return the fields of an extension, without its time and the header."""
    event = one(f"{HEAD}rt=1773040800000 {text}")
    if isinstance(event, Rejected):
        return event.message
    header = {"deviceVendor", "deviceProduct", "deviceVersion", "signatureId", "name", "severity"}
    return {n: v for n, v in event.fields.items() if n not in header and n != "rt"}


def test_a_line() -> None:
    """Vendor and product are the type; header and extension are fields."""
    event = one(f"{HEAD}src=192.0.2.1 dst=198.51.100.2 spt=1232 rt=1773040800123")
    expected = {
        "src": "192.0.2.1", "dst": "198.51.100.2", "spt": 1232, "rt": "1773040800123",
        "deviceVendor": "Example Inc.", "deviceProduct": "Threat-Manager", "deviceVersion": "1.0",
        "signatureId": "100", "name": "worm stopped", "severity": 10,
    }  # fmt: skip
    kind = "cef.example_inc.threat_manager"
    assert event == Event(kind, 1_773_040_800_123, expected, None, "a.cef", 0, 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("msg=a b  c act=blocked", {"msg": "a b  c", "act": "blocked"}),
        (r"msg=a\=b \\ c\nd fname=C:\\x", {"msg": "a=b \\ c\nd", "fname": "C:\\x"}),
        ("request=http://a.example/?q=1&r=2 in=5 out=7", {
            "request": "http://a.example/?q=1&r=2", "in": 5, "out": 7}),
        ("cs1Label=Rule Name cs1=a|b cn1=12 cn1Label=n", {
            "cs1Label": "Rule Name", "cs1": "a|b", "cn1": 12, "cn1Label": "n"}),
        ("cs1=007 cn1=x suser=12", {"cs1": "007", "cn1": "x", "suser": "12"}),
        ("a= b=2", {"b": "2"}),
        ("ad.x[0]=1 _y=2", {"ad.x[0]": "1", "_y": "2"}),
        ("", {}),
    ],
)  # fmt: skip
def test_extensions(text: str, expected: dict[str, Any]) -> None:
    """A value goes on to the next key; only keys that the standard calls numbers are numbers."""
    assert extension(text) == expected


def test_the_header_cannot_be_overwritten() -> None:
    """An extension that names `severity` or `name` does not hide the real ones."""
    fields = one(f"{HEAD}rt=1773040800000 severity=0 name=x").fields
    assert (fields["severity"], fields["name"]) == (10, "worm stopped")


def test_escapes_in_the_header() -> None:
    """Pipes and backslashes; a severity may be a word."""
    event = one(r"CEF:1|a\|b|c\\d|1|x|n\|m|Very-High|rt=1773040800000")
    assert event.type == "cef.a_b.c_d"
    assert (event.fields["name"], event.fields["severity"]) == ("n|m", "Very-High")


@pytest.mark.parametrize(
    ("stamp", "codec", "expected"),
    [
        ("1773040800123", "cef", "2026-03-09T07:20:00.123Z"),
        ("Mar 09 2026 07:20:00", "cef", "2026-03-09T07:20:00.000Z"),
        ("Mar 9 2026 07:20:00.5 UTC", "cef", "2026-03-09T07:20:00.500Z"),
        ("Mar 09 2026 07:20:00 +0130", "cef", "2026-03-09T05:50:00.000Z"),
        ("Mar 09 2026 07:20:00", "cef:zone=Europe/Berlin", "2026-03-09T06:20:00.000Z"),
        ("Jul 09 2026 07:20:00 CEST", "cef:zone=Europe/Berlin", "2026-07-09T05:20:00.000Z"),
        ("Oct 25 2026 02:30:00 CET", "cef:zone=Europe/Berlin", "2026-10-25T01:30:00.000Z"),
        ("Mar 09 07:20:00.250", "cef:year=2026", "2026-03-09T07:20:00.250Z"),
        ("2026-03-09T07:20:00+01:00", "cef", "2026-03-09T06:20:00.000Z"),
    ],
)
def test_times(stamp: str, codec: str, expected: str) -> None:
    """An epoch in ms, the forms of the standard, and RFC 3339."""
    assert format_instant(one(f"{HEAD}rt={stamp} act=x", codec).time) == expected


def test_the_time_of_the_device_goes_first() -> None:
    """`rt`, else `end`, else `start`, else what syslog says."""
    head = "<134>2026-03-09T07:00:00Z fw1 "
    end, start = "end=1773040860000", "start=1773040800000"
    for rest, expected in (
        (f"{start} {end} rt=1773040920000", "07:22"), (f"{start} {end}", "07:21"),
        (start, "07:20"), ("act=x", "07:00"),
    ):  # fmt: skip
        assert format_instant(one(f"{head}{HEAD}{rest}").time)[11:16] == expected


def test_behind_a_syslog_header() -> None:
    """RFC 3164 and 5424; what it says stands in `syslog`."""
    event = one(f"<134>Mar  9 07:20:00 fw1 {HEAD}act=x", "cef:year=2026")
    assert format_instant(event.time) == "2026-03-09T07:20:00.000Z"
    outer = {"host": "fw1", "facility": "local0", "severity": "info"}
    assert event.fields["syslog"] == outer
    modern = one(f"<134>1 2026-03-09T07:20:00Z fw1 cef 12 - - {HEAD}act=x").fields["syslog"]
    assert modern == {**outer, "app": "cef", "pid": 12}
    # Without a year the header has no time, but the extension has.
    assert isinstance(one(f"<134>Mar  9 07:20:00 fw1 {HEAD}rt=1773040800000"), Event)


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ("CEF:0|a|b|c|d", "syntax", "the header of CEF has 7 parts, each with a |, not 4"),
        ("CEF:0", "syntax", "each with a |, not 0"),
        (r"CEF:0|a\|b|c|d|e|f|g", "syntax", "not 6"),
        ("hello", "syntax", "not CEF: there is no CEF:0| in the line"),
        (f"{HEAD}no pairs", "syntax", "the extension of CEF does not begin with KEY=VALUE"),
        (f"{HEAD}act=x", "time", "no time: there is none of rt, end, start, and no syslog header"),
        (f"{HEAD}rt=soon", "time", 'rt is no time: "soon"'),
        (f"{HEAD}rt=Feb 31 2026 07:20:00", "time", "rt is no time"),
        (f"{HEAD}rt=Mar 09 2026 07:20:00 PST", "time", "rt is no time"),
        (f"{HEAD}rt=Mar 09 07:20:00", "time", "(zone, year: options of the codec)"),
        (
            f"<134>Mar  9 07:20:00 fw1 {HEAD}act=x",
            "time",
            "in the syslog header: the time has no year",
        ),
        (f"<999>2026-03-09T07:20:00Z fw1 {HEAD}act=x", "syntax", "the priority <999> is beyond"),
    ],
)
def test_what_is_refused_says_why(line: str, reason: str, message: str) -> None:
    """Missing pipes are counted; a time says which forms there are."""
    refused = one(line)
    assert isinstance(refused, Rejected)
    assert refused.reason == reason
    assert message in refused.message


def test_odd_bytes_and_options() -> None:
    """UTF-8 is mended unless strict; blank lines are nothing; state is that of syslog."""
    line = f"{HEAD}rt=1773040800000 suser=".encode() + b"\xff\x00"
    assert one(line).fields["suser"] == "�\x00"
    assert one(line, options=InputOptions(strict=True)).reason == "encoding"
    assert one("  ") is None
    options = InputOptions(type="alert", type_field="act", id_field="externalId")
    event = one(f"{HEAD}rt=1773040800000 act=deny externalId=9", options=options)
    assert (event.type, event.id) == ("deny", "9")
    before, after = make_codec("cef:year=2026"), make_codec("cef:year=2026")
    for stamp in ("Dec 31", "Jan  1"):
        before.decode(f"<1>{stamp} 00:00:00 h {HEAD}act=x".encode(), ("a", 0, 1))
    after.restore(before.state())
    event = after.decode(f"<1>Jan  2 00:00:00 h {HEAD}act=x".encode(), ("a", 0, 1))
    assert isinstance(event, Event) and format_instant(event.time)[:10] == "2027-01-02"
