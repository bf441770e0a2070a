"""A worker that runs on a real broker answers for itself: probes, metrics, state, webhook."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import no_broker
from tests.integration.test_webhook_feed import Desk
from tests.kafka.broker import Broker, free_port
from tests.kafka.jars import NoBroker
from tests.kafka.shared import Served
from tests.kafka.topics import Outgoing, fill, make_topics

WAIT_SECONDS_MAX = 90

RULES = """
pack auth

rule failed { severity low  when auth.login where outcome == "failure"  by user }

rule guessing "Password guessing" {
  severity  high
  when      auth.login{3} as f where outcome == "failure"
  by        user
  within    10m
  select    tries = count(f)
  cooldown  1h
}
"""
OWN = ("keyed", "state.keyed", "matches", "notes", "mitigations", "events", "late", "dead", "rules")


class Worker:
    """A worker as a process, and how it is asked."""

    def __init__(self, folder: Path, address: str, prefix: str, url: str) -> None:
        self.port = free_port()
        self.topic = f"in.{prefix}"
        (folder / "auth.sluice").write_text(RULES, "utf-8")
        (folder / "sluice.toml").write_text(f"""
            [rules]
            paths = ["auth.sluice"]
            [run]
            lake = "{folder / "kept"}"
            [kafka]
            brokers = ["{address}"]
            group = "{prefix}"
            prefix = "{prefix}"
            partitions = 2
            [kafka.topics."{self.topic}"]
            [worker]
            stages = ["filter", "match", "lake", "webhook"]
            http = "127.0.0.1:{self.port}"
            log = "json"
            idle_timeout = "1s"
            live_timeout = "3s"
            [webhook]
            url = "{url}"
            severity_min = "high"
            begin = "start"
        """, "utf-8")  # fmt: skip
        own = {f"{prefix}.{name}": 1 if name == "rules" else 2 for name in OWN}
        make_topics(address, {self.topic: 1, **own})
        self._folder = folder
        self.log = folder / "log"

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it; end it as an orchestrator does."""
        argv = [sys.executable, "-m", "sluice", "worker", "-c", str(self._folder / "sluice.toml")]
        # In the image nothing can be written where the worker is.
        place = self._folder / "place"
        place.mkdir()
        with self.log.open("wb") as log:
            process = subprocess.Popen(argv, stderr=log, stdout=log, cwd=place, env={**os.environ})
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                finally:
                    process.kill()
        assert not list(place.iterdir())

    def ask(self, path: str) -> tuple[int, str]:
        """The status and the text; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> dict[tuple[str, str], float]:
        """Samples by name and what tells them apart: the rule, the stage, the reason."""
        found: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(self.ask("/metrics")[1]):
            for each in family.samples:
                labels = each.labels
                which = labels.get("rule") or labels.get("stage") or labels.get("reason") or ""
                name = (each.name, which)
                found[name] = found.get(name, 0) + each.value
        return found


def until(enough: Callable[[], Any], log: Path, seconds: float = WAIT_SECONDS_MAX) -> None:
    """Wait until there is enough."""
    end = time.monotonic() + seconds
    while not enough():
        assert time.monotonic() < end, log.read_text("utf-8")[-4000:]
        time.sleep(0.2)


def login(number: int, outcome: str) -> bytes:
    """An event, a second after the one before."""
    at = f"2026-03-06T01:{number // 60:02}:{number % 60:02}Z"
    return json.dumps({"@type": "auth.login", "@time": at, "user": "bob", "outcome": outcome,
                       "source_ip": "203.0.113.7"}).encode()  # fmt: skip


#: What seven failures, a success and something that is no event come to.
EXPECTED = {
    ("sluice_events_total", ""): 8,
    ("sluice_events_rejected_total", "syntax"): 1,
    ("sluice_dead_letters_total", "syntax"): 1,
    ("sluice_matches_total", "auth.failed"): 7,
    ("sluice_matches_total", "auth.guessing"): 1,
    ("sluice_matches_suppressed_total", "auth.guessing"): 1,
    ("sluice_keyed_events_received_total", ""): 7,
    ("sluice_lag_records", "filter"): 0,
    ("sluice_lag_records", "match"): 0,
    ("sluice_lag_records", "webhook"): 0,
    ("sluice_lag_records", "lake"): 0,
    ("sluice_assigned_partitions", "filter"): 1,
    ("sluice_assigned_partitions", "match"): 2,
    ("sluice_webhook_sends_total", ""): 1,
    ("sluice_rules", ""): 2,
    ("sluice_rules_last_reload_successful", ""): 1,
    ("sluice_ready", ""): 1,
}
GROWN = [
    ("sluice_state_written_bytes_total", ""), ("sluice_records_sent_total", ""),
    ("sluice_batch_seconds_count", "filter"), ("sluice_batch_seconds_count", "match"),
    ("sluice_state_restore_seconds_count", ""), ("sluice_state_keys", "auth.guessing"),
    ("sluice_match_latency_seconds_count", ""), ("sluice_watermark_lag_seconds", "filter"),
    ("sluice_lake_segments_total", ""), ("sluice_lake_written_bytes_total", ""),
]  # fmt: skip


def test_a_worker_answers_for_itself(kafka: Served, prefix: str, tmp_path: Path) -> None:
    """What it has done is in its metrics, what it remembers can be asked, and matches are told."""
    desk = Desk()
    with desk.open() as url:
        worker = Worker(tmp_path, kafka.address, prefix, url)
        with worker.running() as process:
            _begin(worker, process)
            events = [login(n, "failure") for n in range(7)]
            values = [*events, b"no event", login(9, "success")]
            fill(kafka.address, [Outgoing(worker.topic, 0, value) for value in values])
            _check_metrics(worker)
            assert len(desk.taken) == 1
            _check_state(worker)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, worker.log.read_text("utf-8")
            assert time.monotonic() - begun < 10
    for line in worker.log.read_text("utf-8").splitlines():
        assert json.loads(line).keys() >= {"time", "level", "logger", "message"}


def _begin(worker: Worker, process: subprocess.Popen[bytes]) -> None:
    until(lambda: worker.ask("/readyz")[0] == 200 or process.poll() is not None, worker.log)
    assert process.poll() is None, worker.log.read_text("utf-8")
    # What was counted before the first look could be restored, and is left out.
    taken = ("sluice_assigned_partitions", "match")
    until(lambda: worker.metrics().get(taken) == 2, worker.log)
    assert worker.ask("/livez")[0] == 200
    versions = json.loads(worker.ask("/version")[1])
    assert versions["rules_number"] == 1 and len(versions["rules"]) == 12


def _check_metrics(worker: Worker) -> None:
    def counted() -> dict[tuple[str, str], float | None]:
        found = worker.metrics()
        return {name: found.get(name) for name in EXPECTED}

    with contextlib.suppress(AssertionError):
        until(lambda: counted() == EXPECTED, worker.log, 30)
    assert counted() == EXPECTED

    def lacking() -> list[tuple[str, str]]:
        found = worker.metrics()
        return [name for name in GROWN if not found.get(name)]

    with contextlib.suppress(AssertionError):
        until(lambda: not lacking(), worker.log, 30)
    assert lacking() == []


def _check_state(worker: Worker) -> None:
    argv = [sys.executable, "-m", "sluice", "state", "show", "auth.guessing",
            "--key", "user=bob", "-o", "json", "--worker", f"127.0.0.1:{worker.port}"]  # fmt: skip
    shown = subprocess.run(argv, capture_output=True, check=False, text=True)
    assert shown.returncode == 0, shown.stderr
    state = json.loads(shown.stdout)["state"]
    assert state["partition"] in (0, 1) and state["cools_down"]
    assert worker.ask('/state/auth.guessing?key={"user":"eve"}')[0] == 404
    assert worker.ask("/state/auth.nothing")[0] == 404


def test_a_worker_whose_broker_is_stuck_is_not_alive(prefix: str, tmp_path: Path) -> None:
    """Records that wait while none is done are seen from outside; when they are done, that too."""
    desk = Desk()
    (tmp_path / "broker").mkdir()
    try:
        broker = Broker(tmp_path / "broker")
    except NoBroker as error:
        no_broker(error)
    with desk.open() as url, broker:
        worker = Worker(tmp_path, broker.address, prefix, url)
        count = 200_000
        records = [Outgoing(worker.topic, 0, login(0, "success"))] * count
        filling = threading.Thread(target=fill, args=(broker.address, records))

        def events() -> float:
            return worker.metrics().get(("sluice_events_total", ""), 0)

        with worker.running():
            until(lambda: worker.ask("/readyz")[0] == 200, worker.log)
            filling.start()
            until(lambda: events() > 0, worker.log)
            # In the midst of the stream something is always on its way.
            with broker.frozen():
                until(lambda: worker.ask("/livez")[0] == 503, worker.log)
                assert re.fullmatch(
                    r"\d+ records wait, and none was acknowledged for \d+ s\n",
                    worker.ask("/livez")[1],
                )
            filling.join()
            until(lambda: events() == count, worker.log)
            until(lambda: worker.ask("/livez")[0] == 200, worker.log)


@pytest.mark.parametrize("http", ["127.0.0.1:1x", "300.0.0.1:80"])
def test_an_address_that_cannot_be_had(http: str, kafka: Served, tmp_path: Path) -> None:
    """A worker whose probes nobody could ask does not begin: 78."""
    (tmp_path / "auth.sluice").write_text(RULES, "utf-8")
    (tmp_path / "sluice.toml").write_text(f"""
        [rules]
        paths = ["auth.sluice"]
        [kafka]
        brokers = ["{kafka.address}"]
        [kafka.topics.a]
        [worker]
        http = "{http}"
    """, "utf-8")  # fmt: skip
    argv = [sys.executable, "-m", "sluice", "worker", "-c", str(tmp_path / "sluice.toml")]
    done = subprocess.run(argv, capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 78, done.stderr
    assert "worker.http" in done.stderr
