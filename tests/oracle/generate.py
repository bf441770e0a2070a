"""Random rules with events that they are likely to match, by kind and seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from . import generate_windows as windows
from . import spec
from .draw import PLAIN, TYPES, Draw, Shares
from .naive import run
from .spec import Absence, Atom, Element, Event, Group, Head, Key, Pattern, Rule

Scenario = tuple[list[Rule], list[Event]]


def scenario(seed: int, kind: str) -> Scenario:
    """Return the rules and the events of one case; the same seed gives the same case.

    A case without a match says little, so most seeds draw again until they find one.
    """
    case = _KINDS[kind](Draw(Random(f"{kind}-{seed}")))
    for again in range(0 if seed % 7 == 0 else 5):
        if any(record.kind == "match" for record in run(*case)):
            break
        case = _KINDS[kind](Draw(Random(f"{kind}-{seed}-{again}")))
    return case


# --- parts of a sequence rule ---------------------------------------------------------


def keys(d: Draw) -> tuple[Key, ...]:
    """What to correlate by."""
    kind = d.rng.randrange(12)
    if kind < 2:
        return ()
    if kind == 2:
        return (Key("k", True),)
    if kind == 3:
        return (Key("k"), Key("j"))
    return (Key("k"),)


def bounded(d: Draw, rule: Rule) -> Rule:
    """Give a rule the bound that section 4 asks for."""
    if d.chance(0.12):
        return replace(rule, is_unbounded=True)
    return replace(rule, within_ms=d.duration() * d.one(1, 2, 2, 4))


def sequence_rule(d: Draw, elements: tuple[Element, ...], **more: object) -> Rule:
    """A rule over a sequence, with `by`, `select` and a bound."""
    by = keys(d)
    rule = Rule("r0", Pattern(elements), by, select=d.select())
    rule = replace(rule, **more)  # type: ignore[arg-type]
    if by == (Key("k"),) and d.chance(0.12) and not rule.pattern.whole:
        rule = replace(rule, pattern=_with_on(d, rule.pattern))
    if is_plain(rule.pattern):
        return replace(rule, overlap=None)
    return bounded(d, rule)


def is_plain(pattern: Pattern) -> bool:
    """One step or `any of` without quantifier: no bound, and with `having` an aggregate rule."""
    if len(pattern.elements) != 1 or pattern.trail or pattern.whole:
        return False
    element = pattern.elements[0]
    return isinstance(element, Atom) and element.kind != "all of" and element.quantifier is None


def _with_on(d: Draw, pattern: Pattern) -> Pattern:
    """Let one step name the key by position."""
    at = d.rng.randrange(len(pattern.elements))
    element = pattern.elements[at]
    if isinstance(element, Group):
        return pattern
    heads = tuple(replace(h, on=("j",)) for h in element.heads)
    elements = list(pattern.elements)
    elements[at] = replace(element, heads=heads)
    return replace(pattern, elements=tuple(elements))


def plain_steps(d: Draw, least: int, most: int, shares: Shares = PLAIN) -> tuple[Atom, ...]:
    """Steps in a row; the first has no gap and no `immediately`."""
    steps = [d.step(None, Shares(without=shares.without / 2, where=shares.where))]
    for _ in range(d.rng.randint(least, most) - 1):
        steps.append(d.step(None, shares))
    return tuple(steps)


def quantified_steps(
    d: Draw,
    least: int,
    most: int,
    optional: bool = True,
    shares: Shares = PLAIN,
) -> tuple[Atom, ...]:
    """Steps of which most have a quantifier."""
    count = d.rng.randint(least, most)
    steps = []
    for i in range(count):
        is_edge = i in (0, count - 1) or not optional
        quantifier = d.quantifier(is_edge) if d.chance(0.65) else None
        mine = shares if i else Shares(without=shares.without, where=shares.where)
        steps.append(d.step(quantifier, mine))
    return tuple(steps)


# --- kinds ----------------------------------------------------------------------------


def _filter(d: Draw) -> Scenario:
    if d.chance(0.3):
        element = d.branches("any of")
    else:
        element = d.step(None, Shares(where=0.8), type_=d.one(*TYPES, "any"))
    rule = Rule("r0", Pattern((element,)), keys(d), select=d.select())
    return [rule], d.events(5, 20)


def _sequence(d: Draw) -> Scenario:
    rule = sequence_rule(d, plain_steps(d, 2, 4))
    return [rule], d.events(12, 40)


def _quantifier(d: Draw) -> Scenario:
    return [sequence_rule(d, quantified_steps(d, 1, 3))], d.events(12, 40)


def _group_of(d: Draw, is_edge: bool) -> Group:
    inner: list[Atom] = []
    count = d.one(1, 2, 2, 2, 3)
    for i in range(count):
        quantifier = None
        if d.chance(0.25):
            quantifier = d.quantifier(i in (0, count - 1))
        shares = Shares(gap=0.15 if i else 0.0, without=0.04, where=0.2)
        inner.append(d.step(quantifier, shares, is_list=True))
    withouts = (Head(d.one(*TYPES), d.where(0.5)),) if d.chance(0.15) else ()
    return Group(tuple(inner), d.quantifier(is_edge), withouts)


def _group(d: Draw) -> Scenario:
    at = d.one(0, 1, 1, 2)
    elements: list[Element] = []
    count = max(at + 1, d.one(1, 2, 3))
    for i in range(count):
        if i == at:
            group = _group_of(d, i in (0, count - 1))
            if i and d.chance(0.2):
                group = replace(group, gap_ms=d.duration())
            elements.append(group)
        else:
            elements.append(d.step(None, Shares(where=0.15)))
    overlap = d.one(None, None, "shared", "latest")
    trail = _absence(d) if d.chance(0.15) else None
    pattern = Pattern(tuple(elements), trail=trail)
    rule = sequence_rule(d, tuple(elements), pattern=pattern, overlap=overlap)
    return [rule], d.events(15, 40)


def _any_all(d: Draw) -> Scenario:
    count = d.one(1, 2, 2, 3)
    at = d.rng.randrange(count)
    elements = []
    for i in range(count):
        if i != at:
            elements.append(d.step(None, Shares(where=0.2)))
            continue
        kind = d.one("any of", "all of")
        quantified = kind == "any of" and d.chance(0.4)
        quantifier = d.quantifier(i in (0, count - 1)) if quantified else None
        elements.append(d.branches(kind, quantifier, gap=0.2 if i else 0.0))
    overlap = d.one(None, None, "shared", "latest")
    return [sequence_rule(d, tuple(elements), overlap=overlap)], d.events(10, 35)


def _gap(d: Draw) -> Scenario:
    shares = d.one(
        Shares(gap=0.8, without=0.1, where=0.2),
        Shares(gap=0.2, without=0.5, where=0.2),
        Shares(immediate=0.5, without=0.1, where=0.2),
        Shares(gap=0.4, without=0.3, immediate=0.25, where=0.2),
    )
    if d.chance(0.5):
        elements = quantified_steps(d, 2, 3, shares=shares)
    else:
        elements = plain_steps(d, 2, 3, shares)
    rule = sequence_rule(d, elements, overlap=d.one(None, None, "shared", "latest"))
    gaps = [e.gap_ms for e in elements[1:]]
    simple = all(e.quantifier is None for e in elements)
    if None not in gaps and simple and d.chance(0.7):
        # Gaps on all steps are a bound of their own.
        rule = replace(rule, within_ms=None, is_unbounded=False)
    return [rule], d.events(12, 40)


def _absence(d: Draw) -> Absence:
    return Absence(d.head(d.one(*TYPES), 0.25), d.duration())


def _absences(d: Draw) -> Scenario:
    place = d.one("lead", "trail", "trail", "trail", "whole", "whole", "both")
    overlap = d.one(None, None, "shared", "latest")
    if place == "whole":
        return _whole(d)
    lead = None
    if place in ("lead", "both"):
        lead = _absence(d)
    elements = quantified_steps(d, 1, 2) if d.chance(0.4) else plain_steps(d, 1, 2)
    trail = _absence(d) if place in ("trail", "both") else None
    pattern = Pattern(elements, lead, trail)
    rule = sequence_rule(d, elements, pattern=pattern, overlap=overlap)
    if d.chance(0.2):
        rule = _with_having(d, rule)
    if len(elements) == 1 and elements[0].quantifier is None and rule.having is None:
        rule = replace(rule, within_ms=None, is_unbounded=False)
    return [rule], d.events(8, 30)


def _whole(d: Draw) -> Scenario:
    whole = Absence(Head(d.one(*TYPES), d.where(0.3)), d.one(2000, 3000, 3000, 5000))
    by = d.one((Key("k"),), (Key("k"),), (), (Key("k", True),))
    expect: tuple[str, ...] = ()
    if by == (Key("k"),) and d.chance(0.5):
        expect = d.one(("u1",), ("u1", "u2"), ("u1", "u9"))
    until = Head(d.one(*TYPES), d.where(0.3)) if d.chance(0.15) else None
    rule = Rule("r0", Pattern(whole=whole), by, expect=expect, until=until)
    return [rule], d.events(8, 30)


def _with_having(d: Draw, rule: Rule) -> Rule:
    condition = d.having()
    if condition is None or is_plain(rule.pattern):
        return rule
    return replace(rule, having=spec.Having(condition))


def _overlap(d: Draw) -> Scenario:
    overlap = d.one("none", "shared", "latest", "all", "all")
    shares = Shares(without=0.12, gap=0.15, where=0.2, immediate=0.05)
    if d.chance(0.5):
        elements = plain_steps(d, 2, 3, shares)
    else:
        elements = quantified_steps(d, 1, 3, overlap != "all", shares)
    trail = _absence(d) if d.chance(0.15) else None
    pattern = Pattern(elements, trail=trail)
    rule = sequence_rule(d, elements, pattern=pattern, overlap=overlap)
    if d.chance(0.2):
        rule = _with_having(d, rule)
    if d.chance(0.15):
        rule = replace(rule, until=_until_head(d))
    return [rule], d.events(8, 25, keys=d.one(1, 1, 2))


def _until_head(d: Draw) -> Head:
    """`until` ends what is open of its key, so its condition sees no alias."""
    return Head(d.one(*TYPES), d.simple() if d.chance(0.5) else None)


def _until(d: Draw) -> Scenario:
    if d.chance(0.3):
        rules, events = windows.sliding(d) if d.chance(0.5) else windows.session(d)
        return [replace(r, until=_until_head(d)) for r in rules], events
    elements = quantified_steps(d, 1, 3)
    trail = _absence(d) if d.chance(0.2) else None
    pattern = Pattern(elements, trail=trail)
    overlap = d.one(None, None, "shared", "latest")
    rule = sequence_rule(d, elements, pattern=pattern, overlap=overlap, until=_until_head(d))
    return [rule], d.events(12, 40)


def _having(d: Draw) -> Scenario:
    elements = quantified_steps(d, 2, 3) if d.chance(0.6) else plain_steps(d, 2, 3)
    rule = sequence_rule(d, elements, overlap=d.one(None, None, "shared", "latest"))
    return [_with_having(d, rule)], d.events(12, 40)


def _unseen(d: Draw) -> Scenario:
    names = d.one(("v",), ("s",), ("s", "v"), ("j",))
    after = d.duration() if d.chance(0.35) else None
    unseen = spec.Unseen(names, d.duration(), after)
    kind = d.one("single", "single", "sequence", "window")
    if kind == "window":
        rules, events = windows.sliding(d)
        return [replace(r, unseen=unseen) for r in rules], events
    if kind == "single":
        element = d.step(None, Shares(where=0.3))
        lead = _absence(d) if d.chance(0.15) else None
        rule = Rule("r0", Pattern((element,), lead), keys(d), unseen=unseen, select=d.select())
        return [rule], d.events(8, 30)
    rule = sequence_rule(d, quantified_steps(d, 1, 2), unseen=unseen)
    return [rule], d.events(12, 40)


def _cooldown(d: Draw) -> Scenario:
    kind = d.one("single", "sequence", "window")
    if kind == "window":
        rules, events = windows.sliding(d) if d.chance(0.6) else windows.last(d)
        rule = rules[0]
    elif kind == "single":
        rule = Rule("r0", Pattern((d.step(None, Shares(where=0.3)),)), keys(d), select=d.select())
        events = d.events(8, 30)
    else:
        rule = sequence_rule(d, plain_steps(d, 2, 2), overlap=d.one(None, "shared"))
        events = d.events(12, 40)
    names = [n for n, e in rule.select if not (isinstance(e, spec.Agg) and e.function == "list")]
    names += [k.name for k in rule.by]
    per: tuple[str, ...] = ()
    if names and d.chance(0.4):
        per = tuple(d.rng.sample(names, d.rng.randint(1, len(names))))
    return [replace(rule, cooldown=spec.Cooldown(d.duration(), per))], events


def _chained(d: Draw) -> Scenario:
    maker = d.one(_filter, _sequence, _quantifier, _absences, windows.sliding, windows.tumbling)
    rules, events = maker(d)
    select = (("x", spec.Lit(d.one(1, 2))),)
    below = replace(rules[0], priority=d.one(None, 0.9, 0.1), select=select)
    if d.chance(0.5):
        fields: tuple[tuple[str, spec.Expr], ...] = (("n", spec.Name("x")),)
        if below.by and not below.by[0].is_nullable:
            fields += (("k", spec.Name("k")),)
        emits = tuple(spec.Emit(f"e.p{i}", fields) for i in range(d.one(1, 2)))
        below = replace(below, emits=emits)
    rules = [below]
    by = tuple(k for k in below.by if not k.is_nullable)
    heard = Draw(d.rng)
    if d.chance(0.5):
        other, _ = _filter(Draw(d.rng))
        rules.append(replace(other[0], name="r1", by=by, select=select))
    rules.append(_listener(heard, f"r{len(rules)}", by, below))
    return rules, events


def _listener(d: Draw, name: str, by: tuple[Key, ...], below: Rule) -> Rule:
    own = d.one("match.o.*", f"match.o.{below.name}", f"match.o.{below.name}")
    if below.emits:
        own = d.one(own, "e.*", "e.p0")
    if below.window and below.window.kind == "sliding" and d.chance(0.3):
        own = f"clear.o.{below.name}"
    priority = d.one(None, None, 0.95, 0.05)
    heard = Atom("step", (Head(own, None, "f"),))
    again = Atom("step", (Head(own, None, "g"),))
    kind = d.one("single", "pair", "count", "distinct", "after", "absence")
    if kind == "single":
        select: tuple[tuple[str, spec.Expr], ...] = (("y", spec.AliasRef("f", "x")),)
        return Rule(name, Pattern((heard,)), by, select=select, priority=priority)
    window = spec.Window("sliding", d.duration() * 2, by_within=d.chance(0.5))
    if kind in ("count", "distinct"):
        agg = spec.Agg("count")
        if kind == "distinct" and own.startswith("match"):
            agg = spec.Agg("distinct", spec.Attr("rule"))
        having = spec.Having(spec.Cmp(">=", agg, spec.Lit(d.one(1, 2))))
        pattern = Pattern((replace(heard, heads=(Head(own),)),))
        return Rule(name, pattern, by, window=window, having=having, priority=priority)
    if kind == "absence":
        trail = Absence(Head(d.one(own, *TYPES)), d.duration())
        return Rule(name, Pattern((heard,), trail=trail), by, priority=priority)
    second = again if kind == "pair" else d.step(None, Shares(where=0.1))
    elements = (heard, second) if d.chance(0.6) else (second, heard)
    within = d.duration() * 2
    return Rule(name, Pattern(elements), by, within_ms=within, priority=priority)


def _values(d: Draw) -> Scenario:
    return windows.values(d, keys(d))


_KINDS: dict[str, Callable[[Draw], Scenario]] = {
    "filter": _filter,
    "sequence": _sequence,
    "quantifier": _quantifier,
    "group": _group,
    "any_all": _any_all,
    "gap_immediately_without": _gap,
    "absence": _absences,
    "overlap": _overlap,
    "until": _until,
    "having": _having,
    "aggregate_sliding": windows.sliding,
    "aggregate_last": windows.last,
    "aggregate_tumbling_hopping": windows.tumbling,
    "aggregate_session": windows.session,
    "having_for_each": windows.for_each,
    "baseline": windows.baseline,
    "unseen": _unseen,
    "cooldown": _cooldown,
    "chained": _chained,
    "values": _values,
}
KINDS = tuple(_KINDS)
