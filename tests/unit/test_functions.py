"""Every function of the catalog: its example, and the cases that its page decides."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from sluice.catalog import (
    BUILTINS,
    Catalog,
    Function,
    Parameter,
    builtins,
    parse_schedule,
    parse_zone,
)
from sluice.model import DURATION, FLOAT, INT, INT_MAX, INT_MIN, IP, NULL, STRING, TIME, coerce
from sluice.timing import parse_duration, parse_instant

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
FUNCTIONS = BUILTINS.functions
SECTION_5 = set(
    "lower upper trim length split replace concat substring index_of between abs round floor "
    "ceil min max log mod coalesce if hour weekday date_trunc age ms seconds minutes hours "
    "during prefix is_private distance_km base64_decode url_decode hex sha256 int float string "
    "entropy levenshtein now".split()
)

# ---------------------------------------------------------------- a reader for the examples

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<duration>\d+(?:w|d|h|ms|m|s)(?:\w*))"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[a-z_]\w*)|(?P<sign>[(),\[\]]))"""
)
_WORDS = {"true": True, "false": False, "null": None}


def evaluate(text: str) -> Any:
    """Return the value of calls and literals."""
    tokens = list(_TOKEN.finditer(text))
    assert "".join(m.group() for m in tokens) == text
    value, rest = _value([(m.lastgroup or "", m.group(m.lastgroup or 0)) for m in tokens])
    assert not rest
    return value


def _value(tokens: list[tuple[str, str]]) -> tuple[Any, list[tuple[str, str]]]:
    (kind, text), rest = tokens[0], tokens[1:]
    if kind in ("string", "number"):
        return json.loads(text), rest
    if kind == "duration":
        return parse_duration(text), rest
    if text == "[":
        return _values(rest, "]")
    if text in _WORDS:
        return _WORDS[text], rest
    assert rest[0][1] == "("
    args, rest = _values(rest[1:], ")")
    return call(text, *args), rest


def _values(tokens: list[tuple[str, str]], end: str) -> tuple[list[Any], list[tuple[str, str]]]:
    out = []
    while tokens[0][1] != end:
        value, tokens = _value(tokens)
        out.append(value)
        if tokens[0][1] == ",":
            tokens = tokens[1:]
    return out, tokens[1:]


def call(name: str, *args: Any) -> Any:
    """Call a function as a backend does: absent arguments are unknown, texts of times times."""
    function = FUNCTIONS[name]
    given = [_argument(function, place, value) for place, value in enumerate(args)]
    if not function.lenient and any(value is None for value in given):
        return None
    return function.call(*([NOW] if function.needs_now else []), *given)


def _argument(function: Function, place: int, value: Any) -> Any:
    params = function.params
    param = params[min(place, len(params) - 1)]
    known = param.type in (TIME, DURATION, IP) and isinstance(value, str)
    return coerce(value, param.type) if known else value


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_example_is_true(name: str) -> None:
    """The example on the page of a function gives what the page says."""
    function = FUNCTIONS[name]
    expression, expected = function.example
    wanted = evaluate(expected)
    if function.result == TIME and isinstance(wanted, str):
        wanted = parse_instant(wanted)
    found = evaluate(expression)
    assert wanted == found
    assert f"{name}(" in expression


def test_all_of_section_5_is_there() -> None:
    """The catalog has the functions of the language, and no others."""
    assert set(FUNCTIONS) == SECTION_5


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_optional_parameters_come_last(name: str) -> None:
    """An argument can be left out only at the end, and only the last one can be many."""
    params = FUNCTIONS[name].params
    optional = [p.optional for p in params]
    assert sorted(optional) == optional
    assert not any(p.variadic for p in params[:-1])
    assert FUNCTIONS[name].doc.endswith(".")


@given(
    st.sampled_from(sorted(set(FUNCTIONS) - {"coalesce", "if"})),
    st.lists(
        st.one_of(
            st.integers(INT_MIN, INT_MAX),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(max_size=5),
            st.booleans(),
            st.lists(st.integers(0, 3), max_size=2),
            st.dictionaries(st.text(max_size=1), st.booleans(), max_size=1),
        ),
        min_size=4,
        max_size=4,
    ),
    st.integers(0, 3),
)
def test_no_argument_breaks_a_function(name: str, args: list[Any], cut: int) -> None:
    """Whatever comes, a function answers: a value of 64 bits or finite, or unknown."""
    function = FUNCTIONS[name]
    needed = sum(not p.optional for p in function.params)
    most = 4 if any(p.variadic for p in function.params) else len(function.params)
    chosen = args[: max(needed, most - cut)]
    now = [NOW] if function.needs_now else []
    found = function.call(*now, *chosen)
    if found.__class__ is float:
        assert math.isfinite(found)
    if found.__class__ is int:
        assert INT_MIN <= found <= INT_MAX


# ---------------------------------------------------------------- cases

CASES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("lower", ("ΑΣ",), "ασ"),
    ("lower", ("İ",), "İ"),
    ("lower", (5,), None),
    ("upper", ("ß",), "ß"),
    ("trim", ("\u00a0\t x \u3000",), "x"),
    ("trim", ("\x1fx",), "\x1fx"),
    ("length", ("größe",), 5),
    ("length", ("\U0001f600",), 1),
    ("length", ([1, None],), 2),
    ("length", (5,), None),
    ("length", ({"a": 1},), None),
    ("split", ("a", ","), ["a"]),
    ("split", ("", ","), [""]),
    ("split", ("ab", ""), None),
    ("replace", ("aaa", "aa", "b"), "ba"),
    ("replace", ("abc", "", "x"), "abc"),
    ("replace", ("a" * 2000, "a", "b" * 2000), None),
    ("concat", ("a",), "a"),
    ("concat", ("a", 1), None),
    ("substring", ("abcdef", 2), "cdef"),
    ("substring", ("abcdef", 1, 3), "bc"),
    ("substring", ("abcdef", -2), "ef"),
    ("substring", ("abcdef", -100, 2), "ab"),
    ("substring", ("abcdef", 4, 100), "ef"),
    ("substring", ("abcdef", 4, 2), ""),
    ("substring", ("abcdef", 100), ""),
    ("substring", ("abcdef", 1.0, 2.0), "b"),
    ("substring", ("abcdef", 1.5), None),
    ("substring", ("abcdef", True), None),
    ("index_of", ("banana", "an"), 1),
    ("index_of", ("banana", "an", 2), 3),
    ("index_of", ("banana", "an", -3), 3),
    ("index_of", ("banana", "x"), None),
    ("index_of", ("banana", "b", 1), None),
    ("between", ("a=1;b=2;", "b=", ";"), "2"),
    ("between", ("a=1", "a=", ";"), None),
    ("between", ("a=1;", "c=", ";"), None),
    ("between", ("xx", "x", "x"), ""),
    ("abs", (INT_MIN,), None),
    ("abs", (True,), None),
    ("round", (2.5,), 3),
    ("round", (-2.5,), -3),
    ("round", (0.49999999999999994,), 0),
    ("round", (1e300,), None),
    ("round", (1.25, 1), 1.3),
    ("round", (-1.25, 1), -1.3),
    ("round", (1.005, 2), 1.0),
    ("round", (1250, -2), 1300),
    ("round", (7, 2), 7),
    ("round", (1.5, 400), None),
    ("floor", (-0.5,), -1),
    ("ceil", (1e19,), None),
    ("min", (2, 1.5), 1.5),
    ("max", ("a", "b", "B"), "b"),
    ("max", (1, "a"), None),
    ("min", (True, False), None),
    ("log", (0,), None),
    ("log", (8, 2), 3.0),
    ("log", (2, 1), None),
    ("log", (math.e,), 1.0),
    ("mod", (7, -3), 1),
    ("mod", (-7, 3), -1),
    ("mod", (-7.5, 2), -1.5),
    ("mod", (INT_MAX, 10.0), 7.0),
    ("mod", (1, 0), None),
    ("mod", (5.5, 0.0), None),
    ("int", (-1.9,), -1),
    ("int", ("+12",), 12),
    ("int", (" 12",), None),
    ("int", ("1_000",), None),
    ("int", ("١٢",), None),
    ("int", ("1.0",), None),
    ("int", ("0x1f",), None),
    ("int", ("0x1F", 16), 31),
    ("int", ("-ff", 16), -255),
    ("int", ("12", 7), None),
    ("int", (12, 16), None),
    ("int", (str(INT_MAX + 1),), None),
    ("int", (1e19,), None),
    ("int", (True,), None),
    ("float", (2,), 2.0),
    ("float", ("-.5e1",), -5.0),
    ("float", ("inf",), None),
    ("float", ("1e999",), None),
    ("float", ("",), None),
    ("string", (1.0,), "1"),
    ("string", (1e21,), "1e+21"),
    ("string", (-0.0,), "0"),
    ("string", (2**60,), str(2**60)),
    ("string", (True,), "true"),
    ("string", ([1],), None),
    ("coalesce", (None, UNSET, False), False),
    ("coalesce", (None, UNSET), None),
    ("if", (None, 1, 2), 2),
    ("if", (False, 1, 2), 2),
    ("if", (True, UNSET, 2), None),
    ("base64_decode", ("_-8",), None),
    ("base64_decode", ("w7w",), "ü"),
    ("base64_decode", ("w7w=",), "ü"),
    ("base64_decode", ("w7w==",), None),
    ("base64_decode", ("w7w=x",), None),
    ("base64_decode", ("a b=",), None),
    ("base64_decode", ("",), ""),
    ("url_decode", ("%2525",), "%25"),
    ("url_decode", ("100%",), "100%"),
    ("url_decode", ("%ff",), None),
    ("hex", ("ü",), "c3bc"),
    ("hex", (-255,), "-ff"),
    ("hex", (1.5,), None),
    ("hex", (True,), None),
    ("entropy", ("",), 0.0),
    ("entropy", ("aaaa",), 0.0),
    ("entropy", ("abcd",), 2.0),
    ("levenshtein", ("kitten", "sitting"), 3),
    ("levenshtein", ("", "abc"), 3),
    ("levenshtein", ("abc", ""), 3),
    ("levenshtein", ("a" * 1001, "a"), None),
    ("prefix", ("10.1.2.3", 0), "0.0.0.0/0"),
    ("prefix", ("2001:db8:1:2::3", 48), "2001:db8:1::/48"),
    ("prefix", ("10.1.2.3", 33), None),
    ("prefix", ("host", 8), None),
    ("is_private", ("8.8.8.8",), False),
    ("is_private", ("127.0.0.1",), True),
    ("is_private", ("172.32.0.1",), False),
    ("is_private", ("fd00::1",), True),
    ("is_private", ("::ffff:10.0.0.1",), True),
    ("is_private", ("x",), None),
    ("distance_km", (0, 0, 0, 0), 0.0),
    ("distance_km", (91, 0, 0, 0), None),
    ("ms", (1500,), 1500),
    ("seconds", ("1",), None),
    ("hour", (NOW, "Nowhere/City"), None),
    ("hour", (NOW, "Europe"), None),
    ("hour", (NOW, "../etc/passwd"), None),
    ("hour", (10**17,), None),
    ("weekday", (NOW,), 4),
    ("age", (NOW - 1500,), 1500),
    ("age", (INT_MIN,), None),
    ("date_trunc", ("decade", NOW), None),
]


@pytest.mark.parametrize(("name", "args", "expected"), CASES)
def test_the_case_is_decided(name: str, args: tuple[Any, ...], expected: Any) -> None:
    """What a function does at its edges."""
    found = FUNCTIONS[name].call(*([NOW] if FUNCTIONS[name].needs_now else []), *args)
    assert expected == found
    assert expected.__class__ is found.__class__


@pytest.mark.parametrize(
    ("unit", "time", "zone", "expected"),
    [
        ("second", "2026-05-06T07:08:09.999Z", "UTC", "2026-05-06T07:08:09Z"),
        ("minute", "2026-05-06T07:08:09Z", "UTC", "2026-05-06T07:08:00Z"),
        ("hour", "2026-05-06T07:48:09Z", "Asia/Kolkata", "2026-05-06T07:30:00Z"),
        ("week", "2026-01-04T23:00:00Z", "UTC", "2025-12-29T00:00:00Z"),
        ("week", "2026-01-04T23:00:00Z", "Europe/Berlin", "2026-01-04T23:00:00Z"),
        ("month", "2026-03-31T23:00:00Z", "Europe/Berlin", "2026-03-31T22:00:00Z"),
        ("quarter", "2026-06-15T00:00:00Z", "UTC", "2026-04-01T00:00:00Z"),
        ("year", "2026-06-15T00:00:00Z", "America/New_York", "2026-01-01T05:00:00Z"),
        # The day on which Berlin puts its clocks back has 25 hours, and two hours from 2 to 3.
        ("day", "2026-10-25T22:59:00Z", "Europe/Berlin", "2026-10-24T22:00:00Z"),
        ("hour", "2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25T00:00:00Z"),
        ("hour", "2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25T01:00:00Z"),
        # Santiago skips midnight in spring: the day begins when the clocks jump.
        ("day", "2026-09-06T12:00:00Z", "America/Santiago", "2026-09-06T04:00:00Z"),
        ("hour", "1969-12-31T23:30:00Z", "UTC", "1969-12-31T23:00:00Z"),
    ],
)
def test_times_are_cut_by_the_clocks_of_the_zone(
    unit: str, time: str, zone: str, expected: str
) -> None:
    """A day begins at midnight where the zone is, whatever the clocks do that day."""
    assert parse_instant(expected) == call("date_trunc", unit, time, zone)


@pytest.mark.parametrize(
    ("time", "schedule", "expected"),
    [
        ("2026-01-01T12:00:00Z", "thu", True),
        ("2026-01-01T12:00:00Z", "fri,sat", False),
        ("2026-01-01T12:00:00Z", "12:00-13:00", True),
        ("2026-01-01T13:00:00Z", "12:00-13:00", False),
        ("2026-01-01T23:59:59Z", "00:00-24:00", True),
        ("2026-01-02T05:59:00Z", "thu 22:00-06:00", True),
        ("2026-01-02T06:00:00Z", "thu 22:00-06:00", False),
        ("2026-01-01T05:00:00Z", "thu 22:00-06:00", False),
        ("2026-01-04T12:00:00Z", "fri-mon", True),
        ("2026-01-01T07:30:00Z", "08:00-18:00 Europe/Berlin", True),
        ("2026-07-01T06:30:00Z", "08:00-18:00 Europe/Berlin", True),
        ("2026-07-01T16:30:00Z", "08:00-18:00 Europe/Berlin", False),
        ("2026-07-01T16:30:00Z", "Europe/Berlin", True),
        ("2026-01-01T12:00:00Z", "MON-FRI 08:00-18:00", True),
        ("2026-01-01T12:00:00Z", "someday", None),
        ("2026-01-01T12:00:00Z", "25:00-26:00", None),
        ("2026-01-01T12:00:00Z", "08:00-08:00", None),
        ("2026-01-01T12:00:00Z", "mon-fri 08:00-18:00 Europe/Berlin x", None),
    ],
)
def test_schedules_follow_the_wall_clock(time: str, schedule: str, expected: bool | None) -> None:
    """Hours are those of the zone, a night belongs to the day on which it began."""
    assert expected is call("during", time, schedule)


def test_schedules_and_zones_can_be_checked_before_they_run() -> None:
    """A wrong schedule or zone is None, so that a compiler can say so."""
    assert parse_schedule("mon 08:00-09:00") is not None
    assert parse_schedule("monday 8-9") is None
    assert parse_zone("Europe/Berlin") is not None
    assert parse_zone("Europe/Berlim") is None


def _distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        left, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            left, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, left + (x != y))
    return row[-1]


@given(st.text(alphabet="abcü", max_size=12), st.text(alphabet="abcü", max_size=12))
def test_the_edit_distance_is_that_of_the_table(a: str, b: str) -> None:
    """The bit vectors give what the table of Wagner and Fischer gives."""
    assert _distance(a, b) == FUNCTIONS["levenshtein"].call(a, b)


@given(st.integers(INT_MIN, INT_MAX))
def test_an_int_survives_its_texts(value: int) -> None:
    """`int(string(x))` and `int(hex(x), 16)` are x."""
    assert value == call("int", call("string", value))
    assert value == call("int", call("hex", value), 16)


def test_results_have_types() -> None:
    """What goes in decides what comes out, where that is so."""
    assert FLOAT == FUNCTIONS["min"].result_type((INT, FLOAT))
    assert INT == FUNCTIONS["mod"].result_type((INT, INT))
    assert DURATION == FUNCTIONS["abs"].result_type((DURATION,))
    assert STRING == FUNCTIONS["coalesce"].result_type((NULL, STRING))
    assert STRING == FUNCTIONS["if"].result_type((INT, STRING, IP))
    assert INT == FUNCTIONS["round"].result_type((FLOAT,))
    assert FLOAT == FUNCTIONS["round"].result_type((FLOAT, INT))


def test_a_plugin_makes_a_larger_catalog() -> None:
    """Entries are added to a copy; a later one replaces an earlier one."""
    entry = Function(
        "lower", (Parameter("x"),), STRING, lambda x: "mine", "Replace.", ("lower(1)", '"mine"')
    )
    larger: Catalog = builtins().with_entries([entry])
    assert "mine" == larger.functions["lower"].call("X")
    assert "x" == BUILTINS.functions["lower"].call("X")


@pytest.mark.parametrize("name", sorted(BUILTINS.actions))
def test_actions_are_written_down(name: str) -> None:
    """An action has a page and an example that names it; optional parameters come last."""
    action = BUILTINS.actions[name]
    assert f"mitigate {name}(" in action.example
    assert action.doc.endswith(".")
    optional = [p.optional for p in action.params]
    assert sorted(optional) == optional
