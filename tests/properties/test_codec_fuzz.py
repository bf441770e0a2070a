"""Whatever the bytes: codecs never raise, and how a source is cut into blocks changes nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.codecs import (
    Codec,
    Defect,
    InputOptions,
    JsonCodec,
    decode_all,
    decode_chunk,
    make_chunker,
    make_codec,
    mend_json,
    read_json,
)
from sluice.io import encode_record
from sluice.model import Event, Rejected

CODECS = [
    "json", "syslog", "syslog:year=2015,zone=Europe/Berlin",
    "logfmt", "logfmt:zone=UTC,text=*", "csv", "csv:delimiter=semicolon,zone=UTC",
    "csv:header=time+a.b+c,text=c", "csv:header=no,delimiter=space", "weblog",
    "weblog:vhost=yes,extra=a.b+c", "windows", "windows:zone=Europe/Berlin", "cloudtrail", "cef",
    "cef:year=2026,zone=Europe/Berlin", "journald",
]  # fmt: skip
JSON_LINES = [
    b'{"@type":"auth.login","@time":"2020-09-14T01:19:40.123Z","@id":"e1","user":"bob","n":[1,{}]}',
    b'{"type":"t","ts":160000000000,"s":"\\ud83d\\ude00\\ud800","x":1e3,"b":18446744073709551616}',
    b'{"specversion":"1","type":"t","source":"/","id":"1","time":"2020-09-14T01:19:40Z","data":{}}',
    b'[{"specversion":"1.0","type":"t","source":"/s","id":"1","time":"2020-09-14T01:19:40Z"}]',
]
SYSLOG_LINES = [
    b"Dec 10 06:55:46 LabSZ sshd[24200]: Invalid user webmaster from 173.234.31.186",
    b"<34>Oct 25 02:14:15 mymachine su: 'su root' failed on /dev/pts/8",
    b'<165>1 2003-10-11T22:14:15.003Z h app 12 ID47 [x@1 a="b\\]"] \xef\xbb\xbfmessage',
    b"2024-01-15T10:00:00.123456+01:00 web-1 sshd[12]: m",
]
TEXT_LINES = [
    b'time=2026-03-09T07:20:00Z level=info msg="a \\"b\\" \\ud800 \\x07" http.status=200 ok e=',
    b'ts=1600000000 t="unclosed',
    b"time,a.b,c",
    b'2026-03-09T07:20:00Z,"x, ""y""",007',
    b'2026-03-09 07:20:00,"two',
    b'lines",-1.5',
    b"time;timestamp;a",
    b'192.0.2.1 - bob [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200 2326 "-" "x\\x22" 0.1',
    b'a.example:80 192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "\\x16\\x03" 400 - "-" "-" 1 "q"',
    b"<134>Mar  9 07:20:00 fw CEF:0|Ve\\|ndor|9 prod|1|100|worm|10|src=192.0.2.1 msg=a b\\=c",
    b"CEF:0|a|b|c|d|e|Low|end=Mar 09 2026 07:20:00.123 CET in=5 dlat=1.5",
]
RECORD_LINES = [
    b'{"EventID":4624,"Channel":"Security","UtcTime":"2020-08-07 14:39:12.968","LogonType":"3"}',
    b'{"EventID":"1","SourceName":"Microsoft-Windows-Sysmon","EventTime":"2020-08-07 10:39:12"}',
    b'{"winlog":{"event_id":1,"channel":"x","event_data":{}},"@timestamp":"2020-08-07T14:39:14Z"}',
    b'{"Event":{"System":{"EventID":{"#text":5,"#attributes":{}},"Channel":"c","TimeCreated":'
    b'{"#attributes":{"SystemTime":"2020-08-07T14:39:12.968Z"}}},"EventData":{"b":{"#text":1}}}}',
    b'{"eventSource":"iam.amazonaws.com","eventName":"GetUser","eventTime":"2026-03-09T07:20:00Z"}',
    b'{"Records": [{"eventSource":"s3","eventName":"9","eventID":"x","@timestamp":1},{"a":"]"},7]}',
    b'{"__REALTIME_TIMESTAMP":"1600000000123456","__CURSOR":"s","MESSAGE":[1,255],"PRIORITY":"6"}',
    b"__REALTIME_TIMESTAMP=1600000000123456\nMESSAGE\n\x05\0\0\0\0\0\0\0a\n\nb\\\n_PID=7\n\n",
    b"SYSLOG_FACILITY=4\n_X=1\n_X=2\n_X=3\n\nno field\n\n",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
options = st.builds(
    InputOptions,
    type=st.none() | st.just("d"),
    id_field=st.none() | st.just("n"),
    time_unit=st.sampled_from(["s", "ms", "us", "ns"]),
    strict=st.booleans(),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real line with bytes changed, inserted, doubled or cut out."""
    line = bytearray(draw(st.sampled_from(JSON_LINES + SYSLOG_LINES + TEXT_LINES + RECORD_LINES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(line)))
        length = draw(st.integers(0, 6))
        new = draw(
            st.binary(max_size=3)
            | st.sampled_from(
                [b'"', b"\\", b"{", b"]", b"\\ud8", b"-", b"\n", b"\r", b"\0", b"|", b"=", b"."]
            )
        )
        line[at : at + length] = new
    return bytes(line)


def check(outcome: Any) -> None:
    """Whatever comes out is well formed, and can be written."""
    for part in outcome if isinstance(outcome, list) else [outcome]:
        assert part is None or isinstance(part, Event | Rejected)
        if isinstance(part, Event):
            assert type(part.time) is int and type(part.fields) is dict and part.type
            assert orjson.loads(encode_record(part.fields)) is not None
        elif part is not None:
            assert part.message and len(part.data) <= 4_096
            encode_record(msgspec.to_builtins(part))


@given(st.sampled_from(CODECS), options, mutated() | st.binary(max_size=200))
@example("json", InputOptions(), b"[" * 100_000)
@example("json", InputOptions(strict=True), b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
@example("syslog", InputOptions(), b"<" * 10_000)
@example("syslog:year=2015", InputOptions(), b"Dec 10 06:55:46 " + b"a" * 100_000)
@example("logfmt", InputOptions(), b"a=" + b'"' * 100_000)
@example("logfmt", InputOptions(), b"a" * 50_000 + b" " * 50_000 + b"=1")
@example("logfmt", InputOptions(), b"." * 10_000 + b"a" + b".a" * 10_000 + b"=1")
@example("weblog", InputOptions(), b"h i " + b"u [" * 30_000)
@example("weblog", InputOptions(), b'h - - [10/Oct/2000:13:55:36 -0700] "' + b'" ' * 30_000)
@example("cef", InputOptions(), b"CEF:0" + b"|" * 10_000 + b"a=" * 10_000)
@example("cef", InputOptions(), b"CEF:0|a|b|c|d|e|f|" + b"a=b " * 10_000)
@example("csv:header=no", InputOptions(), b'"' + b"x" * 200_000 + b'"')
@example("journald", InputOptions(), b"A\\n\xff\xff\xff\xff\xff\xff\xff\xff\\n\\n")
@example("syslog", InputOptions(), b"<1>1 2003-10-11T22:14:15Z h a - - [x" + b' a="' * 10_000)
def test_a_codec_never_raises(codec: str, choice: InputOptions, line: bytes) -> None:
    """Any bytes give an event, rejections, or nothing."""
    made = make_codec(codec, choice)
    check(made.decode(line, ("a", 0, 1)))
    if isinstance(made, JsonCodec):
        made.read_only(lambda type_: frozenset("ab"))
        check(made.decode(line, ("a", 0, 1)))


@given(st.sampled_from(CODECS), st.lists(mutated(), max_size=5), st.data())
def test_how_a_source_is_cut_changes_nothing(
    name: str, lines: list[bytes], choose: st.DataObject
) -> None:
    """Blocks of any sizes give the same records as the whole, for lines and for arrays."""
    layouts = [
        (b"\n", b"%s"), (b"\r\n", b"%s\r\n"), (b",\n", b" [%s]\n"), (b",", b"[%s"),
        (b",", b'\n{"Records" :[%s]}'), (b"]}\n{\"Records\":[", b'{"Records":[%s]} '),
    ]  # fmt: skip
    separator, frame = choose.draw(st.sampled_from(layouts))
    text = frame % separator.join(lines)
    limit = choose.draw(st.sampled_from([50, 1_000]))
    whole = list(decode_all(make_codec(name), text, "a", limit))
    cuts = sorted(choose.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    assert decoded_in_blocks(make_codec(name), text, [0, *cuts, len(text)], limit) == whole


def decoded_in_blocks(
    codec: Codec, text: bytes, cuts: list[int], limit: int
) -> list[Event | Rejected]:
    """Decode the text as it comes in blocks."""
    chunker = make_chunker(codec.framing(text) or "lines", "a", limit)
    made = [c for a, b in pairwise(cuts) for c in chunker.feed(text[a:b])]
    out: list[Event | Rejected] = []
    for piece, *_ in [*made, *chunker.finish()]:
        if isinstance(piece, Rejected):
            out.append(piece)
        else:
            out += decode_chunk(codec, piece, "a")
    return out


@given(json_values)
def test_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    """Two readers, one value; what is mended in sound JSON is nothing."""
    text = json.dumps(value).encode()
    assert read_json(text) == value
    assert read_json(text, strict=True) == value or abs_max(value) >= 2**63
    mended = mend_json(text)
    assert not isinstance(mended, Defect)
    assert (mended.value, mended.broken) == (value, frozenset())


@given(mutated() | st.binary(max_size=60))
def test_what_is_read_is_json_to_the_standard_library(text: bytes) -> None:
    """Nothing is accepted that another reader refuses; lone surrogates are the one repair."""
    value = read_json(text)
    if isinstance(value, Defect):
        return
    other = json.loads(text.decode(), parse_constant=pytest.fail)
    surrogates = dict.fromkeys(range(55296, 57344), "�")
    assert json.dumps(value, ensure_ascii=False).translate(surrogates) == json.dumps(
        other, ensure_ascii=False
    ).translate(surrogates)


@given(json_values | st.text(st.characters(exclude_categories=[])))
def test_a_record_is_written_as_it_can_be_read(value: Any) -> None:
    """Exact integers, one line, valid UTF-8; the slow writer writes what the quick one writes."""
    line = encode_record({"value": value})
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    surrogates = dict.fromkeys(range(55296, 57344), "�")
    expected = json.loads(json.dumps(value, ensure_ascii=False).translate(surrogates))
    assert json.loads(line.decode()) == {"value": expected}
    slow = encode_record({"big": 2**70, "value": value})
    assert slow == b'{"big":%d,' % 2**70 + line.removeprefix(b"{")


def abs_max(value: Any) -> int:
    """Return the largest integer in a value, by amount."""
    if isinstance(value, dict):
        return max(map(abs_max, value.values()), default=0)
    if isinstance(value, list):
        return max(map(abs_max, value), default=0)
    return abs(value) if isinstance(value, int) else 0
