"""What the tests of this folder share: a Kafka broker."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.kafka.broker import Broker
from tests.kafka.jars import NO_BROKER, NoBroker
from tests.kafka.shared import Served, shared_broker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The one broker of the session; who kills or freezes one takes a `Broker` of their own."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    try:
        with shared_broker(folder / "kafka") as served:
            yield served
    except NoBroker as error:
        no_broker(error)


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may kill and freeze, with nothing in it."""
    try:
        broker = Broker(tmp_path / "broker").start()
    except NoBroker as error:
        no_broker(error)
    try:
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def prefix() -> str:
    """A beginning for names of topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}"


def no_broker(error: NoBroker) -> NoReturn:
    """Skip the tests that need a broker; under CI=true they fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{NO_BROKER}, and CI=true: {error}", pytrace=False)
    pytest.skip(f"{NO_BROKER}: {error}")
