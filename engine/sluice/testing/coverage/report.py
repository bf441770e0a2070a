"""What tests reach, by rule and by pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.testing.coverage.points import RuleCoverage
from sluice.testing.portion import Portion, by_pack, text_at


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What the tests of rules reach, in the order of the files; `texts` are the files by path."""

    rules: tuple[RuleCoverage, ...]
    texts: Mapping[str, str]

    def share_of(self, rule: RuleCoverage) -> Portion:
        """Return how much of a rule is reached: nothing when it has no test."""
        return Portion(rule.reached if rule.tests else 0, rule.total)

    @property
    def packs(self) -> dict[str, Portion]:
        """How much of each pack is reached."""
        return by_pack((rule.rule, self.share_of(rule)) for rule in self.rules)

    @property
    def whole(self) -> Portion:
        """How much is reached of everything."""
        return Portion.of(self.packs.values())

    def missing(self, rule: RuleCoverage) -> list[dict[str, Any]]:
        """Return what no test of a rule reaches, for programs and for people."""
        return [
            {
                "file": point.span.file, "line": point.span.line, "column": point.span.column,
                "kind": point.kind, "text": text_at(self.texts, point.span),
                "missing": point.missing,
            }
            for point in rule.missing
        ]  # fmt: skip

    def record(self) -> dict[str, Any]:
        """Return the `coverage` of the JSON document of `sluice test`."""
        return {
            **self.whole.record("reached"),
            "packs": [
                {"pack": name, **share.record("reached")} for name, share in self.packs.items()
            ],
            "rules": [
                {
                    "rule": rule.rule, "file": rule.file, "line": rule.line, "tests": rule.tests,
                    **self.share_of(rule).record("reached"), "missing": self.missing(rule),
                }
                for rule in self.rules
            ],
        }  # fmt: skip
