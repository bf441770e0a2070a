"""Random aggregate rules and rules about values."""

from __future__ import annotations

from dataclasses import replace

from . import spec
from .draw import TYPES, Draw
from .spec import Agg, Atom, Cond, Event, Expr, Field, Head, Key, Lit, Pattern, Rule, Window

Scenario = tuple[list[Rule], list[Event]]
NUMERIC = ("sum", "avg", "min", "max", "median", "stddev", "p50", "p95")


def _step(d: Draw) -> Atom:
    if d.chance(0.25):
        first, second = d.rng.sample(TYPES, 2)
        heads = (Head(first, None, "f"), Head(second, d.simple(), d.one("g", None)))
        return Atom("any of", heads)
    condition = d.simple() if d.chance(0.25) else None
    return Atom("step", (Head(d.one(*TYPES, "any", "any"), condition, d.one(None, "f")),))


def _filter(d: Draw) -> Cond | None:
    return d.simple() if d.chance(0.25) else None


def _aggregate(d: Draw, step: Atom) -> Agg:
    aliases = [h.alias for h in step.heads if h.alias]
    kind = d.rng.randrange(8)
    if kind < 2:
        return Agg("count", where=_filter(d))
    if kind == 2 and aliases:
        return Agg("count", alias=d.one(*aliases))
    if kind == 3:
        return Agg("distinct", Field(d.one("v", "s", "n")), where=_filter(d))
    if kind == 4:
        return Agg("ratio", cond=d.simple())
    if kind == 5:
        percent = d.one(0, 25, 50, 90, 95, 99, 100)
        return Agg("percentile", Field("n"), percent=percent)
    return Agg(d.one(*NUMERIC), Field("n"), where=_filter(d))


def _having(d: Draw, step: Atom) -> Cond:
    agg = _aggregate(d, step)
    if agg.function == "ratio":
        first: Cond = spec.Cmp(d.one(">=", "<", ">"), agg, Lit(d.one(0.5, 0.25, 1.0)))
    elif agg.function in ("count", "distinct"):
        first = spec.Cmp(d.one(">=", ">=", "<", "=="), agg, Lit(d.one(1, 2, 2, 3)))
    else:
        first = spec.Cmp(d.one(">=", ">", "<", "<="), agg, Lit(d.one(1, 1.5, 2, 3)))
    if d.chance(0.15):
        more = spec.Cmp(">=", Agg("count"), Lit(d.one(1, 2, 3)))
        return spec.And((first, more)) if d.chance(0.5) else spec.Or((first, more))
    return spec.Not(first) if d.chance(0.06) else first


def _select(d: Draw, step: Atom) -> tuple[tuple[str, Expr], ...]:
    exprs: list[Expr] = []
    for _ in range(d.one(0, 1, 2)):
        options: tuple[Expr, ...] = (
            _aggregate(d, step),
            Agg(d.one("first", "last", "list"), Field(d.one("n", "s", "v"))),
        )
        exprs.append(d.one(*options))
    return tuple((f"x{i}", e) for i, e in enumerate(exprs))


def _rule(d: Draw, window: Window) -> Rule:
    step = _step(d)
    by = d.one((Key("k"),), (Key("k"),), (Key("k"),), (), (Key("k", True),), (Key("k"), Key("j")))
    select = _select(d, step)
    condition = _having(d, step)
    if select and not window.by_within and d.chance(0.15):
        # 4.5: outside aggregates `having` sees keys and `select` names.
        condition = spec.Cmp(d.one(">=", "<", "!="), spec.Name("x0"), Lit(d.one(1, 2, 3)))
    having = spec.Having(condition)
    return Rule("r0", Pattern((step,)), by, window=window, having=having, select=select)


def sliding(d: Draw) -> Scenario:
    """`window sliding D` and `within D`."""
    rule = _rule(d, Window("sliding", d.duration(), by_within=d.chance(0.4)))
    return [rule], d.events(6, 30)


def last(d: Draw) -> Scenario:
    """`window last N`."""
    return [_rule(d, Window("last", count=d.one(1, 2, 3, 3, 5)))], d.events(6, 30)


def tumbling(d: Draw) -> Scenario:
    """`tumbling` and `hopping`, with and without an offset."""
    size = d.one(2000, 3000, 5000, 10_000)
    offset = d.one(0, 0, 0, 1000, 500)
    window = Window("tumbling", size, offset_ms=min(offset, size - 1))
    if d.chance(0.5):
        every = d.one(1000, size // 2, size // 2, size)
        window = Window("hopping", size, every, min(offset, every - 1))
    return [_rule(d, window)], d.events(6, 30)


def session(d: Draw) -> Scenario:
    """`session G [max M]`."""
    gap = d.one(1000, 1000, 2000, 3000)
    limit = gap * d.one(1, 2, 3) + d.one(0, 0, 500) if d.chance(0.4) else None
    return [_rule(d, Window("session", gap, max_ms=limit))], d.events(6, 30)


def for_each(d: Draw) -> Scenario:
    """`having … for D` and `having … each`."""
    rules, events = sliding(d) if d.chance(0.6) else last(d)
    rule = rules[0]
    assert rule.having is not None
    having = replace(rule.having, for_ms=d.duration() // 2)
    if d.chance(0.5):
        having = replace(rule.having, is_each=True)
    return [replace(rule, having=having)], events


def baseline(d: Draw) -> Scenario:
    """`baseline` and `zscore` over tumbling windows."""
    size = d.one(2000, 3000, 5000)
    n = d.one(1, 2, 3)
    agg = d.one(Agg("count"), Agg("sum", Field("n")), Agg("avg", Field("n")))
    if d.chance(0.2):
        agg = replace(agg, where=d.simple())
    past = spec.Past("baseline", agg, n)
    cond: Cond = spec.Cmp(d.one(">", "<=", ">=", "<", "!="), agg, past)
    if d.chance(0.35):
        z = spec.Past("zscore", agg, d.one(2, 3))
        cond = spec.Cmp(d.one(">", "<"), z, Lit(d.one(0, 0.5, 1)))
    window = Window("tumbling", size)
    rule = replace(_rule(d, window), having=spec.Having(cond))
    rule = replace(rule, select=(("x0", past), ("x1", agg)))
    return [rule], d.events(20, 40, keys=d.one(1, 1, 2))


# --- values ---------------------------------------------------------------------------


def _operand(d: Draw, depth: int = 0) -> Expr:
    kind = d.rng.randrange(9 if depth < 2 else 3)
    if kind < 2:
        return Field("n")
    if kind == 2:
        return Lit(d.one(0, 1, 2, 0.5, 3))
    if kind == 3:
        return Field(d.one("v", "m"))
    if kind == 4:
        return spec.Call(d.one("abs", "floor", "ceil"), (_operand(d, depth + 1),))
    if kind == 5:
        return spec.Call("coalesce", (Field(d.one("n", "m", "v")), Lit(d.one(0, 7))))
    if kind == 6:
        return spec.Call("mod", (_operand(d, 2), _operand(d, 2)))
    op = d.one("+", "-", "*", "/")
    left, right = _operand(d, depth + 1), _operand(d, depth + 1)
    return spec.Arith(op, left, right)  # type: ignore[arg-type]


def _text(d: Draw) -> Cond:
    field = Field("s")
    op = d.one("contains", "starts with", "ends with", "like", "like", "matches")
    right = d.one("x", "X", "y", "xy")
    if op == "like":
        right = d.one("x*", "?y", "x[*]z", "*", "*Y*", "", "X?Z")
    if op == "matches":
        right = d.one("^x", "y$", "^X?y", "x.z", "^[xy]+$")
    return spec.Text(op, field, right, d.chance(0.4), d.chance(0.25))  # type: ignore[arg-type]


def _atom(d: Draw) -> Cond:
    kind = d.rng.randrange(9)
    if kind < 3:
        return spec.Cmp(d.one("<", "<=", ">", ">=", "==", "!="), _operand(d), _operand(d))
    if kind == 3:
        low, high = Lit(d.one(0, 1)), Lit(d.one(2, 3, 4.5))
        return spec.Between(low, d.one("<", "<="), Field(d.one("n", "m")), "<=", high)
    if kind == 4:
        items = d.rng.sample((Lit(1), Lit("1"), Lit(True), Lit("x"), Lit(2.5), Lit(0)), 3)
        return spec.In(Field(d.one("v", "m", "s")), tuple(items), d.chance(0.4))
    if kind == 5:
        return spec.Presence(d.one("exists", "missing", "null"), Field(d.one("v", "n", "m")))
    if kind == 6:
        known: tuple[int | float | str, ...] = (1, 1.0, "1", True, "x", 2)
        literal = Lit(d.one(*known))
        return spec.Cmp(d.one("==", "!="), Field(d.one("v", "m")), literal)
    if kind == 7:
        return spec.Cmp(d.one("==", "!="), Field("s"), Lit(d.one("X", "XY", "xyz")), True)
    return _text(d)


def _condition(d: Draw, depth: int = 0) -> Cond:
    if depth == 2 or d.chance(0.45):
        return _atom(d)
    if d.chance(0.3):
        return spec.Not(_condition(d, depth + 1))
    parts = tuple(_condition(d, depth + 1) for _ in range(d.one(2, 2, 3)))
    return spec.And(parts) if d.chance(0.35) else spec.Or(parts)


def values(d: Draw, by: tuple[Key, ...]) -> Scenario:
    """One step with a deep condition over fields of every type."""
    head = Head("any", _condition(d), "f")
    select: list[Expr] = [spec.AliasRef("f", "n"), spec.AliasRef("f", d.one("v", "m", "s"))]
    select.append(spec.Arith(d.one("+", "*", "/"), select[0], Lit(d.one(0, 2, 3))))
    select.append(spec.Call("coalesce", (spec.AliasRef("f", "s"), Lit("none"))))
    named = tuple((f"x{i}", e) for i, e in enumerate(select))
    rule = Rule("r0", Pattern((Atom("step", (head,)),)), by, select=named)
    events = []
    for event in d.events(10, 30, odd=True):
        fields = {**event.fields, "m": d.one(1, 2.5, "1", "x", None, 3, 2**62, -1)}
        events.append(replace(event, fields=fields))
    return [rule], events
