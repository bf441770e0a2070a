"""Writes a rule description as the text that the engine compiles."""

from __future__ import annotations

from collections.abc import Sequence

from . import spec
from .spec import Cond, Expr

PACK = "o"


def render(rules: Sequence[spec.Rule]) -> str:
    """Return one file of rule text, pack `o`."""
    parts = [f"pack {PACK}"]
    for rule in rules:
        if rule.expect:
            kind = "string" if isinstance(rule.expect[0], str) else "int"
            items = ", ".join(literal(x) for x in rule.expect)
            parts.append(f"list expected_{rule.name}: {kind} = [{items}]")
        parts.append(render_rule(rule))
    return "\n\n".join(parts) + "\n"


def render_rule(rule: spec.Rule) -> str:
    """Return one rule, a clause a line."""
    clauses = ["when " + pattern(rule.pattern)]
    if rule.by:
        clauses.append("by " + ", ".join(_key(k) for k in rule.by))
    if rule.within_ms is not None:
        clauses.append(f"within {duration(rule.within_ms)}")
    if rule.is_unbounded:
        clauses.append("unbounded")
    if rule.window:
        clauses.append(_window(rule.window))
    if rule.having:
        clauses.append(_having(rule.having))
    if rule.unseen:
        after = rule.unseen.after_ms
        clauses.append(
            f"unseen {', '.join(rule.unseen.fields)} for {duration(rule.unseen.for_ms)}"
            + (f" after {duration(after)}" if after is not None else "")
        )
    if rule.expect:
        clauses.append(f"expect {rule.by[0].name} in expected_{rule.name}")
    clauses += _effects(rule)
    return f"rule {rule.name} {{\n" + "".join(f"  {c}\n" for c in clauses) + "}"


def _effects(rule: spec.Rule) -> list[str]:
    clauses = []
    if rule.select:
        clauses.append("select " + ", ".join(f"{n} = {expr(e)}" for n, e in rule.select))
    if rule.overlap:
        clauses.append(f"overlap {rule.overlap}")
    if rule.until:
        clauses.append("until " + head(rule.until))
    if rule.cooldown:
        per = f" per {', '.join(rule.cooldown.per)}" if rule.cooldown.per else ""
        clauses.append(f"cooldown {duration(rule.cooldown.ms)}{per}")
    if rule.priority is not None:
        clauses.append(f"priority {rule.priority}")
    for emit in rule.emits:
        inside = ", ".join(f"{n}: {expr(e)}" for n, e in emit.fields)
        clauses.append(f"emit {emit.type} {{ {inside} }}")
    return clauses


def _key(key: spec.Key) -> str:
    if key.expr is not None:
        return f"{key.name} = {expr(key.expr)}"
    return key.name + ("?" if key.is_nullable else "")


def _window(window: spec.Window) -> str:
    if window.kind == "last":
        return f"window last {window.count}"
    size = duration(window.ms)
    if window.by_within:
        return f"within {size}"
    text = f"window {window.kind} {size}"
    if window.kind == "hopping":
        text += f" every {duration(window.every_ms)}"
    if window.offset_ms:
        text += f" offset {duration(window.offset_ms)}"
    if window.max_ms is not None:
        text += f" max {duration(window.max_ms)}"
    return text


def _having(having: spec.Having) -> str:
    text = "having " + cond(having.cond)
    if having.for_ms is not None:
        text += f" for {duration(having.for_ms)}"
    return text + (" each" if having.is_each else "")


# --- patterns -------------------------------------------------------------------------


def pattern(p: spec.Pattern) -> str:
    """Return what follows `when`."""
    if p.whole:
        return _absence(p.whole)
    text = sequence(p.elements)
    if p.lead:
        text = f"{_absence(p.lead)} then {text}"
    if p.trail:
        text += f" then {_absence(p.trail)}"
    return text


def sequence(elements: Sequence[spec.Element]) -> str:
    """Return steps joined by `then`."""
    text = ""
    for i, element in enumerate(elements):
        if i:
            text += " then "
            if element.is_immediate:
                text += "immediately "
            if element.gap_ms is not None:
                text += f"within {duration(element.gap_ms)} "
        text += _element(element)
    return text


def _element(element: spec.Element) -> str:
    if isinstance(element, spec.Group):
        text = f"({sequence(element.inner)})" + _quantifier(element.quantifier)
    elif element.kind == "step":
        text = head(element.heads[0], _quantifier(element.quantifier))
    else:
        branches = ", ".join(head(h) for h in element.heads)
        text = f"{element.kind} ({branches})" + _quantifier(element.quantifier)
    return text + "".join(f" without {head(w)}" for w in element.withouts)


def _absence(absence: spec.Absence) -> str:
    return f"no {head(absence.head)} within {duration(absence.ms)}"


def head(h: spec.Head, quantifier: str = "") -> str:
    """Return a type with what a step says of it."""
    text = h.type + quantifier
    if h.alias:
        text += f" as {h.alias}"
    if h.on:
        text += f" on {h.on[0]}" if len(h.on) == 1 else f" on ({', '.join(h.on)})"
    if h.where is not None:
        text += f" where {cond(h.where)}"
    return text


def _quantifier(q: spec.Quantifier | None) -> str:
    if q is None:
        return ""
    short = {(1, None): "+", (0, None): "*", (0, 1): "?"}
    text = short.get((q.least, q.most))
    if text is None:
        if q.most == q.least:
            text = f"{{{q.least}}}"
        else:
            text = f"{{{q.least},{'' if q.most is None else q.most}}}"
    return text + ("?" if q.is_reluctant else "")


# --- expressions and conditions -------------------------------------------------------


def literal(value: int | float | str | bool) -> str:
    """Return a literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def duration(ms: int) -> str:
    """Return a duration in the largest unit that needs no second one."""
    for unit, size in (("m", 60_000), ("s", 1_000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def expr(e: Expr) -> str:
    """Return an expression."""
    match e:
        case spec.Lit():
            return literal(e.value)
        case spec.Dur():
            return duration(e.ms)
        case spec.Field():
            return e.path
        case spec.Attr():
            return "@" + e.name
        case spec.AliasRef():
            return f"{_picked(e)}.{e.path}"
        case spec.Name():
            return e.name
        case spec.Arith():
            return f"{_operand(e.left)} {e.op} {_operand(e.right)}"
        case spec.Call():
            return f"{e.function}({', '.join(expr(a) for a in e.args)})"
        case spec.Agg():
            return _agg(e)
        case spec.Past():
            return f"{e.function}({_agg(e.agg)}, {e.windows})"


def _picked(ref: spec.AliasRef) -> str:
    if ref.pick is None:
        return ref.alias
    return f"{ref.alias}[{ref.pick}]" if isinstance(ref.pick, int) else f"{ref.pick}({ref.alias})"


def _operand(e: Expr) -> str:
    return f"({expr(e)})" if isinstance(e, spec.Arith) else expr(e)


def _agg(a: spec.Agg) -> str:
    inside = ""
    if a.cond is not None:
        inside = cond(a.cond)
    elif a.alias and a.arg is None:
        inside = a.alias
    elif a.arg is not None:
        inside = (f"{a.alias}." if a.alias else "") + expr(a.arg)
    if a.percent is not None:
        inside += f", {a.percent}"
    if a.where is not None:
        inside = f"{inside} where {cond(a.where)}".strip()
    return f"{a.function}({inside})"


def cond(c: Cond) -> str:
    """Return a condition; every compound part in parentheses."""
    match c:
        case spec.Cmp():
            return f"{expr(c.left)} {c.op}{'~' if c.nocase else ''} {expr(c.right)}"
        case spec.Between():
            return f"{expr(c.low)} {c.low_op} {expr(c.mid)} {c.high_op} {expr(c.high)}"
        case spec.In():
            word = ("not in" if c.negated else "in") + ("~" if c.nocase else "")
            return f"{expr(c.item)} {word} [{', '.join(literal(i.value) for i in c.items)}]"
        case spec.Presence():
            return f"{expr(c.of)} is null" if c.kind == "null" else f"{c.kind} {expr(c.of)}"
        case spec.Text():
            word = ("not " if c.negated else "") + c.op
            if c.op == "matches":
                return f"{expr(c.left)} {word} /{c.right}/{'i' if c.nocase else ''}"
            return f"{expr(c.left)} {word}{'~' if c.nocase else ''} {literal(c.right)}"
        case spec.Not():
            return f"not ({cond(c.of)})"
        case spec.And():
            return " and ".join(_part(i) for i in c.items)
        case spec.Or():
            return " or ".join(_part(i) for i in c.items)


def _part(c: Cond) -> str:
    return f"({cond(c)})" if isinstance(c, (spec.And, spec.Or)) else cond(c)
