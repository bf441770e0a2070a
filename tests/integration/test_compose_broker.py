"""What docker-compose.yml starts works together: the broker, the topics, the worker, the events.

There is no container engine in the tests; the same programs get the same settings without one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer

from tests.integration.conftest import no_broker
from tests.kafka.broker import Broker, free_port
from tests.kafka.jars import NoBroker
from tests.kafka.topics import Outgoing, fill

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"


def properties(ports: dict[str, int]) -> dict[str, str]:
    """The settings as the image makes them of its variables, with these ports on this machine."""
    service = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["kafka"]
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_LOG_DIRS"
    }
    for name, listener in (e.split("://") for e in found["listeners"].split(",")):
        old, new = listener.rpartition(":")[2], str(ports[name])
        found["listeners"] = found["listeners"].replace(
            f"{name}://:{old}", f"{name}://127.0.0.1:{new}"
        )
        for key in ("advertised.listeners", "controller.quorum.voters"):
            found[key] = found[key].replace(f":{old}", f":{new}")
    return found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """The broker, with its data and its ports elsewhere."""
    ports = {name: free_port() for name in ("OUTSIDE", "INSIDE", "CONTROLLER")}
    (tmp_path / "broker").mkdir()
    try:
        found = Broker(tmp_path / "broker", port=ports["OUTSIDE"], settings=properties(ports))
    except NoBroker as error:
        no_broker(error)
    with found:
        yield found


def test_events_of_the_generator_become_matches(broker: Broker, tmp_path: Path) -> None:
    """The topics are made, the worker gets ready, and its rules find who guesses passwords."""
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    port = free_port()
    environment = {
        **os.environ, "SLUICE_KAFKA__BROKERS": broker.address,
        "SLUICE_WORKER__HTTP": f"127.0.0.1:{port}",
    }  # fmt: skip
    # Mounted as in the container: settings and rules side by side.
    shutil.copy(REPOSITORY / "deploy" / "sluice.toml", tmp_path)
    shutil.copytree(REPOSITORY / "rules" / "auth", tmp_path / "rules")

    def command(service: str) -> list[str]:
        words = [w.replace("/etc/sluice", str(tmp_path)) for w in services[service]["command"]]
        return [sys.executable, "-m", "sluice", *words]

    subprocess.run(command("topics"), env=environment, check=True, cwd=tmp_path)
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(command("worker"), env=environment, stderr=log) as worker:
        try:
            wait_until_ready(port, worker)
            argv = ["sh", str(REPOSITORY / "deploy" / "generate.sh"), "310"]
            made = subprocess.run(argv, capture_output=True, check=True)
            lines = made.stdout.splitlines()
            fill(broker.address, [Outgoing("auth.events", 1, line) for line in lines])
            found = asyncio.run(read_until(broker.address, "auth.guessing_then_success"))
        finally:
            worker.terminate()
    assert found["key"] == {"source_ip": "203.0.113.1"}


def wait_until_ready(port: int, worker: subprocess.Popen[bytes]) -> None:
    """Ask as the check of health does."""
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2)
            return
        except OSError:
            assert worker.poll() is None and time.monotonic() < end, "the worker is not ready"
            time.sleep(0.2)


async def read_until(address: str, rule: str) -> dict[str, Any]:
    """The first match of a rule."""
    consumer = AIOKafkaConsumer(
        "sluice.matches", bootstrap_servers=address, auto_offset_reset="earliest", group_id="g"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            while True:
                match: dict[str, Any] = json.loads((await consumer.getone()).value)
                if match["rule"] == rule:
                    return match
    finally:
        await consumer.stop()
