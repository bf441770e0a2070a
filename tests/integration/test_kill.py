"""A run that is killed and started again finds what one that was left alone finds, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import sluice as package

RULES = """\
rule plain { when a where n == 3 by k }
rule pair { when a as f then b as g where n > f.n by k within 20s select d = g.n - f.n }
rule away { when a then no b within 7s by k overlap latest }
rule many { when any of (a, b) by k within 10s having sum(n) >= 12 cooldown 5s }
rule window { when a by k window tumbling 15s having count() >= 3 select n = avg(n) }
rule up { when match.rules.pair then match.rules.many by k within 30s }
rule new { when c unseen n for 1m emit seen { n: n } }
rule echo { when seen by n }
"""

#: What takes a moment for each event, so that a run is long enough to be killed in its midst.
SLOW = 'rule slow { when any where levenshtein(s, "%s") < 0 }\n' % ("abcdefgh" * 100)

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    Path("rules.sluice").write_text(RULES, "utf-8")


def lines_of(count: int, rng: Random, at: int = 0) -> list[str]:
    """Events in order of time; a few lines are odd."""
    lines = []
    for number in range(count):
        at += rng.choice((0, 0, 10, 200, 1000, 3000))
        event = {
            "@type": rng.choice("aaabbc"), "@time": at, "k": f"k{rng.randint(0, 5)}",
            "n": rng.randint(0, 4), "s": "ijklmnop" * 10,
        }  # fmt: skip
        lines.append("no json" if number % 997 == 500 else json.dumps(event))
    return lines


def command(*argv: str) -> list[str]:
    """The command line of a run."""
    return [sys.executable, "-m", "sluice", "run", "-r", "rules.sluice", "-q", "-o", "json", *argv]


def records(text: str) -> list[dict[str, Any]]:
    """The whole records in what a run has printed, whose last line may be torn."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def ids(found: list[dict[str, Any]]) -> list[str]:
    """What tells matches, clears and pending ones apart."""
    return [f"{r['kind']} {r.get('id', r.get('match'))}" for r in found]


def left_alone(path: str, source: str) -> list[str]:
    """The records of one run that nobody interrupts."""
    done = subprocess.run(
        command(path, "--source", source), capture_output=True, text=True, check=True
    )
    return ids(records(done.stdout))


def wait_for(holds: Callable[[], Any], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def wait_for_progress(process: subprocess.Popen[bytes], before: int) -> None:
    """Wait until a run has written another checkpoint, or has ended."""
    wait_for(lambda: checkpoint_time() > before or process.poll() is not None, "a checkpoint")


def test_killed_at_random_moments() -> None:
    """The output file holds each record of an uninterrupted run once, in order; stdout all."""
    rng = Random("kill")
    Path("in.jsonl").write_text("\n".join(lines_of(14_000, rng)) + "\n", "utf-8")
    expected = left_alone("in.jsonl", "in.jsonl")
    assert len(expected) > 2_000
    Path("rules.sluice").write_text(RULES + SLOW, "utf-8")
    argv = command("in.jsonl", "--checkpoint", "run.ckpt", "--output-file", "out.jsonl")
    printed: list[dict[str, Any]] = []
    kills = 0
    for is_spared in (False, False, False, True):
        before = checkpoint_time()
        with open("printed.jsonl", "wb") as out:
            process = subprocess.Popen(argv, stdout=out)
        if not is_spared:
            if kills > 0:  # the first is killed with nothing saved
                wait_for_progress(process, before)
            time.sleep(rng.uniform(0.0, 0.8))
            process.kill()
        code = process.wait(DEADLINE)
        assert code in (0, -signal.SIGKILL)
        kills += code != 0
        printed += records(Path("printed.jsonl").read_text("utf-8"))
    assert code == 0 and kills >= 2
    assert ids(records(Path("out.jsonl").read_text("utf-8"))) == expected
    assert set(ids(printed)) == set(expected)


class Follower:
    """`sluice run --follow` on a log, killed and started again."""

    def __init__(self) -> None:
        self.argv = command(
            "log.jsonl", "--follow", "--checkpoint", "run.ckpt", "--output-file", "out.jsonl"
        )
        self.printed: list[dict[str, Any]] = []
        self.kills = 0
        self.start()

    def start(self) -> None:
        """Start it."""
        with open("printed.jsonl", "wb") as out:
            self.process = subprocess.Popen(self.argv, stdout=out)

    def now(self) -> list[dict[str, Any]]:
        """What this process has printed."""
        return records(Path("printed.jsonl").read_text("utf-8"))

    def stop(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self.printed += self.now()
        return code

    def kill(self) -> None:
        """Kill it and start another one."""
        self.stop(signal.SIGKILL)
        self.kills += 1
        self.start()

    def wait_for_checkpoint(self) -> None:
        """Wait until a checkpoint was written that holds all that was in the log before."""
        before = checkpoint_time()
        wait_for(lambda: checkpoint_time() > before, "a checkpoint")


def checkpoint_time() -> int:
    """When the checkpoint was written."""
    return os.stat("run.ckpt").st_mtime_ns if os.path.exists("run.ckpt") else 0


def append(lines: list[str]) -> None:
    """Add lines to the log as a writer does, now and then a half one first."""
    with open("log.jsonl", "a", encoding="utf-8") as log:
        for number, line in enumerate(lines):
            log.write(line[:20])
            if number % 10 == 9:
                log.flush()
            log.write(line[20:] + "\n")


def test_killed_while_it_follows_a_log() -> None:
    """So it is with a log that grows, is rotated (also while nobody reads) and is truncated."""
    rng = Random("follow")
    # The last line of each part asks for an answer, so that one sees when it was read.
    parts = [lines_of(400, rng, 4_000_000 * number) for number in range(4)]
    for number, part in enumerate(parts):
        part.append(json.dumps({"@type": "c", "@time": 4_000_000 * (number + 1) - 1, "n": number}))
    Path("log.jsonl").touch()
    follower = Follower()
    for number, part in enumerate(parts):
        for at in range(0, len(part), 60):
            append(part[at : at + 60])
            time.sleep(rng.uniform(0.0, 0.2))
            if at == 180 and number % 2 == 1:
                follower.kill()
        if number < 3:
            # A file that no checkpoint knows of cannot be found again under another name.
            follower.wait_for_checkpoint()
        if number == 0:
            # Rotated while nobody reads: what was not read yet is in the renamed file.
            follower.stop(signal.SIGKILL)
            os.rename("log.jsonl", "log.jsonl.1")
            Path("log.jsonl").touch()
            follower.start()
        elif number == 1:
            os.rename("log.jsonl", "log.jsonl.2")
        elif number == 2:
            wait_for(lambda: answer(2) <= {*ids(follower.now())}, "the third part")
            follower.wait_for_checkpoint()
            os.truncate("log.jsonl", 0)
    wait_for(lambda: answer(3) <= {*ids(follower.now())}, "the last part")
    assert follower.stop(signal.SIGTERM) == 143
    everything = "".join(line + "\n" for part in parts for line in part)
    Path("whole.jsonl").write_text(everything, "utf-8")
    expected = [name for name in left_alone("whole.jsonl", "log.jsonl") if "pending" not in name]
    found = ids(records(Path("out.jsonl").read_text("utf-8")))
    assert found == expected
    assert {*ids(follower.printed)} == {*expected}
    assert follower.kills == 2


def answer(number: int) -> set[str]:
    """What the rule `echo` says of the last line of a part, once it is there."""
    for record in records(Path("printed.jsonl").read_text("utf-8")):
        if record["kind"] == "match" and record["rule"] == "rules.echo":
            if record["time"] == stamp(4_000_000 * (number + 1) - 1):
                return {f"match {record['id']}"}
    return {"nothing yet"}


def stamp(ms: int) -> str:
    """A time as records show it."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    return f"{whole}.{ms % 1000:03}Z"
