"""Lake feeds over a real broker: killed, frozen, out of room, two of them; all comes once."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

import sluice as package
from sluice.shells import verify_lake
from tests.integration.test_kill import RULES
from tests.kafka.shared import Served
from tests.kafka.topics import Outgoing, fill, make_topics
from tests.lakes import ask, content, run, small_lake, write_lines

DEADLINE = 60.0
PARTITIONS = 3
REPOSITORY = Path(__file__).parents[2]


class Stage:
    """A lake, topics, and feeds that bring these into it."""

    def __init__(self, kafka: Served, prefix: str, folder: Path) -> None:
        self.address, self.prefix, self.folder = kafka.address, prefix, folder
        self.root = small_lake(folder / "lake", 200)
        self.input = f"{prefix}.in"
        own = ("matches", "notes", "mitigations", "late", "dead", "events")
        names = dict.fromkeys([self.input, *(f"{prefix}.out.{name}" for name in own)], PARTITIONS)
        make_topics(self.address, names)

    def fill(self, values: Sequence[Any], topic: str | None = None) -> None:
        """Write to the partitions in turn."""
        name = topic or self.input
        fill(self.address, [
            Outgoing(name, n % PARTITIONS, value if isinstance(value, bytes) else value.encode())
            for n, value in enumerate(values)
        ])  # fmt: skip

    @contextmanager
    def feed(
        self, name: str = "feed", topics: Sequence[str] = ()
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a feed of topics, of the input when none is named; its log is `NAME.log`."""
        told = {
            "root": str(self.root), "broker": self.address, "group": f"{self.prefix}.lake",
            "topics": list(topics) or [self.input], "prefix": f"{self.prefix}.out",
            "shown_seconds": 0.3, "session_timeout_ms": 1500,
        }  # fmt: skip
        path = os.pathsep.join([str(Path(package.__file__).parents[1]), str(REPOSITORY)])
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.kafka.lake_feed", json.dumps(told)],
                stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait(DEADLINE)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Let a feed end by itself."""
        process.terminate()
        assert process.wait(DEADLINE) == 0, self.log()

    def log(self, name: str = "feed") -> str:
        """What a feed said."""
        return (self.folder / f"{name}.log").read_text("utf-8")

    def count(self) -> int:
        """How many events the lake has."""
        return int(ask(self.root, "SELECT count(*) FROM events")[0][0])

    def await_count(self, wanted: int) -> None:
        """Wait until the lake has so many events."""
        wait_until(lambda: self.count() >= wanted, lambda: f"{self.count()} events: {self.log()}")


def wait_until(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    """Wait for something, DEADLINE seconds at most."""
    end = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < end, said()
        time.sleep(0.1)


@pytest.fixture
def stage(kafka: Served, prefix: str, tmp_path: Path) -> Stage:
    return Stage(kafka, prefix, tmp_path)


def lines(count: int) -> list[str]:
    """Events of some types and days with ids of their own."""
    rng, at, made = Random("feed"), 0, []
    for number in range(count):
        at += rng.choice((0, 10, 3_000, 60_000, 300_000))
        made.append(json.dumps({
            "type": rng.choice("aaabbc"), "ts": at, "@id": f"e{number}",
            "k": f"k{rng.randint(0, 5)}", "n": rng.randint(0, 4),
        }))  # fmt: skip
    return made


def test_all_that_workers_would_write(stage: Stage) -> None:
    """The lake of topics is the lake of a run over the same events: types, times, ids and texts of
    events; matches, evidence, notes, mitigations, late events and rejections whole."""
    given = [*lines(1_000), *lines(3), "no json"]
    source = write_lines(stage.folder / "in.jsonl", list(given))
    out = stage.folder / "out.jsonl"
    whole = small_lake(stage.folder / "whole", 200)
    kinds = frozenset({"match", "clear", "note", "mitigation", "event", "late", "rejected"})
    run(whole, RULES, source, source=stage.input, output_file=str(out), show=kinds)
    topics = {"match": "matches", "clear": "matches", "note": "notes", "rejected": "dead",
              "mitigation": "mitigations", "event": "events", "late": "late"}  # fmt: skip
    by_topic: dict[str, list[bytes]] = {}
    for line in out.read_bytes().splitlines():
        topic = f"{stage.prefix}.out.{topics[json.loads(line)['kind']]}"
        by_topic.setdefault(topic, []).append(line)
    stage.fill(given)
    for topic, values in by_topic.items():
        stage.fill(values, topic)
    total = len(ask(whole, "FROM events"))
    with stage.feed() as feed:
        stage.await_count(total)
        stage.end(feed)
    there, kept = content(whole), content(stage.root)
    for table in ("matches", "evidence", "notes", "mitigations", "late", "rejected"):
        assert kept[table] == there[table], table
    query = 'SELECT "@type", "@time", "@id", "@source", raw::VARCHAR FROM events ORDER BY ALL'
    assert ask(stage.root, query) == ask(whole, query)
    assert verify_lake(str(stage.root)).findings == []


def test_killed_in_the_middle_of_blocks(stage: Stage) -> None:
    """Whenever a feed is killed, another brings the same into the same segments, and the rest."""
    given, rng = lines(4_500), Random("kill")
    for part in range(4):
        with stage.feed() as feed:
            stage.fill(given[part * 1_000 : part * 1_000 + 1_000])
            stage.await_count(part * 1_000 + rng.randint(1, 900))
            time.sleep(rng.random() * 0.5)
            feed.kill()
    with stage.feed() as feed:
        stage.fill(given[4_000:])
        stage.await_count(4_500)
        stage.end(feed)
    expect_all(stage, given)


def test_two_feeds_share_the_partitions(stage: Stage) -> None:
    """A second one comes, the first goes: each partition has one writer at a time."""
    given = lines(4_000)
    with stage.feed("one") as one:
        stage.fill(given[:1_000])
        stage.await_count(1_000)
        with stage.feed("feed") as two:
            stage.fill(given[1_000:2_000])
            time.sleep(3)
            stage.fill(given[2_000:3_000])
            stage.await_count(3_000)
            stage.end(one)
            stage.fill(given[3_000:])
            stage.await_count(4_000)
            stage.end(two)
    expect_all(stage, given)


def test_a_frozen_feed_writes_nothing_later(stage: Stage) -> None:
    """While it is frozen it still holds its partitions in the lake, and another waits for them:
    when it wakes, it lets go of them, and what the other writes then is not written over."""
    given = lines(3_000)
    with stage.feed("frozen") as frozen:
        stage.fill(given[:1_000])
        stage.await_count(1_000)
        frozen.send_signal(signal.SIGSTOP)
        with stage.feed("feed") as other:
            stage.fill(given[1_000:2_000])
            said = "another process still writes these"
            wait_until(lambda: said in stage.log(), stage.log)
            assert stage.count() == 1_000
            frozen.send_signal(signal.SIGCONT)
            stage.fill(given[2_000:])
            stage.await_count(3_000)
            stage.end(frozen)
            stage.end(other)
    expect_all(stage, given)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are of Linux")
def test_a_full_disk_holds_reading_back(stage: Stage) -> None:
    """The feed says so once, stays, and goes on when there is room: nothing is lost."""
    given = lines(3_000)
    with stage.feed() as feed:
        stage.fill(given[:1_000])
        stage.await_count(1_000)
        room, hard = resource.prlimit(feed.pid, resource.RLIMIT_FSIZE, (1_000, -1))
        stage.fill(given[1_000:])
        wait_until(lambda: "reading waits" in stage.log(), stage.log)
        time.sleep(3)
        assert feed.poll() is None
        assert stage.count() < 3_000
        resource.prlimit(feed.pid, resource.RLIMIT_FSIZE, (room, hard))
        stage.await_count(3_000)
        stage.end(feed)
    assert stage.log().count("reading waits") == 1
    assert stage.log().count("reading goes on") == 1
    expect_all(stage, given)


def test_a_topic_that_is_missing(stage: Stage) -> None:
    """It is told with what makes it."""
    with stage.feed(topics=[stage.input, f"{stage.prefix}.gone"]) as feed:
        assert feed.wait(DEADLINE) == 1
    said = f"there is no topic {stage.prefix}.gone: `sluice topics apply` makes them"
    assert said in stage.log()


def test_a_message_of_ten_megabytes(stage: Stage) -> None:
    """It is an event like others, whatever a fetch usually brings."""
    large = f"{stage.prefix}.large"
    make_topics(stage.address, {large: PARTITIONS}, {"max.message.bytes": "12000000"})
    event = json.dumps({"type": "a", "ts": 5, "@id": "large", "text": "x" * 10_000_000})
    with stage.feed(topics=[stage.input, large]) as feed:
        fill(stage.address, [Outgoing(large, 0, event.encode())], 12_000_000)
        stage.fill(lines(10))
        stage.await_count(11)
        stage.end(feed)
    assert ask(stage.root, "SELECT length(raw->>'text') FROM events WHERE \"@id\" = 'large'") == [
        (10_000_000,)
    ]


def test_no_broker(tmp_path: Path) -> None:
    """It is told at once, so that whoever started it tries again."""
    from tests.kafka.broker import free_port

    told = {"root": str(tmp_path / "lake"), "broker": f"127.0.0.1:{free_port()}", "group": "g",
            "topics": ["t"]}  # fmt: skip
    path = os.pathsep.join([str(Path(package.__file__).parents[1]), str(REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.kafka.lake_feed", json.dumps(told)], timeout=DEADLINE,
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 1
    assert "no broker answers" in done.stderr


def expect_all(stage: Stage, given: Sequence[str]) -> None:
    """Expect each event once, in files that are whole."""
    wanted = sorted(json.loads(line)["@id"] for line in given)
    query = 'SELECT "@id" FROM events ORDER BY 1'
    assert [id_ for (id_,) in ask(stage.root, query)] == wanted
    [(places,)] = ask(
        stage.root, 'SELECT count(DISTINCT ("@source", "@partition", "@offset")) FROM events'
    )
    assert places == len(wanted)
    assert verify_lake(str(stage.root)).findings == []
    assert not list(stage.root.rglob("*.tmp"))
