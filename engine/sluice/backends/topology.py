"""What a rule set needs of a broker: topics, keys, stages, projections. Pure data.

The result is the same for every worker, so that all of them agree without talking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sluice.backends.layout import layout_of
from sluice.plan import Placement, Plan, placements_of

TopicKind = Literal["input", "keyed", "state", "output", "rules"]

#: What a match leads to, by the kind of its record, and the topic that takes it.
OUTPUT_TOPICS: Mapping[str, str] = {
    "match": "matches", "clear": "matches", "note": "notes", "mitigation": "mitigations",
    "event": "events", "extracted": "events", "late": "late", "rejected": "dead",
}  # fmt: skip

_PURPOSES = {
    "matches": "matches, and that their condition is no longer true",
    "notes": "notes for people to review",
    "mitigations": "mitigations that rules propose",
    "events": "events that rules emit and extract",
    "late": "events that came after their time",
    "dead": "what could not be decoded, with why and where",
}

#: Events may have 16 MiB, and what is made of one may be larger; brokers alone would take 1 MB.
RECORD_BYTES_MAX = 32 * 1024 * 1024

_DAY_MS = 86_400_000
_SIZED = {"max.message.bytes": str(RECORD_BYTES_MAX)}
_COMPACTED = {
    **_SIZED,
    # A worker that was frozen may write old state late: what it covers must still be there.
    "min.compaction.lag.ms": "3600000",
    "segment.ms": "3600000",
}


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic: how many partitions it needs (None: as it is), and settings that matter."""

    name: str
    kind: TopicKind
    partitions: int | None
    compacted: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class InputTopic:
    """A topic that the user's events come from; `partitions` when Sluice may make it."""

    name: str
    partitions: int | None = None


@dataclass(frozen=True, slots=True)
class TopicNames:
    """How Sluice's own topics are called, and how many partitions they have."""

    prefix: str = "sluice"
    partitions: int = 8

    def of(self, what: str) -> str:
        """Return the name of one of Sluice's own topics."""
        return f"{self.prefix}.{what}"


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that workers wire: topics, where each rule runs, which fields travel.

    `projection` are the top-level fields that events carry to the match stage.
    """

    inputs: tuple[InputTopic, ...]
    names: TopicNames
    topics: tuple[TopicSpec, ...]
    placements: tuple[Placement, ...]
    projection: tuple[str, ...] = ()

    @property
    def has_match_stage(self) -> bool:
        """Whether some rule needs a second hop."""
        return any(p.stage == "match" for p in self.placements)


def topology_of(
    plan: Plan, inputs: Sequence[InputTopic] = (), names: TopicNames | None = None
) -> Topology:
    """Return what a rule set needs; Unsupported when workers cannot run it."""
    names = names or TopicNames()
    placements = placements_of(plan)
    matched = match_plan(plan, placements)
    projection = sorted({str(slot.path[0]) for slot in layout_of(matched).roots})
    return Topology(
        tuple(inputs), names, (*map(_input, inputs), *_own_topics(names)), placements,
        tuple(projection),
    )  # fmt: skip


def match_plan(plan: Plan, placements: Sequence[Placement] | None = None) -> Plan:
    """Return the part of a plan that runs in the match stage."""
    placed = placements_of(plan) if placements is None else placements
    names = {p.rule for p in placed if p.stage == "match"}
    return replace(plan, rules=tuple(r for r in plan.rules if r.name in names), extracts=())


def _input(topic: InputTopic) -> TopicSpec:
    return TopicSpec(topic.name, "input", topic.partitions, purpose="events that come in")


def _own_topics(names: TopicNames) -> list[TopicSpec]:
    count = names.partitions
    keyed = TopicSpec(
        names.of("keyed"), "keyed", count, settings={**_SIZED, "retention.ms": str(_DAY_MS)},
        purpose="what stateful rules need, by rule key",
    )  # fmt: skip
    state = TopicSpec(
        names.of("state.keyed"), "state", count, True, _COMPACTED,
        "the state of stateful rules, by key",
    )  # fmt: skip
    outputs = [
        TopicSpec(names.of(what), "output", count, settings=_SIZED, purpose=purpose)
        for what, purpose in _PURPOSES.items()
    ]
    rules = TopicSpec(names.of("rules"), "rules", 1, True, _SIZED, "the rule sets deployed")
    return [keyed, state, *outputs, rules]
