"""Events from Windows as JSON: three forms of export, one form of event; and a real attack.

The real events are those of a credential theft (OTRF Security-Datasets, empire_mimikatz_lsadump).
They are no part of this repository: put the archive beside it as
`../shared/data/windows/empire_mimikatz_lsadump_patch.zip`, or name it in `SLUICE_WINDOWS_ZIP`.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sluice.codecs import InputOptions, decode_all, make_codec
from sluice.model import Event, Rejected
from sluice.timing import format_instant

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "windows"
ARCHIVE = Path(os.environ.get("SLUICE_WINDOWS_ZIP", BESIDE / "empire_mimikatz_lsadump_patch.zip"))
needs_archive = pytest.mark.skipif(
    not ARCHIVE.exists(),
    reason=f"NOT TESTED on real input: {ARCHIVE} is not there; SLUICE_WINDOWS_ZIP names another",
)

FLAT = {
    "EventID": 4624, "Channel": "Security", "Hostname": "ws1.example", "RecordNumber": 7,
    "SourceName": "Microsoft-Windows-Security-Auditing", "@timestamp": "2026-03-09T07:20:02Z",
    "TargetUserName": "bob", "SubjectUserName": "-", "LogonType": "3", "IpPort": "54261",
    "TargetLogonId": "0x2b7",
}  # fmt: skip
WINLOGBEAT = {
    "@timestamp": "2026-03-09T07:20:02Z", "message": "m",
    "winlog": {
        "event_id": 4624, "channel": "Security", "computer_name": "ws1.example", "record_id": 7,
        "provider_name": "Microsoft-Windows-Security-Auditing",
        "event_data": {"TargetUserName": "bob", "SubjectUserName": "-", "LogonType": "3",
                       "IpPort": "54261", "TargetLogonId": "0x2b7"},
    },
}  # fmt: skip
RENDERED = {
    "Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
            "EventID": {"#attributes": {"Qualifiers": 0}, "#text": 4624}, "Channel": "Security",
            "Computer": "ws1.example", "EventRecordID": 7,
            "TimeCreated": {"#attributes": {"SystemTime": "2026-03-09T07:20:00.123456Z"}},
        },
        "EventData": {"TargetUserName": "bob", "SubjectUserName": "-", "LogonType": 3,
                      "IpPort": "54261", "TargetLogonId": "0x2b7"},
    }
}  # fmt: skip


def one(record: Any, codec: str = "windows", options: InputOptions | None = None) -> Any:
    """Decode one record as line 7 of `a.json`."""
    text = record if isinstance(record, bytes) else json.dumps(record).encode()
    return make_codec(codec, options).decode(text, ("a.json", 0, 7))


def sysmon(**fields: Any) -> dict[str, Any]:
    """A record of Sysmon."""
    return {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", **fields}


@pytest.mark.parametrize("record", [FLAT, WINLOGBEAT, RENDERED], ids=["flat", "beat", "rendered"])
def test_three_forms_become_one(record: dict[str, Any]) -> None:
    """The same names, numbers where they are numbers, and no `-`."""
    event = one(record)
    assert event.type == "windows.security.event_4624"
    shared = {
        "EventID": 4624, "Channel": "Security", "Hostname": "ws1.example", "RecordNumber": 7,
        "SourceName": "Microsoft-Windows-Security-Auditing", "TargetUserName": "bob",
        "LogonType": 3, "IpPort": 54_261, "TargetLogonId": "0x2b7",
    }  # fmt: skip
    assert {name: event.fields[name] for name in shared} == shared
    assert "SubjectUserName" not in event.fields and "winlog" not in event.fields


@pytest.mark.parametrize(
    ("channel", "number", "expected"),
    [
        ("Security", 4624, "windows.security.event_4624"),
        ("Microsoft-Windows-Sysmon/Operational", "1", "windows.sysmon.event_1"),
        ("Windows PowerShell", 800, "windows.powershell.event_800"),
        ("Microsoft-Windows-PowerShell/Operational", 4104, "windows.powershell.event_4104"),
        ("Microsoft-Windows-Windows Defender/Operational", 1116, "windows.defender.event_1116"),
        ("Microsoft-Windows-WMI-Activity/Operational", 0, "windows.wmi_activity.event_0"),
        ("Microsoft-Windows-TaskScheduler/Maintenance", 5,
         "windows.taskscheduler_maintenance.event_5"),
        ("DNS Server", 65_535, "windows.dns_server.event_65535"),
        ("3rd party!", 1, "windows._3rd_party.event_1"),
        ("/Operational", 1, "windows._.event_1"),
    ],
)  # fmt: skip
def test_the_type_is_channel_and_number(channel: str, number: Any, expected: str) -> None:
    """Without what says nothing, in a form that rules can write without quotes."""
    record = {"EventID": number, "Channel": channel, "@timestamp": "2026-03-09T07:20:00Z"}
    assert one(record).type == expected


def test_without_a_channel_the_provider_tells() -> None:
    """Security events have one of another name."""
    at = {"@timestamp": "2026-03-09T07:20:00Z", "EventID": 1}
    assert one({**at, "SourceName": "Microsoft-Windows-Sysmon"}).type == "windows.sysmon.event_1"
    provider = "Microsoft-Windows-Security-Auditing"
    assert one({**at, "SourceName": provider}).type == "windows.security.event_1"


@pytest.mark.parametrize(
    ("fields", "codec", "expected"),
    [
        ({"UtcTime": "2020-08-07 14:39:12.968", "@timestamp": "2020-08-07T14:39:14.246Z"},
         "windows", "2020-08-07T14:39:12.968Z"),
        ({"TimeCreated": "2020-08-07T14:39:12.9681234Z"}, "windows", "2020-08-07T14:39:12.968Z"),
        ({"SystemTime": "2020-08-07 14:39:12.968 UTC"}, "windows", "2020-08-07T14:39:12.968Z"),
        ({"TimeCreated": "2020-08-07T16:39:12+02:00"}, "windows", "2020-08-07T14:39:12.000Z"),
        ({"EventTime": "2020-08-07 10:39:12", "@timestamp": "2020-08-07T14:39:14.246Z"},
         "windows", "2020-08-07T14:39:14.246Z"),
        ({"EventTime": "2020-08-07 10:39:12", "@timestamp": "2020-08-07T14:39:14.246Z"},
         "windows:zone=America/New_York", "2020-08-07T14:39:12.000Z"),
        ({"EventTime": "2020-08-07T10:39:12.5-04:00"}, "windows", "2020-08-07T14:39:12.500Z"),
    ],
)  # fmt: skip
def test_the_time_is_that_of_the_event(fields: dict[str, Any], codec: str, expected: str) -> None:
    """Sysmon's or Windows' own; `EventTime` once its zone is known; else that of receipt."""
    assert format_instant(one(sysmon(**fields), codec).time) == expected


def test_one_clock_for_all_events() -> None:
    """`--time-field` names it; `--id-field` and `--type-field` work as well."""
    record = sysmon(UtcTime="2020-08-07 14:39:12.968", at="2020-08-07T14:39:14Z", guid="{1}")
    event = one(record, options=InputOptions(time_field="at", id_field="guid"))
    assert (format_instant(event.time), event.id) == ("2020-08-07T14:39:14.000Z", "{1}")
    assert one(record, options=InputOptions(type_field="guid")).type == "{1}"


@pytest.mark.parametrize(
    ("record", "reason", "message"),
    [
        (sysmon(EventID="x", UtcTime="2020-08-07 14:39:12"), "type",
         "EventID is no number from 0 to 65535"),
        (sysmon(EventID=-1), "type", "EventID is no number from 0 to 65535"),
        (sysmon(EventID=65_536), "type", "EventID is no number from 0 to 65535"),
        (sysmon(EventID=True), "type", "EventID is no number from 0 to 65535"),
        (sysmon(EventID={"a": 1}), "type", "EventID is no number from 0 to 65535"),
        (sysmon(EventID=None), "type", "not a Windows event: there is no EventID"),
        ({"EventID": 1}, "type", "neither Channel nor SourceName is a text"),
        ({"EventID": 1, "Channel": ["x"]}, "type", "neither Channel nor SourceName is a text"),
        (sysmon(), "time", "no time: there is none of UtcTime, SystemTime, TimeCreated, EventTime"),
        (sysmon(UtcTime="yesterday"), "time", 'UtcTime is no RFC 3339 time'),
        (sysmon(EventTime="2020-08-07 10:39:12"), "time", "EventTime has no zone"),
        (sysmon(**{"@timestamp": 1.5}), "time", "@timestamp is a fraction"),
        ([1], "syntax", "a record of windows is a JSON object"),
        (b"{", "syntax", "not JSON"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(record: Any, reason: str, message: str) -> None:
    """By reason, for people too."""
    refused = one(record)
    assert isinstance(refused, Rejected)
    assert refused.reason == reason
    assert message in refused.message


def test_odd_shapes_are_no_trouble() -> None:
    """Parts of other types than usual are left out, not stumbled over."""
    at = {"TimeCreated": {"#attributes": {"SystemTime": "2026-03-09T07:20:00Z"}}}
    system = {"EventID": 1, "Channel": "x", **at}
    for odd in ("text", 5, None, [], {"#text": "a"}):
        event = one({"Event": {"System": system, "EventData": odd, "UserData": odd}})
        assert isinstance(event, Event)
    nested = {"Event": {"System": system, "UserData": {"Inner": {"a": 1, "#attributes": {}}}}}
    assert one(nested).fields["a"] == 1
    separate = {"EventID": 1, "Provider_attributes": {"Name": "P"},
                "TimeCreated_attributes": {"SystemTime": "2026-03-09T07:20:00Z"}}  # fmt: skip
    assert one({"Event": {"System": separate}}).type == "windows.p.event_1"


def test_a_value_that_cannot_be_read_hides_no_event() -> None:
    """It is repaired; strict reading refuses it."""
    text = json.dumps(sysmon(UtcTime="2020-08-07 14:39:12", Image="BAD", n=7)).encode()
    for bad in (b"\xff", b"\\ud800"):
        event = one(text.replace(b"BAD", bad))
        assert (event.type, event.fields["Image"]) == ("windows.sysmon.event_1", "\ufffd")
    assert one(text.replace(b": 7", b": 1e999")).fields["n"] is None
    refused = one(text.replace(b"BAD", b"\xff"), options=InputOptions(strict=True))
    assert refused.reason == "encoding"


def test_an_array_is_read_as_lines_are() -> None:
    """Some tools export one array."""
    text = json.dumps([FLAT, FLAT]).encode()
    events = list(decode_all(make_codec("windows"), text, "a"))
    assert [event.offset for event in events if isinstance(event, Event)] == [1, 2]


@needs_archive
def test_a_real_export_is_read_whole() -> None:
    """6,982 events, none refused; types and counts as a plain count finds them."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        text = archive.read(archive.namelist()[0])
    outcomes = list(decode_all(make_codec("windows"), text, "w"))
    events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
    plain = [json.loads(line) for line in text.splitlines()]
    assert (len(outcomes), len(events)) == (len(plain), len(plain))
    expected = Counter((record["Channel"], record["EventID"]) for record in plain)
    assert Counter((e.fields["Channel"], e.fields["EventID"]) for e in events) == expected
    numbers = Counter(e.type for e in events)
    assert numbers["windows.sysmon.event_10"] == 228
    assert numbers["windows.security.event_4624"] == 12
    assert numbers["windows.powershell.event_4103"] == 2_505
    # In the order of the clock nearly nothing stands: sorting is needed.
    times = [event.time for event in events]
    assert times != sorted(times)
    stolen = [
        e for e in events
        if e.type == "windows.sysmon.event_10" and e.fields["TargetImage"].endswith("lsass.exe")
    ]  # fmt: skip
    assert len(stolen) == sum("lsass.exe" in r.get("TargetImage", "") for r in plain)
