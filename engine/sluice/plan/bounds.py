"""Name the bound on the state of a rule: what a key can hold, and how long it can matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from sluice.catalog import values_held_max
from sluice.model import DEFAULT_LIMITS, MATCH_EVENTS_MAX, Limits
from sluice.plan.atoms import effect_exprs
from sluice.plan.exprs import Agg, Expr, walk
from sluice.plan.nodes import (
    Aggregate,
    Filter,
    Item,
    Pattern,
    RulePlan,
    Sequence,
    Silence,
    Step,
    Window,
)

#: Estimates of memory, for planning only: an idle key, one candidate, one event that is held.
KEY_BYTES, CANDIDATE_BYTES, EVENT_BYTES = 400, 160, 300

#: What `cooldown` keeps after a match: a time and a count.
COOLDOWN_BYTES = 120

#: What `unseen` keeps of one combination of values, and an aggregate of one value.
UNSEEN_BYTES, VALUE_BYTES = 160, 80


@dataclass(frozen=True, slots=True)
class StateBound:
    """The state of a rule: None where the rule sets no bound and a cap applies.

    `unseen_per_key` are the combinations of values that `unseen` remembers, `values_per_key` what
    the aggregates of open windows hold (0 where they only sum up), `cooldown_keys` what a
    cooldown `per` names tells apart. `bytes_per_key` and `bytes_worst` are estimates with the
    caps applied. `horizon_ms` is how long after its last event a key's state can matter.
    """

    is_stateless: bool
    candidates_per_key: int | None
    events_per_key: int | None
    unseen_per_key: int | None
    values_per_key: int | None
    keys: int | None
    cooldown_keys: int | None
    horizon_ms: int | None
    bytes_per_key: int
    bytes_worst: int


def state_bound(rule: RulePlan, limits: Limits = DEFAULT_LIMITS) -> StateBound:
    """Return the bound of a rule under these caps."""
    if is_stateless(rule):
        return StateBound(True, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    candidates, events = _candidates(rule.pattern), _events(rule.pattern)
    unseen, values = None if rule.unseen is not None else 0, _values(rule)
    per_key = KEY_BYTES + _capped(candidates, limits.candidates_per_key_max) * CANDIDATE_BYTES
    per_key += _capped(events, limits.events_per_key_max) * EVENT_BYTES
    per_key += _capped(unseen, limits.events_per_key_max) * UNSEEN_BYTES
    per_key += (limits.events_per_key_max if values is None else values) * VALUE_BYTES
    cooled = _cooldown_keys(rule)
    keys = None if rule.keys else 1
    if isinstance(rule.pattern, Filter) and rule.unseen is None and cooled is None:
        keys, per_key = 0, COOLDOWN_BYTES
    if rule.cooldown is not None and cooled == 0:
        per_key += COOLDOWN_BYTES
    worst = _capped(keys, limits.keys_per_rule_max) * per_key
    worst += _capped(cooled, limits.keys_per_rule_max) * COOLDOWN_BYTES
    return StateBound(
        False, candidates, events, unseen, values, keys, cooled, horizon_ms(rule), per_key,
        min(worst, limits.state_bytes_max),
    )  # fmt: skip


def is_stateless(rule: RulePlan) -> bool:
    """True for one step without window, aggregate, `unseen` or `cooldown`: it waits for nothing."""
    return isinstance(rule.pattern, Filter) and rule.unseen is None and rule.cooldown is None


def horizon_ms(rule: RulePlan) -> int | None:
    """Return how long after its last event a key's state can matter, None when for ever.

    For ever matter: a candidate without `within` or gaps, a window of the last N events, and
    whatever asks since when a key is known (`unseen … after`, `baseline`, `zscore`).
    """
    if rule.unseen is not None and rule.unseen.after_ms is not None:
        return None
    if _asks_history(rule):
        return None
    pattern = _pattern_horizon(rule.pattern)
    if pattern is None:
        return None
    decided = pattern + (rule.cooldown.duration_ms if rule.cooldown is not None else 0)
    return max(decided, rule.unseen.duration_ms if rule.unseen is not None else 0)


def _cooldown_keys(rule: RulePlan) -> int | None:
    """Return how many keys of its own a cooldown has: none without `per`."""
    return None if rule.cooldown is not None and rule.cooldown.per is not None else 0


def _candidates(pattern: Pattern) -> int | None:
    """Return how many candidates a key can have by the pattern alone."""
    match pattern:
        case Filter() | Aggregate():
            return 0
        case Silence():
            return 1
        case Sequence() if _completes_at_once(pattern):
            return 0
        case Sequence(overlap="latest"):
            # One for each step and count: a newer one replaces it.
            return _events_of_items(pattern.items)
        case Sequence():
            return None
        case _:
            assert_never(pattern)


def _events(pattern: Pattern) -> int | None:
    """Return how many events a key can hold by the pattern alone."""
    match pattern:
        case Filter():
            return 0
        case Silence():
            return 1
        case Aggregate(window=window):
            if window.kind == "last":
                return window.size
            # A window that only grows keeps its first and its last events, for reports.
            return None if window.kind == "sliding" else MATCH_EVENTS_MAX * _windows(window)
        case Sequence() if _completes_at_once(pattern):
            return 0
        case Sequence(overlap="latest"):
            most = _events_of_items(pattern.items)
            # A candidate for each number of events taken holds as many.
            return None if most is None else most * (most + 1) // 2
        case Sequence():
            return None
        case _:
            assert_never(pattern)


def _windows(window: Window) -> int:
    """Return how many windows of a key can be open at once."""
    return -(-window.size // window.every) if window.every else 1


def _values(rule: RulePlan) -> int | None:
    """Return how many values the aggregates of a key's windows hold, None when nobody knows.

    Those of windows that events also leave hold no more than their events.
    """
    pattern = rule.pattern
    if not isinstance(pattern, Aggregate) or pattern.window.kind in ("sliding", "last"):
        return 0
    asked = {node for node in _judging(rule) if isinstance(node, Agg) and node.over == "window"}
    held = [values_held_max(node.name) for node in asked if node.inner is None]
    known = [most for most in held if most is not None]
    if len(known) < len(held):
        return None
    return sum(known) * _windows(pattern.window) + sum(node.history for node in asked)


def _completes_at_once(pattern: Sequence) -> bool:
    """True for one step that takes one event, with no wait after it."""
    if len(pattern.items) != 1 or pattern.trailing is not None:
        return False
    step = pattern.items[0]
    if not isinstance(step, Step) or step.kind == "all_of":
        return False
    return step.minimum == 1 and (step.reluctant or step.maximum == 1)


def _events_of_items(items: tuple[Item, ...]) -> int | None:
    """Return how many events one candidate can take, None when without end."""
    total = 0
    for item in items:
        maximum = item.minimum if item.reluctant else item.maximum
        if isinstance(item, Step):
            each: int | None = len(item.atoms) if item.kind == "all_of" else 1
        else:
            each = _events_of_items(item.items)
        if maximum is None or each is None:
            return None
        total += maximum * each
    return total


def _pattern_horizon(pattern: Pattern) -> int | None:
    match pattern:
        case Filter():
            return 0
        case Silence(absent=absent):
            return absent.duration_ms
        case Aggregate(window=window):
            return _window_horizon(window)
        case Sequence():
            bounds = (pattern.within_ms, _gap_horizon(pattern.items))
            waits = [bound for bound in bounds if bound is not None]
            absences = [a.duration_ms for a in (pattern.leading, pattern.trailing) if a]
            return max([min(waits), *absences]) if waits else None
        case _:
            assert_never(pattern)


def _window_horizon(window: Window) -> int | None:
    """Return how long an event can be in the window, or wait for the window's end."""
    match window.kind:
        case "last":
            return None
        case "session" if window.maximum is not None:
            return min(window.size, window.maximum)
        case _:
            return window.size


def _gap_horizon(items: tuple[Item, ...]) -> int | None:
    """Return the longest gap that a candidate can wait for its next event; None for ever."""
    longest = 0
    for gap in _waits(items, None, True):
        if gap is None:
            return None
        longest = max(longest, gap)
    return longest


def _waits(items: tuple[Item, ...], outer: int | None, is_start: bool) -> list[int | None]:
    """Return the gaps before all events that a candidate can wait for, None for no gap."""
    out: list[int | None] = []
    for index, item in enumerate(items):
        gaps = [gap for gap in (item.entry.gap_ms, outer) if gap is not None]
        gap = min(gaps) if gaps else None
        is_first = is_start and index == 0
        several = (item.minimum if item.reluctant else item.maximum) != 1
        if isinstance(item, Step):
            if not is_first or several or item.kind == "all_of":
                out.append(gap)
        else:
            out += _waits(item.items, gap, is_first and not several)
    return out


def _asks_history(rule: RulePlan) -> bool:
    return any(isinstance(node, Agg) and node.history for node in _judging(rule))


def _judging(rule: RulePlan) -> list[Expr]:
    exprs = [value for _, value in rule.select]
    exprs += [expr for effect in rule.effects for expr in effect_exprs(effect)]
    if rule.having is not None:
        exprs.append(rule.having.condition)
    return [node for expr in exprs for node in walk(expr)]


def _capped(bound: int | None, cap: int) -> int:
    return cap if bound is None else min(bound, cap)
