"""Workers that are killed, ended and frozen while they work: each match is found once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import no_broker
from tests.kafka.jars import NoBroker, fetched_jars, version_wanted

REPOSITORY = Path(__file__).parents[2]
EVENTS, SECONDS = 100_000, 90


@pytest.mark.timeout(900)
def test_short_soak(tmp_path: Path) -> None:
    """Three workers, a lake, eight partitions, a broker that is killed once, and rules that are
    deployed in the middle: missing 0, extra 0, duplicates 0."""
    if os.environ.get("SLUICE_TEST_KAFKA"):
        pytest.skip("NO SOAK: a broker that others use is not killed")
    try:
        fetched_jars(version_wanted())
    except NoBroker as error:
        no_broker(error)
    command = [
        sys.executable, "-m", "tests.soak.soak", "--events", str(EVENTS), "--seconds",
        str(SECONDS), "--keep", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
