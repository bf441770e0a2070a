"""Whether one event is what a head names: type, key, condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import spec
from .evaluate import Scope, is_true, read, value_of
from .spec import Event, Head, Rule
from .values import is_absent, plain, rank


@dataclass(frozen=True)
class KeyOf:
    """A key as it is told apart (`ranks`) and as it is shown (`values`)."""

    ranks: tuple[tuple[int, Any], ...]
    values: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyOf) and self.ranks == other.ranks

    def __hash__(self) -> int:
        return hash(self.ranks)


def names_type(pattern: str, event: Event, rule: str) -> bool:
    """Section 3, last paragraph: `any` takes input only, `T.*` all but the rule's own."""
    if pattern == "any":
        return event.origin is None
    if pattern.endswith(".*"):
        return event.type.startswith(pattern[:-1]) and event.origin != rule
    return event.type == pattern


def key_of(rule: Rule, head: Head, event: Event) -> KeyOf | None:
    """Section 3 `by`: None where a part is missing or null and may not be."""
    values = []
    for i, key in enumerate(rule.by):
        if head.on:
            value = read(event, head.on[i])
        elif key.expr is not None:
            value = value_of(key.expr, Scope(event=event))
        else:
            value = read(event, key.name)
        if is_absent(value) and not key.is_nullable:
            return None
        values.append(plain(value))
    return KeyOf(tuple(rank(v) for v in values), tuple(values))


def fits(
    rule: Rule,
    head: Head,
    event: Event,
    key: KeyOf | None = None,
    aliases: Mapping[str, Sequence[Event]] | None = None,
) -> bool:
    """Type, key and `where`; with no key given, any key that correlates will do."""
    if not names_type(head.type, event, rule.name):
        return False
    own = key_of(rule, head, event)
    if own is None or (key is not None and own != key):
        return False
    return is_true(head.where, Scope(event=event, aliases=aliases or {}))


def first_heads(rule: Rule) -> tuple[Head, ...]:
    """The heads of the first step."""
    pattern: spec.Pattern = rule.pattern
    if pattern.whole:
        return (pattern.whole.head,)
    element = pattern.elements[0]
    while isinstance(element, spec.Group):
        element = element.inner[0]
    return element.heads


def may_start(rule: Rule, event: Event, key: KeyOf, history: Sequence[Event]) -> bool:
    """The leading absence (4) and `unseen` (3), recomputed from all events before this one."""
    lead = rule.pattern.lead
    if lead and any(
        event.time - x.time <= lead.ms and fits(rule, lead.head, x, key) for x in history
    ):
        # "with no c of the key before it in the 10 minutes up to it (inclusive)".
        return False
    return rule.unseen is None or _is_unseen(rule, rule.unseen, event, key, history)


def _is_unseen(
    rule: Rule, unseen: spec.Unseen, event: Event, key: KeyOf, history: Sequence[Event]
) -> bool:
    combination = [read(event, f) for f in unseen.fields]
    if any(is_absent(v) for v in combination):
        # Section 11: a missing value is never unseen.
        return False
    ranks = [rank(v) for v in combination]
    # Section 11: each event that fits the first step refreshes, taken or refused.
    seen = [x for x in history if any(fits(rule, h, x, key) for h in first_heads(rule))]
    if unseen.after_ms is not None and (not seen or event.time - seen[0].time < unseen.after_ms):
        return False
    last = [x for x in seen if [rank(read(x, f)) for f in unseen.fields] == ranks]
    # "its last event of the same key with this combination is more than D old, or none".
    return not last or event.time - last[-1].time > unseen.for_ms
