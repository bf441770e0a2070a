"""Where each rule of a set runs when events are spread over partitions, and by what they travel.

A stateless rule runs where its events come in. Any other needs all events of a key in one place:
they travel to the partition that the values of its key name. Rules that feed each other run
together, in one place for each value of the key parts that all of them share by name; where
they share none, all of them run on one partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sluice.errors import Unsupported
from sluice.plan.atoms import atoms_of
from sluice.plan.exprs import Field, KeyValue
from sluice.plan.graph import graph_of
from sluice.plan.nodes import EmitEffect, Filter, Plan, RulePlan

Stage = Literal["filter", "match"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one rule runs.

    `route` are the places of the key parts whose values choose the partition, for the stage
    `match`; with none of them all of `group` (the rules that run together) is on one partition.
    `reason` says why in a sentence.
    """

    rule: str
    stage: Stage
    group: str
    route: tuple[int, ...]
    reason: str

    @property
    def way(self) -> tuple[str, ...] | tuple[int, ...]:
        """What the partition of a key follows from; rules that differ in it are apart."""
        return self.route or (self.group,)


def is_stateless(rule: RulePlan) -> bool:
    """Return whether a rule remembers nothing: one plain step, and no cooldown."""
    return isinstance(rule.pattern, Filter) and rule.cooldown is None and rule.unseen is None


def placements_of(plan: Plan) -> tuple[Placement, ...]:
    """Return where each rule that is not disabled runs, in the order of the plan.

    Unsupported when an `extract` reads events that a rule emits.
    """
    emitted = {e.type for r in plan.rules for e in r.effects if isinstance(e, EmitEffect)}
    for extract in plan.extracts:
        if extract.source in emitted:
            raise Unsupported(
                f"extract {extract.type} from {extract.source}: workers extract from events that "
                f"come in, and {extract.source} is emitted by a rule"
            )
    rules = {rule.name: rule for rule in plan.rules if not rule.disabled}
    placed: dict[str, Placement] = {}
    for names in _together(plan, rules):
        members = [rules[name] for name in names]
        for placement in _alone(members[0]) if len(members) == 1 else _joined(members):
            placed[placement.rule] = placement
    return tuple(placed[name] for name in rules)


def _together(plan: Plan, rules: Mapping[str, RulePlan]) -> Iterator[list[str]]:
    """Yield the names of rules that feed each other, directly or not."""
    graph, near = graph_of(plan), {name: set[str]() for name in rules}
    makers: dict[str, set[str]] = {}
    for edge in graph.edges:
        if edge.kind == "makes" and edge.source.startswith("rule:"):
            makers.setdefault(edge.target, set()).add(edge.source[5:])
    for edge in graph.edges:
        if edge.kind == "makes" or not edge.target.startswith("rule:"):
            continue
        taker = edge.target[5:]
        for maker in makers.get(edge.source, ()):
            if maker != taker and maker in near and taker in near:
                near[maker].add(taker)
                near[taker].add(maker)
    waiting = dict.fromkeys(rules)
    while waiting:
        found = [next(iter(waiting))]
        del waiting[found[0]]
        for name in found:
            fresh = [other for other in sorted(near[name]) if other in waiting]
            found += fresh
            for other in fresh:
                del waiting[other]
        yield found


def _alone(rule: RulePlan) -> Iterator[Placement]:
    if is_stateless(rule):
        yield Placement(rule.name, "filter", rule.name, (), "it remembers nothing")
        return
    route, reason = _own_route(rule)
    yield Placement(rule.name, "match", rule.name, route, reason)


def _own_route(rule: RulePlan) -> tuple[tuple[int, ...], str]:
    """Return the key parts that may choose the partition, as the rule alone allows."""
    if not rule.keys:
        return (), "it has no key, so one partition takes all of it"
    cooldown = rule.cooldown
    if cooldown is not None and cooldown.per is not None:
        if cooldown.per or not cooldown.per_keys:
            return (), "its cooldown counts by a selected value, so one partition takes all of it"
        return cooldown.per_keys, f"by {_names(rule, cooldown.per_keys)}, as its cooldown counts"
    route = tuple(range(len(rule.keys)))
    return route, f"by {_names(rule, route)}"


def _names(rule: RulePlan, route: Sequence[int]) -> str:
    return ", ".join(rule.keys[part].name for part in route)


def _joined(members: Sequence[RulePlan]) -> Iterator[Placement]:
    """Place rules that feed each other."""
    group = min(rule.name for rule in members)
    names = _shared(members)
    for rule in members:
        parts = {part.name: number for number, part in enumerate(rule.keys)}
        others = ", ".join(sorted(r.name for r in members if r is not rule))
        how = f"by {', '.join(names)}" if names else "on one partition: they share no key"
        yield Placement(
            rule.name, "match", group, tuple(parts[name] for name in names),
            f"together with {others}, {how}",
        )  # fmt: skip


def _shared(members: Sequence[RulePlan]) -> tuple[str, ...]:
    """Return the names of key parts that an event and all that is derived from it agree on."""
    allowed = []
    for rule in members:
        route, _ = _own_route(rule)
        allowed.append({rule.keys[part].name for part in route})
    shared = set.intersection(*allowed)
    while True:
        kept = {name for name in shared if all(_agrees(r, name, members) for r in members)}
        if kept == shared:
            return tuple(part.name for part in members[0].keys if part.name in kept)
        shared = kept


def _agrees(rule: RulePlan, name: str, members: Sequence[RulePlan]) -> bool:
    """Whether what a rule takes of the others has its key part `name` as the maker has it."""
    place = next(number for number, part in enumerate(rule.keys) if part.name == name)
    for atom in atoms_of(rule):
        for type_ in atom.types:
            makers = [other for other in members if other is not rule and _makes(other, type_)]
            key = atom.key[place]
            if makers and not (isinstance(key, Field) and key.path == (name,)):
                return False
            if not all(_carries(maker, type_, name) for maker in makers):
                return False
    return True


def _makes(rule: RulePlan, type_: str) -> bool:
    made = {f"match.{rule.name}", f"clear.{rule.name}"}
    made |= {e.type for e in rule.effects if isinstance(e, EmitEffect)}
    if type_.endswith(".*"):
        return any(each.startswith(type_[:-1]) for each in made)
    return type_ in made


def _carries(maker: RulePlan, type_: str, name: str) -> bool:
    """Whether the events that a rule makes have the part `name` of its key under that name.

    Matches and clears begin with the key; a `select` of the same name hides it.
    """
    if name in dict(maker.select):
        return False
    place = next(number for number, part in enumerate(maker.keys) if part.name == name)
    for effect in maker.effects:
        if isinstance(effect, EmitEffect) and _is_of(effect.type, type_):
            value = dict(effect.fields).get(name)
            if not (isinstance(value, KeyValue) and value.index == place):
                return False
    return True


def _is_of(made: str, type_: str) -> bool:
    return made.startswith(type_[:-1]) if type_.endswith(".*") else made == type_
