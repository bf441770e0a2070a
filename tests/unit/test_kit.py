"""The conformance kit: what comes with Sluice passes it, and every broken promise is found."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sluice.catalog import BUILTINS, Action, Aggregate, Function, Parameter
from sluice.codecs import CodecEntry, make_codec
from sluice.model import INT, STRING, Event, Rejected
from sluice.testing import check_codec, check_entries

SYSLOG = b"Dec 10 06:55:46 host sshd[24200]: Invalid user bob\nDec 10 06:55:47 host app: text\n"
EXAMPLES = {
    "json": b'{"@type":"a","@time":1,"n":2}\n{"type":"b","ts":3}\n{"type":"c","ts":4}\n',
    "syslog:year=2026,zone=UTC": SYSLOG,
}


@pytest.mark.parametrize("kind", ["functions", "aggregates", "actions"])
def test_what_comes_with_sluice_keeps_the_promises(kind: str) -> None:
    """Every function, aggregate and action goes through the kit that plugins go through."""
    entries = [*getattr(BUILTINS, kind).values()]
    assert entries
    assert check_entries(entries) == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_codecs_of_sluice_keep_the_promises(text: str) -> None:
    """A codec of Sluice, told as an entry."""
    name, _, options = text.partition(":")
    settings = dict(each.split("=") for each in options.split(",") if each)

    def make(chosen: dict[str, str], options: Any) -> Any:
        words = ",".join(f"{key}={value}" for key, value in chosen.items())
        return make_codec(f"{name}:{words}" if words else name, options)

    assert check_codec(CodecEntry(name, "Read it.", make, EXAMPLES[text]), settings) == []


# ---------------------------------------------------------------- functions

_COUNTER = itertools.count()
GOOD = Function(
    "num.twice", (Parameter("n", INT),), INT, lambda n: n * 2 if _small(n) else None,
    "Return twice as many.", ("num.twice(21)", "42"),
)  # fmt: skip


def _small(n: Any) -> bool:
    return n.__class__ is int and abs(n) < 2**60


def _changes(n: Any) -> None:
    if isinstance(n, list):
        n.append(1)


def test_a_sound_function_passes() -> None:
    """Nothing is said of what is right."""
    assert check_entries([GOOD], "num") == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"name": "twice"}, "the name does not begin with 'num.'"),
        ({"name": "num.Twice"}, "the name is not made of small letters"),
        ({"doc": ""}, "the doc is empty"),
        ({"doc": "return twice as many"}, "the doc is not made of whole sentences"),
        ({"example": ("21 * 2", "42")}, "the example does not call it: 21 * 2"),
        ({"example": ("num.twice(21)", "43")}, "the example num.twice(21) is 42, not 43"),
        ({"example": ("num.twice(21)", "42.0")}, "the example num.twice(21) is 42, not 42.0"),
        ({"example": ("num.twice(", "42")}, "the example is no rule text: SL01"),
        ({"example": ("num.twice(1, 2)", "42")}, "the example is no rule text: SL0303"),
        ({"params": (Parameter("a", INT), Parameter("a", INT))}, "two parameters have one name"),
        ({"params": (Parameter("a", optional=True), Parameter("b"))}, "can be left out stands bef"),
        ({"params": (Parameter("a", variadic=True), Parameter("b"))}, "takes many is not the last"),
        ({"call": lambda n: n * 2}, "gives"),
        ({"call": lambda n: n + 1}, "raises"),
        ({"call": lambda n: 1 / 0}, "ZeroDivisionError"),
        ({"call": lambda n: "42"}, "and promises int"),
        ({"call": lambda n: object()}, "which is no value of an event"),
        ({"call": lambda n: next(_COUNTER)}, "gives something else when it is called again"),
        ({"call": lambda n: print("hello")}, "it prints to stdout: 'hello"),
        ({"call": lambda n: time.sleep(60)}, "it took longer than 1 s"),
        ({"call": lambda n: time.sleep(0.1)}, "the calls of the kit take longer than 10 s"),
        ({"result": lambda types: types[0]}, "the result must be a Type"),
        ({"call": _changes, "params": (Parameter("n"),)}, "changes what it is given"),
        ({"call": lambda n: 42, "lenient": True}, None),
        ({"call": lambda n: n + 0 and 42, "lenient": True}, "TypeError"),
    ],
)  # fmt: skip
def test_a_broken_promise_of_a_function_is_found(
    change: dict[str, Any], finding: str | None
) -> None:
    """Each kind of fault has a sentence that begins with the function's name."""
    entry = replace(GOOD, **change)
    found = check_entries([entry], "num")
    assert all(each.startswith(f"{entry.name}: ") for each in found)
    if finding is None:
        assert found == []
    else:
        finding = {"raises": "TypeError"}.get(finding, finding)
        assert any(finding in each for each in found), found


def test_a_missing_argument_must_give_a_missing_value() -> None:
    """The engine does not call it then; who says `lenient` is called and decides by itself."""
    assert check_entries([replace(GOOD, params=(Parameter("n", STRING),))]) != []
    assert check_entries([GOOD, GOOD]) == ["num.twice: it is there 2 times"]


# ---------------------------------------------------------------- aggregates


class Total:
    """The sum of the whole numbers, without a fault."""

    def __init__(self) -> None:
        self.sum = self.count = 0

    def add(self, value: Any) -> None:
        """Take a value in."""
        if _small(value):
            self.sum, self.count = self.sum + value, self.count + 1

    def remove(self, value: Any) -> None:
        """Take it out."""
        if _small(value):
            self.sum, self.count = self.sum - value, self.count - 1

    def result(self) -> Any:
        """Return the sum."""
        return self.sum if self.count else None

    def state(self) -> Any:
        """Return both numbers."""
        return [self.sum, self.count]

    def restore(self, state: Any) -> None:
        """Take both numbers."""
        self.sum, self.count = state


class Forgets(Total):
    """Its state lacks the count."""

    def restore(self, state: Any) -> None:
        """Take one of the two numbers."""
        self.sum = state[0]


class Keeps(Total):
    """It takes nothing out."""

    def remove(self, value: Any) -> None:
        """Do nothing."""


class Unsavable(Total):
    """Its state is no plain data."""

    def state(self) -> Any:
        """Return itself."""
        return self


class Strict(Total):
    """It raises where it should pass over."""

    def add(self, value: Any) -> None:
        """Take a number in."""
        self.sum += value


class Strange(Total):
    """Its result is no value of an event."""

    def result(self) -> Any:
        """Return a set."""
        return {self.sum}


TOTAL = Aggregate(
    "num.total", "value", INT, Total, "Return the total.", ("num.total(x) of [1, 2, 4]", "7")
)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, None),
        ({"argument": "values"}, "its argument is 'values', none of none, value, condition"),
        ({"example": ("num.total(x)", "7")}, "cannot be read: write it as `name(x) of [1, 2]`"),
        ({"example": ("num.total(x) of []", "7")}, "the example has no values"),
        ({"example": ("num.total(x) of [1]", "7")}, "num.total(x) of [1] is 1, not 7"),
        ({"empty": 0}, "over nothing it gives None, and says 0"),
        ({"make": Forgets}, "it gives something else after `restore`"),
        ({"make": Keeps}, "after `remove` it gives something else"),
        ({"make": Unsavable}, "its state is no plain data"),
        ({"make": Strict}, "TypeError"),
        ({"make": Strange}, "no value of an event"),
        ({"make": lambda: 1 / 0}, "ZeroDivisionError"),
    ],
)
def test_a_broken_promise_of_an_aggregate_is_found(
    change: dict[str, Any], finding: str | None
) -> None:
    """What windows and checkpoints rely on."""
    found = check_entries([replace(TOTAL, **change)], "num")
    assert found == [] if finding is None else any(finding in each for each in found), found


def test_a_broken_example_of_an_action_is_found() -> None:
    """It is a clause that the language takes, and calls the action."""
    entry = Action("num.post", (Parameter("text", STRING),), "Post it.", 'call num.post("x")')
    assert check_entries([entry], "num") == []
    (found,) = check_entries([replace(entry, example="call num.post()")], "num")
    assert found.startswith("num.post: the example is no rule text: SL0303 ")
    (found,) = check_entries([replace(entry, example='note anomaly_detected "x"')], "num")
    assert found == 'num.post: the example does not call it: note anomaly_detected "x"'


# ---------------------------------------------------------------- codecs


class Lines:
    """`12 text`: an event at 12 ms that knows how many came before."""

    name = "num"

    def __init__(self) -> None:
        self.seen = 0

    def framing(self, head: bytes) -> Any:
        """Split at line ends."""
        return "lines"

    def decode(self, line: bytes, place: tuple[str, int, int]) -> Any:
        """Read a line."""
        time, _, text = line.partition(b" ")
        if not (time.isdigit() and len(time) < 10):
            return Rejected(*place, "time", "no number", line.decode("utf-8", "replace"))
        self.seen += 1
        fields = {"text": text.decode("utf-8", "replace"), "n": self.seen}
        return Event("line", int(time), fields, None, *place)

    def settled(self, source: str) -> None:
        """Nothing."""

    def state(self) -> Any:
        """How many came."""
        return {"seen": self.seen}

    def restore(self, state: Any) -> None:
        """Take it."""
        self.seen = state["seen"]


def _with(**methods: Callable[..., Any]) -> type[Lines]:
    return type("Broken", (Lines,), methods)


@pytest.mark.parametrize(
    ("kind", "example", "finding"),
    [
        (Lines, b"12 a\n15 b\n15 c\n", None),
        (Lines, b"", "the example has no record"),
        (Lines, b"12 a\nb\n", "record 2 of the example is rejected: no number"),
        (_with(name="other"), b"12 a\n", "what it makes calls itself 'other'"),
        (_with(restore=lambda self, state: None), b"1 a\n2 b\n", "after `restore` record"),
        (_with(state=lambda self: {"seen": {1}}), b"1 a\n2 b\n", "its state is no plain data"),
        (_with(decode=lambda self, line, place: int(line)), b"1\n", "ValueError"),
        (_with(decode=lambda self, line, place: "x"), b"1\n", "no event, no rejection"),
        (
            _with(decode=lambda self, line, place: Event("t", 0, {"d": line})),
            b"1\n", "is no sound event",
        ),
        (
            _with(decode=lambda self, line, place: Event("t", 0, {})),
            b"1\n", "has another place than it was given",
        ),
        (
            _with(framing=lambda self, head: "array" if len(head) < 3 else "lines"),
            b"12 a\n15 b\n", "of 1 bytes it says 'array', of all 'lines'",
        ),
    ],
)  # fmt: skip
def test_a_broken_promise_of_a_codec_is_found(
    kind: type[Lines], example: bytes, finding: str | None
) -> None:
    """What a run relies on, whatever the bytes."""
    found = check_codec(CodecEntry("num", "Read lines.", lambda s, o: kind(), example))
    assert found == [] if finding is None else any(finding in each for each in found), found


def test_a_codec_that_cannot_be_made_says_why() -> None:
    """Its name and its doc are looked at too."""
    found = check_codec(CodecEntry("Num", "no sentence", lambda s, o: Lines(), b"1 a\n"))
    assert [each.partition(": ")[2][:20] for each in found] == [
        "the name is made of ", "the doc is not made ", "what it makes calls ",
    ]  # fmt: skip
