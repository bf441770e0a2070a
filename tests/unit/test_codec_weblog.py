"""Events from access logs: common and combined, virtual hosts, values of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.codecs import InputOptions, decode_all, make_codec
from sluice.model import Event, Rejected

STAMP = "[10/Oct/2000:13:55:36 -0700]"
START = f"192.0.2.1 - bob {STAMP} "


def one(line: str | bytes, codec: str = "weblog", options: InputOptions | None = None) -> Any:
    """Decode one line as line 7 of `access.log`."""
    text = line.encode() if isinstance(line, str) else line
    return make_codec(codec, options).decode(text, ("access.log", 0, 7))


def test_the_common_format() -> None:
    """The example of Apache's documentation; `-` is missing."""
    line = f'127.0.0.1 - frank {STAMP} "GET /apache_pb.gif HTTP/1.0" 200 2326'
    expected = {
        "host": "127.0.0.1", "user": "frank", "method": "GET", "path": "/apache_pb.gif",
        "protocol": "HTTP/1.0", "status": 200, "bytes": 2326,
    }  # fmt: skip
    assert one(line) == Event("web.request", 971_211_336_000, expected, None, "access.log", 0, 7)


def test_the_combined_format() -> None:
    """With referer and user agent; a query stands for itself."""
    event = one(
        f'{START}"POST /a/b?x=1&y=?2 HTTP/2.0" 404 - "http://a.example/" "Moz (X; \\"y\\")"'
    )
    assert event.fields == {
        "host": "192.0.2.1", "user": "bob", "method": "POST", "path": "/a/b", "query": "x=1&y=?2",
        "protocol": "HTTP/2.0", "status": 404, "referer": "http://a.example/",
        "user_agent": 'Moz (X; "y")',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /", {"method": "GET", "path": "/"}),
        ("GET http://a.example/?q HTTP/1.1", {
            "method": "GET", "path": "http://a.example/", "query": "q", "protocol": "HTTP/1.1"}),
        ("CONNECT a.example:443 HTTP/1.1", {
            "method": "CONNECT", "path": "a.example:443", "protocol": "HTTP/1.1"}),
        ("OPTIONS * HTTP/1.0", {"method": "OPTIONS", "path": "*", "protocol": "HTTP/1.0"}),
        ("-", {}),
        ("", {}),
        (r"\x16\x03\x01", {"request": "\x16\x03\x01"}),
        (r"GET /\x22 HTTP/1.1", {"method": "GET", "path": '/"', "protocol": "HTTP/1.1"}),
        (r"GET /%2e%2e/ HTTP/1.1", {"method": "GET", "path": "/%2e%2e/", "protocol": "HTTP/1.1"}),
        ("GET /a b HTTP/1.1", {"request": "GET /a b HTTP/1.1"}),
        (r"GET /\\x41\n HTTP/1.1", {"request": "GET /\\x41\n HTTP/1.1"}),
        (r"GET /\xc3\xa9\xff HTTP/1.0", {
            "method": "GET", "path": "/é\ufffd", "protocol": "HTTP/1.0"}),
    ],
)  # fmt: skip
def test_requests(request_line: str, expected: dict[str, Any]) -> None:
    """What is no request line, as scanners and broken clients send, stays whole as `request`."""
    event = one(f'192.0.2.1 - - {STAMP} "{request_line}" 400 0')
    assert event.fields == {"host": "192.0.2.1", **expected, "status": 400, "bytes": 0}


def test_a_name_of_a_user_with_blanks() -> None:
    """Servers do not quote it; the time in brackets ends it."""
    fields = one(f'192.0.2.1 id a b [c] {STAMP} "GET / HTTP/1.0" 401 5').fields
    assert (fields["ident"], fields["user"]) == ("id", "a b [c]")


def test_values_of_ones_own() -> None:
    """What follows has the names of the option, else it is the list `extra`."""
    line = f'{START}"GET / HTTP/1.1" 200 5 "-" "curl/8" 0.250 - "a b"'
    assert one(line).fields["extra"] == [0.25, None, "a b"]
    named = one(line, "weblog:extra=request_time+upstream.time+site").fields
    assert (named["request_time"], named["site"]) == (0.25, "a b")
    assert "upstream" not in named and "extra" not in named
    refused = one(line, "weblog:extra=request_time")
    assert (refused.reason, refused.message) == (
        "schema", "3 values behind the user agent, not request_time",
    )  # fmt: skip
    common = one(f'{START}"GET / HTTP/1.1" 200 5 0.1', "weblog:extra=t").fields
    assert common["t"] == 0.1


def test_virtual_hosts_are_said_not_guessed() -> None:
    """`vhost=yes`: the first word is the site. Without it such a line has other words in front."""
    line = f'a.example:443 192.0.2.1 - - {STAMP} "GET / HTTP/1.1" 200 5'
    fields = one(line, "weblog:vhost=yes").fields
    assert (fields["vhost"], fields["host"]) == ("a.example:443", "192.0.2.1")
    assert one(line).fields["host"] == "a.example:443"


def test_the_type_can_be_named() -> None:
    """`--type` replaces `web.request`, `--type-field` takes it from a field."""
    line = f'{START}"GET / HTTP/1.1" 200 5'
    assert one(line, options=InputOptions(type="shop.request")).type == "shop.request"
    assert one(line, options=InputOptions(type_field="method")).type == "GET"


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        (f'{START}"GET / HTTP/1.1 200 5', "syntax",
         "the quote that opens at character 46 is not closed"),
        (f'{START}"GET / HTTP/1.1" 200 5 "-" "Mozilla', "syntax",
         "the quote that opens at character 73 is not closed"),
        (f'{START}"GET / HTTP/1.1" 200 5 "-\\" "x"', "syntax",
         "the quote that opens at character 69 is not closed"),
        (f"{START}GET / 200 5", "syntax", "the request is not in quotes (character 46)"),
        (f'{START}"GET / HTTP/1.1" OK 5', "syntax",
         "status and bytes do not follow the request (character 46)"),
        ("hello", "syntax", "not an access log"),
        (f'192.0.2.1 - - {STAMP[:-7]}] "GET / HTTP/1.1" 200 5', "syntax", "not an access log"),
        ('192.0.2.1 - - [31/Feb/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5', "time",
         "no such time: [31/Feb/2000:13:55:36 -0700]"),
        ('192.0.2.1 - - [01/Abc/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5', "time",
         "no such time"),
    ],
)  # fmt: skip
def test_what_is_refused_says_where(line: str, reason: str, message: str) -> None:
    """A broken quote is named with the place where it opens."""
    refused = one(line)
    assert isinstance(refused, Rejected)
    assert refused.reason == reason
    assert message in refused.message


def test_a_broken_line_costs_only_itself() -> None:
    """The next one is read; a blank one is nothing; bytes that are not UTF-8 are mended."""
    text = f'{START}"GET / 200 5\n\n{START}"GET /'.encode() + b'\xff\x00 HTTP/1.1" 200 5\r\n'
    first, second = decode_all(make_codec("weblog"), text, "a")
    assert isinstance(first, Rejected) and isinstance(second, Event)
    assert (second.offset, second.fields["path"]) == (3, "/�\x00")
    strict = make_codec("weblog", InputOptions(strict=True))
    assert [getattr(o, "reason", "") for o in decode_all(strict, text, "a")] == [
        "syntax",
        "encoding",
    ]
