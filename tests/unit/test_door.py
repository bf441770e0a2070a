"""The public door: every name is there, loads late, and the version is that of the package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import sluice
from sluice import (
    Action,
    Aggregate,
    BuildOptions,
    Catalog,
    Clear,
    ConfigError,
    Diagnostic,
    Event,
    Function,
    InputError,
    Limits,
    Match,
    Mitigation,
    Note,
    Plan,
    Rejected,
    RuleError,
    Settings,
    SluiceError,
    Unsupported,
    build,
    builtins,
    check,
    explain,
    load,
    load_settings,
    lower,
    parse,
    run_tests,
    simulate,
)

ROOT = Path(__file__).parents[2]

NAMES = (
    Action, Aggregate, BuildOptions, Catalog, Clear, ConfigError, Diagnostic, Event, Function,
    InputError, Limits, Match, Mitigation, Note, Plan, Rejected, RuleError, Settings, SluiceError,
    Unsupported, build, builtins, check, explain, load, load_settings, lower, parse, run_tests,
    simulate,
)  # fmt: skip


def test_every_name_is_there() -> None:
    """The door offers what it lists, and nothing else by accident."""
    assert sorted(n.__name__ for n in NAMES) == sorted(set(sluice.__all__) - {"__version__"})
    assert dir(sluice) == sorted(sluice.__all__)


def test_a_name_that_is_not_there() -> None:
    """An unknown name is an AttributeError, so that `hasattr` works."""
    assert not hasattr(sluice, "nope")


def test_the_version_is_that_of_the_package() -> None:
    """`__version__` and pyproject.toml agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert sluice.__version__ == project["version"]


def test_importing_loads_no_room() -> None:
    """`import sluice` alone loads nothing of the house."""
    code = "import sluice, sys; print([m for m in sys.modules if m.startswith('sluice.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
