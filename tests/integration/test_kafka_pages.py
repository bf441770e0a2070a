"""The commands of pages that need a broker are run, with a broker of their own for each page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.house.pages import FOREIGN_FOLDERS, Fence
from tests.kafka.broker import Broker
from tests.test_docs import ALL_FENCES, REPOSITORY, files_of, shown_output

FENCES = [fence for fence in ALL_FENCES if fence.is_run_with_kafka]
COMMAND_SECONDS_MAX = 120


@pytest.mark.parametrize("page", sorted({fence.file for fence in FENCES}))
def test_commands_in_pages_run_with_a_broker(page: str, own_broker: Broker, tmp_path: Path) -> None:
    """The blocks of a page end well one after the other, and print what the page shows."""
    copy = tmp_path / "repository"
    ignored = shutil.ignore_patterns(*FOREIGN_FOLDERS, "__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY, copy, ignore=ignored)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SLUICE_KAFKA__BROKERS": own_broker.address,
    }
    for fence in FENCES:
        if fence.file == page:
            run(fence, copy, environment)


def run(fence: Fence, copy: Path, environment: Mapping[str, str]) -> None:
    """Run a block in a copy of the repository."""
    for name, text in files_of(fence).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, "utf-8")
    done = subprocess.run(
        ["sh", "-e", "-c", fence.text], cwd=copy, env=environment, capture_output=True, text=True,
        timeout=COMMAND_SECONDS_MAX, check=False,
    )  # fmt: skip
    printed = done.stdout + done.stderr
    where = f"{fence.file}:{fence.line}"
    assert done.returncode == 0, f"{where}: the commands end with {done.returncode}\n{printed}"
    lost = [part for part in shown_output(fence) if part.strip("\n") not in printed]
    assert not lost, f"{where}: the page shows what is not printed:\n{lost[0]}\n{printed}"
