"""`sluice run --sort`: inputs in the order of time, equal times as they stand, within a limit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sluice as package
from sluice.cli.app import execute

RULES = "rule one { when a select n }\nrule two { when a then b as x within 1m select n = x.n }\n"
EVENTS = ["b 3 1", "a 2 2", "a 1 3", "a 1 4", "b 2 5"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    Path("r.sluice").write_text(RULES, "utf-8")
    Path("in.jsonl").write_text(text(EVENTS), "utf-8")


def text(events: list[str]) -> str:
    """Write events: type, second, number."""
    parts = [event.split() for event in events]
    lines = [{"@type": t, "@time": int(at) * 1_000, "n": int(n)} for t, at, n in parts]
    return "".join(json.dumps(line) + "\n" for line in lines)


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any], str]:
    """Run and return the exit code, rule and number of the matches, and what stderr got."""
    code = execute(["run", "-r", "r.sluice", "-o", "json", *arguments])
    out, err = capfd.readouterr()
    matches = [json.loads(line) for line in out.splitlines()]
    return code, [(m["rule"], m["select"]["n"]) for m in matches if m["kind"] == "match"], err


SORTED = [("r.one", 3), ("r.one", 4), ("r.one", 2), ("r.two", 5)]


def test_events_come_in_order_of_time(capfd: pytest.CaptureFixture[str]) -> None:
    """Matches too; equal times in the order of lines; nothing is late."""
    code, found, err = run(capfd, "--sort", "in.jsonl")
    assert (code, found) == (0, SORTED)
    assert "late" not in err
    assert run(capfd, "in.jsonl")[1] != SORTED


def test_a_pipe_is_sorted_as_well() -> None:
    """A rule of one step waits for the end too: no match is out of order."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice", "run", "-r", "r.sluice", "-o", "json", "--sort", "-"],
        input=text(EVENTS), capture_output=True, text=True, check=True,
    )  # fmt: skip
    matches = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(m["rule"], m["select"]["n"]) for m in matches] == SORTED


def test_several_files_are_sorted_together(capfd: pytest.CaptureFixture[str]) -> None:
    """By time, then by the name of the file, then by line."""
    Path("a.jsonl").write_text(text(["a 2 9", "a 1 8"]), "utf-8")
    code, found, _ = run(capfd, "--sort", "in.jsonl", "a.jsonl")
    ones = [n for rule, n in found if rule == "r.one"]
    assert (code, ones) == (0, [8, 3, 4, 9, 2])


def test_more_events_than_the_limit(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decided, and the message says what to do; exactly the limit is fine."""
    monkeypatch.setenv("SLUICE_LIMITS__SORT_EVENTS_MAX", "4")
    code, found, err = run(capfd, "--sort", "in.jsonl")
    assert (code, found) == (66, [])
    assert "--sort keeps all events in memory, and there are more than 4 (sort_events_max)" in err
    assert run(capfd, "--sort", "--until", "1970-01-01T00:00:02Z", "in.jsonl")[0] == 0
    monkeypatch.setenv("SLUICE_LIMITS__SORT_EVENTS_MAX", "5")
    assert run(capfd, "--sort", "in.jsonl")[:2] == (0, SORTED)
    assert run(capfd, "in.jsonl")[0] == 0


def test_a_followed_file_cannot_be_sorted(capfd: pytest.CaptureFixture[str]) -> None:
    """It has no end to wait for."""
    code, found, err = run(capfd, "--sort", "--follow", "in.jsonl")
    assert (code, found) == (78, [])
    assert "take --lateness D instead of --sort" in err
