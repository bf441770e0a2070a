"""Events from CSV: headers, quotes, line ends in cells, delimiters; and files that change."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.codecs import Chunk, InputOptions, decode_all, make_chunker, make_codec
from sluice.codecs.cells import RECORD_LINES_MAX
from sluice.errors import ConfigError
from sluice.model import Event, Rejected

AT = "2026-03-09T07:20:00Z"


def rows(text: str | bytes, codec: str = "csv", options: InputOptions | None = None) -> list[Any]:
    """Return line and fields of each event, line, reason and message of each rejection."""
    data = text.encode() if isinstance(text, str) else text
    out: list[Any] = []
    for outcome in decode_all(make_codec(codec, options), data, "a.csv"):
        if isinstance(outcome, Event):
            given = {name: v for name, v in outcome.fields.items() if name != "time"}
            out.append((outcome.offset, given))
        else:
            out.append((outcome.offset, outcome.reason, outcome.message))
    return out


def test_the_first_row_names_the_fields() -> None:
    """An empty cell is a missing field, numbers are numbers, a dotted column is a path."""
    text = f"time,user,n,geo.lat,geo.country\r\n{AT},bob,12,52.5,DE\r\n{AT},,007,,\r\n"
    assert rows(text) == [
        (2, {"user": "bob", "n": 12, "geo": {"lat": 52.5, "country": "DE"}}),
        (3, {"n": "007"}),
    ]
    (event,) = decode_all(make_codec("csv"), f"time,a\n{AT},1\n".encode(), "a.csv")
    expected = Event("csv", 1_773_040_800_000, {"time": AT, "a": 1}, None, "a.csv", 0, 2)
    assert event == expected


def test_quoted_cells_hold_anything() -> None:
    """Delimiters, quotes and line ends (RFC 4180 section 2); rows count by their first line."""
    text = f'time,msg,n\n{AT},"a, ""b""\r\nc\nd",1\n{AT}, "x" ,2\n{AT},5" disk,3\n{AT},"",4\n'
    assert rows(text) == [
        (2, {"msg": 'a, "b"\nc\nd', "n": 1}), (5, {"msg": ' "x" ', "n": 2}),
        (6, {"msg": '5" disk', "n": 3}), (7, {"n": 4}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "mark"), [("semicolon", ";"), (";", ";"), ("tab", "\t"), ("pipe", "|"), ("space", " ")]
)
def test_other_delimiters(name: str, mark: str) -> None:
    """By name, or as they are."""
    text = f'time,a,b\n{AT},1,"x,y"\n'.replace(",", mark)
    assert rows(text, f"csv:delimiter={name}") == [(2, {"a": 1, "b": f"x{mark}y"})]


def test_headers_that_are_not_in_the_file() -> None:
    """`header=a+b` names the columns, `header=no` numbers them; a row with those names is none."""
    assert rows(f"{AT},5\n", "csv:header=time+n") == [(1, {"n": 5})]
    assert rows(f"time,n\n{AT},5\ntime,n\n", "csv:header=time+n") == [(2, {"n": 5})]
    numbered = rows(f"5,{AT}\n", "csv:header=no", InputOptions(time_field="c2"))
    assert numbered == [(1, {"c1": 5, "c2": AT})]


def test_columns_without_a_name_or_with_a_taken_one() -> None:
    """Are `c` and their number, so that nothing is lost."""
    assert rows(f"time,,a,a\n{AT},1,2,3\n") == [(2, {"c2": 1, "a": 2, "c4": 3})]


def test_a_file_without_a_header_says_so() -> None:
    """Its first row holds a time: each row is refused with what to write."""
    found = rows(f"{AT},bob\n{AT},eve\n")
    assert [(line, reason) for line, reason, _ in found] == [(1, "schema"), (2, "schema")]
    assert found[0][2] == (
        "the first row is no header: it holds a time; "
        "without one, name the columns: --codec csv:header=NAME+NAME"
    )


def test_rows_with_more_or_fewer_cells_are_refused() -> None:
    """With both counts and the columns; the rows around them are read."""
    found = rows(f"time,user,n\n{AT},bob\n{AT},bob,1\n{AT},bob,1,2\n")
    assert found == [
        (2, "schema", "2 cells where there are 3 columns (time, user, n)"),
        (3, {"user": "bob", "n": 1}),
        (4, "schema", "4 cells where there are 3 columns (time, user, n)"),
    ]


def test_a_header_in_the_middle() -> None:
    """The same one again is nothing (files put together); another is told and used from there."""
    text = f"time,user,n\n{AT},bob,1\ntime,user,n\n{AT},eve,2\nuser,time\nmia,{AT}\n"
    assert rows(text) == [
        (2, {"user": "bob", "n": 1}),
        (4, {"user": "eve", "n": 2}),
        (5, "schema", "another header: user, time instead of time, user, n; "
                      "the rows from here are read by it"),
        (6, {"user": "mia"}),
    ]  # fmt: skip
    named = InputOptions(time_field="when")
    first, header, last = rows(f"when,a\n{AT},1\na,when\n2,{AT}\n", options=named)
    assert (first, header[:2]) == ((2, {"when": AT, "a": 1}), (3, "schema"))
    assert last == (4, {"a": 2, "when": AT})


def test_a_value_that_is_a_name_of_a_column_is_no_header() -> None:
    """A row with a time in it is a row, whatever else it holds."""
    assert rows(f"time,what\n{AT},time\n") == [(2, {"what": "time"})]


def test_each_file_has_its_own_columns() -> None:
    """A second file with other columns is read by its own header."""
    codec = make_codec("csv")
    list(decode_all(codec, f"time,a\n{AT},1\n".encode(), "one.csv"))
    (event,) = decode_all(codec, f"b,time\n2,{AT}\n".encode(), "two.csv")
    assert isinstance(event, Event) and event.fields == {"b": 2, "time": AT}


def test_a_quote_that_is_not_closed_costs_one_line() -> None:
    """At the end of the file, or when a thousand lines do not close it."""
    head = f'time,m\n{AT},"open\n'
    assert rows(f"{head}{AT},x\n{AT},y\n") == [
        (2, "syntax", "a quote that opens a cell is not closed"), (3, {"m": "x"}), (4, {"m": "y"}),
    ]  # fmt: skip
    many = f"{AT},x\n" * RECORD_LINES_MAX
    found = rows(f'{head}{many}{AT},"y"\n')
    assert [line for line, *_ in found] == list(range(2, RECORD_LINES_MAX + 4))
    assert found[0][1] == "syntax" and found[-1] == (RECORD_LINES_MAX + 3, {"m": "y"})


def test_text_behind_a_closing_quote_is_refused() -> None:
    """What it was meant to be cannot be known."""
    ((_, reason, message),) = rows(f'time,m\n{AT},"a"b\n')
    assert (reason, message) == ("syntax", "not CSV: ',' expected after '\"'")


def test_a_line_that_is_too_long_is_skipped() -> None:
    """Quoted or not; what follows has its number."""
    for cell in ("x" * 99, '"' + "x" * 99 + '"'):
        text = f"time,m\n{AT},{cell}\n{AT},b\n".encode()
        outcomes = list(decode_all(make_codec("csv"), text, "a.csv", 60))
        assert [(o.offset, getattr(o, "reason", None)) for o in outcomes] == [
            (2, "size"),
            (3, None),
        ]


def test_a_row_without_a_line_end_is_torn() -> None:
    """It is read if it can be, and said to be half otherwise."""
    assert rows(f"time,m\n{AT},a") == [(2, {"m": "a"})]
    ((_, _, message),) = rows(f'time,m\n{AT},"a"b')
    assert message.startswith("the input ends in the middle of a line: not CSV")
    chunker = make_chunker("csv-comma", "a")
    pieces = [
        cut.piece for cut in [*chunker.feed(b'a,"b\n'), *chunker.feed(b'c"'), *chunker.finish()]
    ]
    assert pieces == [Chunk(b'a,"b\rc"', 1, 1, torn=True)]


def test_odd_bytes() -> None:
    """A byte order mark is no part of the first name; NUL is a character; UTF-8 is mended."""
    assert rows(b"\xef\xbb\xbftime,a\n" + AT.encode() + b",\x00\xff\n") == [(2, {"a": "\x00�"})]
    strict = rows(b"time,a\n" + AT.encode() + b",\xff\n", options=InputOptions(strict=True))
    assert [reason for _, reason, _ in strict] == ["encoding"]


def test_columns_are_kept_for_a_later_run() -> None:
    """A codec made anew goes on in the middle of a file, which has no header there."""
    before, after = make_codec("csv"), make_codec("csv")
    list(decode_all(before, f"time,a\n{AT},1\n".encode(), "a.csv"))
    after.restore(before.state())
    event = after.decode(f"{AT},2".encode(), ("a.csv", 0, 3))
    assert isinstance(event, Event) and event.fields == {"time": AT, "a": 2}
    settled = after.settled("a.csv")
    assert settled is not None and settled.time_field == "time"


def test_local_times_and_text_columns() -> None:
    """`zone` as in logfmt; `text` keeps numbers as they are written."""
    found = rows("time,zip,n\n2026-03-09 08:20:00,10115,3\n", "csv:zone=Europe/Berlin,text=zip")
    assert found == [(2, {"zip": "10115", "n": 3})]


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        ("csv:delimiter=semi", "delimiter=semi is none of comma, semicolon, tab, pipe, space: did"),
        ("csv:headers=no", "did you mean 'header'"),
        ("csv:zone=Mars", "there is no zone 'Mars'"),
    ],
)
def test_options_are_checked(codec: str, message: str) -> None:
    """With the nearest word."""
    with pytest.raises(ConfigError) as caught:
        make_codec(codec)
    assert message in str(caught.value)


def test_a_huge_cell_is_refused() -> None:
    """More than the standard library takes in one cell."""
    (found,) = decode_all(make_codec("csv"), b'time,m\n1,"' + b"x" * 200_000 + b'"\n', "a.csv")
    assert isinstance(found, Rejected) and "field larger than field limit" in found.message


@pytest.mark.parametrize(
    ("mark", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe"), (" ", "space")]
)
def test_the_wrong_delimiter_is_told(mark: str, name: str) -> None:
    """A header that this delimiter does not split, and another one would, brings the option."""
    text = f"time{mark}acct{mark}amount\n{AT}{mark}bob{mark}1,5\n"
    assert rows(text) == [
        (2, "schema", f"2 cells where there is 1 column (time{mark}acct{mark}amount); "
         f"try --codec csv:delimiter={name}"),
    ]  # fmt: skip
    assert rows("time\n1,2\n") == [(2, "schema", "2 cells where there is 1 column (time)")]
