"""The measurements count what the baseline counts; how fast anything is gates nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.events import TYPES, events, write, write_start
from bench.measure import differences
from bench.rules import DRAWN, WRITTEN, filter_rules, rule_text

REPOSITORY = Path(__file__).parent.parent.parent
HAND = REPOSITORY.parent / "shared" / "bench" / "hand.py"
EVENTS = 20_000
TASKS = ("T1", "T2", "T4", "T5", "T6")


def test_the_engine_counts_what_the_baseline_counts(tmp_path: Path) -> None:
    """A short measurement ends with 0, has no wrong count, and every task found something."""
    results = tmp_path / "latest.json"
    done = run(
        "-m", "bench", "--events", str(EVENTS), "--rounds", "1",
        "--tasks", ",".join(TASKS), "--json", str(results),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(results.read_bytes())
    assert [(task["task"], task["wrong"]) for task in record["tasks"]] == [(t, []) for t in TASKS]
    assert [task["task"] for task in record["tasks"] if not sum(task["counts"].values())] == []
    assert {"cpu", "cores", "python"} <= record["machine"].keys()


@pytest.mark.skipif(not HAND.exists(), reason="the reference is not beside this repository")
@pytest.mark.parametrize("task", WRITTEN)
def test_the_baseline_counts_what_the_reference_counts(tmp_path: Path, task: str) -> None:
    """Over the same events the written tasks mean the same as in the reference."""
    file = tmp_path / "events.jsonl"
    write(file, events(EVENTS))
    ours = run("-m", "bench.baseline", task, str(file))
    theirs = run(str(HAND), task, str(file))
    assert list(json.loads(ours.stdout)["counts"].values()) == [json.loads(theirs.stdout)["count"]]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"matches": {"bench.a": 3, "bench.b": 0}}, ["a matched 3 times, not 2"]),
        ({"matches": {"bench.a": 2}}, ["b matched None times, not 0"]),
        ({"events": 9}, ["9 events were read, not 10"]),
        ({"late": 1}, ["1 late, not 0"]),
        ({"evicted": 2}, ["2 evicted, not 0"]),
        ({}, []),
    ],
)
def test_a_wrong_count_is_told(changed: Mapping[str, Any], said: list[str]) -> None:
    """A rule, an event or a key too few or too many is a difference."""
    right = {
        "events": 10, "late": 0, "rejected": 0, "evicted": 0,
        "matches": {"bench.a": 2, "bench.b": 0},
    }  # fmt: skip
    assert list(differences({**right, **changed}, {"a": 2, "b": 0}, 10)) == said


def test_a_seed_gives_the_same_events_and_rules() -> None:
    """Two calls agree, another seed differs, and fewer rules are the first of more."""
    assert list(events(500)) == list(events(500))
    assert list(events(500)) != list(events(500, seed=1))
    assert filter_rules(DRAWN["T3"])[: DRAWN["T2"]] == filter_rules(DRAWN["T2"])
    assert len({rule_text(rule) for rule in filter_rules(DRAWN["T2"])}) == DRAWN["T2"]


def test_the_start_has_every_type(tmp_path: Path) -> None:
    """What is taken off as start-up has read each type of event once."""
    file, start = tmp_path / "events.jsonl", tmp_path / "start.jsonl"
    write(file, events(2000))
    count = write_start(start, file)
    lines = start.read_bytes().splitlines()
    assert len(lines) == count
    assert {json.loads(line)["type"] for line in lines} == set(TYPES.names)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the repository."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
