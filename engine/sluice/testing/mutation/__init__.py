"""Rules changed in one place at a time: which changes no test notices."""

from sluice.testing.mutation.mutant import Mutant
from sluice.testing.mutation.report import MutationReport, RuleScore
from sluice.testing.mutation.run import mutate
from sluice.testing.mutation.targets import Target, bench_of

__all__ = ["Mutant", "MutationReport", "RuleScore", "Target", "bench_of", "mutate"]
