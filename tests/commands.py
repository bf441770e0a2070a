"""The command line in this process, for tests: what it said, and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sluice.cli.app import execute


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Calls `sluice` with arguments."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *argv: str) -> Said:
        """Run a command."""
        self.capture.readouterr()
        code = execute(argv)
        out, err = self.capture.readouterr()
        return Said(code, out, err)


def write(path: str, text: str) -> str:
    """Write a file, with the folders that it needs, and return its path."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf-8", newline="")
    return path
