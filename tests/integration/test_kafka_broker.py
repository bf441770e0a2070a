"""The broker that tests share: one for all who use it, gone when the last has gone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kafka.broker import is_serving
from tests.kafka.jars import REPOSITORY
from tests.kafka.shared import Served, shared_broker

USER = """\
import os, pathlib, sys
from tests.kafka.shared import shared_broker
with shared_broker(pathlib.Path(sys.argv[1])) as served:
    print(served.address, flush=True)
    if len(sys.argv) > 2:
        os.kill(os.getpid(), 9)
"""


def test_processes_share_a_broker(kafka: Served, tmp_path: Path) -> None:
    """Others come and go, killed or not; after the last one the broker goes too."""
    if kafka.security is None:
        pytest.skip("SLUICE_TEST_KAFKA names a broker that others look after")
    with shared_broker(tmp_path) as served:
        others = [
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", USER, str(tmp_path), *more],
                cwd=REPOSITORY, capture_output=True, text=True, check=False,
            )
            for more in ([], ["is killed"])
        ]  # fmt: skip
        time.sleep(1)
        assert [(each.stdout, each.returncode) for each in others] == [
            (f"{served.address}\n", 0),
            (f"{served.address}\n", -9),
        ]
        assert is_serving(served.address)
    end = time.monotonic() + 10
    while (tmp_path / "broker").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert (is_serving(served.address), (tmp_path / "broker").exists()) == (False, False)
