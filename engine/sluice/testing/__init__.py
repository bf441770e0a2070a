"""What proves rules: their tests, simulated runs, and tests that are text files. Public.

What needs the whole engine loads on first use; text files can test a single room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.testing.datadriven import Args, Command, run_file

if TYPE_CHECKING:
    from sluice.testing.capture import (
        Captured,
        Draft,
        NotCaptured,
        Wanted,
        capture_match,
        insert_tests,
        prove,
    )
    from sluice.testing.coverage import CoverageReport, measure_coverage
    from sluice.testing.expectations import Failure
    from sluice.testing.kit import check_codec, check_entries
    from sluice.testing.mutation import Mutant, MutationReport, mutate
    from sluice.testing.portion import Portion
    from sluice.testing.pytest_items import RuleFile, RuleSession
    from sluice.testing.rules import RuleTestReport, RuleTestResult, chosen_tests, run_tests
    from sluice.testing.simulation import simulate

__all__ = [
    "Args",
    "Captured",
    "Command",
    "CoverageReport",
    "Draft",
    "Failure",
    "Mutant",
    "MutationReport",
    "NotCaptured",
    "Portion",
    "RuleFile",
    "RuleSession",
    "RuleTestReport",
    "RuleTestResult",
    "Wanted",
    "capture_match",
    "check_codec",
    "check_entries",
    "chosen_tests",
    "insert_tests",
    "measure_coverage",
    "mutate",
    "prove",
    "run_file",
    "run_tests",
    "simulate",
]


def __getattr__(name: str) -> Any:
    match name:
        case "Failure":
            from sluice.testing import expectations as module
        case (
            "Captured"
            | "Draft"
            | "NotCaptured"
            | "Wanted"
            | "capture_match"
            | "insert_tests"
            | "prove"
        ):
            from sluice.testing import capture as module  # type: ignore[no-redef]
        case "RuleFile" | "RuleSession":
            from sluice.testing import pytest_items as module  # type: ignore[no-redef]
        case "CoverageReport" | "measure_coverage":
            from sluice.testing import coverage as module  # type: ignore[no-redef]
        case "Mutant" | "MutationReport" | "mutate":
            from sluice.testing import mutation as module  # type: ignore[no-redef]
        case "Portion":
            from sluice.testing import portion as module  # type: ignore[no-redef]
        case "RuleTestReport" | "RuleTestResult" | "chosen_tests" | "run_tests":
            from sluice.testing import rules as module  # type: ignore[no-redef]
        case "check_codec" | "check_entries":
            from sluice.testing import kit as module  # type: ignore[no-redef]
        case "simulate":
            from sluice.testing import simulation as module  # type: ignore[no-redef]
        case _:
            raise AttributeError(f"module 'sluice.testing' has no attribute '{name}'")
    return getattr(module, name)
