"""What is asked of the first event of a match: nothing before it, nothing like it before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sluice.model import Row, event_id, key_part, part_value
from sluice.plan import Absent, RulePlan, Unseen
from sluice.plan import Sequence as SequencePlan
from sluice.why.case import Case, span
from sluice.why.changes import Change, with_pattern
from sluice.why.explanation import Moment, Obstacle
from sluice.why.facts import json_value, shown
from sluice.why.recording import NOTHING
from sluice.why.trial import Entry, Found

Refused = tuple[Found, Obstacle, list[Moment]]


def gate_obstacles(case: Case, first: RulePlan, entries: Sequence[Entry]) -> Iterator[Refused]:
    """Yield what would have begun without a leading absence or `unseen`, latest first.

    `first` is the rule up to what follows these gates. Each is dropped alone; what is told was
    tried with the smallest change that lets the event through.
    """
    left = case.asked.limit
    pattern = first.pattern
    if isinstance(pattern, SequencePlan) and pattern.leading is not None:
        for found in _latest(case, with_pattern(first, leading=None), entries):
            told = _leading(case, first, pattern.leading, found)
            if told is not None and left:
                left -= 1
                yield told
    if first.unseen is not None:
        for found in _latest(case, replace(first, unseen=None), entries):
            told = _unseen(case, first, first.unseen, found)
            if told is not None and left:
                left -= 1
                yield told


def _latest(case: Case, rule: RulePlan, entries: Sequence[Entry]) -> list[Found]:
    found = [f for f in case.lab.run(rule, entries) if case.is_alive(f.start, f.end)]
    first_of_key: dict[object, Found] = {}
    for each in reversed(found):
        first_of_key.setdefault(each.key, each)
    return list(first_of_key.values())


def _leading(case: Case, rule: RulePlan, leading: Absent, found: Found) -> Refused | None:
    first = found.events[0]
    before = _before(case, found, case.mask([leading.atom]))
    if not before:
        return None
    last = before[-1].row
    away = first.time - last.time
    label = " or ".join(leading.atom.types)
    text = (
        f"{label} came at {case.at(last.time)}, {span(away)} before; "
        f"`no {label} within {span(leading.duration_ms)}` asks for its absence"
    )
    remedy, is_enough = None, False
    if away > 0:
        shorter = replace(leading, duration_ms=away - 1)
        remedy, is_enough = _tried(
            case, f"`no {label} within {span(away - 1)}`", found, rule,
            lambda each: with_pattern(each, leading=shorter),
        )  # fmt: skip
    obstacle = Obstacle(
        "leading", text, remedy, is_enough, leading.duration_ms, away, last.time, event_id(last)
    )
    moment = case.facts.moment(last, leading.atom, f"no {label}", False)
    return found, obstacle, [moment]


def _unseen(case: Case, rule: RulePlan, unseen: Unseen, found: Found) -> Refused | None:
    first = found.events[0]
    names = ", ".join(case.facts.text(value) for value in unseen.values)
    values = _values(case, unseen, first)
    if values is None:
        text = f"`unseen {names}`: {names} is missing, and what is missing is never unseen"
        return found, Obstacle("unseen", text, None, False, None, None, first.time), []
    fitting = case.mask_at(found.places[:1]) or 1
    before = _before(case, found, fitting)
    same = [e.row for e in before if _values(case, unseen, e.row) == values]
    atom = case.atoms[(fitting & -fitting).bit_length() - 1]
    told = ", ".join(
        shown(json_value(part_value(value), expr.type))
        for value, expr in zip(values, unseen.values, strict=True)
    )
    if same and first.time - same[-1].time <= unseen.duration_ms:
        last, away = same[-1], first.time - same[-1].time
        text = (
            f"{names} = {told} was seen before: at {case.at(last.time)}, {span(away)} "
            f"earlier; `for {span(unseen.duration_ms)}` asks for more"
        )
        shorter = replace(unseen, duration_ms=max(away - 1, 0))
        remedy, is_enough = None, False
        if away > 1:
            remedy, is_enough = _tried(
                case, f"`unseen {names} for {span(away - 1)}`", found, rule,
                lambda each: replace(each, unseen=shorter),
            )  # fmt: skip
        obstacle = Obstacle(
            "unseen", text, remedy, is_enough, unseen.duration_ms, away, last.time, event_id(last)
        )
        return found, obstacle, [case.facts.moment(last, atom, "seen before", False)]
    if unseen.after_ms is None:
        return None
    known = before[0].row if before else first
    age = first.time - known.time
    if age >= unseen.after_ms:
        return None
    text = (
        f"{names} = {told} is new, but the rule is still learning: it has known the key since "
        f"{case.at(known.time)}, for {span(age)} of `after {span(unseen.after_ms)}`"
    )
    shorter = replace(unseen, after_ms=age)
    remedy, is_enough = None, False
    if age:
        remedy, is_enough = _tried(
            case, f"`after {span(age)}`", found, rule, lambda each: replace(each, unseen=shorter)
        )
    obstacle = Obstacle(
        "learning", text, remedy, is_enough,
        unseen.after_ms, age, known.time, event_id(known),
    )  # fmt: skip
    return found, obstacle, [case.facts.moment(known, atom, "known since", False)]


def _before(case: Case, found: Found, bits: int) -> list[Entry]:
    """Return the events of the key with one of these bits that lie before a candidate."""
    out = []
    for entry in case.of_key(found.key):
        if entry.row is found.events[0]:
            break
        if entry.bits & bits:
            out.append(entry)
    return out


def _values(case: Case, unseen: Unseen, row: Row) -> tuple[object, ...] | None:
    judges = [case.facts.probe.judge(value) for value in unseen.values]
    values = tuple(key_part(judge(row, NOTHING, None, row.time)) for judge in judges)
    return None if any(value is None for value in values) else values


def _tried(
    case: Case, remedy: str, found: Found, rule: RulePlan, change: Change
) -> tuple[str | None, bool]:
    """Return the remedy if it lets the event through, and whether the rule matches then."""
    entries, first = case.of_key(found.key), found.events[0]
    if not any(f.first is first for f in case.lab.run(change(rule), entries)):
        return None, False
    return remedy, case.fires(change(case.rule), entries, found) is not None
