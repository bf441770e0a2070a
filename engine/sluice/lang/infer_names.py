"""Find out what a name or a path means (language 10.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.declarations import Def, Let, ListDecl, Lost, Param, TableDecl
from sluice.lang.scope import AliasView, Declared, Inference, Scope, did_you_mean
from sluice.lang.suggest import suggest
from sluice.lang.syntax import Expr
from sluice.lang.typed import (
    AliasRef,
    Below,
    Constant,
    FieldRef,
    GroupRef,
    KeyRef,
    ListRef,
    LookupRef,
    SelectRef,
    Typed,
    VariableRef,
)  # fmt: skip
from sluice.lang.types import PathPart, describe, follow
from sluice.lang.views import EventView
from sluice.model import ANY, Type

Part = tuple[str | Expr, Span]


def path(inference: Inference, expr: Expr, scope: Scope) -> Typed:
    """Resolve a name or what lies below one or below a call."""
    root, parts = split_path(expr)
    if isinstance(root, tree.Call):
        alias = _first_or_last(inference, root, scope)
        if alias is not None:
            return extend(inference, expr, alias, parts)
        return extend(inference, expr, inference.infer(root, scope), parts)
    if not isinstance(root, tree.Name):
        return extend(inference, expr, inference.infer(root, scope), parts)
    return _named(inference, expr, root, parts, scope)


def split_path(expr: Expr) -> tuple[Expr, list[Part]]:
    """Split `a.b[0].c` into its root and the parts below it."""
    parts: list[Part] = []
    while isinstance(expr, tree.Member | tree.Index):
        if isinstance(expr, tree.Member):
            parts.append((expr.name, expr.span))
        else:
            parts.append((expr.index, expr.index.span))
        expr = expr.target
    return expr, parts[::-1]


def _named(
    inference: Inference, expr: Expr, root: tree.Name, parts: list[Part], scope: Scope
) -> Typed:
    """Look a root up in the order of section 10.8."""
    name = root.name
    if name in scope.locals:
        return extend(inference, expr, scope.locals[name], parts)
    if name in scope.aliases:
        return _alias(inference, expr, scope.aliases[name], parts, scope)
    if name in scope.groups:
        return extend(inference, expr, Typed(root, scope.groups[name], (), GroupRef(name)), parts)
    if name in scope.keys:
        index, kind = scope.keys[name]
        return extend(inference, expr, Typed(root, kind, (), KeyRef(index)), parts)
    if name in scope.selects:
        index, kind = scope.selects[name]
        return extend(inference, expr, Typed(root, kind, (), SelectRef(index)), parts)
    declared = inference.declared(scope, name) if not name.startswith("@") else None
    if declared is not None and not isinstance(declared.decl, Let):
        return _declared(inference, expr, declared, parts, scope)
    return _field(inference, expr, root, parts, scope)


def _declared(
    inference: Inference, expr: Expr, declared: Declared, parts: list[Part], scope: Scope
) -> Typed:
    match declared.decl:
        case Def(params=None):
            return extend(inference, expr, expand(inference, expr, declared, (), scope), parts)
        case Def(name=name):
            inference.findings.add(
                "SL0213", expr.span, f"`{name}` takes arguments", f"write `{name}(…)`"
            )
        case Param():
            constant = inference.constant(declared)
            constant = replace(constant, node=_at(constant, expr), is_param=True)
            return extend(inference, expr, constant, parts)
        case ListDecl():
            ref: ListRef = inference.lists[declared.full_name]
            return extend(inference, expr, Typed(expr, Type("list"), (), ref), parts)
        case TableDecl():
            return _lookup(inference, expr, declared, parts, scope)
        case Let() | Lost():
            pass
    return Typed(expr, ANY, (), Constant(None))


def _at(constant: Typed, expr: Expr) -> Expr:
    """A param's value is blamed where the param is used, but keeps what kind of literal it is."""
    return replace(constant.node, span=expr.span)


def expand(
    inference: Inference, expr: Expr, declared: Declared, args: tuple[Typed, ...], scope: Scope
) -> Typed:
    """Infer the body of a `def` with its parameters bound; spans stay where they were written."""
    definition = declared.decl
    assert isinstance(definition, Def)
    if declared.full_name in scope.expanding:
        loop = " -> ".join([*scope.expanding, declared.full_name])
        inference.findings.add("SL0212", expr.span, f"`{definition.name}` uses itself: {loop}")
        return Typed(expr, ANY, (), Constant(None))
    bound = dict(zip(definition.params or (), args, strict=False))
    inner = scope.inside(declared.file, declared.full_name, bound)
    return inference.infer(definition.expr, inner)


def _lookup(
    inference: Inference, expr: Expr, declared: Declared, parts: list[Part], scope: Scope
) -> Typed:
    """Resolve `table[key].column`."""
    name, row = declared.decl.name, inference.tables[declared.full_name]
    if not parts or isinstance(parts[0][0], str):
        inference.findings.add(
            "SL0216", expr.span, f"a table is read by key: `{name}[…]`",
            f"write `{name}[key].{_second(row)}`",
        )  # fmt: skip
        return Typed(expr, ANY, (), Constant(None))
    key = inference.infer(parts[0][0], scope)
    column = ""
    kind = row
    if len(parts) > 1:
        column, kind = str(parts[1][0]), ANY
        if column in row.fields:
            kind = row.fields[column].type
        else:
            inference.findings.add(
                "SL0216", parts[1][1], f"the table `{name}` has no column `{column}`",
                did_you_mean(column, row.fields),
            )  # fmt: skip
    found = Typed(expr, kind, (key,), LookupRef(declared.full_name, column))
    return extend(inference, expr, found, parts[2:])


def _second(row: Type) -> str:
    return ([*row.fields, "column", "column"])[1]


def _alias(
    inference: Inference, expr: Expr, alias: AliasView, parts: list[Part], scope: Scope
) -> Typed:
    inference.aliases_used.add((inference.findings.rule, alias.name))
    if alias.name == scope.own:
        # Inside an aggregate over the alias, the alias is the event at hand.
        return event_field(inference, expr, alias.event, parts)
    if alias.is_absent:
        inference.findings.add(
            "SL0309", expr.span, f"`{alias.name}` names an absent step, which has no event"
        )
        return Typed(expr, ANY, (), Constant(None))
    which = 0
    if parts and not isinstance(parts[0][0], str):
        which, parts = _place(inference, parts[0]), parts[1:]
    elif not alias.is_single:
        rest = ".".join(str(p[0]) for p in parts if isinstance(p[0], str)) or "user"
        name, message = alias.name, f"`{alias.name}` may be several events"
        hint = f"say which: `first({name}).{rest}`, `last({name}).{rest}`, `{name}[0].{rest}`"
        if alias.taken == "now":
            message = f"`{name}` is the event at hand here"
            hint = f"write just `{rest}`" if parts else "name a field of it: `user`, not the alias"
        elif alias.taken == "so far":
            message = f"`{name}` is what this step has taken before the event at hand"
            hint = f"of the event at hand write `{rest}`; of those before `last({name}).{rest}`"
        inference.findings.add("SL0309", expr.span, message, hint)
        return Typed(expr, ANY, (), Constant(None))
    ref = AliasRef(alias.name, alias.positions, which, (), alias.event)
    return extend(inference, expr, Typed(expr, ANY, (), ref), parts)


def _place(inference: Inference, part: Part) -> int:
    index = part[0]
    if isinstance(index, tree.Number) and isinstance(index.value, int):
        return index.value
    inference.findings.add(
        "SL0311", part[1], "an index is a whole number from 0", "the last one is `last(f)`"
    )
    return 0


def _first_or_last(inference: Inference, call: tree.Call, scope: Scope) -> Typed | None:
    """Resolve `first(f)` and `last(f)` where f is an alias: an event."""
    if call.name not in ("first", "last") or len(call.args) != 1 or call.where is not None:
        return None
    arg = call.args[0].value
    if not isinstance(arg, tree.Name) or arg.name in scope.locals:
        return None
    alias = scope.aliases.get(arg.name)
    if alias is None or alias.is_absent:
        return None
    inference.aliases_used.add((inference.findings.rule, alias.name))
    if scope.place == "window":
        inference.findings.add(
            "SL0309", call.span, f"`{call.name}({alias.name})` is an event of the window",
            f"take a value: `{call.name}({alias.name}.user)`",
        )  # fmt: skip
        return Typed(call, ANY, (), Constant(None))
    which = 0 if call.name == "first" else -1
    return Typed(call, ANY, (), AliasRef(alias.name, alias.positions, which, (), alias.event))


def event_of(inference: Inference, call: tree.Call, scope: Scope) -> Typed | None:
    """Resolve a whole `first(f)` that no field follows."""
    return _first_or_last(inference, call, scope)


def _field(
    inference: Inference, expr: Expr, root: tree.Name, parts: list[Part], scope: Scope
) -> Typed:
    every: list[Part] = [(root.name, root.span), *parts]
    if scope.event is not None:
        others = (*scope.aliases, *scope.locals, *scope.groups)
        return event_field(inference, expr, scope.event, every, others=others)
    subject = scope.subject
    if subject is not None and subject.is_single:
        ref = AliasRef("", subject.positions, 0, (), subject.event)
        return extend(inference, expr, Typed(root, ANY, (), ref), every)
    _not_visible(inference, root, scope)
    return Typed(expr, ANY, (), Constant(None))


def _not_visible(inference: Inference, root: tree.Name, scope: Scope) -> None:
    """Say why a bare name means nothing in a place without an event at hand."""
    name, findings = root.name, inference.findings
    known = [*scope.locals, *scope.aliases, *scope.keys, *scope.selects]
    known += inference.names.get(scope.file, {})
    near = None if _is_field(name, scope) else suggest(name, known)
    if near is not None:
        findings.add("SL0202", root.span, f"unknown name `{name}`", f"did you mean `{near}`?")
    elif scope.place == "window":
        findings.add(
            "SL0210", root.span,
            f"`{name}` is a field of one event; here the window is judged",
            f"use an aggregate such as `last({name})`, or put it into `by`",
        )  # fmt: skip
    elif scope.subject is not None:
        findings.add(
            "SL0309", root.span, f"`{name}` may be of several events",
            f"say which: `first({name})`, `last({name})`",
        )  # fmt: skip
    elif scope.place == "match":
        now = "; the time of the match is `now()`" if name == "@time" else ""
        findings.add(
            "SL0210", root.span, f"`{name}` of which step?",
            f"name the step with `as` and write `f.{name}`, or use a key or a `select` name{now}",
        )  # fmt: skip
    else:
        findings.add("SL0202", root.span, f"unknown name `{name}`", "a constant is needed here")


def _is_field(name: str, scope: Scope) -> bool:
    """True when a schema of the rule's events has such a field: then that is what is meant."""
    view = scope.looked_at
    return view is not None and any(name in schema.fields for schema in view.schemas)


def event_field(
    inference: Inference, expr: Expr, view: EventView, parts: list[Part], *,
    others: Iterable[str] = (),
) -> Typed:  # fmt: skip
    """Resolve a path over the event at hand."""
    if not parts:
        inference.findings.add("SL0309", expr.span, "an event is not a value", "name a field of it")
        return Typed(expr, ANY, (), Constant(None))
    names = path_parts(inference, parts)
    found = view.find(names)
    if found.wrong is not None:
        _unknown_field(inference, view, parts[found.wrong], (*found.near, *others))
    return Typed(expr, found.type, (), FieldRef(names, found.optional))


def _unknown_field(
    inference: Inference, view: EventView, part: Part, near: tuple[str, ...]
) -> None:
    name, types = str(part[0]), ", ".join(view.types)
    code = "SL0209" if name.startswith("@") else "SL0201"
    what = "attribute" if name.startswith("@") else "field"
    inference.findings.add(
        code, part[1], f"`{types}` has no {what} `{name}`", did_you_mean(name, near)
    )


def path_parts(inference: Inference, parts: list[Part]) -> tuple[PathPart, ...]:
    """Return the parts of a path as names and places."""
    out: list[PathPart] = []
    for part, span in parts:
        match part:
            case str():
                out.append(part)
            case tree.Number(value=int() as index):
                out.append(index)
            case tree.String(value=name):
                out.append(name)
            case _:
                inference.findings.add(
                    "SL0311", span, "an index is a whole number from 0, or a name in quotes"
                )
                out.append(0)
    return tuple(out)


def extend(inference: Inference, expr: Expr, start: Typed, parts: list[Part]) -> Typed:
    """Go on from something resolved along the parts of a path."""
    if not parts:
        return start
    names = path_parts(inference, parts)
    match start.bound:
        case AliasRef(alias=alias, positions=positions, which=which, path=head, view=view):
            found = view.find((*head, *names))
            if found.wrong is not None:
                part = parts[max(0, found.wrong - len(head))]
                _unknown_field(inference, view, part, found.near)
            ref = AliasRef(alias, positions, which, (*head, *names), view)
            return Typed(expr, found.type, (), ref)
        case _:
            pass
    found = follow(start.type, names)
    if found.wrong is not None and not (start.is_literal and start.value is None):
        part = parts[found.wrong]
        what = describe(follow(start.type, names[: found.wrong]).type)
        hint = did_you_mean(str(part[0]), found.near)
        inference.findings.add("SL0201", part[1], f"{what} has no `{names[found.wrong]}`", hint)
    match start.bound:
        case FieldRef(path=head):
            return Typed(expr, found.type, (), FieldRef((*head, *names)))
        case VariableRef(name=name, path=head):
            return Typed(expr, found.type, (), VariableRef(name, (*head, *names)))
        case Below(path=head):
            return Typed(expr, found.type, start.parts, Below((*head, *names)))
        case _:
            return Typed(expr, found.type, (start,), Below(names))
