"""Which types of event an input holds, for a rule that finds none of its own in it."""

from __future__ import annotations

from collections import Counter

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog
from sluice.model import Row
from sluice.plan import Atom, Filter, Plan, RulePlan, Step
from sluice.stream import Pipeline


class Census:
    """Counts the events that are fed to its `pipeline` by type."""

    def __init__(self, catalog: Catalog) -> None:
        self.counts: Counter[str] = Counter()
        rule = RulePlan("the census", Filter(Step("one", (Atom(0, ("any",)),))))
        self.pipeline: Pipeline = build(Plan((rule,)), catalog, BuildOptions(frozenset({"match"})))
        self.pipeline.program.bind({0: self._count}, {})

    def _count(self, row: Row, bits: int, named: int) -> None:
        self.counts[row.type] += 1
