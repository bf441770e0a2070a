"""Conditions become Python expressions that are true when the condition is true (or is false).

Three values need no third one in the code: a condition is written twice, once for "is true" and
once for "is false"; unknown is neither. `not` swaps the two, `and` is `or` in the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from sluice.backends import operations as ops
from sluice.backends.emit import Emitter, View
from sluice.backends.values import is_number, is_text, raw_field, value
from sluice.catalog import compile_like, compile_regex
from sluice.model import canonical_ip, equal, fold, less, like_pattern, parse_network
from sluice.plan import exprs as x
from sluice.stream import get_path

_INVERSE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!="}
_SWAPPED: dict[str, Literal["==", "<", "<=", ">", ">="]] = {
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "==": "==",
}


def truth(node: x.Expr, view: View, out: Emitter, positive: bool = True) -> str:
    """Write what is true when the condition is true (`positive`) or when it is false."""
    match node:
        case x.Const(constant):
            return str(constant is positive)
        case x.Not(operand):
            return truth(operand, view, out, not positive)
        case x.And(items) | x.Or(items):
            word = " and " if isinstance(node, x.And) is positive else " or "
            return "(" + word.join(truth(item, view, out, positive) for item in items) + ")"
        case x.Cmp():
            return _comparison(node, view, out, positive)
        case x.InValues():
            return _in_values(node, view, out, positive)
        case x.InNetworks():
            return _in_networks(node, view, out, positive)
        case x.TextTest():
            return _text_test(node, view, out, positive)
        case x.Matches():
            return _matches(node, view, out, positive)
        case x.Exists(operand):
            return f"{value(operand, view, out)} is {'not ' if positive else ''}None"
        case x.IsNull(operand):
            return _is_null(operand, view, out, positive)
        case _:
            return f"{_by_call(node, view, out)} is {positive}"


def _by_call(node: x.Expr, view: View, out: Emitter) -> str:
    match node:
        case x.InArray(item, array, folded):
            same = ops.fold_equal if folded else equal
            call = out.name("in_array", ops.in_array, "in_array")
            how = out.name("same", same, same)
            return f"{call}({value(item, view, out)}, {value(array, view, out)}, {how})"
        case x.Quantified(kind, variable, source, condition):
            name = f"v_{out.temporary()}"
            inner = view.at(variables={**view.variables, variable: name})
            call = out.name("quantified", ops.quantified, "quantified")
            test = f"lambda {name}: {out.three_valued(condition, inner)}"
            return f"{call}({kind == 'any'}, {value(source, view, out)}, {test})"
        case x.Truth(operand):
            return value(operand, view, out)
        case _:
            return value(node, view, out)


def _is_null(operand: x.Expr, view: View, out: Emitter, positive: bool) -> str:
    if isinstance(operand, x.Field) and view.event is not None:
        raw = raw_field(view.event, operand.path, view, out)
        return f"{raw} is {'' if positive else 'not '}None"
    if isinstance(operand, x.Variable):
        name = view.variables[operand.name]
        path = out.name("get_path", get_path, "get_path")
        raw = f"{path}({name}, {operand.path!r})" if operand.path else name
        return f"{raw} is {'' if positive else 'not '}None"
    # Where missing and null cannot be told apart there is no null.
    return str(not positive)


# ---------------------------------------------------------------- comparisons


def _comparison(node: x.Cmp, view: View, out: Emitter, positive: bool) -> str:
    if isinstance(node.left, x.Const) and not isinstance(node.right, x.Const):
        node = _swapped(node)
    left, right = node.left, node.right
    if node.fold or "ip" in (left.type.kind, right.type.kind):
        return _by_function(node, view, out, positive)
    if isinstance(right, x.Const):
        plain = _with_constant(node, right.value, view, out, positive)
        if plain is not None:
            return plain
    both = (is_number(left, out) and is_number(right, out)) or (
        is_text(left, out) and is_text(right, out)
    )
    if not both:
        return _by_function(node, view, out, positive)
    a, b = out.temporary(), out.temporary()
    sign = node.op if positive else _INVERSE[node.op]
    return (
        f"(({a} := {value(left, view, out)}) is not None and "
        f"({b} := {value(right, view, out)}) is not None and {a} {sign} {b})"
    )


def _swapped(node: x.Cmp) -> x.Cmp:
    return replace(node, left=node.right, op=_SWAPPED[node.op], right=node.left)


def _with_constant(
    node: x.Cmp, constant: Any, view: View, out: Emitter, positive: bool
) -> str | None:
    """Write a comparison with a number or a string, with as few checks as the types allow."""
    left, op = node.left, node.op
    text = value(left, view, out)
    literal = out.literal(constant)
    sign = op if positive else _INVERSE[op]
    if isinstance(constant, str):
        is_sure = is_text(left, out)
    elif isinstance(constant, int | float) and not isinstance(constant, bool):
        is_sure = is_number(left, out)
    else:
        return None
    count = None if is_sure else _count(left, view)
    if count is not None:
        kind = "str" if isinstance(constant, str) else "num"
        return _counted(text, f"{sign} {literal}", kind, positive or op != "==", count, out)
    if op == "==":
        is_odd = not is_sure and not isinstance(constant, str) and constant in (0, 1)
        return _equality(text, literal, is_odd, positive, out)
    if is_sure:
        if text.isidentifier():
            return f"({text} is not None and {text} {sign} {literal})"
        name = out.temporary()
        return f"(({name} := {text}) is not None and {name} {sign} {literal})"
    name = out.temporary()
    if isinstance(constant, str):
        return f"(({name} := {text}).__class__ is str and {name} {sign} {literal})"
    number = f"({name}.__class__ is int or {name}.__class__ is float)"
    return f"((({name} := {text}) is not None) and {number} and {name} {sign} {literal})"


def _equality(text: str, literal: str, is_odd: bool, positive: bool, out: Emitter) -> str:
    """Write an equality; it `is_odd` where Python says True == 1 and a boolean may come."""
    name = text if text.isidentifier() else out.temporary()
    read = text if text.isidentifier() else f"({name} := {text})"
    if positive:
        guard = f" and {name}.__class__ is not bool" if is_odd else ""
        return f"({read} == {literal}{guard})" if guard else f"{text} == {literal}"
    guard = f"({name} != {literal} or {name}.__class__ is bool)" if is_odd else (
        f"{name} != {literal}"
    )  # fmt: skip
    return f"({read} is not None and {guard})"


def _counted(text: str, test: str, kind: str, positive: bool, call: str, out: Emitter) -> str:
    """Write a test that takes values of a kind; a call counts the others.

    They fail the test, unless it is asked whether an equality is false (not `positive`).
    """
    name = out.temporary()
    typed = f"({name} := {text}).__class__ is {'str' if kind == 'str' else 'int'}"
    if kind == "num":
        typed += f" or {name}.__class__ is float"
    other = f"{call}({name})" if positive else f"{name} is not None and not {call}({name})"
    return f"({name} {test} if {typed} else {other})"


def _count(operand: x.Expr, view: View) -> str | None:
    """Return the name of what counts values of an operand that are of another type."""
    return None if view.tally is None else view.tally(operand)


def _is_text(read: str, name: str, count: str | None) -> str:
    """Write the test that a value is a string; one that is of another type may be counted."""
    return f"({read}.__class__ is str or {count}({name}))" if count else f"{read}.__class__ is str"


_FUNCTIONS: dict[str, dict[str, Any]] = {
    "": {"==": equal, "<": less, "<=": ops.at_most},
    "ip": {"==": ops.ip_equal, "<": ops.ip_less, "<=": ops.ip_at_most},
    "fold": {"==": ops.fold_equal, "<": less, "<=": ops.at_most},
}


def _by_function(node: x.Cmp, view: View, out: Emitter, positive: bool) -> str:
    if node.op in (">", ">="):
        node = _swapped(node)
    is_ip = "ip" in (node.left.type.kind, node.right.type.kind)
    function = _FUNCTIONS["ip" if is_ip else "fold" if node.fold else ""][node.op]
    call = out.name("compare", function, function)
    left, right = value(node.left, view, out), value(node.right, view, out)
    is_open = "any" in (node.left.type.kind, node.right.type.kind)
    asked = node.left if isinstance(node.right, x.Const) else node
    count = _count(asked, view) if is_open else None
    if count is None:
        return f"{call}({left}, {right}) is {positive}"
    a, b = out.temporary(), out.temporary()
    found = f"{call}(({a} := {left}), ({b} := {right})) is {positive}"
    odd = f"{a}.__class__ is not {b}.__class__ and {count}({a}, {b})"
    if positive or node.op != "==":
        return f"({found} or {odd})"
    return f"({found} and not ({odd}))"


# ---------------------------------------------------------------- membership


def _in_values(node: x.InValues, view: View, out: Emitter, positive: bool) -> str:
    values = node.values if node.list_name is None else out.plan.lists[node.list_name].values
    text = value(node.item, view, out)
    if node.item.type.kind == "ip":
        values = tuple(canonical_ip(v) or v for v in values)
    only_text = all(isinstance(v, str) for v in values)
    only_numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    count = None if node.fold or not values else _count(node.item, view)
    if count is not None and only_text and not is_text(node.item, out):
        held = out.name("in", frozenset(values), frozenset(values))
        test = f"{'' if positive else 'not '}in {held}"
        return _counted(text, test, "str", positive, count, out)
    if only_text and not node.fold:
        held = out.name("in", frozenset(values), frozenset(values))
        name = out.temporary()
        if positive:
            if is_text(node.item, out):
                return f"{text} in {held}"
            return f"(({name} := {text}).__class__ is str and {name} in {held})"
        known = f"({name} := {text}) is not None"
        return f"({known} and not ({name}.__class__ is str and {name} in {held}))"
    if only_numbers and values and not node.fold and positive and is_number(node.item, out):
        return f"{text} in {out.name('in', frozenset(values), ('number', frozenset(values)))}"
    function = ops.in_values_folded if node.fold else ops.in_values
    call = out.name("in_values", function, function)
    return f"{call}({text}, {out.name('values', values)}) is {positive}"


def _in_networks(node: x.InNetworks, view: View, out: Emitter, positive: bool) -> str:
    texts = node.networks
    if node.list_name is not None:
        texts = out.plan.lists[node.list_name].values
    networks = tuple(n for n in (parse_network(text) for text in texts) if n is not None)
    text = value(node.item, view, out)
    if positive and len(networks) == 1 and networks[0][0] == 4:
        memo = out.name("addresses", _shared_addresses(out), "addresses")
        _, network, mask = networks[0]
        number = view.slots.get(f"{text} address", f"{memo}[{text}]")
        return f"{number} & {mask | ops.NO_ADDRESS} == {network}"
    test = out.name("networks", ops.NetworkTest(networks), texts)
    return f"{test}({text}) is {positive}"


def _shared_addresses(out: Emitter) -> ops.Addresses:
    return ops.Addresses()


# ---------------------------------------------------------------- strings


def _text_test(node: x.TextTest, view: View, out: Emitter, positive: bool) -> str:
    patterns: tuple[x.Expr, ...] = node.patterns
    constants: list[Any] = [p.value if isinstance(p, x.Const) else None for p in patterns]
    if node.list_name is not None:
        constants = list(out.plan.lists[node.list_name].values)
    text = value(node.left, view, out)
    if not constants or not all(isinstance(c, str) for c in constants):
        like = _like_once if node.op == "like" else None
        test = ops.TextTest(node.op, node.mode == "any", node.fold, like)
        args = ", ".join([text, *(value(p, view, out) for p in patterns)])
        return f"{out.name('text_test', test)}({args}) is {positive}"
    name = text if text.isidentifier() else out.temporary()
    read = text if text.isidentifier() else f"({name} := {text})"
    is_sure = is_text(node.left, out)
    guard = f"{read} is not None" if is_sure else _is_text(read, name, _count(node.left, view))
    test_text = _constant_test(node, constants, name, out)
    return f"({guard} and {'' if positive else 'not '}{test_text})"


def _constant_test(node: x.TextTest, constants: list[str], name: str, out: Emitter) -> str:
    if node.fold:
        constants = [fold(c) for c in constants]
        folded = out.name("fold", fold, "fold")
        name = f"{folded}({name})"
    word = " or " if node.mode == "any" else " and "
    match node.op:
        case "contains":
            tests = [f"{c!r} in {name}" for c in constants]
        case "starts with" | "ends with":
            method = "startswith" if node.op == "starts with" else "endswith"
            if node.mode == "any" and len(constants) > 1:
                return f"{name}.{method}({tuple(constants)!r})"
            tests = [f"{name}.{method}({c!r})" for c in constants]
        case "like":
            tests = [f"{out.name('like', compile_like(c), c)}({name})" for c in constants]
    return tests[0] if len(tests) == 1 else "(" + word.join(tests) + ")"


def _like_once(text: str, pattern: str) -> bool:
    regex = compile_regex(like_pattern(pattern), "")
    return not isinstance(regex, str) and regex.search(text)


def _matches(node: x.Matches, view: View, out: Emitter, positive: bool) -> str:
    regexes = node.regexes
    if node.list_name is not None:
        regexes = out.plan.lists[node.list_name].values
    text = value(node.left, view, out)
    name = text if text.isidentifier() else out.temporary()
    read = text if text.isidentifier() else f"({name} := {text})"
    is_sure = is_text(node.left, out)
    guard = f"{read} is not None" if is_sure else _is_text(read, name, _count(node.left, view))
    word = " or " if node.mode == "any" else " and "
    tests = [_search(pattern, flags, name, out) for pattern, flags in regexes]
    test = (
        tests[0] if len(tests) == 1 else "(" + (word.join(tests) or str(node.mode != "any")) + ")"
    )
    return f"({guard} and {'' if positive else 'not '}({test}))"


def _search(pattern: str, flags: str, name: str, out: Emitter) -> str:
    regex = compile_regex(pattern, flags)
    assert not isinstance(regex, str), regex
    if regex.engine == "re":
        return f"{out.name('find', regex.find, (pattern, flags))}({name}) is not None"
    # A call of RE2 costs twenty look-ups, and texts such as user agents come again and again.
    return f"{out.name('found', ops.Found(regex.search), (pattern, flags))}[{name}]"
