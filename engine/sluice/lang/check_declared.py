"""Check what files declare beside rules: events, params, lists, tables, `let`s; and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.check_steps import RESERVED, check_let
from sluice.lang.checked import TableEntries
from sluice.lang.declarations import Let, ListDecl, Lost, Param, TableDecl
from sluice.lang.infer import Inferrer
from sluice.lang.load import RuleSet, declared_events
from sluice.lang.reference import ListKind, kind_of, read_cell, read_entry
from sluice.lang.scope import Declared, Findings, Scope, did_you_mean
from sluice.lang.syntax import Expr
from sluice.lang.texts import parse_expression
from sluice.lang.typed import Constant, ListRef, Share, Typed
from sluice.lang.types import accepts, describe, fields_of
from sluice.lang.views import Known
from sluice.model import ANY, EventSchema, Type

Values = dict[str, Expr]


def base_types(ruleset: RuleSet, known: Known, findings: Findings) -> None:
    """Put the declared events into what is known."""
    for name, decl in declared_events(ruleset, findings.add).items():
        if name.startswith(RESERVED):
            findings.add("SL0214", decl.span, f"`{name}` is what rules make by themselves")
        names: set[str] = set()
        for one in decl.fields:
            if one.name in names:
                findings.add("SL0207", one.span, f"the field `{one.name}` is declared twice")
            names.add(one.name)
        known[name] = EventSchema(name, fields_of(decl.fields))


def declared_of(ruleset: RuleSet, *kinds: type) -> dict[str, Declared]:
    """Return the params, lists or tables of all files by full name."""
    found: dict[str, Declared] = {}
    for unit in ruleset.units.values():
        for declared in unit.names.values():
            if isinstance(declared.decl, kinds):
                found.setdefault(declared.full_name, declared)
    return found


# ---------------------------------------------------------------- lists and tables


def list_refs(inferrer: Inferrer, ruleset: RuleSet) -> Mapping[str, ListRef]:
    """Return all lists by full name, with the entries of those that the rules spell out."""
    found: dict[str, ListRef] = {}
    for name, declared in declared_of(ruleset, ListDecl).items():
        decl = declared.decl
        assert isinstance(decl, ListDecl)
        kind = kind_of(decl)
        given = inferrer.values.get(name)
        items = given.items if isinstance(given, tree.ListLiteral) else decl.items
        entries = None
        if items is not None:
            entries = tuple(_entries(items, kind, inferrer, declared.file))
        found[name] = ListRef(name, kind, entries)
    return found


def _entries(items: tuple[Expr, ...], kind: ListKind, inferrer: Inferrer, file: str) -> list[Any]:
    out: dict[Any, None] = {}
    for item in items:
        typed = inferrer.infer(item, Scope(file))
        value = _entry(typed, kind, inferrer.findings)
        if value is not None:
            out[value] = None
    return list(out)


def _entry(typed: Typed, kind: ListKind, findings: Findings) -> Any:
    """Return an item of a literal list as its kind wants it, None after a finding."""
    value = typed.value
    reason = None
    if typed.type == ANY:
        return None  # there is a finding about that already
    match kind:
        case "string" if isinstance(value, str):
            return value
        case "int" if typed.type.kind == "int":
            return value
        case "regex" if typed.type.kind == "regex":
            value, reason = read_entry(f"/{value[0]}/{value[1]}", "regex")
        case "cidr" | "regex" if isinstance(value, str):
            value, reason = read_entry(value, kind)
        case _:
            reason = "null never matches" if typed.type.kind == "null" else (
                f"{describe(typed.type)} is no entry of a list of {kind}"
            )  # fmt: skip
    if reason is not None:
        findings.add("SL0606", typed.span, reason)
        return None
    return value


def table_types(ruleset: RuleSet) -> Mapping[str, Type]:
    """Return the rows of all tables as types, by full name."""
    found: dict[str, Type] = {}
    for name, declared in declared_of(ruleset, TableDecl).items():
        assert isinstance(declared.decl, TableDecl)
        found[name] = Type("object", fields=fields_of(declared.decl.fields))
    return found


def table_entries(
    inferrer: Inferrer, ruleset: RuleSet, given: Values
) -> Mapping[str, TableEntries]:
    """Return the tables that a test gives: `{ key: { column: value } }`."""
    found: dict[str, TableEntries] = {}
    for name, row in table_types(ruleset).items():
        literal = given.get(name)
        if not isinstance(literal, tree.ObjectLiteral):
            continue
        columns = tuple(row.fields)
        types = tuple(f.type for f in row.fields.values())
        found[name] = TableEntries(columns, types, _rows(literal, row, inferrer))
    return found


def _rows(
    literal: tree.ObjectLiteral, row: Type, inferrer: Inferrer
) -> dict[Any, tuple[Any, ...]]:  # fmt: skip
    columns = tuple(row.fields)
    rows: dict[Any, tuple[Any, ...]] = {}
    for key, place, cells in literal.named:
        first = read_cell(key, row.fields[columns[0]].type)
        if first is None:
            inferrer.findings.add("SL0312", place, f"`{key}` is no {row.fields[columns[0]].type}")
        rows[first] = (first, *_cells(cells, columns[1:], row, inferrer))
    return rows


def _cells(cells: Expr, columns: tuple[str, ...], row: Type, inferrer: Inferrer) -> list[Any]:
    if not isinstance(cells, tree.ObjectLiteral):
        inferrer.findings.add("SL0704", cells.span, 'a row is an object: `{ owner: "bob" }`')
        return [None] * len(columns)
    values: dict[str, Any] = {}
    for name, place, expr in cells.named:
        if name not in row.fields:
            inferrer.findings.add("SL0216", place, f"the table has no column `{name}`",
                                  did_you_mean(name, row.fields))  # fmt: skip
            continue
        typed, want = inferrer.infer(expr, Scope("")), row.fields[name].type
        is_text = isinstance(typed.value, str)
        value = values[name] = read_cell(typed.value, want) if is_text else typed.value
        is_wrong = value is None if is_text else not accepts(want, typed.type)
        if is_wrong and typed.type.kind not in ("null", "any"):
            inferrer.findings.add("SL0312", expr.span, f"`{name}` is {describe(want)}, "
                                  f"not {describe(typed.type)}")  # fmt: skip
    return [values.get(name) for name in columns]


# ---------------------------------------------------------------- params


def check_overrides(
    inferrer: Inferrer, ruleset: RuleSet, wanted: Mapping[str, str | Expr], everything: bool,
    at: Span | None = None,
) -> Values:  # fmt: skip
    """Return replacements of params (with `everything` of lists and tables) that fit."""
    kinds = (Param, ListDecl, TableDecl) if everything else (Param,)
    known = declared_of(ruleset, *kinds)
    out: Values = {}
    for name, value in wanted.items():
        place = at or (Span("--set", 1, 1, 1, 1) if isinstance(value, str) else value.span)
        declared = known.get(name)
        if name in declared_of(ruleset, Lost):
            continue
        if declared is None:
            inferrer.findings.add("SL0211", place, *_no_param(name, known, ruleset))
            continue
        expr = _expression(value, place, declared, inferrer)
        if expr is not None and _fits(expr, declared, inferrer, place):
            out[name] = expr
    return out


def _no_param(name: str, known: Mapping[str, Declared], ruleset: RuleSet) -> tuple[str, str | None]:
    """Say that there is no such param; a list is none, and what comes nearest to setting one."""
    found = declared_of(ruleset, ListDecl).get(name)
    if found is None:
        return f"there is no param `{name}`", did_you_mean(name, known)
    decl = found.decl
    assert isinstance(decl, ListDecl)
    hint = f"`param {decl.name} = […]` can be set; from outside `except where …` leaves events out"
    if decl.path is not None:
        hint = f"its entries stand in `{decl.path}`: edit that file"
    return f"`{decl.name}` is a list, and only a param can be set", hint


def _expression(
    value: str | Expr, place: Span, declared: Declared, inferrer: Inferrer
) -> Expr | None:
    if not isinstance(value, str):
        return value
    expr, _ = parse_expression(value, place)
    param = declared.decl
    is_text = isinstance(param, Param) and isinstance(param.value, tree.String)
    if is_text and not isinstance(expr, tree.String):
        return tree.String(value, span=place)
    if expr is None:
        inferrer.findings.add("SL0312", place, f"`{value}` is no value")
    elif isinstance(expr, tree.Name) and expr.name not in inferrer.names.get(declared.file, {}):
        want = describe(inferrer.constant(declared).type)
        message = f"`{declared.full_name}` is {want}, `{value}` is none"
        inferrer.findings.add("SL0312", place, message)
        return None
    return expr


def _fits(expr: Expr, declared: Declared, inferrer: Inferrer, place: Span) -> bool:
    """True when a value is of the type of the param that it replaces."""
    decl = declared.decl
    if isinstance(decl, ListDecl | TableDecl):
        right = tree.ListLiteral if isinstance(decl, ListDecl) else tree.ObjectLiteral
        if not isinstance(expr, right):
            is_list = isinstance(decl, ListDecl)
            message = f"`{decl.name}` is a {'list' if is_list else 'table'}"
            hint = "a list is written `[…]`" if is_list else (
                "a table is written `{ key: { column: value } }`"
            )  # fmt: skip
            inferrer.findings.add("SL0312", place, message, hint)
        return isinstance(expr, right)
    assert isinstance(decl, Param)
    new, old = inferrer.infer(expr, Scope(declared.file)), inferrer.constant(declared)
    if _kind(new) == _kind(old) or (accepts(old.type, new.type) and _kind(old) != "share"):
        return True
    inferrer.findings.add(
        "SL0312", place, f"`{declared.full_name}` is {describe(old.type)}, not {describe(new.type)}"
    )
    return False


def check_given(inferrer: Inferrer, declared: Declared, value: Expr) -> None:
    """Say when a test gives a param, a list or a table what it cannot be."""
    decl = declared.decl
    if not _fits(value, declared, inferrer, value.span):
        return
    if isinstance(decl, ListDecl) and isinstance(value, tree.ListLiteral):
        _entries(value.items, kind_of(decl), inferrer, declared.file)
    if isinstance(decl, TableDecl) and isinstance(value, tree.ObjectLiteral):
        row = Type("object", fields=fields_of(decl.fields))
        _rows(value, row, inferrer)


def _kind(typed: Typed) -> str:
    return "share" if isinstance(typed.bound, Share) else typed.type.kind


def check_lets(inferrer: Inferrer, ruleset: RuleSet, known: Known) -> None:
    """Check params, and `let`s without parameters, also where no rule uses them."""
    used = set(inferrer.used)
    for unit in ruleset.units.values():
        for declared in unit.names.values():
            if declared.file != unit.path:
                continue
            match declared.decl:
                case Param():
                    _check_param(inferrer, declared)
                case Let(name=name) if name in known:
                    inferrer.findings.add(
                        "SL0208", declared.decl.span, f"`let {name}` hides the event `{name}`",
                        "give it another name",
                    )  # fmt: skip
                case Let():
                    check_let(declared.decl, inferrer.findings)
                case _:
                    pass
    inferrer.used = used


def _check_param(inferrer: Inferrer, declared: Declared) -> None:
    typed = inferrer.constant(declared)
    fine = isinstance(typed.bound, Constant | Share)
    is_list = isinstance(typed.node, tree.ListLiteral)
    if not fine and not (is_list and all(p.is_literal for p in typed.parts)):
        inferrer.findings.add("SL0312", declared.decl.span, "a param is one constant value")
