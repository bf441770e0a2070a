"""Let pytest collect the tests that stand in rule files.

A `.sluice` file is collected when it is named on the command line, or lies below the paths of
rules of `sluice.toml` (default `rules`) where pytest looks. Nothing is loaded before that.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice import testing

_SESSION = pytest.StashKey["testing.RuleSession"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--no-sluice`."""
    parser.getgroup("sluice").addoption(
        "--no-sluice", action="store_true", help="do not collect the tests of .sluice files"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> testing.RuleFile | None:
    """Collect a rule file."""
    config = parent.config
    if file_path.suffix != ".sluice" or config.getoption("--no-sluice"):
        return None
    session = config.stash.get(_SESSION, None)
    if session is None:
        session = config.stash[_SESSION] = testing.RuleSession(config.invocation_params.dir)
    named = [Path(arg.partition("::")[0]) for arg in config.invocation_params.args]
    is_named = any((config.invocation_params.dir / path) == file_path for path in named)
    if not is_named and not session.is_rules(file_path):
        return None
    file: testing.RuleFile = testing.RuleFile.from_parent(parent, path=file_path)
    file.session_of_rules = session
    return file
