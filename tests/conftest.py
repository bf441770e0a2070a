"""Settings that all tests share."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

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


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Tell whether to renew expected output: `--rewrite`, or `REWRITE=1`."""
    return bool(request.config.getoption("--rewrite")) or os.environ.get("REWRITE") == "1"
