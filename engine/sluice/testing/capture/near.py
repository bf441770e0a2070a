"""Near misses of a captured match: the smallest change after which the rule does not fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.lang import covers
from sluice.model import Match
from sluice.plan import Absent, Atom, Plan, RulePlan, Silence, conjuncts, field_uses
from sluice.plan import Sequence as SequencePlan
from sluice.plan import exprs as x
from sluice.testing.capture.scene import TEXT_ATTRIBUTES, Scene, Take, without
from sluice.testing.capture.stage import Stage
from sluice.timing import format_duration

#: What a field is read for when it decides whether an event fits.
_DECIDING = frozenset({"where", "unseen", "except", "extract"})


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A scene without the match, the other matches in it, and what is different about it."""

    scene: Scene
    others: tuple[Match, ...]
    change: str


def near_miss(
    stage: Stage, rule: RulePlan, scene: Scene, own: Sequence[int], others: int
) -> NearMiss | None:
    """Return the first change of a scene after which the match does not come.

    `own` are the places of the match's own events, `others` is how many other matches the scene
    has. An absence is ended, else an event is left out, the last first; of a single event a field.
    """
    for change, changed in _changes(rule, stage.plan, scene, own, stage.target):
        found = stage.play(changed).matches
        if len(found) == others and not any(stage.is_target(m, changed.shift) for m in found):
            return NearMiss(changed, tuple(found), change)
    return None


def _changes(
    rule: RulePlan, plan: Plan, scene: Scene, own: Sequence[int], target: Match
) -> Iterator[tuple[str, Scene]]:
    yield from _interrupted(rule, scene, own, target)
    takes = scene.takes
    if rule.unseen is not None and own and own[0] > 0:
        # Soon after the first event of all, when the rule still learns, if it does.
        seen = replace(takes[own[0]], time=takes[0].time + (takes[own[0]].time > takes[0].time))
        yield "seen before", _added(scene, seen)
    if len(takes) > 1:
        for place in reversed(own):
            at = format_duration(takes[place].time - scene.base)
            what = "its last event" if place == own[-1] else f"the event at {at}"
            yield f"without {what}", _fewer(scene, [place])
        for count in range(2, min(len(own), len(takes) - 1) + 1):
            yield f"without its last {count} events", _fewer(scene, own[-count:])
    for place in reversed(own):
        yield from _poorer(rule, plan, scene, place)


def _fewer(scene: Scene, places: Sequence[int]) -> Scene:
    """Return a scene without some events; the clock goes on to its end only if it did before."""
    left = without(scene.takes, places)
    goes_on = scene.end > scene.takes[-1].time
    return replace(scene, takes=left, end=scene.end if goes_on else left[-1].time)


def _interrupted(
    rule: RulePlan, scene: Scene, own: Sequence[int], target: Match
) -> Iterator[tuple[str, Scene]]:
    """Yield the scene with the event whose absence the rule asks for."""
    pattern, takes = rule.pattern, scene.takes
    if isinstance(pattern, Silence):
        absent: Absent | None = pattern.absent
    else:
        absent = pattern.trailing if isinstance(pattern, SequencePlan) else None
    last = takes[own[-1]].time if own else scene.base
    if absent is not None:
        # The middle of the wait is neither at its beginning nor at its end.
        time = last + max(1, (target.time - last) // 2)
        for take in _enders(rule, absent.atom, takes, target, time):
            yield f"with {take.type} in between", _added(scene, take)
    leading = pattern.leading if isinstance(pattern, SequencePlan) else None
    if leading is not None and own:
        time = takes[own[0]].time - max(1, leading.duration_ms // 2)
        for take in _enders(rule, leading.atom, takes, target, time):
            yield f"with {take.type} before it", _added(scene, take)


def _enders(
    rule: RulePlan, atom: Atom, takes: Sequence[Take], target: Match, time: int
) -> Iterator[Take]:
    """Yield events that may end a wait: one that was there already, then one that is made."""
    for take in reversed(takes):
        if any(covers(p, take.type, is_derived=False) for p in atom.types):
            yield replace(take, time=time)
    type_ = next((t for t in atom.types if t != "any" and not t.endswith(".*")), None)
    if type_ is None:
        return
    fields: dict[str, Any] = {}
    for part, expr in zip(rule.keys, atom.key, strict=False):
        _put(fields, expr, target.key.get(part.name))
    for condition in conjuncts(atom.where):
        match condition:
            case x.Cmp(op="==", left=left, right=x.Const(value=value)):
                _put(fields, left, value)
            case x.InValues(item=item, values=(value, *_)):
                _put(fields, item, value)
            case _:
                pass
    yield Take(time, type_, fields)


def _put(fields: dict[str, Any], expr: x.Expr, value: Any) -> None:
    """Set the field that an expression names, if it is no more than a name."""
    if not isinstance(expr, x.Field) or value is None:
        return
    if any(isinstance(part, int) for part in expr.path):
        return
    if str(expr.path[0])[:1] == "@" and str(expr.path[0])[1:] not in TEXT_ATTRIBUTES:
        return
    for part in expr.path[:-1]:
        fields = fields.setdefault(str(part), {})
    fields[str(expr.path[-1])] = value


def _added(scene: Scene, take: Take) -> Scene:
    takes = sorted((*scene.takes, take), key=lambda each: each.time)
    return replace(scene, takes=tuple(takes))


def _poorer(rule: RulePlan, plan: Plan, scene: Scene, place: int) -> Iterator[tuple[str, Scene]]:
    """Yield the scene with an event that lacks a field on which it depends whether it fits."""
    take = scene.takes[place]
    deciding, keys = set(), set()
    for pattern, uses in field_uses(plan).items():
        if not covers(pattern, take.type, is_derived=False):
            continue
        for path, use in uses.items():
            deciding |= {str(path[0])} if use & _DECIDING else set()
            keys |= {str(path[0])} if "key" in use else set()
    for name in sorted(deciding | keys, key=lambda name: (name in keys, name)):
        if name in take.fields:
            fields: Mapping[str, Any] = {k: v for k, v in take.fields.items() if k != name}
            takes = list(scene.takes)
            takes[place] = replace(take, fields=fields)
            yield f"without {name}", replace(scene, takes=tuple(takes))
