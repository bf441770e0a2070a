"""What each grammar rule of clauses, declarations and tests becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sluice.lang.declarations as decl
import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.actions import EXPRESSIONS, PATTERNS, Builder, all_of_them, first, present
from sluice.lang.literals import Flaw, read_integer

Node = TypeVar("Node")


def _plain(node: Callable[..., Any]) -> Builder:
    """Pass the children to a node in the order of its fields."""
    return lambda kids, span: node(*kids, span=span)


def _text(value: tree.String | None) -> str | None:
    return value.value if value else None


# ---------------------------------------------------------------- clauses


def _named(expr: tree.Expr, node: Node, where: str) -> Node:
    """Flag a computed value without a name: nothing could refer to it."""
    if isinstance(expr, tree.Name | tree.Member):
        return node
    message = f"a computed value in `{where}` needs a name"
    raise Flaw("SL0114", message, node, hint=f"write `{where} name = …`")


def _key(kids: list[Any], span: Span) -> decl.KeyPart:
    node = decl.KeyPart(kids[0], None, kids[1] is not None, span=span)
    return _named(kids[0], node, "by")


def _named_key(kids: list[Any], span: Span) -> decl.KeyPart:
    return decl.KeyPart(kids[1], kids[0].name, kids[2] is not None, span=span)


def _binding(kids: list[Any], span: Span) -> decl.Binding:
    if len(kids) == 2:
        return decl.Binding(kids[1], kids[0].name, span=span)
    node = decl.Binding(kids[0], span=span)
    return _named(kids[0], node, "select")


def _window(kind: Any, *extras: str) -> Builder:
    def build(kids: list[Any], span: Span) -> decl.Window:
        more = dict(zip(extras, kids[2:], strict=True))
        return decl.Window(kind, kids[1], **more, span=span)

    return build


def _having(kids: list[Any], span: Span) -> decl.Having:
    return decl.Having(kids[0], kids[1], kids[2] is not None, span=span)


def _expect_keys(kids: list[Any], span: Span) -> decl.ExpectKeys:
    return decl.ExpectKeys(kids[0], kids[2], span=span)


def _meta(kids: list[Any], span: Span) -> decl.Meta:
    values = (kid.value if isinstance(kid, tree.String) else kid for kid in kids[1:])
    return decl.Meta(kids[0], tuple(values), span=span)


def _mitigate(kids: list[Any], span: Span) -> decl.Mitigate:
    action, args, duration, mode = kids
    return decl.Mitigate(action, args or (), duration, mode, span=span)


def _call_action(kids: list[Any], span: Span) -> decl.CallAction:
    return decl.CallAction(kids[0], kids[1] or (), span=span)


# ---------------------------------------------------------------- declarations


def _pack(kids: list[Any], span: Span) -> decl.Pack:
    return decl.Pack(kids[0].name, kids[1] or (), span=span)


def _event(kids: list[Any], span: Span) -> decl.EventDecl:
    return decl.EventDecl(kids[0], tuple(kids[1:]), span=span)


def _field(kids: list[Any], span: Span) -> decl.FieldDecl:
    return decl.FieldDecl(kids[0].name, kids[1], span=span)


def _simple_type(kids: list[Any], span: Span) -> decl.TypeExpr:
    return decl.TypeExpr(kids[0], kids[1] is not None, span=span)


def _enum(kids: list[Any], span: Span) -> decl.TypeExpr:
    *values, optional = kids
    texts = tuple(value.value for value in values)
    return decl.TypeExpr("enum", optional is not None, texts, span=span)


def _list_type(kids: list[Any], span: Span) -> decl.TypeExpr:
    return decl.TypeExpr("list", kids[1] is not None, item=kids[0], span=span)


def _nested(kids: list[Any], span: Span) -> decl.TypeExpr:
    *fields, optional = kids
    return decl.TypeExpr("object", optional is not None, fields=tuple(fields), span=span)


def _extract(kids: list[Any], span: Span) -> decl.Extract:
    kind, source, where, *lines = kids
    return decl.Extract(kind, source.name, where, tuple(lines), source.span, span=span)


def _source(kids: list[Any], span: Span) -> tree.Name:
    return tree.Name(kids[0], span=span)


def _extract_line(kids: list[Any], span: Span) -> decl.ExtractLine:
    return decl.ExtractLine(kids[0], kids[2], kids[3], span=span)


def _list_decl(kids: list[Any], span: Span) -> decl.ListDecl:
    name, kind, content = kids
    if isinstance(content, tree.String):
        return decl.ListDecl(name.name, kind, None, content.value, span=span)
    return decl.ListDecl(name.name, kind, content.items, None, span=span)


def _table(kids: list[Any], span: Span) -> decl.TableDecl:
    name, *fields, path = kids
    return decl.TableDecl(name.name, tuple(fields), path.value, span=span)


def _parameters(kids: list[Any], span: Span) -> tuple[str, ...]:
    return tuple(kid.name for kid in present(kids))


def _rule(kids: list[Any], span: Span) -> decl.Rule:
    name, title, *clauses = kids
    return decl.Rule(name.name, _text(title), tuple(clauses), name.span, span=span)


# ---------------------------------------------------------------- tests


def _test(kids: list[Any], span: Span) -> decl.Test:
    rule, claim, *statements = kids
    return decl.Test(rule, _text(claim), tuple(statements), span=span)


def _at(kids: list[Any], span: Span) -> decl.At:
    at, kind, fields, times, every, late = kids
    count = 1 if times is None else read_integer(times)
    return decl.At(at, kind, fields, count, every, late is not None, span=span)


def _given(kids: list[Any], span: Span) -> decl.Given:
    name, args, value = kids
    return decl.Given(name, value, args, span=span)


def _expect_number(kids: list[Any], span: Span) -> decl.Expect:
    kind: Any = {"matches": "count"}.get(kids[1], kids[1])
    return decl.Expect(kind, number=read_integer(kids[0]), span=span)


def _expect_note(kids: list[Any], span: Span) -> decl.Expect:
    return decl.Expect("note", kids[0], text=_text(kids[1]), span=span)


RULES: Mapping[str, Builder] = {
    "when": _plain(decl.When), "by": lambda kids, span: decl.By(tuple(kids), span=span),
    "key": _key, "named_key": _named_key, "within": _plain(decl.Within),
    "tumbling": _window("tumbling", "offset"), "sliding": _window("sliding"),
    "hopping": _window("hopping", "every", "offset"), "last": _window("last"),
    "session": _window("session", "maximum"), "having": _having, "unseen": _plain(decl.Unseen),
    "references": all_of_them, "expect_keys": _expect_keys,
    "select": lambda kids, span: decl.Select(tuple(kids), span=span), "binding": _binding,
    "emit": _plain(decl.Emit), "note": _plain(decl.NoteClause), "mitigate": _mitigate,
    "call_action": _call_action, "cooldown": _plain(decl.Cooldown),
    "names": lambda kids, span: tuple(kid.name for kid in kids), "until": _plain(decl.Until),
    "except": _plain(decl.Except), "set": _plain(decl.SetParam), "meta": _meta,
}  # fmt: skip

DECLARATIONS: Mapping[str, Builder] = {
    "declaration": first, "file": all_of_them, "pack": _pack, "pack_block": all_of_them,
    "import": lambda kids, span: decl.Import(kids[0].value, span=span), "event": _event,
    "field_decl": _field, "simple_type": _simple_type, "enum": _enum, "list_type": _list_type,
    "nested": _nested, "extract": _extract, "source": _source, "extract_line": _extract_line,
    "list_decl": _list_decl, "table": _table,
    "param": lambda kids, span: decl.Param(kids[0].name, kids[1], span=span),
    "let": lambda kids, span: decl.Let(kids[0].name, kids[1], kids[2], span=span),
    "def": lambda kids, span: decl.Def(kids[0].name, kids[1], kids[2], span=span),
    "parameters": _parameters, "rule": _rule,
    "tune": lambda kids, span: decl.Tune(kids[0], tuple(kids[1:]), span=span),
}  # fmt: skip

TESTS: Mapping[str, Builder] = {
    "test": _test, "start": lambda kids, span: decl.Start(kids[0].value, span=span),
    "lateness": _plain(decl.LatenessStatement), "at": _at, "advance": _plain(decl.Advance),
    "given": _given, "given_args": lambda kids, span: kids[0] or (),
    "expect_match": lambda kids, span: decl.Expect(
        "match", at=kids[0], fields=kids[1], span=span),
    "expect_event": lambda kids, span: decl.Expect(
        "event", kids[0], kids[1], kids[2], span=span),
    "expect_number": _expect_number, "expect_note": _expect_note,
    "expect_word": lambda kids, span: decl.Expect(kids[0], span=span),
    "expect_mitigation": lambda kids, span: decl.Expect(
        "mitigation", kids[0], fields=kids[1], span=span),
}  # fmt: skip

ACTIONS: Mapping[str, Builder] = {
    **EXPRESSIONS, **PATTERNS, **RULES, **DECLARATIONS, **TESTS,
}  # fmt: skip
