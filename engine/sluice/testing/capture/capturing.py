"""Find the events that bring a kept match about again, and write them as tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sluice.catalog import Catalog
from sluice.lang import covers
from sluice.model import Event, Match, canonical_ip, equal, event_id
from sluice.plan import Plan, RulePlan, atoms_of, horizon_ms, only_feeding
from sluice.plan import exprs as x
from sluice.testing.capture.block import block
from sluice.testing.capture.literals import NotCaptured
from sluice.testing.capture.masking import Mask
from sluice.testing.capture.near import NearMiss, near_miss
from sluice.testing.capture.scene import Scene, Take, taker
from sluice.testing.capture.stage import PLAYED_MAX, Stage, smallest
from sluice.timing import Instant

#: A longer test is none that anybody reads.
EVENTS_MAX = 1_000
#: How many events before the match are looked at, at most.
HISTORY_MAX = 20_000
#: How far back history is asked for: in multiples of what the rule remembers, None for all.
_REACHES = (1, 8, None)

#: Yields the events of some types (as rules name them) from one instant to another, in order.
History = Callable[[Collection[str], Instant | None, Instant | None], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be captured: a match with its events, and how its tests are to be.

    `history` gives the events around it. `name` is the claim of the test, None for one by its id.
    `mask` are the fields whose values are replaced with `secret`.
    """

    match: Match
    events: Sequence[Event]
    history: History
    name: str | None = None
    is_whole: bool = False
    mask: frozenset[str] = frozenset()
    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class Captured:
    """The tests of a match: their claims and text, and what they hold.

    `further` counts the events that are not the match's own and were needed. `masked` says how
    many values of a field were replaced, `leaks` which fields still hold such a value.
    """

    claims: tuple[str, ...]
    text: str
    events: int
    further: int
    change: str | None
    masked: dict[str, int] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()


def capture_match(plan: Plan, catalog: Catalog, wanted: Wanted, rule_name: str) -> Captured:
    """Return the tests of a match; the rule is called `rule_name` in them.

    NotCaptured when no events bring the match about, or masked ones do not.
    """
    part = only_feeding(plan, wanted.match.rule)
    rule = next(each for each in part.rules if each.name == wanted.match.rule)
    stage = Stage(part, catalog, wanted.match)
    finder = _Finder(wanted, rule, part, stage)
    scene, own = finder.scene()
    if len(scene.takes) > EVENTS_MAX:
        raise NotCaptured(
            f"it takes {len(scene.takes):,} events to make the match, and a test of more than "
            f"{EVENTS_MAX:,} is none that anybody reads"
        )
    mask = Mask(wanted.secret, wanted.mask, part, catalog)
    if wanted.mask:
        scene = _masked(stage, scene, mask)
    found = stage.play(scene).matches
    shown = next(match for match in found if stage.is_target(match, scene.shift))
    missed = near_miss(stage, rule, scene, own, len(found) - 1)
    claim = wanted.name or f"captured {wanted.match.id[:12]}"
    text = block(rule_name, claim, scene, found, shown, rule)
    claims = [claim]
    if missed is not None:
        claims.append(f"{claim}, {missed.change}")
        text += "\n" + _missed(rule_name, claims[-1], missed, rule)
    counts = {name: len(values) for name, values in mask.counts.items()}
    leaks = mask.leaks(scene.takes) if wanted.mask else []
    return Captured(
        tuple(claims), text, len(scene.takes), len(scene.takes) - len(own),
        missed.change if missed is not None else None, counts, tuple(leaks),
    )  # fmt: skip


def _missed(rule_name: str, claim: str, missed: NearMiss, rule: RulePlan) -> str:
    return block(rule_name, claim, missed.scene, missed.others, None, rule)


@dataclass(slots=True)
class _Finder:
    """Looks for the fewest events that bring a match about."""

    wanted: Wanted
    rule: RulePlan
    plan: Plan
    stage: Stage
    _own: set[int] = field(default_factory=set)

    def scene(self) -> tuple[Scene, list[int]]:
        """Return the events of a test, and the places of the match's own among them."""
        take = taker(self.plan, self.wanted.is_whole)
        own = tuple(take(event) for event in self.wanted.events)
        for is_dated in (False, True):
            scene = Scene(own, self.wanted.match.time, is_dated)
            if self.stage.shown(scene) is not None:
                return scene, list(range(len(own)))
        return self._with_history()

    def _with_history(self) -> tuple[Scene, list[int]]:
        """Add what else came for the key, as little of it as will do."""
        horizon = horizon_ms(self.rule)
        is_cut, seen = False, -1
        for reach in _REACHES if horizon is not None else (None,):
            since = None
            if reach is not None and horizon is not None:
                since = self.wanted.match.start - reach * horizon
            events = self._events(since)
            is_cut = len(events) > HISTORY_MAX
            if is_cut:
                break
            if len(events) == seen:
                continue
            seen = len(events)
            found = self._small(events)
            if found is not None:
                return found
        raise NotCaptured(self._reason(is_cut))

    def _events(self, since: Instant | None) -> list[Event]:
        """Return the match's own events and all others that its rules look at, of its key."""
        match = self.wanted.match
        patterns = {t for rule in self.plan.rules for atom in atoms_of(rule) for t in atom.types}
        found = self.wanted.history(sorted(patterns), since, match.time)
        if len(self.plan.rules) == 1:
            found = filter(self._is_of_key, found)
        # One more says that there are too many.
        around = list(islice(found, HISTORY_MAX + 1))
        known = {(event_id(event), event.type) for event in self.wanted.events}
        others = [event for event in around if (event_id(event), event.type) not in known]
        both = [*self.wanted.events, *others]
        return sorted(both, key=lambda e: (e.time, e.source, e.partition, e.offset))

    def _is_of_key(self, event: Event) -> bool:
        """Say whether an event can be of the match's key."""
        for atom in atoms_of(self.rule):
            if any(covers(p, event.type, is_derived=False) for p in atom.types):
                pairs = zip(self.rule.keys, atom.key, strict=False)
                if all(_has(event, expr, self.wanted.match.key.get(k.name)) for k, expr in pairs):
                    return True
        return False

    def _small(self, events: list[Event]) -> tuple[Scene, list[int]] | None:
        """Return the smallest scene of these events that shows the match, None if none does."""
        take = taker(self.plan, self.wanted.is_whole)
        takes = tuple(take(event) for event in events)
        known = {(event_id(event), event.type) for event in self.wanted.events}
        own = {id(t) for t, e in zip(takes, events, strict=True) if (event_id(e), e.type) in known}
        for is_dated in (False, True):
            scene = Scene(takes, self.wanted.match.time, is_dated)
            if self.stage.shown(scene) is None:
                continue

            def shows(tried: tuple[Take, ...], whole: Scene = scene) -> bool:
                return self.stage.shown(replace(whole, takes=tried)) is not None

            def is_spent(before: int = self.stage.played) -> bool:
                return self.stage.played - before > PLAYED_MAX

            small = smallest(takes, lambda each: id(each) in own, shows, is_spent)
            found = replace(scene, takes=small)
            return found, [place for place, each in enumerate(small) if id(each) in own]
        return None

    def _reason(self, is_cut: bool) -> str:
        """Say why nothing brings the match about."""
        match, rule = self.wanted.match, self.rule
        if rule.version != match.version:
            take = taker(self.plan, False)
            own = tuple(take(event) for event in self.wanted.events)
            nearest = self.stage.play(Scene(own, match.time, True)).near_miss()
            told = f"; {nearest}" if nearest else ""
            return (
                f"{rule.name} has changed since (it was version {match.version}, and is "
                f"{rule.version}): it does not fire any more on the events of the match{told}"
            )
        if is_cut:
            return (
                f"the events of the match alone do not make {rule.name} fire, and those before it "
                f"are more than {HISTORY_MAX:,}: its windows, baselines or first times look "
                "further back than a test can"
            )
        return (
            f"the events that the lake keeps do not make {rule.name} fire again as it did: what "
            "came before is not in the lake, or a list, a table or a setting has changed since"
        )


def _has(event: Event, expr: x.Expr, value: object) -> bool:
    """Say whether an event can have a value as a part of its key; what is computed can."""
    if not isinstance(expr, x.Field) or str(expr.path[0]).startswith("@"):
        return True
    found: object = event.fields
    for part in expr.path:
        if isinstance(part, int) or not isinstance(found, dict):
            return True
        found = found.get(part)
    if found is None or value is None:
        return found is value
    if isinstance(found, str) and isinstance(value, str) and found != value:
        address = canonical_ip(found)
        return address is not None and address == canonical_ip(value)
    return equal(found, value) is True


def _masked(stage: Stage, scene: Scene, mask: Mask) -> Scene:
    """Return the scene with values replaced; NotCaptured when the rule then does not fire."""
    masked = replace(scene, takes=mask.takes(scene.takes))
    if stage.shown(masked, is_masked=True) is not None:
        return masked
    guilty = []
    for name in sorted(mask.names):
        alone = Mask(mask.secret, {name}, mask.plan, mask.catalog)
        tried = replace(scene, takes=alone.takes(scene.takes))
        if stage.shown(tried, is_masked=True) is None:
            guilty.append(name)
    nearest = stage.play(masked).near_miss()
    told = f" ({nearest})" if nearest else ""
    raise NotCaptured(
        f"with {' and '.join(guilty or sorted(mask.names))} masked the rule does not fire any "
        f"more: it asks for these very values{told}; leave the field out of the mask"
    )
