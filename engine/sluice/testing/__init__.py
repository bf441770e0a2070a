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


#: Which module each name comes from.
_HOMES = {
    "sluice.testing.capture": (
        "Captured Draft NotCaptured Wanted capture_match insert_tests prove"
    ),
    "sluice.testing.coverage": "CoverageReport measure_coverage",
    "sluice.testing.expectations": "Failure",
    "sluice.testing.kit": "check_codec check_entries",
    "sluice.testing.mutation": "Mutant MutationReport mutate",
    "sluice.testing.portion": "Portion",
    "sluice.testing.pytest_items": "RuleFile RuleSession",
    "sluice.testing.rules": "RuleTestReport RuleTestResult chosen_tests run_tests",
    "sluice.testing.simulation": "simulate",
}


def __getattr__(name: str) -> Any:
    import importlib

    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'sluice.testing' has no attribute '{name}'")
