"""Run the stories of checking and lowering."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.testing.datadriven import run_file
from tests.check_commands import COMMANDS

FOLDER = Path(__file__).parent / "testdata"
STORIES = sorted([*(FOLDER / "check").glob("*.txt"), *(FOLDER / "plan").glob("lower_*.txt")])


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_checking(path: Path, rewrite: bool) -> None:
    """Checking finds, and lowering makes, what the stories say."""
    run_file(path, COMMANDS, rewrite)
