"""Backtests over a packed lake: SQL counts by itself what it can, and rows come from columns."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.commands import CommandLine, write

#: Rules of which SQL counts the matches by itself.
COUNTED = {
    "filter": 'when t where s == "a" and n > 2',
    "by a text": "when t where not (n <= 2) by s",
    "by a text or nothing": "when t by s?",
    "by two": "when t where exists n by s, n",
    "by a number": "when t by x",
    "any type": 'when any where s == "a"',
    "types": "when t.* where b by s",
    "cooldown": "when t by s cooldown 5s",
    "threshold": 'when t{3} where s != "c" by s within 9s',
    "threshold with cooldown": "when t{2} by s within 3s cooldown 6s",
    "reluctant": "when t{2,}? where n in [1, 2, 3] by s within 5s",
    "without end": "when t{4} by s unbounded",
    "silence": "when no t within 3s by s",
    "silence with cooldown": "when no t within 2s by s cooldown 10s",
}
#: Rules that need their events.
DECIDED = {
    "having": "when t as e having e.n > 2",
    "two types": 'when any of (t, t.u) where s starts with "a"',
    "case": 'when t where s ==~ "A"',
    "another key": "when t by k = lower(s)",
    "cooldown per": "when t by s select n cooldown 5s per n",
    "case of a pattern": "when t where s matches /A/i",
    "immediately": 'when t where s == "a" then immediately t where s == "b" within 9s',
    "sequence": 'when t where s == "a" then t where s == "b" within 5s',
    "window": "when t by s within 5s having count() >= 3",
    "until": "when t{3} by s within 9s until t where n == 1",
    "mixed": "when t where mixed == 1",
    "the field of two that has no column": "when t where q == 1",
    "a number that no double holds": "when t where x < 9007199254740993",
    "known silence": 'when no t within 3s by s expect s in ["a", "z"]',
}


def events(seed: int) -> str:
    """Make lines of events of two types over two days, with fields of one JSON type each."""
    random = Random(seed)
    at = 86_400_000 - 60_000
    lines = []
    for _ in range(120):
        at += random.choice([0, 500, 1000, 1000, 2000, 3000, 4000])
        event: dict[str, Any] = {"@type": random.choice(["t", "t", "t", "t.u"]), "@time": at}
        event["Q"] = 2
        held = {
            "s": random.choice(["a", "b", "c", "é{"]), "n": random.randrange(5),
            "x": random.choice([0.5, 1.0, 2.5]), "b": random.random() < 0.5, "q": 1,
            "mixed": random.choice([1, "1", 1.0, None, [1]]),
        }  # fmt: skip
        event |= {name: value for name, value in held.items() if random.random() < 0.9}
        lines.append(json.dumps(event))
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def packed(sluice: CommandLine) -> CommandLine:
    """The command line in a folder with a packed lake."""
    write("events.jsonl", events(1))
    write("all.sluice", 'rule none { when any where @type == "" }\n')
    ran = sluice("run", "-r", "all.sluice", "events.jsonl", "--lake", "lake", "-o", "none")
    assert ran.code == 0
    assert sluice("lake", "compact", "--lake", "lake").code == 0
    return sluice


def report(sluice: CommandLine, engine: str, *options: str) -> dict[str, Any]:
    """Return what a backtest of the rule over the lake reports."""
    said = sluice(
        "backtest", "-r", "rule.sluice", "--from", "lake", "--engine", engine, "-o", "json",
        *options,
    )  # fmt: skip
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


TIMES = ((), ("--close",), ("--since", "1970-01-01T23:59:20Z", "--until", "1970-01-02T00:01:30Z"))


@pytest.mark.parametrize("options", TIMES, ids=["whole", "close", "part"])
@pytest.mark.parametrize("rule", [*COUNTED, *DECIDED])
def test_counts_are_those_of_the_stream(
    packed: CommandLine, rule: str, options: tuple[str, ...]
) -> None:
    """By rule, day and key there are as many matches, whoever counts them."""
    write("rule.sluice", f"rule r {{ {(COUNTED | DECIDED)[rule]} }}\n")
    counted, expected = report(packed, "sql", *options), report(packed, "stream", *options)
    assert counted["rules"] == expected["rules"]
    assert expected["matches"] > 0
    assert [counted[name] for name in ("events", "first", "last")] == [
        expected[name] for name in ("events", "first", "last")
    ]
    assert (counted["counted"], counted["kept"]) == (1, 0) or rule in DECIDED
    assert counted["counted"] == 0 or rule in COUNTED


def test_rules_together(packed: CommandLine) -> None:
    """SQL counts those that it can, the others are decided as ever; a rule that another listens
    to is one of the others."""
    rules = [f"rule r{number} {{ {text} }}" for number, text in enumerate(COUNTED.values())]
    rules.append("rule listens { when match.rule.r0 within 9s having count() >= 2 }")
    rules += [f"rule d{number} {{ {text} }}" for number, text in enumerate(DECIDED.values())]
    write("rule.sluice", "\n".join(rules) + "\n")
    counted, expected = report(packed, "sql"), report(packed, "stream")
    assert counted["rules"] == expected["rules"]
    assert counted["counted"] == len(COUNTED) - 1


def test_a_sweep_counts_with_every_value(packed: CommandLine) -> None:
    """A sweep finds the same by SQL as by the stream."""
    write("rule.sluice", f"rule r {{ {COUNTED['threshold']} }}\n")
    sweep = ("--sweep", "threshold=2..5", "--sweep", "within=1s,4s")
    counted, expected = report(packed, "sql", *sweep), report(packed, "stream", *sweep)
    assert counted["sweep"] == expected["sweep"]
    assert len({str(point["matches"]) for point in counted["sweep"]}) > 2


def test_a_comparison_names_times(packed: CommandLine) -> None:
    """Matches that are new or gone have their own times, though SQL counts them."""
    write("rule.sluice", "rule r { when t where n > 1 by s }\n")
    write("earlier/rule.sluice", "rule r { when t where n > 2 by s }\n")
    against = ("--against", "earlier")
    counted, expected = report(packed, "sql", *against), report(packed, "stream", *against)
    assert counted["rules"] == expected["rules"]
    assert counted["rules"][0]["new"] > 0


#: Rules that show what they have read.
SHOWN = (
    "when t select s, n, x, b",
    "when t by x select twice = n * 2",
    "when t where x > 0.7 select n",
    "when t select o.p, o.q",
    "when t select o",
    "when t where o.p == 1 by q = o.q",
    "when t select mixed, l = l[0]",
    "when t select r",
    "when t where mixed is null",
    "when t where mixed is null or o.p is null",
    "when any where exists s select whose = @subject, s",
    "when t where late == 1 or x == 1 select whole = x",
)


@pytest.mark.parametrize("rule", SHOWN)
def test_rows_from_columns_are_the_events(sluice: CommandLine, tmp_path: Path, rule: str) -> None:
    """A match shows the values that its events have: `5` and `5.0`, objects, null and nothing."""
    random = Random(2)
    lines = []
    for number in range(60):
        held = {
            "s": random.choice(["a", "ü", "5", "a\u0000b"]), "n": random.choice([1, 2, 3]),
            "x": random.choice([1, 1.0, 0.5, 7, 7.0]), "b": random.choice([True, False]),
            "o": random.choice([{"p": 1, "q": "v"}, {"p": 1.0}, {"p": None}, None, "text"]),
            "mixed": random.choice([1, 1.0, "1", None, True, [1], 2**70]), "l": [number, "x"],
            "r": number, "@subject": random.choice(["me", "you"]),
        }  # fmt: skip
        if number > 40:
            held["late"] = random.choice([1, "1"])
        event = {name: value for name, value in held.items() if random.random() < 0.85}
        event |= {"@type": random.choice("tu"), "@time": number, "R": "other"}
        lines.append(json.dumps(event))
    write("events.jsonl", "".join(f"{line}\n" for line in lines))
    write("rule.sluice", f"rule r {{ {rule} }}\n")
    ran = sluice(
        "run", "-r", "rule.sluice", "events.jsonl", "--lake", "lake", "-o", "json", "--show",
        "match",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert sluice("lake", "compact", "--lake", "lake").code == 0
    for engine in ("sql", "stream"):
        said = sluice(
            "backtest", "-r", "rule.sluice", "--from", "lake", "--engine", engine, "--matches",
            "-o", "json",
        )  # fmt: skip
        assert said.out.splitlines() == ran.out.splitlines()
    assert len(ran.out.splitlines()) > 3
