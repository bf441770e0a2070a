"""What of each rule its tests reach: steps, conditions, clauses, effects."""

from sluice.testing.coverage.points import Point, RuleCoverage
from sluice.testing.coverage.report import CoverageReport
from sluice.testing.coverage.run import measure_coverage

__all__ = ["CoverageReport", "Point", "RuleCoverage", "measure_coverage"]
