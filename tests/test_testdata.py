"""Run the stories of `testdata`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.testing.datadriven import run_file
from tests.lang_commands import COMMANDS

LANG = sorted((Path(__file__).parent / "testdata" / "lang").glob("*.txt"))


@pytest.mark.parametrize("path", LANG, ids=lambda path: path.stem)
def test_language(path: Path, rewrite: bool) -> None:
    """Parsing, diagnostics and formatting say what the stories say."""
    run_file(path, COMMANDS, rewrite)
