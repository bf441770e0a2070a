"""Write a rule file in the one style: `parse(format(x)) == x`, `format(format(x)) == format(x)`.

Two spaces, the clauses of a rule aligned, lines up to 100 characters where they can break,
comments where they were, literals as they were written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, assert_never

import sluice.lang.declarations as decl
import sluice.lang.syntax as tree
from sluice.lang.format_clauses import Clauses
from sluice.lang.format_syntax import dotted, name, quote
from sluice.lang.layout import HARD, SOFT, Doc, Group, Nest, flat, joined, render
from sluice.lang.remarks import Point, Remarks, start

LINE_LENGTH_MAX = 100

#: Declarations whose `=` are aligned when they follow each other without an empty line.
_Assignment = decl.Param | decl.Let | decl.Def


def format(source: decl.Parsed | decl.File, text: str | None = None) -> str:
    """Return the file in the one style; a file with syntax errors as it is.

    `text` is the source of a `File`; without it literals take their shortest form, and a file
    that was made by hand needs none.
    """
    if isinstance(source, decl.Parsed):
        if source.diagnostics:
            return source.text
        return format(source.file, source.text)
    writer = _Files(Remarks(text, source.comments))
    page = render(writer.file(source), LINE_LENGTH_MAX)
    return page.strip("\n") + "\n" if page.strip() else ""


class _Files:
    """Lays out declarations."""

    def __init__(self, remarks: Remarks) -> None:
        self.remarks = remarks
        self.clauses = Clauses(remarks)
        self.expr, self.step = self.clauses.expr, self.clauses.step

    def file(self, file: decl.File) -> Doc:
        """Lay out all declarations, one after the other."""
        items = file.declarations
        widths = self._widths(items)
        docs: list[Doc] = []
        for number, item in enumerate(items):
            lead = self.remarks.before(item.span, is_first=not number)
            if number and item.span.line == 0:
                lead = HARD
            limit = start(items[number + 1].span) if number + 1 < len(items) else None
            doc = self._declaration(item, widths[number])
            behind = self.remarks.behind(item.span, limit) if item.span.line else ""
            docs.append((HARD if number else "", lead, doc, behind))
        return (tuple(docs), self.remarks.closing(None))

    def _widths(self, items: Sequence[decl.Declaration]) -> list[int]:
        """Return for each declaration how wide the part before its `=` is to be."""
        widths = [0] * len(items)
        run: list[int] = []
        for number, item in enumerate([*items, None]):
            last = items[number - 1] if number else None
            joins = isinstance(item, _Assignment) and type(item) is type(last) and item.span.line
            if not (joins and last and item and item.span.line == last.span.end_line + 1):
                width = max((len(_head(items[i])) for i in run), default=0)
                for each in run:
                    widths[each] = width
                run = []
            if isinstance(item, _Assignment):
                run.append(number)
        return widths

    def _declaration(self, item: decl.Declaration, width: int) -> Doc:
        match item:
            case decl.Param() | decl.Let() | decl.Def():
                return (_head(item).ljust(width), " = ", Nest(self._assigned(item)))
            case decl.Import(path):
                return f"import {quote(path)}"
            case decl.Pack():
                return self._pack(item)
            case decl.ListDecl():
                return self._list(item)
            case decl.TableDecl():
                return self._table(item)
            case decl.EventDecl(event, fields):
                fielded = [partial(self._field, each) for each in fields]
                return (f"event {dotted(event)} ", self._block(fields, fielded, item))
            case decl.Extract():
                return self._extract(item)
            case decl.Rule():
                return self._rule(item)
            case decl.Tune(target, clauses):
                writes = self.clauses.aligned(clauses)
                return (f"tune {dotted(target)} ", self._block(clauses, writes, item))
            case decl.Test(rule, claim, statements):
                title = f" {quote(claim)}" if claim is not None else ""
                writes = self.clauses.statements(statements)
                return (f"test {dotted(rule)}{title} ", self._block(statements, writes, item))
            case _:
                assert_never(item)

    def _assigned(self, item: decl.Param | decl.Let | decl.Def) -> Doc:
        if isinstance(item, decl.Let):
            return self.step(item.step)
        return self.expr(item.value if isinstance(item, decl.Param) else item.expr)

    def _table(self, item: decl.TableDecl) -> Doc:
        writes = [partial(self._field, each) for each in item.fields]
        return (f"table {name(item.name)} ", self._block(item.fields, writes, item),
                f" from {quote(item.path)}")  # fmt: skip

    def _block(self, items: Sequence[Any], writes: Sequence[Callable[[], Doc]], whole: Any) -> Doc:
        """Lay out a block in braces, an item on a line."""
        close: Point = (whole.span.end_line, whole.span.end_column - 1)
        first = start(items[0].span) if items else close
        opening = self.remarks.opening(first) if whole.span.line else ()
        docs: list[Doc] = []
        for number, (item, write) in enumerate(zip(items, writes, strict=True)):
            limit = start(items[number + 1].span) if number + 1 < len(items) else close
            lead = self.remarks.before(item.span, is_first=not number)
            doc = write()
            docs.append((HARD, lead, doc, self.remarks.behind(item.span, limit)))
        rest = self.remarks.closing(close, is_first=not docs) if whole.span.line else ()
        if not docs and not rest:
            return ("{", opening, "}")
        return ("{", opening, Nest((tuple(docs), rest), 2, aligned=False), HARD, "}")

    def _pack(self, item: decl.Pack) -> Doc:
        if not item.clauses:
            return f"pack {name(item.name)}"
        writes = self.clauses.aligned(item.clauses)
        block = self._block(item.clauses, writes, item)
        if len(item.clauses) == 1:
            # A single short clause stays on the line, unless a comment is in the way.
            line = flat(self.clauses.single(item.clauses[0]))
            if line is not None and len(line) <= 70 and _is_plain(block):
                return f"pack {name(item.name)} {{ {line} }}"
        return (f"pack {name(item.name)} ", block)

    def _rule(self, item: decl.Rule) -> Doc:
        title = f" {quote(item.title)}" if item.title is not None else ""
        writes = self.clauses.aligned(item.clauses)
        return (f"rule {name(item.name)}{title} ", self._block(item.clauses, writes, item))

    def _list(self, item: decl.ListDecl) -> Doc:
        head = f"list {name(item.name)}{': ' + item.type if item.type else ''}"
        if item.items is None:
            return f"{head} from {quote(item.path or '')}"
        return (f"{head} = ", self.clauses.bracketed(item.items, item.span))

    def _extract(self, item: decl.Extract) -> Doc:
        head = f"extract {dotted(item.type)} from {dotted(item.source)} "
        where: Doc = ("where ", self.expr(item.where), " ") if item.where is not None else ""
        writes = [partial(self._extract_line, each) for each in item.lines]
        return (head, where, self._block(item.lines, writes, item))

    def _extract_line(self, line: decl.ExtractLine) -> Doc:
        fields: Doc = (" ", self.clauses.object(line.fields)) if line.fields else ""
        return (self.expr(line.path), " matches ", self.expr(line.regex), fields)

    def _field(self, item: decl.FieldDecl) -> Doc:
        return (f"{name(item.name)}: ", self._type(item.type))

    def _type(self, item: decl.TypeExpr) -> Doc:
        end_sign = "?" if item.optional else ""
        if item.name == "enum":
            values = joined((",", SOFT), [quote(each) for each in item.values])
            return ("enum(", Group(Nest(values)), ")", end_sign)
        if item.item is not None:
            return ("list<", self._type(item.item), ">", end_sign)
        if item.name == "object":
            writes = [partial(self._field, each) for each in item.fields]
            plain = item.span.line == 0 and not item.fields
            return ("{}" if plain else self._block(item.fields, writes, item), end_sign)
        return f"{item.name}{end_sign}"


def _is_plain(block: Doc) -> bool:
    """Tell whether a block holds no comment."""
    return "#" not in render(block, LINE_LENGTH_MAX)


def _head(item: decl.Declaration) -> str:
    match item:
        case decl.Param(text):
            return f"param {name(text)}"
        case decl.Let(text, params) | decl.Def(text, params):
            word = "let" if isinstance(item, decl.Let) else "def"
            listed = f"({', '.join(name(each) for each in params)})" if params is not None else ""
            return f"{word} {name(text)}{listed}"
    return ""


def short(node: tree.Expr | tree.Step | decl.Clause) -> str:
    """Return a part of a rule on one line, literals in their shortest form."""
    writer = Clauses(Remarks(None, ()))
    if isinstance(node, decl.Clause):
        doc = writer.single(node)
    elif isinstance(node, tree.Step):
        doc = writer.step(node)
    else:
        doc = writer.expr(node)
    return " ".join((flat(doc) or render(doc, LINE_LENGTH_MAX)).split())
