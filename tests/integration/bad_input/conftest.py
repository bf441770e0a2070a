"""What the tests of this folder run in, and with."""

from __future__ import annotations

from pathlib import Path

import pytest

import sluice as package
from sluice.cli.app import execute
from tests.integration.bad_input.running import LINE, RULE, Done, Run, write


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    write("r.sluice", RULE)
    write("in.jsonl", LINE)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`sluice run` in this process, over `in.jsonl` with `r.sluice` unless told otherwise."""

    def call(*argv: str, rules: str = "r.sluice", source: str = "in.jsonl") -> Done:
        capsys.readouterr()
        shown = ("-o", "json", "--show", "match,rejected,late")
        code = execute(["run", "-r", rules, source, *shown, *argv])
        return Done(code, *capsys.readouterr())

    return call
