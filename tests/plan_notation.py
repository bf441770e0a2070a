"""A small notation for plan expressions and rules in fixtures.

1  2.5  "text"  true  null  15m  user  http.method  @time     values
(and a b)  (or a b)  (not a)  (== a b)  (!= a b)  (< a b)  (+ a b)  (- a)
(in a 1 2)  (in-list a names)  (contains a "x" "y")  (matches a "re")  (truth a)
(exists a)  (null a)  (any c xs CONDITION)  (all c xs CONDITION)  (count)  (count WHERE)
(rule OVERLAP (step TYPE ALIAS [MIN MAX] WHERE…)… (having CONDITION)… (except CONDITION)…
      (unseen FIELD) (no TYPE DURATION))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sluice.model import ANY, BOOL, DURATION, FLOAT, INT, STRING
from sluice.plan import exprs as x
from sluice.plan import nodes as n
from sluice.plan.atoms import conjunction
from sluice.timing import parse_duration

_TOKEN = re.compile(r'\s*(\(|\)|"[^"]*"|[^\s()"]+)')


def read_expr(text: str, aliases: Mapping[str, int] | None = None) -> x.Expr:
    """Read one expression; a name that starts with an alias is a field of its event."""
    return _expr(_tree(text), dict(aliases or {}), ())


def read_rule(text: str, name: str = "t.r") -> n.RulePlan:
    """Read one rule; the aliases of its steps are known in it."""
    _, overlap, *clauses = _tree(text)
    steps = [c for c in clauses if c[0] == "step"]
    aliases = {step[2]: index for index, step in enumerate(steps) if step[2] != "-"}

    def found(word: str) -> list[x.Expr]:
        return [_expr(c[1], aliases, ()) for c in clauses if c[0] == word]

    items = tuple(_step(step, index, aliases) for index, step in enumerate(steps))
    absent = [c for c in clauses if c[0] == "no"]
    trailing = None
    if absent:
        trailing = n.Absent(n.Atom(len(steps), (absent[0][1],)), _ms(absent[0][2]))
    having = conjunction(tuple(found("having")))
    unseen = tuple(found("unseen"))
    pattern: n.Pattern = n.Sequence(items, None, overlap, trailing=trailing)
    return n.RulePlan(
        name,
        n.Filter(items[0]) if overlap == "filter" else pattern,
        having=None if having is None else n.Having(having),
        unseen=n.Unseen(unseen, 1000) if unseen else None,
        excepts=tuple(found("except")),
    )


def _step(tree: Any, position: int, aliases: dict[str, int]) -> n.Step:
    _, kind, alias, *rest = tree
    step = n.Step("one", (n.Atom(position, (kind,), alias=None if alias == "-" else alias),))
    if rest and rest[0] in ("{", "["):
        raise AssertionError("write counts as plain numbers")
    if len(rest) > 1 and isinstance(rest[0], str) and rest[0].isdigit():
        maximum = None if rest[1] == "*" else int(rest[1])
        step = replace(step, minimum=int(rest[0]), maximum=maximum)
        rest = rest[2:]
    where = conjunction(tuple(_expr(part, aliases, ()) for part in rest))
    return replace(step, atoms=(replace(step.atoms[0], where=where),))


def _tree(text: str) -> Any:
    stack: list[list[Any]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    assert len(stack) == 1 and len(stack[0]) == 1, f"not one expression: {text!r}"
    return stack[0][0]


def _ms(token: str) -> int:
    ms = parse_duration(token)
    assert ms is not None
    return ms


def _const(token: str) -> x.Const | None:
    if token.startswith('"'):
        return x.Const(token[1:-1], STRING)
    if token in ("true", "false"):
        return x.Const(token == "true", BOOL)
    if token == "null":
        return x.Const(None, ANY)
    if re.fullmatch(r"-?\d+", token):
        return x.Const(int(token), INT)
    if re.fullmatch(r"-?\d+\.\d+(e\d+)?", token):
        return x.Const(float(token), FLOAT)
    duration = parse_duration(token)
    return None if duration is None else x.Const(duration, DURATION)


def _leaf(token: str, aliases: dict[str, int], variables: tuple[str, ...]) -> x.Expr:
    const = _const(token)
    if const is not None:
        return const
    head, *rest = token.split(".")
    if head in variables:
        return x.Variable(head, tuple(rest))
    if head in aliases:
        return x.AliasField(head, (aliases[head],), 0, tuple(rest))
    return x.Field((head, *rest))


def _expr(tree: Any, aliases: dict[str, int], variables: tuple[str, ...]) -> x.Expr:
    if isinstance(tree, str):
        return _leaf(tree, aliases, variables)
    word, *args = tree
    if word in ("any", "all"):
        source = _expr(args[1], aliases, variables)
        return x.Quantified(word, args[0], source, _expr(args[2], aliases, (*variables, args[0])))
    if word == "in-list":
        return x.InValues(_expr(args[0], aliases, variables), list_name=args[1])
    return _build(word, [_expr(arg, aliases, variables) for arg in args])


_SIMPLE: dict[str, Callable[..., x.Expr]] = {
    "and": lambda *items: x.And(items),
    "or": lambda *items: x.Or(items),
    "not": x.Not,
    "truth": x.Truth,
    "exists": x.Exists,
    "null": x.IsNull,
    "!=": lambda a, b: x.Not(x.Cmp("==", a, b)),
    "count": lambda where=None: x.Agg("count", "window", None, where=where),
    "in": lambda item, *values: x.InValues(item, tuple(v.value for v in values)),
    "matches": lambda left, *tests: x.Matches(left, tuple((t.value, "") for t in tests)),
}


def _build(word: str, args: list[x.Expr]) -> x.Expr:
    if word in _SIMPLE:
        return _SIMPLE[word](*args)
    if word in ("==", "<", "<=", ">", ">="):
        return x.Cmp(word, args[0], args[1])  # type: ignore[arg-type]
    if word == "-" and len(args) == 1:
        return x.Neg(args[0], INT)
    if word in ("+", "-", "*", "/"):
        whole = word != "/" and all(getattr(a, "type", None) == INT for a in args)
        return x.Arith(word, args[0], args[1], INT if whole else FLOAT)  # type: ignore[arg-type]
    if word == "contains":
        return x.TextTest("contains", args[0], tuple(args[1:]))
    raise AssertionError(f"no such form: {word}")
