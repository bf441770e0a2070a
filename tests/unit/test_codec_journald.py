"""Events from the systemd journal: JSON lines and the export format, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.codecs import InputOptions, decode_all, make_chunker, make_codec
from sluice.model import Event, Rejected

CURSOR = "s=6863c726210b4560b7048889d8ada5c5;i=3e931;b=f446871715504074bf7049ef0718fa93"
ENTRY = {
    "__CURSOR": CURSOR, "__REALTIME_TIMESTAMP": "1773040800123456",
    "__MONOTONIC_TIMESTAMP": "7759", "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sshd",
    "_PID": "812", "_UID": "0", "PRIORITY": "6", "SYSLOG_FACILITY": "4",
    "_SYSTEMD_UNIT": "ssh.service", "MESSAGE": "Accepted password for bob",
}  # fmt: skip
FIELDS = {
    "__REALTIME_TIMESTAMP": 1_773_040_800_123_456, "__MONOTONIC_TIMESTAMP": 7_759, "host": "web1",
    "app": "sshd", "pid": 812, "_UID": 0, "severity": "info", "facility": "auth",
    "unit": "ssh.service", "message": "Accepted password for bob",
}  # fmt: skip
EVENT = Event("journald", 1_773_040_800_123, FIELDS, CURSOR, "j", 0, 1)


def read(text: bytes, options: InputOptions | None = None, limit: int = 10_000) -> list[Any]:
    """Return events; number and message of each rejection."""
    return [
        o if isinstance(o, Event) else (o.offset, o.reason, o.message)
        for o in decode_all(make_codec("journald", options), text, "j", limit)
    ]


def export(entry: dict[str, str]) -> bytes:
    """Write an entry in the export format, all fields as text."""
    return "".join(f"{name}={value}\n" for name, value in entry.items()).encode() + b"\n"


def binary(name: str, value: bytes) -> bytes:
    """Write a field with its length."""
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def test_a_line_of_json() -> None:
    """The names that syslog events have, numbers as numbers, the cursor as id."""
    assert read(json.dumps(ENTRY).encode()) == [EVENT]
    assert read(json.dumps([ENTRY]).encode()) == [EVENT]


def test_an_entry_of_the_export_format() -> None:
    """Is the same event; entries are counted from 1."""
    first, second = read(export(ENTRY) + export({**ENTRY, "__CURSOR": "s=2"}))
    assert first == EVENT
    assert (second.id, second.offset) == ("s=2", 2)


def test_a_value_with_a_length_holds_any_bytes() -> None:
    """Line ends, empty lines, `=`, backslashes; what is no UTF-8 becomes U+FFFD."""
    value = b"two\nlines\n\nA=1\\n\\\n\x00\xff"
    text = export(ENTRY)[:-1] + binary("MESSAGE", value) + binary("X", b"") + b"\n" + export(ENTRY)
    first, second = read(text.replace(b"MESSAGE=Accepted password for bob\n", b"", 1))
    assert first.fields["message"] == "two\nlines\n\nA=1\\n\\\n\x00�"
    assert first.fields["X"] == ""
    assert second.fields == FIELDS


def test_fields_that_repeat_and_values_as_bytes() -> None:
    """Are lists; bytes in JSON come as an array of numbers; what was too large is null."""
    text = export(ENTRY)[:-1] + b"_SELINUX=a\n_SELINUX=b\n_SELINUX=c\n\n"
    assert read(text)[0].fields["_SELINUX"] == ["a", "b", "c"]
    odd = {**ENTRY, "MESSAGE": [104, 105, 255], "X": ["a", [104]], "Y": None, "Z": []}
    fields = read(json.dumps(odd).encode())[0].fields
    assert (fields["message"], fields["X"], fields["Y"], fields["Z"]) == (
        "hi�",
        ["a", "h"],
        None,
        [],
    )


def test_what_a_program_does_not_say() -> None:
    """Its name is that of the command; priorities beyond the table stay numbers as written."""
    entry = {**ENTRY, "_COMM": "python3", "PRIORITY": "9", "SYSLOG_FACILITY": "x"}
    del entry["SYSLOG_IDENTIFIER"]
    fields = read(json.dumps(entry).encode())[0].fields
    assert (fields["app"], fields["_COMM"]) == ("python3", "python3")
    assert (fields["PRIORITY"], fields["SYSLOG_FACILITY"]) == ("9", "x")
    assert "severity" not in fields and "facility" not in fields


def test_rules_for_syslog_can_read_it() -> None:
    """`--type syslog` makes events that an `extract … from syslog` takes."""
    event = read(json.dumps(ENTRY).encode(), InputOptions(type="syslog"))[0]
    assert event.type == "syslog"
    assert {"host", "app", "pid", "message", "severity", "facility"} <= event.fields.keys()


@pytest.mark.parametrize("cut", range(1, len(export(ENTRY))))
def test_a_cut_export_is_never_an_event(cut: int) -> None:
    """Wherever the end is, even between two fields: the empty line is missing."""
    found = read(export(ENTRY) + export(ENTRY)[:cut])
    assert found[0] == EVENT
    ((number, reason, message),) = found[1:]
    assert (number, reason) == (2, "syntax")
    assert message == (
        "the input ends in the middle of a line: "
        "the empty line that ends an entry of the journal is missing"
    )


def test_a_cut_value_with_a_length() -> None:
    """In its name, its length or its bytes."""
    whole = binary("MESSAGE", b"a\n\nb") + b"\n"
    for cut in range(1, len(whole)):
        assert [reason for _, reason, _ in read(whole[:cut])] == ["syntax"]


def test_broken_entries_cost_only_themselves() -> None:
    """What follows the next empty line is read; another format is told by what to write."""
    broken = [
        b"no field\n\n", b"lower=1\n\n", b"=1\n\n", b"A\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n",
        b"A\n\x01\0\0\0\0\0\0\0xy\n\n",
    ]  # fmt: skip
    for text in broken:
        (_, reason, message), event = read(text + export(ENTRY))
        assert (reason, event.fields, event.offset) == ("syntax", FIELDS, 2)
        assert message.startswith("not a field of `journalctl -o export`")
    syslog = b"Mar 09 07:20:00 web1 sshd[812]: x\nMar 09 07:20:00 web1 sshd[812]: y\n"
    assert [reason for _, reason, _ in read(syslog)] == ["syntax"]


def test_a_huge_entry_is_skipped() -> None:
    """As text, as bytes, and in sum; the next one is read."""
    for huge in (
        b"A=" + b"x" * 500 + b"\n\n", binary("A", b"x" * 390) + b"B=1\n\n", b"A=1\n" * 200 + b"\n",
    ):  # fmt: skip
        verdict, event = read(huge + export(ENTRY), limit=400)
        assert verdict == (1, "size", "the entry is longer than 400 bytes")
        assert event.offset == 2


@pytest.mark.parametrize(
    ("entry", "reason", "message"),
    [
        ({"__REALTIME_TIMESTAMP": None}, "time", "no time: there is no __REALTIME_TIMESTAMP"),
        ({"__REALTIME_TIMESTAMP": "soon"}, "time", "is no number of microseconds since 1970"),
        ({"__REALTIME_TIMESTAMP": "9" * 18}, "time", "is no number of microseconds since 1970"),
        ({"__REALTIME_TIMESTAMP": 1.5}, "time", "is no number of microseconds since 1970"),
    ],
)
def test_an_entry_without_a_time(entry: dict[str, Any], reason: str, message: str) -> None:
    """Is refused."""
    ((_, found, text),) = read(json.dumps({**ENTRY, **entry}).encode())
    assert found == reason
    assert message in text


def test_odd_lines() -> None:
    """Blank lines are nothing; JSON that is none is refused; the form is told by the first byte."""
    codec = make_codec("journald")
    assert codec.decode(b" ", ("j", 0, 1)) is None
    refused = codec.decode(b'{"a":', ("j", 0, 1))
    assert isinstance(refused, Rejected) and refused.reason == "syntax"
    heads = (b"", b" \n", b"{", b"[", b"_")
    assert [codec.framing(head) for head in heads] == [None, None, "lines", "array", "entries"]
    assert make_chunker("entries", "j").feed(b"\n\n\n") == []
    assert codec.state() == {} and codec.settled("j") is None
