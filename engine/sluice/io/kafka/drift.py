"""Compare the topics that there are with those that rules and settings need. Nothing is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sluice.backends import TopicNames, TopicSpec, Topology

#: `ok`: as it is to be; `make`, `change`: what `apply` does; `blocked`: what people must decide.
Verdict = Literal["ok", "make", "change", "blocked"]


#: Topics of one prefix belong together: their offsets name each other's records.
_ANEW = "begin anew with another prefix below [kafka]; what rules remember is lost then"


class Existing(Protocol):
    """A topic as it is."""

    @property
    def partitions(self) -> int:
        """How many partitions it has."""
        ...

    @property
    def replication(self) -> int:
        """How many copies there are of each."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """Its settings, the defaults included."""
        ...


@dataclass(frozen=True, slots=True)
class Copies:
    """How many copies of each partition are wanted, and how many brokers there are for them."""

    wanted: int
    brokers: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be done about a topic, or is in the way.

    `partitions` and `replication` are what there will be, `grows` says that there are fewer
    partitions now; `settings` are those to set. `detail` says what differs, `remedy` what a person
    can do where `apply` cannot.
    """

    topic: TopicSpec
    verdict: Verdict
    partitions: int
    replication: int
    detail: str = ""
    remedy: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    grows: bool = False


def find_drift(
    topology: Topology, there: Mapping[str, Existing], copies: Copies
) -> tuple[Finding, ...]:
    """Return a finding for each topic of a topology, in its order."""
    return tuple(
        _absent(spec, there, topology, copies)
        if spec.name not in there
        else _present(spec, there[spec.name], topology, copies)
        for spec in topology.topics
    )


def wanted_settings(spec: TopicSpec, copies: int) -> dict[str, str]:
    """Return the settings that a topic of Sluice's own is made with; none for one of the user's."""
    if spec.kind == "input":
        return {}
    policy = "compact" if spec.compacted else "delete"
    # With three copies one broker may be away, and what was acknowledged is still kept twice.
    safe = {"min.insync.replicas": "2"} if copies >= 3 else {}
    return {"cleanup.policy": policy, **safe, **spec.settings}


def _absent(spec: TopicSpec, there: Collection[str], topology: Topology, copies: Copies) -> Finding:
    partitions = spec.partitions or 0
    if spec.kind == "input" and spec.partitions is None:
        remedy = f'make it, or set partitions below [kafka.topics."{spec.name}"]'
        return Finding(spec, "blocked", 0, 0, "it is not there", remedy)
    if copies.wanted > copies.brokers:
        detail = f"{copies.wanted} copies need as many brokers, and there are {copies.brokers}"
        remedy = "start more brokers, or set replication below [kafka]"
        return Finding(spec, "blocked", partitions, copies.wanted, detail, remedy)
    if spec.kind == "keyed" and (state := _state_of(topology.names)) in there:
        detail = f"it is gone, and {state} still says where in it each key stands"
        return Finding(spec, "blocked", partitions, copies.wanted, detail, _ANEW)
    settings = wanted_settings(spec, copies.wanted)
    return Finding(spec, "make", partitions, copies.wanted, settings=settings)


def _present(spec: TopicSpec, now: Existing, topology: Topology, copies: Copies) -> Finding:
    wanted = spec.partitions or now.partitions
    if wanted != now.partitions and not _may_grow(spec, now, topology):
        detail = f"it has {now.partitions} partitions, and {wanted} are set"
        remedy = _other_count(spec, now)
        return Finding(spec, "blocked", now.partitions, now.replication, detail, remedy)
    if spec.kind != "input" and now.replication < copies.wanted:
        detail = f"it has {_copies(now.replication)}, and {copies.wanted} are set"
        remedy = "kafka-reassign-partitions makes more; or set replication below [kafka]"
        return Finding(spec, "blocked", now.partitions, now.replication, detail, remedy)
    settings = wanted_settings(spec, now.replication)
    differing = {k: v for k, v in settings.items() if now.settings.get(k) != v}
    changes = [f"{key} {now.settings.get(key)} → {value}" for key, value in differing.items()]
    if wanted != now.partitions:
        changes.insert(0, f"partitions {now.partitions} → {wanted}")
    verdict: Verdict = "change" if changes else "ok"
    return Finding(
        spec, verdict, wanted, now.replication, ", ".join(changes), settings=differing,
        grows=wanted != now.partitions,
    )  # fmt: skip


def _may_grow(spec: TopicSpec, now: Existing, topology: Topology) -> bool:
    """More partitions send keys elsewhere: nothing may be remembered by key."""
    more = (spec.partitions or 0) > now.partitions
    return more and spec.kind != "input" and not topology.has_match_stage


def _other_count(spec: TopicSpec, now: Existing) -> str:
    if spec.kind == "input":
        table = f'[kafka.topics."{spec.name}"]'
        return f"set partitions = {now.partitions} below {table}, or leave it out"
    if spec.kind == "rules":
        return f"delete {spec.name}, apply, and deploy the rules again"
    return f"set partitions = {now.partitions} below [kafka], or {_ANEW}"


def _state_of(names: TopicNames) -> str:
    return names.of("state.keyed")


def _copies(count: int) -> str:
    return "1 copy" if count == 1 else f"{count} copies"
