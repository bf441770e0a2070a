"""Lower a checked expression: names become places, negations become `Not`, chains `And`."""

from __future__ import annotations

from typing import Any, assert_never

import sluice.plan.exprs as ex
from sluice.lang import syntax
from sluice.lang import typed as meant
from sluice.model import STRING, Type
from sluice.plan.exprs import Expr


def lower_expr(typed: meant.Typed) -> Expr:
    """Return the plan's form of a checked expression."""
    match typed.bound:
        case None:
            return _lower_node(typed)
        case meant.Constant(value=value):
            return ex.Const(value, typed.type)
        case meant.Share(percent=percent):
            return ex.Const(percent, typed.type)
        case meant.TruthOf():
            return _truth(typed.parts[0])
        case meant.Aggregated():
            return _aggregate(typed, typed.bound)
        case meant.ListRef(entries=entries):
            return ex.Const(entries, typed.type)
        case meant.LookupRef(table=table, column=column):
            return ex.Lookup(table, lower_expr(typed.parts[0]), column, typed.type)
        case meant.Below(path=path):
            return ex.Get(lower_expr(typed.parts[0]), path, typed.type)
        case reference:
            return _lower_reference(reference, typed.type)


Reference = (
    meant.FieldRef | meant.AliasRef | meant.KeyRef | meant.SelectRef | meant.VariableRef
    | meant.GroupRef | meant.NowRef
)  # fmt: skip


def _lower_reference(reference: Reference, kind: Type) -> Expr:
    """Lower what stands for one value by itself."""
    match reference:
        case meant.FieldRef(path=path):
            return ex.Field(path, kind)
        case meant.AliasRef(alias=alias, positions=positions, which=which, path=path):
            return ex.AliasField(alias, positions, which, path, kind)
        case meant.KeyRef(index=index):
            return ex.KeyValue(index, kind)
        case meant.SelectRef(index=index):
            return ex.Selected(index, kind)
        case meant.VariableRef(name=name, path=path):
            return ex.Variable(name, path, kind)
        case meant.GroupRef(name=name):
            return ex.Group(name, kind)
        case meant.NowRef():
            return ex.Now(kind)
        case _:
            assert_never(reference)


def _truth(value: meant.Typed) -> Expr:
    """A constant is its own truth; everything else is asked at run time."""
    lowered = lower_expr(value)
    if isinstance(lowered, ex.Const) and isinstance(lowered.value, bool):
        return lowered
    return ex.Truth(lowered)


def _aggregate(typed: meant.Typed, bound: meant.Aggregated) -> ex.Agg:
    inner = lower_expr(bound.inner) if bound.inner is not None else None
    assert inner is None or isinstance(inner, ex.Agg)
    return ex.Agg(
        bound.name, bound.over, bound.positions,
        lower_expr(bound.argument) if bound.argument is not None else None,
        lower_expr(bound.where) if bound.where is not None else None,
        bound.params, typed.type, inner, bound.history,
    )  # fmt: skip


def _lower_node(typed: meant.Typed) -> Expr:
    """Lower what its syntax says."""
    node, parts = typed.node, typed.parts
    match node:
        case syntax.Unary(op="-"):
            return ex.Neg(lower_expr(parts[0]), typed.type)
        case syntax.Binary(op="+" | "-" | "*" | "/" as op):
            return ex.Arith(op, lower_expr(parts[0]), lower_expr(parts[1]), typed.type)
        case syntax.Call(name=name):
            return ex.Func(name, tuple(lower_expr(part) for part in parts), typed.type)
        case syntax.ListLiteral():
            return ex.Const(tuple(part.value for part in parts), typed.type)
        case _:
            return _lower_condition(typed)


def _lower_condition(typed: meant.Typed) -> Expr:
    node, parts = typed.node, typed.parts
    match node:
        case syntax.Unary():
            return ex.Not(lower_expr(parts[0]))
        case syntax.Binary(op="and"):
            return ex.And(tuple(_flat(ex.And, typed)))
        case syntax.Binary():
            return ex.Or(tuple(_flat(ex.Or, typed)))
        case syntax.Compare(ops=ops):
            sides = [lower_expr(part) for part in parts]
            tests = [_compare(op, a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False)]
            return tests[0] if len(tests) == 1 else ex.And(tuple(tests))
        case syntax.In(negated=negated):
            return _negate(_membership(node, parts[0], parts[1]), negated)
        case syntax.StringTest(negated=negated):
            return _negate(_string_test(node, parts[0], parts[1]), negated)
        case syntax.Presence(kind=kind):
            operand = lower_expr(parts[0])
            if kind == "null":
                return ex.IsNull(operand)
            return _negate(ex.Exists(operand), kind == "missing")
        case syntax.Quantified(kind=kind, variable=name):
            return ex.Quantified(kind, name, lower_expr(parts[0]), lower_expr(parts[1]))
        case _:
            raise AssertionError(f"not resolved: {node}")


def _flat(kind: type[ex.And] | type[ex.Or], typed: meant.Typed) -> list[Expr]:
    """Return the items of a chain of one connective, in the order written."""
    out: list[Expr] = []
    for part in typed.parts:
        lowered = lower_expr(part)
        out += lowered.items if isinstance(lowered, kind) else [lowered]
    return out


def _negate(expr: Expr, negated: bool) -> Expr:
    return ex.Not(expr) if negated else expr


def _compare(op: str, left: Expr, right: Expr) -> Expr:
    fold = op.endswith("~")
    match op.removesuffix("~"):
        case "!=":
            return ex.Not(ex.Cmp("==", left, right, fold))
        case "==" | "<" | "<=" | ">" | ">=" as plain:
            return ex.Cmp(plain, left, right, fold)
        case other:
            raise AssertionError(f"no operator: {other}")


# ---------------------------------------------------------------- membership


def _membership(node: syntax.In, item: meant.Typed, container: meant.Typed) -> Expr:
    left = lower_expr(item)
    match container.bound:
        case meant.ListRef(kind="cidr", name=name, entries=entries):
            return ex.InNetworks(left, entries or (), None if entries is not None else name)
        case meant.ListRef(name=name, entries=entries):
            named = None if entries is not None else name
            return ex.InValues(left, entries or (), named, node.fold)
        case meant.Constant(value=value) if container.type.kind == "network":
            return ex.InNetworks(left, (value,))
        case None if isinstance(container.node, syntax.ListLiteral):
            return _in_literal(left, container.parts, node.fold)
        case _:
            return ex.InArray(left, lower_expr(container), node.fold)


def _in_literal(left: Expr, items: tuple[meant.Typed, ...], fold: bool) -> Expr:
    """A list literal may mix values, networks and expressions: each kind is a test of its own."""
    networks = any(item.type.kind == "network" for item in items)
    tests: list[Expr] = []
    values: list[Any] = []
    ranges: list[str] = []
    for item in items:
        if item.is_literal and (networks and item.type.kind in ("network", "ip")):
            ranges.append(_as_network(item.value))
        elif item.is_literal:
            values.append(item.value)
        else:
            tests.append(ex.Cmp("==", left, lower_expr(item), fold))
    if ranges:
        tests.insert(0, ex.InNetworks(left, tuple(ranges)))
    if values or not tests:
        tests.insert(0, ex.InValues(left, tuple(values), None, fold))
    return tests[0] if len(tests) == 1 else ex.Or(tuple(tests))


def _as_network(text: str) -> str:
    if "/" in text:
        return text
    return f"{text}/{128 if ':' in text else 32}"


# ---------------------------------------------------------------- strings


def _string_test(node: syntax.StringTest, left: meant.Typed, right: meant.Typed) -> Expr:
    subject = lower_expr(left)
    mode = node.mode or "any"
    listed = right.bound if isinstance(right.bound, meant.ListRef) else None
    is_literal = right.bound is None and isinstance(right.node, syntax.ListLiteral)
    items = right.parts if is_literal else (right,)
    if node.op == "matches":
        if listed is not None:
            regexes = listed.entries or ()
            named = None if listed.entries is not None else listed.name
            return ex.Matches(subject, regexes, named, mode)
        return ex.Matches(subject, tuple(item.value for item in items), None, mode)
    patterns = tuple(lower_expr(item) for item in items)
    named = None
    if listed is not None:
        patterns = tuple(ex.Const(entry, STRING) for entry in listed.entries or ())
        named = None if listed.entries is not None else listed.name
    if left.type.kind == "list" and node.op == "contains" and named is None:
        tests = tuple(ex.InArray(p, subject, node.fold) for p in patterns)
        return tests[0] if len(tests) == 1 else (
            ex.And(tests) if mode == "all" else ex.Or(tests)
        )  # fmt: skip
    return ex.TextTest(node.op, subject, patterns, named, mode, node.fold)
