"""Tell a rule in branches of a tree: its pattern, what decides, what follows, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from sluice.catalog import Action
from sluice.plan.exprs import Const, Expr
from sluice.plan.nodes import (
    Absent,
    Aggregate,
    Atom,
    EffectPlan,
    EmitEffect,
    Entry,
    Filter,
    Item,
    MitigateEffect,
    NoteEffect,
    Overlap,
    RulePlan,
    Sequence,
    Silence,
    Step,
    Text,
    Window,
)
from sluice.plan.text import Names, literal_text, quoted, text_of
from sluice.timing import format_duration

#: What an overlap means, in a few words (4.4).
OVERLAPS: dict[Overlap, str] = {
    "none": "a match ends everything open of its key",
    "shared": "every open candidate completes with the next event that fits",
    "latest": "a newer candidate replaces an older one at the same place",
    "all": "every choice of events is a match",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the tree with the lines below it."""

    text: str
    below: tuple[Branch, ...] = ()


# ---------------------------------------------------------------- patterns


def pattern_branch(rule: RulePlan, names: Names) -> Branch:
    """Tell what a rule waits for, step by step."""
    pattern = rule.pattern
    match pattern:
        case Filter(step=step):
            return Branch("each event", (_step_branch(step, rule, names, ""),))
        case Aggregate(step=step, window=window):
            events = _step_branch(step, rule, names, "")
            return Branch("a window", (events, Branch("window " + _window_text(window))))
        case Silence():
            return _silence_branch(pattern, rule, names)
        case Sequence():
            return _sequence_branch(pattern, rule, names)
        case _:
            assert_never(pattern)


def _sequence_branch(pattern: Sequence, rule: RulePlan, names: Names) -> Branch:
    below: list[Branch] = []
    if pattern.leading is not None:
        below.append(_absent_branch(pattern.leading, rule, names, " in the {} before"))
    below += _item_branches(pattern.items, rule, names)
    if pattern.trailing is not None:
        below.append(_absent_branch(pattern.trailing, rule, names, " for {} after that"))
    if pattern.within_ms is not None:
        span = format_duration(pattern.within_ms)
        below.append(Branch(f"within {span} from the first to the last event"))
    below.append(Branch(f"overlap {pattern.overlap}: {OVERLAPS[pattern.overlap]}"))
    return Branch("a sequence", tuple(below))


def _silence_branch(pattern: Silence, rule: RulePlan, names: Names) -> Branch:
    below = [_absent_branch(pattern.absent, rule, names, " for {} after one")]
    if pattern.expected_list is not None:
        below.append(Branch(f"armed from the start for each of {pattern.expected_list}"))
    elif pattern.expected:
        keys = ", ".join(literal_text(value) for value in pattern.expected)
        below.append(Branch(f"armed from the start for {keys}"))
    return Branch("a silence", tuple(below))


def _absent_branch(absent: Absent, rule: RulePlan, names: Names, words: str) -> Branch:
    when = words.format(format_duration(absent.duration_ms))
    return _atom_branch(absent.atom, rule, names, "no ", when)


def _item_branches(items: tuple[Item, ...], rule: RulePlan, names: Names) -> list[Branch]:
    out: list[Branch] = []
    for index, item in enumerate(items):
        start = "then " if index else ""
        if isinstance(item, Step):
            out.append(_step_branch(item, rule, names, start))
            continue
        below = [
            *_item_branches(item.items, rule, names),
            *_entry_branches(item.entry, rule, names),
        ]
        out.append(Branch(f"{start}a group{_count_text(item)}", tuple(below)))
    return out


def _step_branch(step: Step, rule: RulePlan, names: Names, start: str) -> Branch:
    entry = tuple(_entry_branches(step.entry, rule, names))
    count = _count_text(step)
    if step.kind == "one":
        branch = _atom_branch(step.atoms[0], rule, names, start, count)
        return Branch(branch.text, branch.below + entry)
    words = "the first that fits of" if step.kind == "any_of" else "one of each, in any order"
    atoms = tuple(_atom_branch(atom, rule, names, "") for atom in step.atoms)
    return Branch(f"{start}{words}{count}", atoms + entry)


def _atom_branch(atom: Atom, rule: RulePlan, names: Names, start: str, count: str = "") -> Branch:
    alias = f" as {atom.alias}" if atom.alias else ""
    below = []
    if atom.where is not None:
        below.append(Branch(f"where {text_of(atom.where, names)}"))
    own = ", ".join(text_of(key, names) for key in atom.key)
    if rule.keys and own != ", ".join(key.name for key in rule.keys):
        below.append(Branch(f"its key is {own}"))
    # What a match never holds has no place in it.
    place = f"[{atom.position}] " if atom.position >= 0 else ""
    text = f"{start}{place}{' or '.join(atom.types)}{alias}{count}"
    return Branch(text, tuple(below))


def _entry_branches(entry: Entry, rule: RulePlan, names: Names) -> list[Branch]:
    """Tell what must hold between an event and the one before it in the match."""
    out = []
    if entry.gap_ms is not None:
        out.append(Branch(f"at most {format_duration(entry.gap_ms)} after the event before it"))
    if entry.immediately:
        out.append(Branch("nothing that the rule looks at in between"))
    for atom in entry.withouts:
        out.append(_atom_branch(atom, rule, names, "without, in between: "))
    return out


def _count_text(item: Item) -> str:
    least, most = item.minimum, item.maximum
    if most == least:
        return "" if least == 1 else f", {least} times"
    upper = "or more" if most is None else f"to {most}"
    taken = ", as few as will do" if item.reluctant else ""
    return f", {least} {upper} times{taken}"


def _window_text(window: Window) -> str:
    if window.kind == "last":
        return f"last {window.size} events"
    text = f"{window.kind} {format_duration(window.size)}"
    if window.every:
        text += f" every {format_duration(window.every)}"
    if window.offset:
        text += f" offset {format_duration(window.offset)}"
    return text + (f" max {format_duration(window.maximum)}" if window.maximum is not None else "")


# ---------------------------------------------------------------- what is decided, and then


def judgement(rule: RulePlan, names: Names) -> list[Branch]:
    """Tell what else decides a match."""
    out = []
    if rule.having is not None:
        text = f"having    {text_of(rule.having.condition, names)}"
        if rule.having.for_ms is not None:
            text += f" for {format_duration(rule.having.for_ms)}"
        out.append(Branch(text + (" each" if rule.having.each else "")))
    if rule.unseen is not None:
        values = ", ".join(text_of(value, names) for value in rule.unseen.values)
        text = f"unseen    {values} for {format_duration(rule.unseen.duration_ms)}"
        if rule.unseen.after_ms is not None:
            text += f" after {format_duration(rule.unseen.after_ms)}"
        out.append(Branch(text))
    if rule.until is not None:
        out.append(_atom_branch(rule.until, rule, names, "until     "))
    out += [Branch(f"except    {text_of(condition, names)}") for condition in rule.excepts]
    out += [Branch(f"deadline  {text}") for text in _deadlines(rule)]
    return out


def _deadlines(rule: RulePlan) -> list[str]:
    """Tell what happens when nothing does."""
    pattern, out = rule.pattern, []
    match pattern:
        case Filter():
            pass
        case Silence(absent=absent):
            out.append(f"a match {format_duration(absent.duration_ms)} after the last event")
        case Aggregate(window=window):
            out += _window_deadlines(window)
        case Sequence(within_ms=within, trailing=trailing):
            if within is not None:
                out.append(f"a candidate ends {format_duration(within)} after its first event")
            if trailing is not None:
                span = format_duration(trailing.duration_ms)
                out.append(f"a match {span} after the last event taken")
        case _:
            assert_never(pattern)
    if rule.having is not None and rule.having.for_ms is not None:
        out.append(f"a match when it has held for {format_duration(rule.having.for_ms)}")
    return out


def _window_deadlines(window: Window) -> list[str]:
    match window.kind:
        case "last":
            return []
        case "sliding":
            return [f"an event leaves {format_duration(window.size)} after it came"]
        case "session":
            return [f"the window ends {format_duration(window.size)} after its last event"]
        case "tumbling" | "hopping":
            every = format_duration(window.every or window.size)
            return [f"a window ends every {every}, on the clock"]
        case _:
            assert_never(window.kind)


def outcome(rule: RulePlan, names: Names, actions: Mapping[str, Action]) -> list[Branch]:
    """Tell what follows a match; `actions` say which arguments are many of one parameter."""
    out = []
    if rule.select:
        items = (_binding(name, value, names) for name, value in rule.select)
        out.append(Branch("select    " + ", ".join(items)))
    out += [Branch("then      " + _effect_text(effect, names, actions)) for effect in rule.effects]
    if rule.cooldown is not None:
        per = [rule.keys[index].name for index in rule.cooldown.per_keys]
        per += [names.select[index] for index in rule.cooldown.per or ()]
        text = f"cooldown  {format_duration(rule.cooldown.duration_ms)}"
        out.append(Branch(text + (f" per {', '.join(per)}" if per else "")))
    return out


def _binding(name: str, value: Expr, names: Names) -> str:
    text = text_of(value, names)
    return text if text.rpartition(".")[2] == name else f"{name} = {text}"


def _effect_text(effect: EffectPlan, names: Names, actions: Mapping[str, Action]) -> str:
    match effect:
        case EmitEffect(type=kind, fields=pairs):
            inside = ", ".join(f"{name}: {text_of(value, names)}" for name, value in pairs)
            return f"emit {kind} {{ {inside} }}"
        case NoteEffect(kind=kind, title=title):
            return f"note {kind} {_template(title, names)}"
        case MitigateEffect(action=action):
            inside = _arguments_text(effect, names, actions.get(action))
            verb = "call" if effect.is_call else "mitigate"
            ttl = f" for {format_duration(effect.ttl_ms)}" if effect.ttl_ms is not None else ""
            return f"{verb} {action}({inside}){ttl}" + ("" if effect.is_call else f" {effect.mode}")
        case _:
            assert_never(effect)


def _arguments_text(effect: MitigateEffect, names: Names, action: Action | None) -> str:
    last = action.params[-1] if action is not None and action.params else None
    if last is not None and last.variadic and any(name == last.name for name, _ in effect.args):
        # A parameter that takes many values takes them without its name, behind all others.
        return ", ".join(text_of(value, names) for _, value in effect.args)
    return ", ".join(f"{name} = {text_of(value, names)}" for name, value in effect.args)


def _template(text: Text, names: Names) -> str:
    parts = []
    for part in text.parts:
        if isinstance(part, Const):
            parts.append(text_of(part, names).strip('"'))
        elif isinstance(part, str):
            parts.append(quoted(part.replace("{", "{{").replace("}", "}}"))[1:-1])
        else:
            parts.append("{" + text_of(part, names) + "}")
    return '"' + "".join(parts) + '"'
