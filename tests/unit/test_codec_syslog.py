"""Events from syslog: RFC 5424, RFC 3164 with a year and a zone, rsyslog's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from sluice.codecs import InputOptions, SyslogCodec, decode_all, make_codec
from sluice.model import Event, Rejected
from sluice.timing import format_instant

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "openssh" / "OpenSSH_2k.log"
UTC_2015 = "syslog:year=2015,zone=UTC"


def one(line: str | bytes, codec: str = UTC_2015, options: InputOptions | None = None) -> Any:
    """Decode one line as line 7 of `a.log`."""
    text = line.encode() if isinstance(line, str) else line
    return make_codec(codec, options).decode(text, ("a.log", 0, 7))


def times(codec: str, *stamps: str) -> list[str]:
    """Return the times of lines with these stamps, in this order, or why there is none."""
    text = "".join(f"{stamp} h a: m\n" for stamp in stamps).encode()
    outcomes = decode_all(make_codec(codec), text, "a.log")
    return [
        format_instant(o.time).removesuffix(".000Z") if isinstance(o, Event) else o.reason
        for o in outcomes
    ]


def test_a_line_of_a_log_file() -> None:
    """Time, host, app, pid, message; no priority, so no facility and no severity."""
    line = "Dec 10 06:55:46 LabSZ sshd[24200]: Invalid user webmaster from 173.234.31.186 "
    message = "Invalid user webmaster from 173.234.31.186 "
    fields = {"host": "LabSZ", "app": "sshd", "pid": 24_200, "message": message}
    assert one(line) == Event("syslog", 1_449_730_546_000, fields, None, "a.log", 0, 7)


@pytest.mark.parametrize(
    ("rest", "fields"),
    [
        ("h su: x", {"host": "h", "app": "su", "message": "x"}),
        ("h CRON[1]: (root) CMD", {"host": "h", "app": "CRON", "pid": 1, "message": "(root) CMD"}),
        ("h a(b)[7]: a: b", {"host": "h", "app": "a(b)", "pid": 7, "message": "a: b"}),
        ("h a/b[x]: m", {"host": "h", "app": "a/b", "pid": "x", "message": "m"}),
        ("h a[]: m", {"host": "h", "app": "a", "message": "m"}),
        ("h a[1]:m", {"host": "h", "app": "a", "pid": 1, "message": "m"}),
        ("h kernel: [ 1.5] eth0: up", {"host": "h", "app": "kernel", "message": "[ 1.5] eth0: up"}),
        ("h last message repeated", {"host": "h", "message": "last message repeated"}),
        ("h fe80::1 is up", {"host": "h", "message": "fe80::1 is up"}),
        ("h a:", {"host": "h", "app": "a", "message": ""}),
        ("h a:  two", {"host": "h", "app": "a", "message": " two"}),
        ("sshd[1]: m", {"app": "sshd", "pid": 1, "message": "m"}),
        ("alone", {"message": "alone"}),
    ],
)  # fmt: skip
def test_host_and_tag(rest: str, fields: dict[str, Any]) -> None:
    """RFC 3164 section 4.1.3, and what daemons write; what is not there is missing."""
    assert one(f"Dec  1 00:00:00 {rest}").fields == fields


def test_a_priority_gives_facility_and_severity() -> None:
    """RFC 3164's own example; by the keywords of syslog.conf."""
    event = one("<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8")
    assert event.fields == {
        "host": "mymachine", "app": "su", "message": "'su root' failed on /dev/pts/8",
        "facility": "auth", "severity": "crit",
    }  # fmt: skip
    assert one("<191>Oct 11 22:14:15 h a: m").fields["facility"] == "local7"
    assert one("<192>Oct 11 22:14:15 h a: m").reason == "syntax"


def test_rfc_5424_with_structured_data() -> None:
    """Section 6.5, examples 3 and 4: escapes, several elements, a byte order mark."""
    event = one(
        '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 '
        '[exampleSDID@32473 iut="3" eventSource="App\\"li\\\\c\\]ation"][x@1][y@1 a=""] \ufeffmsg'
    )  # fmt: skip
    assert format_instant(event.time) == "2003-10-11T22:14:15.003Z"
    assert event.fields == {
        "host": "mymachine.example.com", "app": "evntslog", "msgid": "ID47", "message": "msg",
        "facility": "local4", "severity": "notice",
        "structured_data": {
            "exampleSDID@32473": {"iut": "3", "eventSource": 'App"li\\c]ation'},
            "x@1": {}, "y@1": {"a": ""},
        },
    }  # fmt: skip


def test_rfc_5424_with_nil_values() -> None:
    """A nil value is missing; a message may be, too."""
    event = one("<0>1 2003-08-24T05:14:15.000003-07:00 - - 8710 - -", "syslog")
    assert event.time == 1_061_727_255_000
    assert event.fields == {"pid": 8_710, "message": "", "facility": "kern", "severity": "emerg"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("<0>1 - h a - - - m", "time"),
        ("<0>1 2003-13-24T05:14:15Z h a - - - m", "time"),
        ("<0>2 2003-10-24T05:14:15Z h a - - - m", "syntax"),
        ("<999>1 2003-10-24T05:14:15Z h a - - - m", "syntax"),
        ('<0>1 2003-10-24T05:14:15Z h a - - [x a="b] m', "syntax"),
        ('<0>1 2003-10-24T05:14:15Z h a - - [x a="b"]m', "syntax"),
        ("<0>1 2003-10-24T05:14:15Z h a - - [] m", "syntax"),
        ("Foo 10 06:55:46 h a: m", "time"),
        ("Dec 32 06:55:46 h a: m", "time"),
        ("Dec 10 24:00:00 h a: m", "time"),
        ("Dec 10 06:55:61 h a: m", "time"),
        ("Feb 29 06:55:00 h a: m", "time"),
        ("2024-13-15T10:00:00Z h a: m", "time"),
        ("Dec 10 06:55 h a: m", "syntax"),
        ("hello", "syntax"),
        ("<34>", "syntax"),
    ],
)
def test_what_is_no_syslog_is_rejected(line: str, reason: str) -> None:
    """With the word that fits, and no exception."""
    outcome = one(line)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == reason


def test_without_a_year_rfc_3164_is_rejected_with_a_hint() -> None:
    """A guessed year would be a wrong one sooner or later."""
    outcome = one("Dec 10 06:55:46 h a: m", "syslog")
    assert outcome.reason == "time"
    assert "--codec syslog:year=" in outcome.message


def test_rsyslog_files_with_rfc_3339_need_no_year() -> None:
    """The format of its file templates."""
    event = one("2024-01-15T10:00:00.123456+01:00 web-1 sshd[12]: m", "syslog")
    assert event.time == 1_705_309_200_123
    assert event.fields == {"host": "web-1", "app": "sshd", "pid": 12, "message": "m"}


def test_the_year_turns_at_new_year() -> None:
    """December to January is the next year; stragglers on both sides find theirs."""
    stamps = ("Nov 30 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58",
              "Jan  1 00:00:00", "Mar  1 00:00:00", "Feb 28 00:00:00", "Dec 31 00:00:00",
              "Jan  1 00:00:00")  # fmt: skip
    assert times(UTC_2015, *stamps) == [
        "2015-11-30T00:00:00", "2015-12-31T23:59:59", "2016-01-01T00:00:01",
        "2015-12-31T23:59:58", "2016-01-01T00:00:00", "2016-03-01T00:00:00",
        "2016-02-28T00:00:00", "2016-12-31T00:00:00", "2017-01-01T00:00:00",
    ]  # fmt: skip


def test_a_straggler_before_the_first_line_is_of_the_year_before() -> None:
    """The option is the year of the first line."""
    assert times("syslog:year=2016", "Jan  1 00:00:00", "Dec 31 23:59:59") == [
        "2016-01-01T00:00:00", "2015-12-31T23:59:59",
    ]  # fmt: skip


def test_a_leap_day_and_a_leap_second() -> None:
    """29 February needs its year; second 60 is the next minute."""
    assert times("syslog:year=2016", "Feb 29 12:00:00") == ["2016-02-29T12:00:00"]
    assert times(UTC_2015, "Jun 30 23:59:60") == ["2015-07-01T00:00:00"]


def test_local_times_follow_summer_time() -> None:
    """The hour that comes twice is told apart by the order of lines; the lost hour moves on."""
    stamps = ("Oct 25 01:59:59", "Oct 25 02:10:00", "Oct 25 02:59:00", "Oct 25 02:05:00",
              "Oct 25 02:59:00", "Oct 25 03:00:00")  # fmt: skip
    assert times("syslog:year=2015,zone=Europe/Berlin", *stamps) == [
        "2015-10-24T23:59:59", "2015-10-25T00:10:00", "2015-10-25T00:59:00",
        "2015-10-25T01:05:00", "2015-10-25T01:59:00", "2015-10-25T02:00:00",
    ]  # fmt: skip
    assert times("syslog:year=2015,zone=Europe/Berlin", "Mar 29 02:30:00") == [
        "2015-03-29T01:30:00"
    ]


def test_sources_have_clocks_of_their_own_that_outlive_a_restart() -> None:
    """`state` and `restore` keep the year."""
    codec = SyslogCodec({"year": "2015"})
    for offset, line in enumerate((b"Dec 31 23:59:59 h a: m", b"Jan  1 00:00:00 h a: m"), 1):
        codec.decode(line, ("a", 0, offset))
    after = SyslogCodec({"year": "2015"})
    after.restore(orjson.loads(orjson.dumps(codec.state())))
    event = after.decode(b"Jan  2 00:00:00 h a: m", ("a", 0, 3))
    assert isinstance(event, Event)
    assert format_instant(event.time) == "2016-01-02T00:00:00.000Z"
    other = after.decode(b"Jan  2 00:00:00 h a: m", ("b", 0, 1))
    assert isinstance(other, Event)
    assert format_instant(other.time) == "2015-01-02T00:00:00.000Z"


def test_bytes_that_are_no_utf8_do_not_hide_a_line() -> None:
    """They become U+FFFD; strict reading rejects them."""
    line = b"Dec 10 06:55:46 h sshd[1]: Invalid user \xff\xfe from 203.0.113.7"
    assert one(line).fields["message"] == "Invalid user �� from 203.0.113.7"
    assert one(line, options=InputOptions(strict=True)).reason == "encoding"


def test_blank_lines_are_nothing_and_framing_is_lines() -> None:
    """Also where the file begins with a bracket."""
    assert one("  ") is None
    codec = make_codec(UTC_2015)
    assert codec.framing(b"[") == "lines"
    assert codec.settled("a.log") is None


def test_the_real_log_is_read_whole() -> None:
    """2,000 lines of OpenSSH, 2,000 events in order."""
    if not REAL_LOG.exists():
        pytest.skip("shared/data/openssh/OpenSSH_2k.log is not beside the repository")
    outcomes = list(decode_all(make_codec(UTC_2015), REAL_LOG.read_bytes(), "ssh"))
    events = [o for o in outcomes if isinstance(o, Event)]
    assert (len(outcomes), len(events)) == (2_000, 2_000)
    assert {e.type for e in events} == {"syslog"}
    assert {(e.fields["host"], e.fields["app"]) for e in events} == {("LabSZ", "sshd")}
    assert all(isinstance(e.fields["pid"], int) for e in events)
    assert [e.offset for e in events] == list(range(1, 2_001))
    assert [e.time for e in events] == sorted(e.time for e in events)
    assert format_instant(events[0].time) == "2015-12-10T06:55:46.000Z"
    assert format_instant(events[-1].time) == "2015-12-10T11:04:45.000Z"
