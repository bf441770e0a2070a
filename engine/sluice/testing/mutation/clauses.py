"""Change a declaration in one place: a clause taken away, or something changed inside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sluice.lang import declarations as decl
from sluice.lang import syntax as tree
from sluice.testing.mutation.change import Change, Variant, gone, with_part, without_part
from sluice.testing.mutation.expressions import expressions
from sluice.testing.mutation.patterns import patterns, steps

#: Clauses that can be taken away whole.
_OPTIONAL = (
    decl.By | decl.Having | decl.Unseen | decl.ExpectKeys | decl.Emit | decl.NoteClause
    | decl.Mitigate | decl.CallAction | decl.Cooldown | decl.Until | decl.Except
)  # fmt: skip

#: Parts of clauses that can be taken away by themselves.
_PARTS = ("maximum", "offset", "after")


def declarations(item: decl.Declaration) -> Iterator[Variant]:
    """Yield a declaration with one change, for each change of it."""
    match item:
        case decl.Rule() | decl.Tune():
            yield from _clauses(item)
        case decl.Let(step=step):
            for change, new in steps(step):
                yield change, replace(item, step=new)
        case decl.Def(expr=expr):
            for change, new in expressions(expr):
                yield change, replace(item, expr=new)
        case decl.Param(value=value):
            for change, new in expressions(value):
                yield change, replace(item, value=new)
        case decl.ListDecl(items=items) if items is not None:
            yield from _list(item, items)
        case decl.Extract():
            yield from _extract(item)
        case _:
            pass


def _clauses(item: decl.Rule | decl.Tune) -> Iterator[Variant]:
    for place, clause in enumerate(item.clauses):
        if isinstance(clause, _OPTIONAL):
            yield gone(clause), without_part(item, "clauses", place)
        elif isinstance(clause, decl.Select) and len(clause.items) == 1:
            yield gone(clause.items[0]), without_part(item, "clauses", place)
        for change, new in _clause(clause):
            yield change, with_part(item, "clauses", place, new)


def _clause(clause: decl.Clause) -> Iterator[Variant]:
    match clause:
        case decl.When(pattern=pattern):
            for change, new in patterns(pattern):
                yield change, replace(clause, pattern=new)
        case decl.Until(step=step):
            for change, new in steps(step):
                yield change, replace(clause, step=new)
        case decl.By():
            yield from _keys(clause)
        case decl.Select():
            yield from _selected(clause)
        case decl.Meta(name="overlap", values=values):
            other = "shared" if values == ("none",) else "none"
            yield Change(clause.span, f"overlap {other}"), replace(clause, values=(other,))
        case decl.Meta() | decl.NoteClause():
            return  # what a rule says of itself, and to people
        case _:
            yield from _values(clause)


def _keys(clause: decl.By) -> Iterator[Variant]:
    for place, key in enumerate(clause.keys):
        if len(clause.keys) > 1:
            yield gone(key), without_part(clause, "keys", place)
        for change, new in _key(key):
            yield change, with_part(clause, "keys", place, new)


def _selected(clause: decl.Select) -> Iterator[Variant]:
    for place, item in enumerate(clause.items):
        if len(clause.items) > 1:
            yield gone(item), without_part(clause, "items", place)
        for change, new in expressions(item.expr):
            yield change, with_part(clause, "items", place, replace(item, expr=new))


def _key(key: decl.KeyPart) -> Iterator[Variant]:
    if key.nullable:
        yield Change(key.span, "without `?`"), replace(key, nullable=False)
    for change, new in expressions(key.expr):
        yield change, replace(key, expr=new)


def _values(clause: decl.Clause) -> Iterator[Variant]:
    """Change what a clause computes with, and take away what it can do without."""
    match clause:
        case decl.Having(duration=duration, each=each):
            if duration is not None:
                yield gone(duration), replace(clause, duration=None)
            if each:
                yield Change(clause.span, "without `each`"), replace(clause, each=False)
        case decl.Unseen(keys=keys) if len(keys) > 1:
            for place, key in enumerate(keys):
                yield gone(key), without_part(clause, "keys", place)
        case decl.Mitigate() | decl.CallAction():
            yield from _arguments(clause)
        case decl.Emit(fields=fields):
            for place, (_, value) in enumerate(fields.fields):
                yield gone(value), replace(clause, fields=without_part(fields, "fields", place))
        case decl.Cooldown(per=per):
            for place, name in enumerate(per or ()):
                yield Change(clause.span, f"without `per {name}`"), _less(clause, place)
        case _:
            pass
    yield from _below(clause)


def _arguments(clause: decl.Mitigate | decl.CallAction) -> Iterator[Variant]:
    for place, arg in enumerate(clause.args):
        yield gone(arg.value), without_part(clause, "args", place)
    if isinstance(clause, decl.Mitigate) and clause.duration is not None:
        yield gone(clause.duration), replace(clause, duration=None)


def _less(clause: decl.Cooldown, place: int) -> decl.Cooldown:
    per = clause.per or ()
    return replace(clause, per=(*per[:place], *per[place + 1 :]) or None)


def _below(clause: Any) -> Iterator[Variant]:
    """Yield the changes of the expressions of a clause."""
    for name in clause.__dataclass_fields__:
        value = getattr(clause, name)
        items = enumerate(value) if isinstance(value, tuple) else [(None, value)]
        for place, item in items:
            if name == "why" or not isinstance(item, tree.Expr | tree.Argument):
                continue
            if name in _PARTS:
                yield gone(item), with_part(clause, name, place, None)
            inner = item.value if isinstance(item, tree.Argument) else item
            for change, new in expressions(inner):
                whole = replace(item, value=new) if isinstance(item, tree.Argument) else new
                yield change, with_part(clause, name, place, whole)


def _list(item: decl.ListDecl, items: tuple[tree.Expr, ...]) -> Iterator[Variant]:
    for place, entry in enumerate(items):
        if len(items) > 1:
            yield gone(entry), without_part(item, "items", place)
        for change, new in expressions(entry):
            yield change, with_part(item, "items", place, new)


def _extract(item: decl.Extract) -> Iterator[Variant]:
    if item.where is not None:
        yield gone(item.where), replace(item, where=None)
        for change, new in expressions(item.where):
            yield change, replace(item, where=new)
    for place, line in enumerate(item.lines):
        if len(item.lines) > 1:
            yield gone(line), without_part(item, "lines", place)
        for change, new in expressions(line.regex):
            yield change, with_part(item, "lines", place, replace(line, regex=new))
        for change, new in _fields(line):
            yield change, with_part(item, "lines", place, new)


def _fields(line: decl.ExtractLine) -> Iterator[Variant]:
    if line.fields is None:
        return
    for place, (_, value) in enumerate(line.fields.fields):
        fields = without_part(line.fields, "fields", place)
        yield gone(value), replace(line, fields=fields if fields.fields else None)
    for change, new in expressions(line.fields):
        yield change, replace(line, fields=new)
