"""Settings that all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

import sluice as package
from tests.commands import CommandLine
from tests.kafka.jars import NO_BROKER

# `make test` must give the same answer twice; a search for new cases asks for the other profile:
# `make test ARGS="--hypothesis-profile search"`.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("same")

# A shell ignores Ctrl-C for what it starts in the background, and children inherit that: what is
# tested here would never be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--rewrite`: text files of `testdata/` take over what the commands say now."""
    parser.addoption("--rewrite", action="store_true", help="renew the output in tests/testdata")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that what needs a broker was not tested; each test says why."""
    skipped = terminalreporter.stats.get("skipped", ())
    count = sum(NO_BROKER in str(each.longrepr) for each in skipped)
    if count:
        text = f"{count} TESTS NEED A KAFKA BROKER AND DID NOT RUN (Java 17 and Maven bring one)"
        terminalreporter.write_line(text, yellow=True, bold=True)


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Tell whether to renew expected output: `--rewrite`, or `REWRITE=1`."""
    return bool(request.config.getoption("--rewrite")) or os.environ.get("REWRITE") == "1"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, without the settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    # Other processes find the package that is under test, wherever it is.
    monkeypatch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)


@pytest.fixture
def sluice(elsewhere: None, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line, in an empty folder."""
    return CommandLine(capsys)
