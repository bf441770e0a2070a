"""`sluice test` with measures: what it prints, what it refuses, its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sluice.cli.watching import changed_text, watched_folders
from tests.commands import CommandLine, write

RULES = """\
pack auth
rule failed {
  when      auth.login where tries >= 5
  by        user
  cooldown  1h
}
"""
EDGE = """\
test failed "at the edge" {
  at 0s auth.login { user: "bob", tries: 5 }
  at 1s auth.login { user: "eve", tries: 4 }
  expect match at 0s { user: "bob" }
}
"""
WRONG = EDGE.replace("match at 0s", "match at 9s").replace("the edge", "another edge")


pytestmark = pytest.mark.usefixtures("elsewhere")


# ---------------------------------------------------------------- coverage


def test_coverage_names_what_no_test_reaches(sluice: CommandLine) -> None:
    """A table, then each thing with file, line and column."""
    path = write("rules/auth.sluice", RULES + EDGE)
    said = sluice("test", "--coverage")
    assert said.code == 0
    assert "auth               75 %     3 of 4\n" in said.out
    assert said.out.endswith(f"{path}:5:3: `cooldown 1h` swallows nothing\n")


def test_coverage_in_the_report_for_programs(sluice: CommandLine) -> None:
    """Shares of everything, of packs and of rules, and what is missing, with its kind."""
    path = write("rules/auth.sluice", RULES + EDGE)
    document = json.loads(sluice("test", "--coverage", "-o", "json").out)
    share = {"percent": 75, "reached": 3, "total": 4}
    assert document["coverage"] == {
        **share,
        "packs": [{"pack": "auth", **share}],
        "rules": [
            {
                "rule": "auth.failed", "file": path, "line": 2, "tests": 1, **share,
                "missing": [
                    {
                        "file": path, "line": 5, "column": 3, "kind": "cooldown",
                        "text": "cooldown 1h", "missing": "swallows nothing",
                    }
                ],
            }
        ],
    }  # fmt: skip


def test_coverage_below_what_is_asked_is_1(sluice: CommandLine) -> None:
    """The share is compared exactly; `ok` of the report is false then."""
    write("rules/auth.sluice", RULES + EDGE)
    assert sluice("test", "--coverage-min", "75").code == 0
    said = sluice("test", "--coverage-min", "75.5", "-o", "json")
    assert (said.code, json.loads(said.out)["ok"]) == (1, False)
    assert said.err == "error: the tests reach 75 % of the rules (3 of 4), not 75.5 %\n"


def test_a_rule_without_tests_counts_nothing(sluice: CommandLine) -> None:
    """It is named; the points that it has count as missed."""
    write("rules/auth.sluice", RULES + EDGE + "rule other { when b }\n")
    said = sluice("test", "--coverage")
    assert "  auth.other        0 %     0 of 1  no test\n" in said.out
    assert "rules/auth.sluice:12: auth.other has no test\n" in said.out


def test_coverage_of_a_test_that_cannot_be_played(sluice: CommandLine) -> None:
    """It fails as a test, and reaches nothing."""
    odd = 'test failed "odd" { at 0s auth.login { user: length("x") } }\n'
    write("rules/auth.sluice", RULES + EDGE + odd)
    said = sluice("test", "--coverage")
    assert said.code == 1
    assert "1 passed, 1 failed" in said.out
    assert "auth               75 %     3 of 4\n" in said.out


# ---------------------------------------------------------------- mutation


def test_mutate_names_changes_that_no_test_notices(sluice: CommandLine) -> None:
    """Each with its place, what was there and what stood there instead."""
    path = write("rules/auth.sluice", RULES + EDGE)
    said = sluice("test", "--mutate")
    assert said.code == 0
    assert f"{path}:5:3: `cooldown 1h` taken away: no test notices\n" in said.out
    assert f"{path}:5:13: `1h` -> `2h`: no test notices\n" in said.out
    assert "`tries >= 5`" not in said.out


def test_mutate_below_what_is_asked_is_1(sluice: CommandLine) -> None:
    """The report says so too."""
    write("rules/auth.sluice", RULES + EDGE)
    assert sluice("test", "--mutate-min", "60").code == 0
    said = sluice("test", "--mutate-min", "90", "-o", "json")
    document = json.loads(said.out)
    assert (said.code, document["ok"]) == (1, False)
    score = document["mutation"]
    assert (score["noticed"], score["total"], score["packs"][0]["percent"]) == (6, 9, 66)
    assert len(score["unnoticed"]) == 3
    assert said.err == "error: the tests notice 66 % of the changes (6 of 9), not 90 %\n"


def test_mutate_needs_tests_that_pass(sluice: CommandLine) -> None:
    """Where a test fails already, every change would look noticed: it is refused."""
    write("rules/auth.sluice", RULES + EDGE + WRONG)
    said = sluice("test", "--mutate", "-k", "the edge")
    assert said.code == 1
    assert "auth.failed (at another edge)" in said.out
    assert "changes that tests notice" not in said.out
    assert said.err == "error: --mutate needs tests that pass: mend these first\n"


def test_mutate_changes_the_rules_of_the_chosen_tests(sluice: CommandLine) -> None:
    """Other rules stay as they are."""
    write("rules/auth.sluice", RULES + EDGE)
    write(
        "rules/other.sluice",
        "rule b { when c where n > 1 }\ntest b { at 0s c { n: 2 } expect 1 matches }\n",
    )
    said = sluice("test", "--mutate", "-k", "auth.failed", "-o", "json")
    assert {each["pack"] for each in json.loads(said.out)["mutation"]["packs"]} == {"auth"}


# ---------------------------------------------------------------- bad input


def test_a_file_with_only_tests(sluice: CommandLine) -> None:
    """With its rules it works; without them the remedy is named."""
    write("rules/auth.sluice", RULES)
    write("tests/auth.sluice", 'pack auth\nimport "../rules/auth.sluice"\n' + EDGE)
    assert sluice("test", "rules", "tests").out.endswith("\n1 passed\n")
    said = sluice("test", "tests")
    assert (said.code, said.out) == (78, "")
    assert "tests/auth.sluice:3:1: error SL0701" in said.err
    assert "it is in `rules/auth.sluice`, and `import` takes no rules" in said.err


def test_a_broken_file_among_many(sluice: CommandLine) -> None:
    """It stops the others, unless they are asked for without it."""
    write("rules/auth.sluice", RULES + EDGE)
    write("rules/broken.sluice", "rule a { when b where lenght(c) > 1 }\ntest a { at 0s b {} }\n")
    said = sluice("test")
    assert (said.code, said.out) == (78, "")
    assert "rules/broken.sluice:1:23: error SL0203" in said.err
    said = sluice("test", "--skip-broken-rules", "--coverage", "--mutate")
    assert said.code == 0
    assert "\n1 passed\n" in said.out
    assert "warning: broken.a is left out, with its tests: rules/broken.sluice:1:23" in said.err


def test_shares_are_percentages(sluice: CommandLine) -> None:
    """A number that no share can have is wrong usage."""
    write("rules/auth.sluice", RULES + EDGE)
    for flag in ("--coverage-min", "--mutate-min"):
        said = sluice("test", flag, "101")
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert flag in said.err


# ---------------------------------------------------------------- watching


def test_watch_runs_again_when_a_file_changes() -> None:
    """Also when the change breaks the rules; Ctrl-C ends it with 130."""
    path = Path(write("rules/auth.sluice", RULES + EDGE))
    out = Path("out.txt")
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "sluice", "test", "--watch"], stdout=file, stderr=file,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        _wait_for(out, "1 passed", "watching rules")
        _change(path, RULES + WRONG, out, "changed: rules/auth.sluice", "0 passed, 1 failed")
        _change(path, "rule a { wehn b }\n", out, "error SL0108", "did you mean `when`?")
        _change(path, RULES + EDGE, out, "changed: rules/auth.sluice", "1 passed")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()


def test_watch_ends_where_there_is_nothing_to_watch(sluice: CommandLine) -> None:
    """A path that is not there is 66, as without `--watch`."""
    said = sluice("test", "nowhere", "--watch")
    assert (said.code, said.err) == (66, "error: nowhere: there is no such file or directory\n")


def test_watch_is_for_people(sluice: CommandLine) -> None:
    """A report for programs has one end."""
    write("rules/auth.sluice", RULES + EDGE)
    said = sluice("test", "--watch", "-o", "json")
    assert said.code == 2
    assert "it writes for people" in said.err


def test_what_is_watched_and_what_is_said() -> None:
    """The folder of a file; paths as people write them, a few of many."""
    write("rules/auth.sluice", RULES)
    assert watched_folders(["rules", "rules/auth.sluice", "one.sluice"]) == ["rules", "."]
    here = os.getcwd()
    assert changed_text([f"{here}/a.sluice", "/b.sluice"]) == "changed: a.sluice, /b.sluice"
    many = [f"{here}/{n}" for n in range(5)]
    assert changed_text(many) == "changed: 0, 1, 2 and 2 more"


def _change(path: Path, text: str, out: Path, *expected: str) -> None:
    out.write_bytes(b"")
    path.write_text(text, "utf-8")
    _wait_for(out, *expected, "watching rules")


def _wait_for(out: Path, *expected: str) -> None:
    """Wait until the command has said all of this."""
    end = time.monotonic() + 60
    while not all(text in out.read_text("utf-8").replace("\0", "") for text in expected):
        assert time.monotonic() < end, out.read_text("utf-8")
        time.sleep(0.05)
