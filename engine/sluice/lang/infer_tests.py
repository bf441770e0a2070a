"""Check the atoms of conditions: comparisons, membership, tests of strings, presence, arrays."""

from __future__ import annotations

from dataclasses import replace

import sluice.lang.syntax as tree
from sluice.lang.meet import constant_of, meet, meet_all
from sluice.lang.regexes import refusal
from sluice.lang.scope import Inference, Scope
from sluice.lang.syntax import Expr
from sluice.lang.typed import AliasRef, Constant, ListRef, Typed, VariableRef
from sluice.lang.types import can_equal, can_order, describe, network_text
from sluice.model import ANY, BOOL, NETWORK, Type

Test = tree.Compare | tree.In | tree.StringTest | tree.Presence | tree.Quantified


def test(inference: Inference, expr: Test, scope: Scope) -> Typed:
    """Check an atom of a condition."""
    match expr:
        case tree.Compare():
            return compare(inference, expr, scope)
        case tree.In():
            return membership(inference, expr, scope)
        case tree.StringTest():
            return string_test(inference, expr, scope)
        case tree.Presence():
            return presence(inference, expr, scope)
        case tree.Quantified():
            return quantified(inference, expr, scope)


def compare(inference: Inference, expr: tree.Compare, scope: Scope) -> Typed:
    """Check a comparison or a chain; literals take the type of what they meet."""
    parts = [inference.infer(operand, scope) for operand in expr.operands]
    for place, op in enumerate(expr.ops):
        left, right = meet(inference, parts[place], parts[place + 1])
        if place == 0 or not parts[place].is_literal:
            parts[place] = left
        parts[place + 1] = right
        _comparable(inference, expr, op, left, right)
    return Typed(expr, BOOL, tuple(parts))


def _comparable(
    inference: Inference, expr: tree.Compare, op: str, left: Typed, right: Typed
) -> None:
    a, b = left.type, right.type
    findings = inference.findings
    if is_lost(left) or is_lost(right):
        return
    if "null" in (a.kind, b.kind):
        findings.add(
            "SL0306", expr.span, "a comparison with null is never true",
            "say `x is null` (present and null), `missing x` or `exists x`",
        )  # fmt: skip
    elif any(isinstance(side.bound, ListRef) or _is_list_literal(side) for side in (left, right)):
        findings.add("SL0301", expr.span, f"`{op}` does not compare with a list", "use `in`")
    elif not can_equal(a, b):
        findings.add(
            "SL0301", expr.span, f"{describe(a)} is never equal to {describe(b)}"
            if op[0] in "=!" else f"{describe(a)} and {describe(b)} have no order",
            _mismatch_hint(a, b),
        )  # fmt: skip
    elif op not in ("==", "!=", "==~", "!=~") and not can_order(a, b):
        kind = a if a.kind in ("bool", "ip", "network", "list", "object") else b
        findings.add("SL0301", expr.span, f"`{op}`: values of type {kind} have no order")
    elif op.endswith("~"):
        for side in (left, right):
            _text_side(inference, side, op)


def is_lost(typed: Typed) -> bool:
    """True for what stands for an expression that has a finding already."""
    return typed.type == ANY and typed.is_literal and typed.value is None


def _is_list_literal(typed: Typed) -> bool:
    return typed.bound is None and isinstance(typed.node, tree.ListLiteral)


def _mismatch_hint(a: Type, b: Type) -> str | None:
    kinds = {a.kind, b.kind}
    if "duration" in kinds and (kinds & {"int", "float"}):
        return "an int is no duration: `latency_ms * 1ms`"
    if kinds & {"time", "duration"} and "any" in kinds:
        return "only a schema says that a field is a time or a duration: `event TYPE { at: time }`"
    if kinds & {"int", "float"} and kinds & {"string", "enum"}:
        return "convert one: `int(x)`, `float(x)`, `string(x)`"
    if "network" in kinds:
        return "use `in`: `ip in 10.0.0.0/8`"
    return None


def _text_side(inference: Inference, side: Typed, op: str) -> bool:
    """Refuse what is no text; True when it is fine."""
    if side.type.kind in ("string", "enum", "ip", "any"):
        return True
    inference.findings.add("SL0301", side.span, f"`{op}` takes text, this is {describe(side.type)}")
    return False


def membership(inference: Inference, expr: tree.In, scope: Scope) -> Typed:
    """Check `x in …`: a list literal, a `list`, a network, an array."""
    item = inference.infer(expr.item, scope)
    container = _operand(inference, expr.container, scope)
    if expr.fold:
        _text_side(inference, item, "in~")
    if _is_list_literal(container):
        container = replace(container, parts=_items(inference, item, container))
        if container.parts and all(p.type.kind == "null" for p in container.parts):
            return Typed(expr, BOOL, (item, container))
    elif isinstance(container.bound, ListRef):
        item, container = _in_list(inference, item, container)
    elif container.type.kind == "network":
        _address_side(inference, item)
    elif container.is_literal and isinstance(container.value, str):
        network = network_text(container.value) if "/" in container.value else None
        if network is None:
            inference.findings.add(
                "SL0301", container.span, "`in` needs a list, a network or an array",
                "for a part of a text say `text contains part`",
            )  # fmt: skip
        else:
            container = Typed(container.node, NETWORK, (), Constant(network))
            _address_side(inference, item)
    elif container.type.kind not in ("list", "any"):
        inference.findings.add(
            "SL0301", container.span,
            f"`in` needs a list, a network or an array; this is {describe(container.type)}",
        )  # fmt: skip
    elif container.type.item is not None and not is_lost(item):
        item, _ = meet(inference, item, Typed(container.node, container.type.item))
        _elements_fit(inference, expr, item, container.type.item)
    return Typed(expr, BOOL, (item, container))


def _operand(inference: Inference, expr: Expr, scope: Scope) -> Typed:
    """Only here may a list literal hold more than constants."""
    if isinstance(expr, tree.ListLiteral):
        return inference.reference(expr, scope)
    return inference.infer(expr, scope)


def _elements_fit(inference: Inference, expr: Expr, item: Typed, element: Type) -> None:
    if not can_equal(item.type, element):
        inference.findings.add(
            "SL0301", expr.span,
            f"{describe(item.type)} is never in a list of {element}",
            _mismatch_hint(item.type, element),
        )  # fmt: skip


def _items(inference: Inference, item: Typed, container: Typed) -> tuple[Typed, ...]:
    """Check the items of a list literal against what is looked for."""
    out = []
    for one in container.parts:
        if one.type.kind == "null":
            inference.findings.add(
                "SL0306", one.span, "null in a list never matches", "say `or x is null`"
            )
        elif one.type.kind == "regex":
            inference.findings.add(
                "SL0313", one.span, "a regular expression is no value", "use `matches any [/…/]`"
            )
        elif one.type.kind == "network":
            _address_side(inference, item)
        else:
            _, met = meet(inference, item, one)
            if not is_lost(met) and not is_lost(item):
                _elements_fit(inference, met.node, item, met.type)
            out.append(met)
            continue
        out.append(one)
    return tuple(out)


def _in_list(inference: Inference, item: Typed, container: Typed) -> tuple[Typed, Typed]:
    ref = container.bound
    assert isinstance(ref, ListRef)
    match ref.kind:
        case "cidr":
            _address_side(inference, item)
        case "regex":
            inference.findings.add(
                "SL0301", container.span, f"`{_bare(ref.name)}` is a list of regular expressions",
                f"write `x matches any {_bare(ref.name)}`",
            )  # fmt: skip
        case "int":
            if not (item.type.is_number or item.type.kind == "any"):
                inference.findings.add(
                    "SL0301", item.span, f"{describe(item.type)} is never in a list of int"
                )
        case "string":
            if item.type.kind not in ("any", "string", "enum", "ip", "network"):
                inference.findings.add(
                    "SL0301", item.span, f"{describe(item.type)} is never in a list of string"
                )
            elif ref.entries is not None:
                found = meet_all(inference, item, container.node, ref.entries)
                container = replace(container, bound=replace(ref, entries=found))
    return item, container


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _address_side(inference: Inference, item: Typed) -> None:
    if item.type.kind not in ("ip", "string", "enum", "any"):
        inference.findings.add(
            "SL0301", item.span, f"an address is needed here, this is {describe(item.type)}"
        )


def string_test(inference: Inference, expr: tree.StringTest, scope: Scope) -> Typed:
    """Check `contains`, `starts with`, `ends with`, `like`, `matches`."""
    left = inference.infer(expr.left, scope)
    right = _operand(inference, expr.right, scope)
    is_list = left.type.kind == "list" and expr.op == "contains"
    if not is_list:
        _text_side(inference, left, expr.op)
    several = _is_list_literal(right) or isinstance(right.bound, ListRef)
    if several and expr.mode is None:
        inference.findings.add(
            "SL0301", right.span, f"`{expr.op}` takes one text here",
            f"say `{expr.op} any …` or `{expr.op} all …`",
        )  # fmt: skip
    if expr.mode is not None and not several:
        inference.findings.add(
            "SL0301", right.span, f"`{expr.op} {expr.mode}` takes a list",
            f"write `[…]`, or leave `{expr.mode}` out",
        )  # fmt: skip
    items = right.parts if _is_list_literal(right) else (right,)
    if isinstance(right.bound, ListRef):
        _list_of(inference, right, "regex" if expr.op == "matches" else "string")
    elif expr.op == "matches":
        for item in items:
            _regex_side(inference, item)
        if expr.fold:
            inference.findings.add(
                "SL0301", expr.span, "`matches` has no `~`", "use the flag i: `matches /re/i`"
            )
    elif not is_list:
        for item in items:
            if item.type.kind == "null":
                inference.findings.add("SL0306", item.span, "null is no text")
            else:
                _text_side(inference, item, expr.op)
    return Typed(expr, BOOL, (left, right))


def _list_of(inference: Inference, right: Typed, want: str) -> None:
    ref = right.bound
    assert isinstance(ref, ListRef)
    if ref.kind != want:
        inference.findings.add(
            "SL0301",
            right.span,
            f"a list of {want} is needed, `{_bare(ref.name)}` is of {ref.kind}",
        )


def _regex_side(inference: Inference, item: Typed) -> None:
    """Refuse what is no regular expression, or one that RE2 refuses."""
    if item.type.kind != "regex":
        if not is_lost(item):
            inference.findings.add(
                "SL0301", item.span, "`matches` takes a regular expression", "write `/…/`"
            )
        return
    pattern, flags = constant_of(item)
    refused = refusal(pattern, flags)
    if refused is not None:
        place = refused.span(item.span, pattern)
        inference.findings.add(refused.code, place, refused.message, refused.hint)


def presence(inference: Inference, expr: tree.Presence, scope: Scope) -> Typed:
    """Check `exists`, `missing`, `is null`; an alias asks whether its step took an event."""
    operand = inference.reference(expr.operand, scope)
    if isinstance(operand.bound, AliasRef) and not operand.bound.path:
        operand = replace(operand, bound=replace(operand.bound, path=("@type",)))
    return Typed(expr, BOOL, (operand,))


def quantified(inference: Inference, expr: tree.Quantified, scope: Scope) -> Typed:
    """Check `any (c in xs: cond)`; the variable is renamed when one around it has its name."""
    source = inference.infer(expr.source, scope)
    if source.type.kind not in ("list", "any") or isinstance(source.bound, ListRef):
        inference.findings.add(
            "SL0301", source.span, f"an array is needed here, this is {describe(source.type)}"
        )
    name, number = expr.variable, 1
    while name in scope.variables:
        number += 1
        name = f"{expr.variable}{number}"
    variable = Typed(
        tree.Name(expr.variable, span=expr.span), source.type.item or ANY, (), VariableRef(name)
    )
    inner = replace(
        scope, locals={**scope.locals, expr.variable: variable},
        variables=scope.variables | {name},
    )  # fmt: skip
    condition = inference.condition(expr.condition, inner)
    node = replace(expr, variable=name)
    return Typed(node, BOOL, (source, condition))
