"""Lay out expressions and patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.layout import HARD, SOFT, Doc, Fill, Group, Nest, flat, joined
from sluice.lang.remarks import Point, Remarks, end, start
from sluice.timing import UNIT_MS

#: A pattern of several steps stays on one line up to this length.
PATTERN_LENGTH_MAX = 60

_RESERVED = frozenset(
    "and or not in is any all exists missing true false null where then without no".split()
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ATTRIBUTE = re.compile(r"@[A-Za-z_][A-Za-z0-9_]*\Z")
_LEVELS = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6}
_NOT, _TEST, SUM, _UNARY, _ATOM = 3, 4, 5, 7, 8
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


# ---------------------------------------------------------------- words and literals


def name(text: str) -> str:
    """Write a name, in backticks where it is no word of its own."""
    return text if _WORD.match(text) and text not in _RESERVED else f"`{text}`"


def last_name(text: str) -> str:
    """Write a name behind a dot, where nothing is reserved."""
    return text if _WORD.match(text) else f"`{text}`"


def dotted(text: str) -> str:
    """Write a dotted name; `*` may be its last part."""
    if text.endswith(".*") and len(text) > 2:
        return f"{dotted(text[:-2])}.*"
    parts = text.split(".")
    if not all(parts):
        return f"`{text}`"
    first = name(parts[0]) if len(parts) == 1 else last_name(parts[0])
    return ".".join([first, *(last_name(part) for part in parts[1:])])


def key(text: str) -> str:
    """Write the name of a field in braces; attributes begin with `@`."""
    return text if _ATTRIBUTE.match(text) else name(text)


def quote(text: str, raw: bool = False) -> str:
    """Write a text in quotes: raw where that saves escapes."""
    saves = raw or "\\" in text or '"' in text
    if saves and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = (_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):X}}}") for c in text)
    return f'"{"".join(escaped)}"'


def duration(ms: int) -> str:
    """Write milliseconds as `1h30m`."""
    parts = []
    for unit, size in UNIT_MS.items():
        count, ms = divmod(ms, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def percent(value: float) -> str:
    """Write `80%`, `12.5%`."""
    text = repr(float(value))
    if "e" in text:
        text = f"{value:.25f}".rstrip("0")
    return f"{text.removesuffix('.0').removesuffix('.')}%"


def regex(node: tree.Regex) -> str:
    """Write `/re/flags`."""
    pattern = re.sub(r"\\.|/", lambda m: "\\/" if m[0] == "/" else m[0], node.pattern)
    return f"/{pattern}/{node.flags}"


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class _Part:
    """A step with the comments in front of it and behind it."""

    doc: Doc
    lead: Doc = ""
    behind: Doc = ""


class Writer:
    """Lays out nodes of one file, with the comments that stand between them."""

    __slots__ = ("remarks",)

    def __init__(self, remarks: Remarks) -> None:
        self.remarks = remarks

    def expr(self, node: tree.Expr, level: int = 0) -> Doc:
        """Lay out an expression, in parentheses where it binds less than `level`."""
        literal = self.literal(node)
        if literal is not None:
            return literal
        own, doc = self._composed(node)
        return ("(", Nest(doc), ")") if own < level else doc

    def literal(self, node: tree.Expr) -> str | None:
        """Write a literal as in the source where there is one."""
        match node:
            case tree.DurationLiteral(ms):
                return self.remarks.source(node.span) or duration(ms)
            case tree.String(value, raw):
                return self.remarks.source(node.span) or quote(value, raw)
            case tree.Percent(number):
                return self.remarks.source(node.span) or percent(number)
            case tree.Number(text=text) | tree.Address(text) | tree.Network(text):
                return text
            case tree.Bool(is_true):
                return "true" if is_true else "false"
            case tree.Null():
                return "null"
            case tree.Regex():
                return regex(node)
            case tree.Name(text, quoted):
                # A reserved word without backticks stands before a dot, where it is a name.
                return f"`{text}`" if quoted else text
        return None

    def _composed(self, node: tree.Expr) -> tuple[int, Doc]:
        match node:
            case tree.ListLiteral(items):
                return _ATOM, self.bracketed(items, node.span)
            case tree.ObjectLiteral():
                return _ATOM, self.object(node)
            case tree.Member(target, last, quoted):
                plain = _ATTRIBUTE.match(last) and not quoted
                end = last if plain else f"`{last}`" if quoted else last_name(last)
                return _ATOM, (self.expr(target, _ATOM), ".", end)
            case tree.Index(target, index):
                return _ATOM, (self.expr(target, _ATOM), "[", self.expr(index), "]")
            case tree.Call(callee, args, where):
                return _ATOM, self.call(callee, args, where)
            case tree.Unary(op, operand):
                return self._unary(op, operand)
            case tree.Binary(op):
                return _LEVELS[op], self._chain(node, op)
            case _:
                return _TEST, self._test(node)

    def _unary(self, op: str, operand: tree.Expr) -> tuple[int, Doc]:
        if op == "-":
            return _UNARY, ("-", self.expr(operand, _UNARY))
        # `not x in y` reads like `x not in y`, hence the parentheses.
        is_test = isinstance(operand, tree.Compare | tree.In | tree.StringTest)
        is_null = isinstance(operand, tree.Presence) and operand.kind == "null"
        return _NOT, ("not ", self.expr(operand, _ATOM if is_test or is_null else _NOT))

    def _chain(self, node: tree.Expr, op: str) -> Doc:
        """Lay out `a and b and c` as one: a break before each operator, or none."""
        level = _LEVELS[op]
        operands: list[tuple[str, tree.Expr]] = []
        while isinstance(node, tree.Binary) and _LEVELS[node.op] == level:
            operands.append((node.op, node.right))
            node = node.left
        operands.append(("", node))
        operands.reverse()
        docs: list[Doc] = []
        for number, (sign, operand) in enumerate(operands):
            follower = operands[number + 1][1].span if number + 1 < len(operands) else None
            docs.append(self.remarks.around(
                operand.span, partial(self._operand, sign, operand, level + (number > 0)), follower
            ))  # fmt: skip
        return Group(Nest(joined(SOFT, docs)))

    def _operand(self, sign: str, node: tree.Expr, level: int) -> Doc:
        return (f"{sign} " if sign else "", self.expr(node, level))

    def _test(self, node: tree.Expr) -> Doc:
        match node:
            case tree.Compare(ops, operands):
                first, *rest = (self.expr(operand, SUM) for operand in operands)
                return (first, *((f" {op} ", each) for op, each in zip(ops, rest, strict=True)))
            case tree.In(item, container, negated, fold):
                word = f"{' not' if negated else ''} in{'~' if fold else ''} "
                return (self.expr(item, SUM), word, self.expr(container, SUM))
            case tree.StringTest(op, left, right, mode, negated, fold):
                word = f"{' not' if negated else ''} {op}{'~' if fold else ''} "
                word += f"{mode} " if mode else ""
                return (self.expr(left, SUM), word, self.expr(right, SUM))
            case tree.Presence("null", operand):
                return (self.expr(operand, SUM), " is null")
            case tree.Presence(kind, operand):
                return (f"{kind} ", self.expr(operand, _ATOM))
            case tree.Quantified(kind, variable, source, condition):
                head = (f"{name(variable)} in ", self.expr(source, SUM), ":", SOFT)
                return (f"{kind} (", Group(Nest((*head, Nest(self.expr(condition))))), ")")
        raise AssertionError(node)

    def call(
        self, callee: str, args: Sequence[tree.Argument], where: tree.Expr | None = None
    ) -> Doc:
        """Lay out `name(args where filter)`."""
        docs: list[Doc] = []
        for number, arg in enumerate(args):
            prefix = f"{name(arg.name)} = " if arg.name is not None else ""
            comma = "," if number + 1 < len(args) else ""
            docs.append((prefix, self.expr(arg.value), comma))
        if where is not None:
            docs.append(("where ", self.expr(where)))
        return (f"{dotted(callee)}(", Group(Nest(joined(SOFT, docs))), ")")

    def separated(
        self, spans: Sequence[Span], writes: Sequence[Callable[[], Doc]], limit: Point | None = None
    ) -> list[Doc]:
        """Lay out items with commas and comments; `limit` is where the brackets around end."""
        docs: list[Doc] = []
        for number, (span, write) in enumerate(zip(spans, writes, strict=True)):
            is_last = number + 1 == len(spans)
            follower = limit if is_last else start(spans[number + 1])
            lead = self.remarks.inside(span)
            doc = (write(), "" if is_last else ",")
            docs.append((lead, doc, self.remarks.behind(span, follower) if follower else ""))
        return docs

    def bracketed(self, items: Sequence[tree.Expr], whole: Span) -> Doc:
        """Lay out a list; as many items on a line as fit."""
        writes = [partial(self.expr, item) for item in items]
        docs = self.separated([item.span for item in items], writes, end(whole))
        rest = self.remarks.closing(end(whole), is_first=not docs) if whole.line else ()
        if not rest and all(flat(doc) is not None for doc in docs):
            return ("[", Fill(tuple(docs)), "]")
        inner: Doc = (HARD, joined(HARD, docs)) if docs else ()
        return ("[", Nest((inner, rest), 2, aligned=False), HARD, "]")

    def object(self, node: tree.ObjectLiteral) -> Doc:
        """Lay out `{ name: value, … }`."""
        writes = [partial(self._pair, name, value) for name, value in node.fields]
        docs = self.separated([value.span for _, value in node.fields], writes, end(node.span))
        limit = end(node.span)
        rest = self.remarks.closing(limit, is_first=not docs) if node.span.line else ()
        if not docs and not rest:
            return "{}"
        inner: Doc = (SOFT, joined(SOFT, docs)) if docs else ()
        return Group(("{", Nest((inner, rest), 2, aligned=False), SOFT, "}"))

    def _pair(self, name: str, value: tree.Expr) -> Doc:
        return (f"{key(name)}: ", self.expr(value))

    # ------------------------------------------------------------ patterns

    def pattern(self, node: tree.Pattern) -> Doc:
        """Lay out a pattern, each `then` on a line of its own when it is long."""
        if node.whole:
            return self._absence(node.whole)
        parts = [_Part(self._absence(node.leading))] if node.leading else []
        parts += self._steps(node.steps)
        parts += [_Part(self._absence(node.trailing))] if node.trailing else []
        return self._then(parts)

    def _then(self, parts: list[_Part]) -> Doc:
        first, *rest = parts
        line = flat(joined(" then ", [(part.lead, part.doc, part.behind) for part in parts]))
        if line is not None and len(line) <= PATTERN_LENGTH_MAX:
            return line
        docs: list[Doc] = [(first.lead, Nest(first.doc), first.behind)]
        docs += [(HARD, part.lead, "then ", Nest(part.doc), part.behind) for part in rest]
        return Nest(tuple(docs))

    def _steps(self, steps: tuple[tree.Step, ...]) -> list[_Part]:
        parts = []
        for number, step in enumerate(steps):
            lead = self.remarks.inside(step.span)
            doc = self.step(step)
            follower = steps[number + 1].span if number + 1 < len(steps) else None
            behind = self.remarks.behind(step.span, start(follower)) if follower else ""
            parts.append(_Part(doc, lead, behind))
        return parts

    def _absence(self, node: tree.Absence) -> Doc:
        return ("no ", self.step(node.step), " within ", self.expr(node.within))

    def step(self, node: tree.Step) -> Doc:
        """Lay out one step: what, how many, `as`, `on`, `where`, `without`."""
        before = "immediately " if node.immediately else ""
        gap: Doc = ("within ", self.expr(node.gap), " ") if node.gap else ""
        head = (before, gap, self._head(node.head), self._quantifier(node.quantifier))
        parts: list[Doc] = [f" as {name(node.alias)}"] if node.alias is not None else []
        parts += [self._on(node.on)] if node.on is not None else []
        if node.where is not None:
            parts.append((SOFT, "where ", self.expr(node.where)))
        for without in node.withouts:
            parts.append(self._without(without))
        return Group((head, Nest(tuple(parts), 2, aligned=False)))

    def _without(self, node: tree.Without) -> Doc:
        on = self._on(node.on) if node.on is not None else ""
        where: Doc = (" where ", self.expr(node.where)) if node.where is not None else ""
        return (SOFT, "without ", self._head(node.head), on, where)

    def _on(self, keys: tuple[tree.Expr, ...]) -> Doc:
        references = tree.Name | tree.Member | tree.Index | tree.Call
        if len(keys) == 1 and isinstance(keys[0], references):
            return (" on ", self.expr(keys[0]))
        return (" on (", joined(", ", [self.expr(each) for each in keys]), ")")

    def _head(self, node: tree.Head) -> Doc:
        match node:
            case tree.EventHead(text, args):
                if args is None:
                    if text == "any":
                        return text
                    # Behind `then` these two words would be keywords.
                    return f"`{text}`" if text in ("within", "immediately") else dotted(text)
                items = joined(", ", [self.expr(arg) for arg in args])
                return (f"{dotted(text)}(", items, ")")
            case tree.AnyOf(branches) | tree.AllOf(branches):
                word = "any" if isinstance(node, tree.AnyOf) else "all"
                parts = self._steps(branches)
                docs = [
                    (part.lead, part.doc, "," if part is not parts[-1] else "", part.behind)
                    for part in parts
                ]
                return (f"{word} of (", Group(Nest(joined(SOFT, docs))), ")")
            case tree.Group(sequence):
                return ("(", Nest(self._then(self._steps(sequence))), ")")
            case _:
                assert_never(node)

    def _quantifier(self, node: tree.Quantifier | None) -> Doc:
        if node is None:
            return ""
        low = flat(self.expr(node.minimum)) or ""
        high = flat(self.expr(node.maximum)) or "" if node.maximum else ""
        inner = low if node.maximum == node.minimum else f"{low},{high}"
        sign = {"1,": "+", "0,": "*", "0,1": "?"}.get(inner, f"{{{inner}}}")
        return sign + ("?" if node.reluctant else "")
