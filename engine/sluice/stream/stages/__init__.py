"""The two stages of workers: events come in and are routed; shards of keys match them."""

from sluice.stream.stages.inlet import FilterStage, Harvest, Inlet, Mark
from sluice.stream.stages.shard import Shard, ShardSetup
from sluice.stream.stages.touched import Identity
from sluice.stream.stages.travel import (
    UNKNOWN,
    Child,
    Entry,
    Keyed,
    Section,
    pack_keyed,
    size_of,
    unpack_keyed,
)

__all__ = [
    "UNKNOWN", "Child", "Entry", "FilterStage", "Harvest", "Identity", "Inlet", "Keyed",
    "Mark", "Section", "Shard", "ShardSetup", "pack_keyed", "size_of", "unpack_keyed",
]  # fmt: skip
