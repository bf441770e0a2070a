"""A run into a lake that is killed and started again leaves what one that was left alone does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

import sluice as package
from sluice.shells import compact_lake, verify_lake
from tests.integration.test_kill import RULES, lines_of
from tests.lakes import ask, content, small_lake

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    rng = Random("lake")
    Path("in.jsonl").write_text("\n".join(lines_of(5_000, rng)) + "\n", "utf-8")
    Path("rules.sluice").write_text(RULES, "utf-8")


def command(lake: str, *argv: str) -> list[str]:
    """The command line of a run."""
    start = [sys.executable, "-m", "sluice", "run", "-q", "-r", "rules.sluice", "-o", "none"]
    return [*start, "in.jsonl", "--lake", lake, *argv]


def kill_after(argv: list[str], lake: Path, segments: int) -> None:
    """Kill a run when a lake has so many more files than before."""
    before = files_of(lake)
    process = subprocess.Popen(argv)
    end = time.monotonic() + DEADLINE
    while process.poll() is None and files_of(lake) < before + segments:
        assert time.monotonic() < end, "waited in vain for segments"
        time.sleep(0.005)
    process.kill()
    assert process.wait(DEADLINE) in (0, -signal.SIGKILL)


def files_of(lake: Path) -> int:
    """How many files of events there are, those that are being written too."""
    return sum(len(names) for _, _, names in os.walk(lake / "events"))


@pytest.mark.parametrize("argv", [(), ("--checkpoint", "run.ckpt")], ids=["alone", "checkpoint"])
def test_killed_at_random_moments(argv: tuple[str, ...]) -> None:
    """Every table is the same, whether the run begins again or goes on; also when it is packed
    in between."""
    small_lake(Path("whole"), 500)
    small_lake(Path("killed"), 500)
    subprocess.run(command("whole"), check=True)
    rng = Random(repr(argv))
    for number in range(4):
        kill_after(command("killed", *argv), Path("killed"), rng.randint(1, 9))
        assert verify_lake("killed").findings == []
        if number == 2:
            compact_lake("killed")
    subprocess.run(command("killed", *argv), check=True)
    assert content(Path("killed")) == content(Path("whole"))
    for table, name in (("events", '"@id"'), ("matches", "id")):
        [(rows, distinct)] = ask(
            Path("killed"), f"SELECT count(*), count(DISTINCT {name}) FROM {table}"
        )
        assert rows == distinct > 1_000
    assert verify_lake("killed").findings == []
    ended = ask(Path("killed"), "SELECT how, count(*) FROM runs GROUP BY 1 ORDER BY 1")
    assert dict(ended)["done"] == 1


def test_a_lake_on_a_full_disk() -> None:
    """The run ends with 74 and says so; what is in the lake is whole, and a second run adds the
    rest."""
    small_lake(Path("whole"), 500)
    small_lake(Path("full"), 500)
    subprocess.run(command("whole"), check=True)
    limited = ["sh", "-c", 'ulimit -f 60; exec "$@"', "sh", *command("full")]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 74, done.stderr
    assert "full: " in done.stderr and "Traceback" not in done.stderr
    assert verify_lake("full").findings == []
    assert not list(Path("full").rglob("*.tmp"))
    subprocess.run(command("full"), check=True)
    assert content(Path("full")) == content(Path("whole"))
