"""What proves rules: their tests, simulated runs, and tests that are text files. Public.

What needs the whole engine loads on first use; text files can test a single room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.testing.datadriven import Args, Command, run_file

if TYPE_CHECKING:
    from sluice.testing.expectations import Failure
    from sluice.testing.rules import RuleTestReport, RuleTestResult, run_tests
    from sluice.testing.simulation import simulate

__all__ = [
    "Args",
    "Command",
    "Failure",
    "RuleTestReport",
    "RuleTestResult",
    "run_file",
    "run_tests",
    "simulate",
]


def __getattr__(name: str) -> Any:
    match name:
        case "Failure":
            from sluice.testing import expectations as module
        case "RuleTestReport" | "RuleTestResult" | "run_tests":
            from sluice.testing import rules as module  # type: ignore[no-redef]
        case "simulate":
            from sluice.testing import simulation as module  # type: ignore[no-redef]
        case _:
            raise AttributeError(f"module 'sluice.testing' has no attribute '{name}'")
    return getattr(module, name)
