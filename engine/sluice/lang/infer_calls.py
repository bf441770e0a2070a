"""Check calls: functions of the catalog, macros, aggregates over a window or an alias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal

import sluice.lang.syntax as tree
from sluice.catalog import Aggregate, Catalog, Function, Parameter
from sluice.lang import infer_names
from sluice.lang.declarations import Def, Lost
from sluice.lang.familiar import written_here
from sluice.lang.macros import check_arity
from sluice.lang.meet import towards
from sluice.lang.scope import AliasView, Inference, Scope, did_you_mean
from sluice.lang.suggest import suggest
from sluice.lang.syntax import Argument, Expr
from sluice.lang.typed import Aggregated, AliasRef, Constant, ListRef, NowRef, Share, Typed
from sluice.lang.types import accepts, describe
from sluice.lang.views import EventView
from sluice.model import ANY, FLOAT, TIME, Type

#: Aggregates of an aggregate against the windows before.
HISTORY = ("baseline", "zscore")


def call(inference: Inference, expr: tree.Call, scope: Scope) -> Typed:
    """Check a call: `now()`, a macro, an aggregate or a function."""
    name, catalog = expr.name, inference.catalog
    if name == "now" and not expr.args:
        return Typed(expr, TIME, (), NowRef())
    declared = inference.declared(scope, name)
    if declared is not None and isinstance(declared.decl, Def):
        if not check_arity(inference, expr, declared.decl.params, len(expr.args)):
            return _lost(expr)
        args = tuple(inference.reference(a.value, scope) for a in expr.args)
        return infer_names.expand(inference, expr, declared, args, scope)
    if declared is not None and isinstance(declared.decl, Lost):
        return _lost(expr)
    event = infer_names.event_of(inference, expr, scope)
    if event is not None:
        return event
    if name in HISTORY:
        return _history(inference, expr, scope)
    aggregate, function = catalog.aggregates.get(name), catalog.functions.get(name)
    if aggregate is not None and (function is None or len(expr.args) == 1 or expr.where):
        return _aggregate(inference, expr, aggregate, scope)
    if function is not None:
        return _function(inference, expr, function, scope)
    hint = _function_meant(catalog, name, len(expr.args))
    inference.findings.add("SL0203", expr.span, f"unknown function `{name}`", hint)
    return _lost(expr)


def _function_meant(catalog: Catalog, name: str, count: int) -> str | None:
    """Propose what another language calls so, or is near and takes as many arguments."""
    written = written_here(name)
    if written is not None:
        return f"write `{written}`"
    fitting = [f.name for f in catalog.functions.values() if _takes(f.params, count)]
    fitting += [
        a.name for a in catalog.aggregates.values()
        if count <= (a.argument != "none") + len(a.params) or a.argument == "none"
    ]  # fmt: skip
    fitting += [n for n, least in (("now", 0), *((h, 2) for h in HISTORY)) if count == least]
    known = (*catalog.functions, *catalog.aggregates, *HISTORY, "now")
    return did_you_mean(name, fitting) or did_you_mean(name, known)


def _takes(params: tuple[Parameter, ...], count: int) -> bool:
    """True when a function can be called with so many arguments."""
    required = sum(1 for p in params if not p.optional and not p.variadic)
    return required <= count and (count <= len(params) or any(p.variadic for p in params))


def _lost(expr: Expr) -> Typed:
    return Typed(expr, ANY, (), Constant(None))


# ---------------------------------------------------------------- functions


def _function(inference: Inference, expr: tree.Call, function: Function, scope: Scope) -> Typed:
    findings = inference.findings
    if expr.where is not None:
        findings.add("SL0303", expr.span, f"`{function.name}` is no aggregate: it takes no `where`")
    required = sum(1 for p in function.params if not p.optional and not p.variadic)
    most = None if any(p.variadic for p in function.params) else len(function.params)
    count = len(expr.args)
    if not _takes(function.params, count):
        findings.add(
            "SL0303", expr.span,
            f"`{function.name}` takes {_how_many(required, most)}, not {count}",
            f"{function.name}({_signature(function.params)})",
        )  # fmt: skip
        return _lost(expr)
    args = []
    for place, argument in enumerate(expr.args):
        param = function.params[min(place, len(function.params) - 1)]
        if argument.name is not None:
            findings.add("SL0303", argument.value.span, "arguments of functions have no names")
        if place in function.conditions:
            args.append(inference.condition(argument.value, scope))
        else:
            value = inference.infer(argument.value, scope)
            args.append(fit(inference, value, param, function.name))
    kinds = tuple(a.type for a in args)
    return Typed(expr, function.result_type(kinds), tuple(args))


def fit(inference: Inference, value: Typed, param: Parameter, owner: str) -> Typed:
    """Return an argument as the parameter wants it, with a finding when it cannot be that."""
    if isinstance(value.bound, Share) or isinstance(value.bound, ListRef):
        what = "a percentage" if isinstance(value.bound, Share) else "a list"
        inference.findings.add("SL0303", value.span, f"{what} cannot be an argument")
        return _lost(value.node)
    value = towards(inference, value, param.type)
    if not accepts(param.type, value.type):
        inference.findings.add(
            "SL0303", value.span,
            f"`{param.name}` of `{owner}` is {describe(param.type)}, not {describe(value.type)}",
        )  # fmt: skip
    return value


def _how_many(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least} argument{'s' if least != 1 else ''}"
    if least == most:
        return f"{least} argument{'s' if least != 1 else ''}"
    return f"{least} to {most} arguments"


def _signature(params: tuple[Parameter, ...]) -> str:
    words = [
        f"[{p.name}]" if p.optional else f"{p.name}…" if p.variadic else p.name for p in params
    ]
    return ", ".join(words)


# ---------------------------------------------------------------- aggregates


@dataclass(frozen=True, slots=True)
class _Range:
    """What an aggregate ranges over."""

    over: Literal["window", "alias"]
    positions: tuple[int, ...] | None
    event: EventView
    own: str | None = None


def _aggregate(inference: Inference, expr: tree.Call, aggregate: Aggregate, scope: Scope) -> Typed:
    found = _range(inference, expr, scope)
    if found is None:
        return _lost(expr)
    inner = replace(
        scope, place="event", event=found.event, own=found.own, subject=None, window=None,
        keys={}, selects={}, can_aggregate=False,
    )  # fmt: skip
    where = inference.condition(expr.where, inner) if expr.where is not None else None
    args = list(expr.args)
    if found.own is not None and args and _is_alias(args[0].value, found.own):
        args.pop(0)
        if aggregate.argument != "none":
            inference.findings.add(
                "SL0309", expr.span, f"`{expr.name}` needs a value of `{found.own}`",
                f"name a field: `{expr.name}({found.own}.amount)`",
            )  # fmt: skip
            return _lost(expr)
    argument, rest = _argument(inference, expr, aggregate, args, inner)
    params = _constants(inference, expr, aggregate, rest, scope)
    kind = aggregate.result_type(argument.type if argument is not None else ANY)
    bound = Aggregated(expr.name, found.over, found.positions, argument, where, params)
    return Typed(expr, kind, (), bound)


def _is_alias(expr: Expr, name: str) -> bool:
    return isinstance(expr, tree.Name) and expr.name == name


def _range(inference: Inference, expr: tree.Call, scope: Scope) -> _Range | None:
    """Find the alias or the window that an aggregate ranges over."""
    named = _aliases_in(expr, scope)
    findings = inference.findings
    inference.aliases_used.update((findings.rule, alias.name) for alias in named)
    if len(named) > 1:
        names = ", ".join(f"`{a.name}`" for a in named)
        findings.add("SL0310", expr.span, f"an aggregate is over one alias, not {names}")
        return None
    if named and not named[0].is_absent:
        alias = named[0]
        if scope.place != "window":
            return _Range("alias", alias.positions, alias.event, alias.name)
        whole = set(alias.positions) == set(scope.window_positions)
        positions = None if whole else alias.positions
        return _Range("window", positions, alias.event, alias.name)
    if scope.place == "window" and scope.window is not None:
        return _Range("window", None, scope.window)
    if scope.place == "match" and scope.subject is not None:
        return _Range("alias", scope.subject.positions, scope.subject.event)
    hint = "put it into `having` or `select`"
    if scope.place == "match":
        hint = f"say of which step: name it with `as f` and write `{expr.name}(f)`"
    elif scope.event is not None and scope.own is not None:
        hint = "an aggregate has no aggregate inside"
    findings.add("SL0310", expr.span, f"`{expr.name}` has no events to go over here", hint)
    return None


def _aliases_in(expr: tree.Call, scope: Scope) -> list[AliasView]:
    """Return the aliases that an aggregate's arguments and filter mention, in order."""
    found: dict[str, AliasView] = {}
    for name in _roots(expr):
        if name in scope.aliases and name not in scope.locals:
            found[name] = scope.aliases[name]
        bound = scope.locals.get(name)
        if bound is not None and isinstance(bound.bound, AliasRef) and not bound.bound.path:
            ref = bound.bound
            found[name] = AliasView(ref.alias, ref.positions, ref.view)
    return list(found.values())


def _roots(node: Any) -> Iterator[str]:
    """Yield every bare name in an expression."""
    if isinstance(node, tree.Name):
        yield node.name
        return
    if isinstance(node, tuple):
        for item in node:
            yield from _roots(item)
    elif is_dataclass(node):
        for spec in fields(node):
            if spec.name != "span":
                yield from _roots(getattr(node, spec.name))


def _argument(
    inference: Inference, expr: tree.Call, aggregate: Aggregate, args: list[Argument],
    scope: Scope,
) -> tuple[Typed | None, list[Argument]]:  # fmt: skip
    match aggregate.argument:
        case "none":
            if len(args) > len(aggregate.params):
                _no_value(inference, expr, args[0].value, scope)
                return None, []
            return None, args
        case kind:
            if not args:
                what = "a condition" if kind == "condition" else "a value"
                inference.findings.add("SL0303", expr.span, f"`{expr.name}` takes {what}")
                return None, []
            if kind == "condition":
                return inference.condition(args[0].value, scope), args[1:]
            value = inference.infer(args[0].value, scope)
            if isinstance(value.bound, Share | ListRef):
                inference.findings.add("SL0303", value.span, "this is no value of an event")
            return value, args[1:]


def _no_value(inference: Inference, expr: tree.Call, value: Expr, scope: Scope) -> None:
    """Say that `count(x)` counts the events of an alias, and which one may be meant."""
    near = suggest(value.name, scope.aliases) if isinstance(value, tree.Name) else None
    hint = f"did you mean `{near}`?" if near is not None else (
        f"write `{expr.name}(where exists x)`, or an alias: `{expr.name}(f)`"
    )  # fmt: skip
    inference.findings.add(
        "SL0303", expr.span, f"`{expr.name}` counts events: it takes no value", hint
    )


def _constants(
    inference: Inference, expr: tree.Call, aggregate: Aggregate, args: list[Argument],
    scope: Scope,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the further arguments, which are constants."""
    params = aggregate.params
    required = sum(1 for p in params if not p.optional)
    if not required <= len(args) <= len(params):
        inference.findings.add(
            "SL0303", expr.span,
            f"`{expr.name}` takes {_how_many(required, len(params))} beside its value, "
            f"not {len(args)}",
        )  # fmt: skip
        return ()
    out = []
    plain = Scope(scope.file, locals=scope.locals)
    for param, argument in zip(params, args, strict=False):
        value = fit(inference, inference.infer(argument.value, plain), param, expr.name)
        if not value.is_literal:
            inference.findings.add("SL0303", value.span, f"`{param.name}` is a constant")
        out.append(value.value)
    return tuple(out)


def _history(inference: Inference, expr: tree.Call, scope: Scope) -> Typed:
    """Check `baseline(agg, n)` and `zscore(agg, n)`."""
    findings = inference.findings
    if len(expr.args) != 2 or expr.where is not None:
        findings.add(
            "SL0303", expr.span, f"`{expr.name}` takes an aggregate and a number of windows",
            f"`{expr.name}(count(), 12)`",
        )  # fmt: skip
        return _lost(expr)
    if not scope.windows_before:
        findings.add(
            "SL0310", expr.span, f"`{expr.name}` compares with the windows before",
            "it needs `window tumbling …`",
        )  # fmt: skip
        return _lost(expr)
    inner = inference.infer(expr.args[0].value, scope)
    number = inference.infer(expr.args[1].value, Scope(scope.file, locals=scope.locals))
    if not isinstance(inner.bound, Aggregated):
        findings.add("SL0310", inner.span, f"`{expr.name}` takes an aggregate: `count()`")
        return _lost(expr)
    if not isinstance(number.value, int) or isinstance(number.value, bool) or number.value < 1:
        findings.add("SL0303", number.span, "the number of windows is a whole number from 1")
        return _lost(expr)
    bound = replace(inner.bound, name=expr.name, inner=inner, history=number.value)
    return Typed(expr, _history_type(inner.type), (), replace(bound, argument=None, where=None))


def _history_type(inner: Type) -> Type:
    return inner if inner.kind == "duration" else FLOAT
