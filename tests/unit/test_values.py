"""What a value means: comparison, case, patterns, addresses, schema fit."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from sluice.model import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    INT_MAX,
    INT_MIN,
    IP,
    NETWORK,
    NULL,
    STRING,
    TIME,
    Field,
    Type,
    canonical_ip,
    coerce,
    equal,
    fits,
    fold,
    in_networks,
    ip_number,
    is_known,
    less,
    like_pattern,
    parse_network,
)

BIG = 2**53

# ---------------------------------------------------------------- comparison


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (5, 5, True),
        (1, 1.0, True),
        (BIG + 1, float(BIG), False),
        (INT_MAX, float(2**63), False),
        ("a", "a", True),
        ("a", "A", False),
        (5, "5", False),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        (None, None, None),
        (None, 1, None),
        (UNSET, 1, None),
        ("x", UNSET, None),
        ([1, 2], [1.0, 2], True),
        ([1], [True], False),
        ([None], [None], True),
        ([1], [1, 2], False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ([], {}, False),
    ],
)
def test_equality_knows_no_other_types(a: Any, b: Any, expected: bool | None) -> None:
    """Numbers are equal across int and float, nothing else across types; absent is unknown."""
    assert expected is equal(a, b)
    assert expected is equal(b, a)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 2, True),
        (2, 1, False),
        (1, 1.5, True),
        (float(BIG), BIG + 1, True),
        (BIG + 1, float(BIG), False),
        ("a", "b", True),
        ("Z", "a", True),
        ("\uffff", "\U00010000", True),
        (1, "2", None),
        ("1", 2, None),
        (False, True, None),
        (0, True, None),
        (None, 1, None),
        (1, UNSET, None),
        ([1], [2], None),
    ],
)
def test_order_is_for_numbers_and_strings(a: Any, b: Any, expected: bool | None) -> None:
    """Numbers compare exactly, strings by code point; there is no other order."""
    assert expected is less(a, b)


def test_absent_values_are_not_known() -> None:
    """Missing and null are unknown as operands; false and zero are values."""
    assert [False, False, True, True] == [is_known(v) for v in (None, UNSET, False, 0)]


# ---------------------------------------------------------------- case


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Admin", "admin"),
        ("ÄÖ", "äö"),
        ("\u212a", "k"),
        ("\u017f", "s"),
        ("\u1e9e", "ß"),
        ("ß", "ß"),
        ("ΑΣς", "ασσ"),
        ("İ", "İ"),
        ("\ufb05", "\ufb06"),
    ],
)
def test_folding_is_simple(text: str, folded: str) -> None:
    """Folding takes one character to one: `ß` does not become `ss`."""
    assert folded == fold(text)


def test_folding_agrees_with_re2() -> None:
    """Two characters fold alike exactly when RE2 takes one for the other under (?i)."""
    options = re2.Options()
    options.log_errors = False
    groups: dict[str, set[str]] = {}
    # Above that no character has another case.
    chars = [chr(code) for code in range(1, 0x1E944) if not 0xD800 <= code <= 0xDFFF]
    for char in chars:
        groups.setdefault(fold(char), set()).add(char)
    cased = [char for char in chars if unicodedata.category(char) not in ("Lo", "Cn", "Co")]
    data = "".join(cased).encode()
    for group in groups.values():
        if len(group) > 1:
            pattern = "(?i)" + re2.escape(min(group))
            found = {m.group().decode() for m in re2.finditer(pattern.encode(), data, options)}
            assert group == found, [hex(ord(char)) for char in group]


# ---------------------------------------------------------------- like


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*b?", "a--bc", True),
        ("a*b?", "a--b", False),
        ("*", "", True),
        ("", "", True),
        ("", "x", False),
        ("?", "\n", True),
        ("*.exe", "C:\\x.exe", True),
        ("*.exe", "xexe", False),
        ("a[*]b", "a*b", True),
        ("a[*]b", "axb", False),
        ("a[?]", "a?", True),
        ("[x]", "[x]", True),
        ("[x]", "x", False),
        ("a[**", "a[b", True),
        ("a\\b", "a\\b", True),
        ("a", "a\n", False),
        ("{1}", "{1}", True),
    ],
)
def test_like_covers_the_string(pattern: str, text: str, expected: bool) -> None:
    """`*` and `?` are wild also over line breaks; only `[*]` and `[?]` escape."""
    assert expected is (re2.search(like_pattern(pattern), text) is not None)


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::FFFF:0a00:0007", "10.0.0.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("010.0.0.7", None),
        ("10.0.0", None),
        ("10.0.0.7/32", None),
        ("fe80::1%eth0", None),
        (" 10.0.0.7", None),
        ("", None),
        (167772167, None),
        (None, None),
    ],
)
def test_an_address_has_one_text(text: Any, expected: str | None) -> None:
    """All spellings of an address become the one of RFC 5952, IPv4 in IPv6 the IPv4."""
    assert expected == canonical_ip(text)


def test_addresses_are_numbers() -> None:
    """An address is its version and its bits."""
    assert (4, 10 << 24 | 7) == ip_number("::ffff:10.0.0.7")
    assert (6, 1) == ip_number("::1")
    assert ip_number("x") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", (4, 10 << 24, 0xFF000000)),
        ("10.1.2.3/8", (4, 10 << 24, 0xFF000000)),
        ("10.0.0.7", (4, 10 << 24 | 7, 0xFFFFFFFF)),
        ("0.0.0.0/0", (4, 0, 0)),
        ("::ffff:10.0.0.0/104", (4, 10 << 24, 0xFF000000)),
        ("::ffff:10.0.0.0/8", None),
        ("::/0", (6, 0, 0)),
        ("10.0.0.0/33", None),
        ("10.0.0.0/-1", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/٨", None),
        (10, None),
    ],
)
def test_networks_are_read(text: Any, expected: Any) -> None:
    """A network is version, first address and mask; bits behind the prefix are cleared."""
    assert expected == parse_network(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.9.9.9", True),
        ("::ffff:10.1.1.1", True),
        ("11.0.0.0", False),
        ("2001:db8::5", True),
        ("::a00:1", False),
        ("host", None),
        (None, None),
    ],
)
def test_membership_in_networks(text: Any, expected: bool | None) -> None:
    """Versions do not mix, and what is no address is unknown."""
    networks = [n for n in map(parse_network, ("10.0.0.0/8", "2001:db8::/32")) if n]
    assert expected is in_networks(text, networks)


# ---------------------------------------------------------------- schema

PORTS = Type("object", fields={"port": Field(INT), "name": Field(STRING, optional=True)})


@pytest.mark.parametrize(
    ("value", "type", "expected"),
    [
        (5, INT, 5),
        (5.0, INT, 5),
        (5.5, INT, None),
        (True, INT, None),
        ("5", INT, None),
        (INT_MAX, INT, INT_MAX),
        (INT_MAX + 1, INT, None),
        (INT_MIN - 1, INT, None),
        (1e300, INT, None),
        (5, FLOAT, 5),
        (5.5, FLOAT, 5.5),
        (False, FLOAT, None),
        (10**400, FLOAT, None),
        (float("inf"), FLOAT, None),
        (float("nan"), FLOAT, None),
        (80, Type("percent"), 80),
        ("x", STRING, "x"),
        (1, STRING, None),
        (True, BOOL, True),
        (1, BOOL, None),
        ("a", Type("enum", values=("a", "b")), "a"),
        ("c", Type("enum", values=("a", "b")), None),
        ("::ffff:1.2.3.4", IP, "1.2.3.4"),
        ("1.2.3", IP, None),
        ("10.0.0.0/8", NETWORK, "10.0.0.0/8"),
        ("2020-09-14T01:19:40Z", TIME, 1_600_046_380_000),
        (1_600_046_380_000, TIME, 1_600_046_380_000),
        (10**18, TIME, None),
        ("yesterday", TIME, None),
        ("1h30m", DURATION, 5_400_000),
        (1500, DURATION, 1500),
        (1.5, DURATION, None),
        ("1x", DURATION, None),
        ([1, 2.0], Type("list", item=INT), [1, 2]),
        ([1, None], Type("list", item=INT), [1, None]),
        ([1, "2"], Type("list", item=INT), None),
        ("1", Type("list", item=STRING), None),
        ([{"port": 1}], Type("list"), [{"port": 1}]),
        ({"port": 22.0, "more": 1}, PORTS, {"port": 22, "more": 1}),
        ({"port": "22"}, PORTS, {}),
        ({"port": None}, PORTS, {"port": None}),
        ([], PORTS, None),
        ({"x": 1}, ANY, {"x": 1}),
        (None, ANY, None),
        (UNSET, STRING, None),
        (1, NULL, None),
    ],
)
def test_a_schema_converts(value: Any, type: Type, expected: Any) -> None:
    """A value becomes the run-time value of its field, or nothing when it does not fit."""
    found = coerce(value, type)
    assert expected == found
    assert expected.__class__ is found.__class__


def test_an_object_fits_when_nothing_is_lost() -> None:
    """An object with a field that does not fit is kept without it, and does not fit."""
    assert fits({"port": 22}, PORTS)
    assert fits({}, PORTS)
    assert not fits({"port": "22"}, PORTS)
    assert not fits(None, PORTS)
    assert fits(5.0, INT)
    assert not fits(True, INT)


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()))
def test_converting_twice_changes_nothing(value: Any) -> None:
    """What a schema gave fits that schema, and stays."""
    for type in (INT, FLOAT, STRING, BOOL, IP, TIME, DURATION):
        once = coerce(value, type)
        if once is not None:
            assert once == coerce(once, type)
            assert fits(once, type)


@given(st.text(alphabet="ab*?[].\\\n$", max_size=8), st.text(alphabet="ab*?[\\\n", max_size=8))
def test_like_patterns_mean_the_same_in_both_engines(pattern: str, text: str) -> None:
    """The pattern of a `like` is the same for RE2 and, with `$` as `\\Z`, for `re`."""
    written = like_pattern(pattern)
    python = re.search(written[:-1] + r"\Z", text)
    assert (re2.search(written, text) is None) == (python is None)


def test_folding_keeps_the_length() -> None:
    """No character becomes several."""
    assert all(len(fold(chr(code))) == 1 for code in range(0x20000))
