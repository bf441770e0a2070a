"""Compile a rule set for the stages of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.backends.program import CompiledRules
from sluice.backends.topology import Topology, match_plan
from sluice.catalog import Catalog
from sluice.plan import DEFAULT_LIMITS, Limits, Plan
from sluice.stream import FilterStage, Pipeline, Place, Program, Shard, ShardSetup

#: What workers write of matches; late events and rejections come from the filter stage itself.
STAGE_KINDS = frozenset({"match", "clear", "note", "mitigation", "event"})


@dataclass(frozen=True, slots=True)
class StageRules:
    """A rule set ready to be built for stages, as often as there are partitions.

    `number` tells the rule sets of a group apart: later ones have greater numbers. With
    `tells_extracted` extracted events are outputs too.
    """

    plan: Plan
    catalog: Catalog
    topology: Topology
    number: int = 0
    limits: Limits = DEFAULT_LIMITS
    tells_extracted: bool = False

    def filter_stage(self) -> FilterStage:
        """Return the filter stage."""
        kept = frozenset({"extracted"}) if self.plan.extracts else frozenset()
        pipeline = _pipeline(CompiledRules(self.plan, self.catalog, False), STAGE_KINDS | kept)
        topology = self.topology
        return FilterStage(
            pipeline, topology.placements, topology.projection, topology.names.partitions,
            self.tells_extracted,
        )  # fmt: skip

    def shard(self, here: int, places: Sequence[Place]) -> Shard:
        """Return a new shard of the match stage."""
        topology, limits = self.topology, self.limits
        setup = ShardSetup(here, topology.names.partitions, topology.placements, tuple(places))
        program = CompiledRules(match_plan(self.plan, topology.placements), self.catalog, False)
        return Shard(setup, program, lambda p: _pipeline(p, STAGE_KINDS, limits), self.number)


def _pipeline(program: Program, kinds: frozenset[str], limits: Limits = DEFAULT_LIMITS) -> Pipeline:
    return Pipeline(program, kinds, limits)
