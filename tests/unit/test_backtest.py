"""`sluice backtest`: reports, engines, sweeps, comparisons and labels, on files and on a lake."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands import CommandLine, write

RULES = """pack auth

param tries = 3

rule guessing "Guessing" {
  when      auth.login where outcome == "failure"
  by        ip
  within    1m
  having    count() >= tries
  select    failures = count()
}

rule burst {
  when auth.login{2} where outcome == "failure" by ip within 10s
}
"""

#: Failures of two addresses on two days, and much that no rule looks at.
EVENTS = [
    ("2026-01-01T10:00:00Z", "10.0.0.1", "failure"),
    ("2026-01-01T10:00:20Z", "10.0.0.1", "failure"),
    ("2026-01-01T10:00:30Z", "10.0.0.9", "success"),
    ("2026-01-01T10:00:40Z", "10.0.0.1", "failure"),
    ("2026-01-01T10:00:45Z", "10.0.0.1", "failure"),
    ("2026-01-02T10:00:00Z", "10.0.0.2", "failure"),
    ("2026-01-02T10:00:05Z", "10.0.0.2", "failure"),
    ("2026-01-02T11:00:00Z", "10.0.0.9", "success"),
]


@pytest.fixture
def sluice(sluice: CommandLine) -> CommandLine:
    """The command line in a folder with the rules and the events."""
    write("rules/auth.sluice", RULES)
    lines = [
        json.dumps({"type": "auth.login", "time": time, "ip": ip, "outcome": outcome})
        for time, ip, outcome in EVENTS
    ]
    write("events.jsonl", "\n".join(lines) + "\n")
    return sluice


ENGINES = ("auto", "stream", "sql", "both")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_report_counts_by_rule_day_and_key(sluice: CommandLine, engine: str) -> None:
    """Every engine gives the same counts."""
    said = sluice("backtest", "--from", "events.jsonl", "--engine", engine, "-o", "json")
    report = json.loads(said.out)
    assert (said.code, report["ok"], report["matches"]) == (0, True, 3)
    assert report["rules"] == [
        {
            "rule": "auth.burst",
            "matches": 2,
            "suppressed": 0,
            "days": {"2026-01-01": 1, "2026-01-02": 1},
            "top": [
                {"key": {"ip": "10.0.0.1"}, "matches": 1},
                {"key": {"ip": "10.0.0.2"}, "matches": 1},
            ],
        },
        {
            "rule": "auth.guessing", "matches": 1, "suppressed": 0, "days": {"2026-01-01": 1},
            "top": [{"key": {"ip": "10.0.0.1"}, "matches": 1}],
        },
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [(), ("--with-events",), ("--close",), ("--sort",)])
def test_matches_are_the_lines_of_run(
    sluice: CommandLine, engine: str, options: tuple[str, ...]
) -> None:
    """`--output json --matches` gives what `run` gives, byte for byte."""
    ran = sluice("run", "events.jsonl", "-o", "json", "--show", "match", *options)
    said = sluice(
        "backtest",
        "--from",
        "events.jsonl",
        "--engine",
        engine,
        "--matches",
        "-o",
        "json",
        *options,
    )
    assert (said.out, said.code) == (ran.out, 0)
    assert ran.out.count("\n") == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lake_gives_the_matches_of_its_files(sluice: CommandLine, engine: str) -> None:
    """A backtest over a lake finds what the run found that filled it, packed or not."""
    ran = sluice("run", "events.jsonl", "--lake", "lake", "-o", "json", "--show", "match")
    for _ in range(2):
        said = sluice("backtest", "--from", "lake", "--engine", engine, "--matches", "-o", "json")
        assert (said.out, said.code) == (ran.out, 0)
        assert sluice("lake", "compact", "--lake", "lake").code == 0


def test_sql_leaves_only_what_can_match(sluice: CommandLine) -> None:
    """Successes, and failures without enough others near them, are not looked at."""
    said = sluice("backtest", "guessing", "--from", "events.jsonl", "--engine", "sql", "-o", "json")
    report = json.loads(said.out)
    assert (report["events"], report["kept"]) == (8, 4)


@pytest.mark.parametrize("engine", ENGINES)
def test_time_runs_on_without_events_that_rules_look_at(sluice: CommandLine, engine: str) -> None:
    """An absence begins with the first event and ends with the last, whatever these are."""
    write(
        "rules/beat.sluice",
        'pack beat\nlist hosts = ["h1"]\n'
        "rule silent { when no agent.heartbeat within 15s by host expect host in hosts }\n",
    )
    assert sluice("run", "events.jsonl", "--lake", "lake", "-o", "none").code == 0
    for source in ("events.jsonl", "lake"):
        said = sluice(
            "backtest", "silent", "--from", source, "--engine", engine, "--matches", "-o", "json"
        )
        found = [json.loads(line) for line in said.out.splitlines()]
        assert [(m["key"], m["time"]) for m in found] == [
            ({"host": "h1"}, "2026-01-01T10:00:15.000Z")
        ]


def test_a_torn_file_of_a_lake_is_named(sluice: CommandLine) -> None:
    """It is left out, and the exit code says that not everything was read."""
    assert sluice("run", "events.jsonl", "--lake", "lake", "-o", "none").code == 0
    torn = next(Path("lake/events").glob("*/*/*.parquet"))
    torn.write_bytes(torn.read_bytes()[:100])
    said = sluice("backtest", "--from", "lake")
    assert said.code == 74
    assert str(torn) in said.err


def test_a_part_of_the_time(sluice: CommandLine) -> None:
    """Both bounds count; events outside are as if they were not there, for both engines."""
    bounds = ("--since", "2026-01-01T10:00:20Z", "--until", "2026-01-01T10:00:40Z")
    for engine in ENGINES:
        said = sluice(
            "backtest", "--from", "events.jsonl", "--engine", engine, "-o", "json", *bounds
        )
        report = json.loads(said.out)
        assert (report["events"], report["matches"]) == (3, 0)


def test_expectations_decide_the_exit_code(sluice: CommandLine) -> None:
    """1 when one does not hold, and what was expected is said."""
    ok = sluice("backtest", "--from", "events.jsonl", "--expect", "3", "--expect", "burst=2")
    bad = sluice("backtest", "--from", "events.jsonl", "--expect", "auth.burst=7")
    assert (ok.code, bad.code) == (0, 1)
    assert "expected 7 matches of auth.burst, found 2" in bad.out


def test_late_events_are_a_matter_of_the_stream(sluice: CommandLine) -> None:
    """`auto` says why it took the stream; `sql` refuses; `--sort` lets SQL do it."""
    text = Path("events.jsonl").read_text("utf-8").splitlines()
    write("events.jsonl", "\n".join([*text[1:], text[0]]) + "\n")
    auto = sluice("backtest", "burst", "--from", "events.jsonl", "-o", "json")
    refused = sluice("backtest", "--from", "events.jsonl", "--engine", "sql")
    done = sluice("backtest", "--from", "events.jsonl", "--engine", "both", "--sort", "-o", "json")
    assert json.loads(auto.out)["engine"]["used"] == "stream"
    assert json.loads(auto.out)["late"] == 1
    assert (refused.code, refused.out) == (78, "")
    assert "1 events of events.jsonl come too late" in refused.err
    assert (done.code, json.loads(done.out)["matches"]) == (0, 3)


def test_a_rule_that_sees_everything_is_refused_by_name(sluice: CommandLine) -> None:
    """What SQL cannot narrow it names, and leaves to the stream."""
    write("rules/wide.sluice", "pack wide\nrule each { when any }\n")
    refused = sluice("backtest", "--from", "events.jsonl", "--engine", "sql")
    auto = sluice("backtest", "--from", "events.jsonl", "-o", "json")
    assert refused.code == 78
    assert "wide.each: it looks at events of any type" in refused.err
    assert json.loads(auto.out)["matches"] == 11


def test_odd_lines_do_not_confuse_the_numbers_of_others(sluice: CommandLine) -> None:
    """Blank lines, no JSON, a missing time: ids of events stay those of their lines."""
    text = Path("events.jsonl").read_text("utf-8").splitlines()
    odd = ["", "no json", '{"type": "auth.login"}', "   ", "[1]", '{"type": 5, "time": "soon"}']
    lines = [line for pair in zip(text, odd + [""] * 2, strict=True) for line in pair]
    for end in ("\n", "\r\n"):
        write("odd.jsonl", end.join(lines))
        ran = sluice("run", "odd.jsonl", "-o", "json", "--show", "match")
        assert ran.out.count("\n") == 3
        for engine in ENGINES:
            said = sluice(
                "backtest", "--from", "odd.jsonl", "--engine", engine, "--matches", "-o", "json"
            )
            assert said.out == ran.out


def test_a_sweep_counts_for_each_value(sluice: CommandLine) -> None:
    """A param, a clause and both together; engines agree."""
    for engine in ("stream", "sql"):
        asked = ("backtest", "--from", "events.jsonl", "--engine", engine, "-o", "json")
        params = json.loads(sluice(*asked, "--sweep", "tries=2..5").out)["sweep"]
        assert [p["matches"]["auth.guessing"] for p in params] == [2, 1, 1, 0]
        assert [p["values"] for p in params] == [{"auth.tries": str(n)} for n in range(2, 6)]
        clause = json.loads(sluice(*asked, "--sweep", "within=5s,30s,1m").out)["sweep"]
        assert [p["matches"]["auth.guessing"] for p in clause] == [0, 1, 1]
        both = json.loads(
            sluice(*asked, "guessing", "--sweep", "threshold=2,4", "--sweep", "within=5s,1m").out
        )["sweep"]
        assert [p["matches"] for p in both] == [{"auth.guessing": n} for n in (2, 2, 0, 1)]


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("trie=1..3", "there is no param or clause 'trie', did you mean tries?"),
        ("tries=3..1", "a range goes up"),
        ("tries", "write NAME=3..20 or NAME=1m,5m,10m"),
        ("within=x", "'x' is no duration"),
        ("threshold=x", "'x' is no whole number"),
    ],
)
def test_a_wrong_sweep_is_wrong_usage(sluice: CommandLine, sweep: str, told: str) -> None:
    """It says what is wrong, and a near name."""
    said = sluice("backtest", "--from", "events.jsonl", "--sweep", sweep)
    assert (said.code, said.out) == (2, "")
    assert told in said.err


def test_earlier_rules_are_compared_by_time_and_key(sluice: CommandLine) -> None:
    """Against a folder: what is new, gone and the same, whatever the versions of the rules."""
    write("old/auth.sluice", RULES.replace("tries = 3", "tries = 2").replace("{2}", "{3}"))
    said = sluice("backtest", "--from", "events.jsonl", "--against", "old", "-o", "json")
    found = {r["rule"]: (r["same"], r["new"], r["gone"]) for r in json.loads(said.out)["rules"]}
    assert found == {"auth.burst": (0, 2, 0), "auth.guessing": (0, 1, 2)}


def test_earlier_rules_come_from_git(sluice: CommandLine) -> None:
    """Against a revision; one that is not there is named."""
    for words in (
        ("init", "-q"), ("add", "rules"),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "rules"),
    ):  # fmt: skip
        subprocess.run(["git", *words], check=True)
    write("rules/auth.sluice", RULES.replace("tries = 3", "tries = 2"))
    said = sluice("backtest", "guessing", "--from", "events.jsonl", "--against", "HEAD")
    wrong = sluice("backtest", "--from", "events.jsonl", "--against", "nowhere")
    assert said.code == 0
    assert "  gone  2026-01-01T10:00:40.000Z  ip=10.0.0.1" in said.out
    assert "auth.burst" not in said.out
    assert (wrong.code, wrong.out) == (78, "")
    assert "--against nowhere" in wrong.err


def test_labels_give_precision_and_recall(sluice: CommandLine) -> None:
    """JSON lines and CSV say the same; a label that nothing is about is named."""
    write(
        "labels.csv",
        "key,from,to\n10.0.0.1,2026-01-01T00:00:00Z,2026-01-01T23:00:00Z\n"
        "ip=10.0.0.7,2026-01-01T00:00:00Z,2026-01-01T23:00:00Z\n",
    )
    held = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T23:00:00Z"}
    labels = [{"key": {"ip": "10.0.0.1"}, **held}, {"key": "10.0.0.7", **held}]
    write("labels.jsonl", "\n" + "".join(json.dumps(label) + "\n" for label in labels))
    for path, missed in (("labels.csv", 3), ("labels.jsonl", 3)):
        said = sluice("backtest", "--from", "events.jsonl", "--labels", path, "-o", "json")
        report = json.loads(said.out)
        scores = {s["rule"]: (s["precision"], s["recall"]) for s in report["labels"]}
        assert scores["auth.guessing"] == (1.0, 0.5)
        assert scores["auth.burst"] == (0.5, 0.5)
        assert report["labels_missed"] == [missed]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "names no column from, key, to"),
        ("key,from,to\nx,soon,2026-01-01T00:00:00Z\n", "line 2: from is no time: 'soon'"),
        ('{"key": "x"}\n', "line 1: from is no time"),
        ("{nope\n", "line 1: not JSON"),
        ("key,from,to\n", "holds no labels"),
    ],
)
def test_wrong_labels_are_named(sluice: CommandLine, text: str, told: str) -> None:
    """File, line and what is wrong."""
    write("labels.txt", text)
    said = sluice("backtest", "--from", "events.jsonl", "--labels", "labels.txt")
    assert (said.code, said.out) == (78, "")
    assert told in said.err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 2, "say where the events are"),
        (("--from", "none.jsonl"), 66, "there is no such file"),
        (("--from", "events.jsonl", "--expect", "many"), 2, "'many' is no count"),
        (("--from", "events.jsonl", "--expect", "none=1"), 2, "there is no rule 'none'"),
        (("--from", "events.jsonl", "--sweep", "tries=1", "--matches"), 2, "do not go together"),
        (("--from", "events.jsonl", "--sweep", "tries=1", "--engine", "both"), 2, "does not go"),
        (("--from", "events.jsonl", "--labels", "none.csv"), 66, "cannot be read"),
        (("gessing", "--from", "events.jsonl"), 2, "did you mean"),
    ],
)
def test_wrong_usage(sluice: CommandLine, options: tuple[str, ...], code: int, told: str) -> None:
    """One line that says what to do, and the exit code of its kind."""
    said = sluice("backtest", *options)
    assert (said.code, said.out) == (code, "")
    assert told in said.err


def test_explain_shows_the_sql(sluice: CommandLine) -> None:
    """What SQL asks for each rule, and how closely it follows each construct."""
    said = sluice("explain", "guessing", "--backend", "duckdb", "-o", "json")
    told = json.loads(said.out)
    assert told["rules"][0]["is_supported"]
    assert told["rules"][0]["near"]["within_ms"] == 60_000
    assert {each["width"] for each in told["support"]} == {"exact", "wider", "open"}
    assert "SQL leaves events where" in sluice("explain", "--backend", "duckdb").out
