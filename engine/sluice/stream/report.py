"""Reporting: what was matched becomes records, effects and derived events, unless it cools down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sluice.model import (
    MATCH_EVENTS_MAX,
    Clear,
    Counted,
    Effect,
    Event,
    EventRef,
    Key,
    Match,
    Mitigation,
    Note,
    Row,
    event_id,
    match_id,
)  # fmt: skip
from sluice.plan import EmitEffect, Limits, MitigateEffect, NoteEffect
from sluice.stream.code import RuleCode
from sluice.stream.evictions import KEYS, Evictions
from sluice.stream.keyed import KeyedStates
from sluice.timing import Instant

Record = Match | Counted | Clear | Effect | Event


class Outlet:
    """Where the rules of a pipeline put what they find.

    `kinds` are the records that somebody reads, with `counted` instead of `match` when only
    rule, key and time of matches are asked; `heard` says which derived types some rule (or
    reader) listens to. `is_pending` while time runs on after the end of the input.
    """

    def __init__(
        self,
        kinds: frozenset[str],
        heard: Callable[[str], bool],
        whole: Callable[[Row], Any] | None,
    ) -> None:
        self.kinds = kinds
        self.heard = heard
        self.whole = whole
        self.records: list[Any] = []
        self.derived: list[tuple[int, Event]] = []
        self.is_pending = False


class Cooling:
    """When a key was last reported and how many matches were swallowed since."""

    __slots__ = ("suppressed", "touched")

    def __init__(self, touched: Instant) -> None:
        self.touched = touched
        self.suppressed = 0


class Reporter:
    """Reports the matches of one rule."""

    def __init__(self, code: RuleCode, outlet: Outlet, limits: Limits) -> None:
        plan = code.plan
        self.code, self.outlet = code, outlet
        self.matches = self.suppressed = self.pending = 0
        self.evictions = Evictions()
        #: Mitigations that lacked an argument, by `action(argument)`.
        self.incomplete: dict[str, int] = {}
        self._match_type, self._clear_type = f"match.{plan.name}", f"clear.{plan.name}"
        emits = [e for e in plan.effects if isinstance(e, EmitEffect)]
        #: How many events of a window are kept behind the first ones: what a match lists, or all.
        self.tail_max = MATCH_EVENTS_MAX // 2
        if "evidence" in outlet.kinds:
            self.tail_max = max(self.tail_max, limits.events_per_key_max - self.tail_max)
        self._is_heard = outlet.heard(self._match_type)
        self._clear_is_heard = outlet.heard(self._clear_type)
        self._emits_are_read = "event" in outlet.kinds or any(outlet.heard(e.type) for e in emits)
        read = outlet.kinds & {"match", "note", "mitigation", "clear", "pending"}
        #: Somebody counts matches by key and time.
        self.is_told = "counted" in outlet.kinds
        #: What this rule finds can be heard by another.
        self.may_derive = self._is_heard or self._clear_is_heard or self._emits_are_read
        #: Nobody reads the records of what this rule finds: it is only counted.
        self.is_light = not (
            read or self._is_heard or self._clear_is_heard or (emits and self._emits_are_read)
        )
        self.cooling: KeyedStates[Cooling] | None = None
        if plan.cooldown is not None:
            # The next match tells how many were swallowed, however late it comes.
            self.cooling = KeyedStates(
                limits.keys_per_rule_max, plan.cooldown.duration_ms, self.evictions.at(KEYS),
                lambda cooling: cooling.suppressed > 0,
            )  # fmt: skip

    def save_cooling(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield what is remembered of reported matches by key, of all keys or of some."""
        if self.cooling is not None:
            for key, state in self.cooling.chosen(keys):
                yield key, [state.touched, state.suppressed]

    def report(
        self, key: Key, now: Instant, start: Instant, end: Instant, taken: Any,
        decided: Any = None,
    ) -> str | None:  # fmt: skip
        """Report a match; return its id ("" when nobody reads it), None when suppressed.

        `decided` is None for a sequence (its events name it), for a window its bounds and the id
        of the event that decided.
        """
        cooldown = self.code.plan.cooldown
        if self.is_light and cooldown is None:
            self._count(key, now)
            return ""
        selected = self.code.select(taken, key, now)
        swallowed = 0
        if cooldown is not None:
            found = self._cool(key, selected, now)
            if found is None:
                self.suppressed += 1
                return None
            swallowed = found
        self._count(key, now, swallowed)
        if self.is_light:
            return ""
        if decided is None:
            decided = [event_id(event) for event in taken.events]
        plan, code = self.code.plan, self.code
        values = code.key_json(key)
        match = Match(
            id=match_id(plan.name, plan.version, tuple(values.values()), now, decided),
            rule=plan.name, version=plan.version, key=values, time=now, start=start, end=end,
            severity=plan.severity, tags=plan.tags, title=plan.title,
            select=code.select_json(selected), events=[], event_count=0, suppressed=swallowed,
            approximate=getattr(taken, "approximate", False),
        )  # fmt: skip
        self._fill_events(match, taken)
        self._put(match, taken, key, selected)
        return match.id

    def _count(self, key: Key, now: Instant, swallowed: int = 0) -> None:
        if self.outlet.is_pending:
            self.pending += 1
            return
        self.matches += 1
        if self.is_told:
            told = Counted(self.code.plan.name, self.code.key_json(key), now, swallowed)
            self.outlet.records.append(told)

    def _cool(self, key: Key, selected: tuple[Any, ...], now: Instant) -> int | None:
        """Return how many were swallowed before this one, None when it is swallowed itself."""
        assert self.cooling is not None and self.code.plan.cooldown is not None
        cooldown = self.code.plan.cooldown
        if cooldown.per is not None:
            parts = key if len(self.code.plan.keys) > 1 else (key,)
            values = (_hashable(selected[i]) for i in cooldown.per)
            key = (*(parts[i] for i in cooldown.per_keys), *values)
        state = self.cooling.get(key)
        if state is not None and now < state.touched + cooldown.duration_ms:
            state.suppressed += 1
            return None
        swallowed = 0 if state is None else state.suppressed
        if state is None:
            state = self.cooling.enter(key, Cooling(now))
        state.suppressed = 0
        self.cooling.touch(key, state, now)
        return swallowed

    def _fill_events(self, match: Match, taken: Any) -> None:
        events, places = taken.events, taken.places
        count = getattr(taken, "event_count", None)
        match.event_count = len(events) if count is None else count
        half = MATCH_EVENTS_MAX // 2
        listed = range(len(events))
        shown = listed if len(listed) <= MATCH_EVENTS_MAX else [*listed[:half], *listed[-half:]]
        match.events = [self._reference(events[i], places[i] if places else 0) for i in shown]
        if "evidence" in self.outlet.kinds and len(shown) < len(listed):
            everything = zip(events, places or [0] * len(events), strict=True)
            match.evidence = [self._reference(row, place) for row, place in everything]

    def _reference(self, row: Row, place: int) -> EventRef:
        whole = self.outlet.whole
        alias = self.code.aliases.get(place)
        return EventRef(
            event_id(row), row.type, row.time, row.source, alias, place,
            None if whole is None else whole(row),
        )  # fmt: skip

    def _put(self, match: Match, taken: Any, key: Key, selected: tuple[Any, ...]) -> None:
        outlet, plan = self.outlet, self.code.plan
        if outlet.is_pending:
            match.kind = "pending"
        if match.kind in outlet.kinds:
            outlet.records.append(match)
        if self._is_heard:
            outlet.derived.append((self.code.rank, self._match_event(match)))
        emitted = 0
        effects: list[Effect] = []
        for number, (effect, fill) in enumerate(zip(plan.effects, self.code.fills, strict=True)):
            filled = fill(taken, key, selected, match.time)
            match effect:
                case EmitEffect(type=type_):
                    emitted += 1
                    self._emit(match, type_, filled, emitted)
                case NoteEffect(kind=kind):
                    effects.append(_note(match, kind, filled))
                case MitigateEffect() if self._is_complete(effect.action, number, filled):
                    effects.append(_mitigation(match, effect, filled, number))
        if not outlet.is_pending:
            notes = [e for e in effects if isinstance(e, Note) and "note" in outlet.kinds]
            deeds = [
                e for e in effects if isinstance(e, Mitigation) and "mitigation" in outlet.kinds
            ]
            outlet.records += notes
            outlet.records += deeds

    def _is_complete(self, action: str, number: int, args: dict[str, Any]) -> bool:
        """Whether a mitigation has what its action needs; one that has not is counted."""
        lacking = [name for name in self.code.required.get(number, ()) if args.get(name) is None]
        if lacking and not self.outlet.is_pending:
            what = f"{action}({', '.join(lacking)})"
            self.incomplete[what] = self.incomplete.get(what, 0) + 1
        return not lacking

    def _emit(self, match: Match, type_: str, fields: dict[str, Any], number: int) -> None:
        event = Event(type_, match.time, fields, id=f"{match.id}:{number}")
        if "event" in self.outlet.kinds and not self.outlet.is_pending:
            self.outlet.records.append(event)
        if self._emits_are_read:
            self.outlet.derived.append((self.code.rank, event))

    def _match_event(self, match: Match) -> Event:
        fields = {**match.key, **match.select}
        fields["@rule"], fields["@severity"] = match.rule, match.severity
        fields["@tags"], fields["@suppressed"] = list(match.tags), match.suppressed
        fields["@started"] = match.start
        return Event(self._match_type, match.time, fields, id=match.id)

    def clear(self, key: Key, match: str | None, lasted: int, now: Instant) -> None:
        """Say that the `having` of a reported match is no longer true."""
        if not match:
            return
        plan, outlet = self.code.plan, self.outlet
        values = self.code.key_json(key)
        if "clear" in outlet.kinds and not outlet.is_pending:
            outlet.records.append(Clear(match, plan.name, plan.version, values, now, lasted))
        if self._clear_is_heard:
            fields = {**values, "match": match, "lasted": lasted}
            event = Event(self._clear_type, now, fields, id=f"{match}:clear")
            outlet.derived.append((self.code.rank, event))


def _note(match: Match, kind: str, filled: dict[str, Any]) -> Note:
    return Note(
        match.id, match.rule, match.version, match.key, match.time, match.severity, kind,
        filled["title"], filled.get("body"),
    )  # fmt: skip


def _mitigation(
    match: Match, effect: MitigateEffect, args: dict[str, Any], number: int
) -> Mitigation:
    return Mitigation(
        match.id, match.rule, match.version, match.key, match.time, match.severity, number,
        effect.action, args, effect.mode, effect.ttl_ms,
    )  # fmt: skip


def _hashable(value: Any) -> Any:
    return (
        (value.__class__.__name__ == "bool", value)
        if not isinstance(value, list | dict)
        else repr(value)
    )
