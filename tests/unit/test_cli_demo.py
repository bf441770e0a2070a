"""`sluice demo`: what it shows, what it leaves, and where it does not write."""

from __future__ import annotations

import os

import pytest

from sluice.shells import demo_events
from tests.commands import CommandLine, write


def commands(text: str) -> list[str]:
    """Return the commands that a text shows."""
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def test_it_shows_all_steps_and_a_picture(sluice: CommandLine) -> None:
    """Each rule finds what was hidden for it, and the hour of the outage has the longest bar."""
    said = sluice("demo")
    assert said.code == 0
    verbs = [line.split()[1] for line in commands(said.out)]
    assert verbs == ["test", "run", "query", "why", "query"]
    for rule in ("shop.guessed_password", "shop.errors", "shop.silent_worker"):
        assert rule in said.out
    bars = {line: line.count("█") for line in said.out.splitlines() if "█" in line}
    assert max(bars, key=lambda line: bars[line]).startswith("2026-03-04 14:00")
    assert os.listdir() == []


def test_the_folder_stays_and_the_commands_run_again(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a folder everything is kept there, and the last hint works."""
    said = sluice("demo", "--folder", "shop")
    assert sorted(os.listdir("shop")) == ["events.jsonl", "lake", "rules"]
    assert commands(said.out)[0] == "cd shop"
    monkeypatch.chdir("shop")
    assert sluice("fmt", "--check", "rules").code == 0
    assert sluice("check", "--strict", "rules").code == 0
    hint = said.out.rstrip().splitlines()[-1].split()
    assert hint[:2] == ["sluice", "capture"]
    assert sluice(*hint[1:]).code == 0
    assert sluice("test").code == 0


def test_it_is_the_same_every_time() -> None:
    """The day is the same, byte for byte; another seed gives another day."""
    assert list(demo_events()) == list(demo_events())
    assert list(demo_events(2)) != list(demo_events())


def test_a_folder_in_use_is_left_alone(sluice: CommandLine) -> None:
    """Nothing is written into a folder that holds something, or where a file stands."""
    write("full/mine.txt", "mine")
    for folder in ("full", "full/mine.txt", "full/mine.txt/below"):
        said = sluice("demo", "--folder", folder)
        assert (said.code, folder in said.err) == (78, True)
    assert os.listdir("full") == ["mine.txt"]
