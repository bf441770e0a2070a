"""Which changes of rules the tests notice, by rule and by pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.testing.mutation.mutant import Mutant
from sluice.testing.mutation.remarks import Remark
from sluice.testing.portion import Portion


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How many of the changes of a rule its tests notice."""

    rule: str
    file: str
    line: int
    tests: int
    score: Portion


@dataclass(frozen=True, slots=True)
class MutationReport:
    """All changes that mean something else, in the order of the files.

    `unneeded` are comments that accept changes where a test notices each, or where nothing is.
    """

    mutants: tuple[Mutant, ...]
    rules: tuple[RuleScore, ...]
    unneeded: tuple[Remark, ...] = ()
    unexplained: tuple[Remark, ...] = ()

    @property
    def packs(self) -> dict[str, Portion]:
        """The score of each pack; changes of what its rules share count too."""
        names = sorted({mutant.pack for mutant in self.mutants})
        return {name: score_of([m for m in self.mutants if m.pack == name]) for name in names}

    @property
    def whole(self) -> Portion:
        """The score of everything."""
        return score_of(self.mutants)

    @property
    def accepted(self) -> int:
        """How many changes a comment accepts."""
        return sum(mutant.state == "accepted" for mutant in self.mutants)

    def unnoticed(self) -> list[Mutant]:
        """Return the changes that no test notices."""
        return [mutant for mutant in self.mutants if mutant.state == "unnoticed"]

    def record(self) -> dict[str, Any]:
        """Return the `mutation` of the JSON document of `sluice test`."""
        return {
            **self.whole.record("noticed"),
            "accepted": self.accepted,
            "packs": [
                {"pack": name, **score.record("noticed")} for name, score in self.packs.items()
            ],
            "rules": [
                {
                    "rule": each.rule, "file": each.file, "line": each.line,
                    "tests": each.tests, **each.score.record("noticed"),
                }
                for each in self.rules
            ],
            "unnoticed": [
                {
                    "rule": m.rule, "file": m.file, "line": m.line, "column": m.column,
                    "before": m.before, "after": m.after,
                }
                for m in self.unnoticed()
            ],
            "unneeded": [{"file": r.file, "line": r.line} for r in self.unneeded],
        }  # fmt: skip


def score_of(mutants: list[Mutant] | tuple[Mutant, ...]) -> Portion:
    """Return how many of the changes were noticed; accepted ones do not count."""
    noticed = sum(mutant.state == "noticed" for mutant in mutants)
    unnoticed = sum(mutant.state == "unnoticed" for mutant in mutants)
    return Portion(noticed, noticed + unnoticed)
