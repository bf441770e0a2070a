"""Lay out the clauses of a rule and the statements of a test."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, assert_never

import sluice.lang.declarations as decl
import sluice.lang.syntax as tree
from sluice.lang.format_syntax import SUM, Writer, dotted, name, quote
from sluice.lang.layout import SOFT, Doc, Group, Nest, flat, joined

_QUOTED_META = re.compile(r"(?:doc|reference)[ \t\r\n]+([\"'][\s\S]*)\Z")

_WORDS: dict[type, str] = {
    decl.When: "when", decl.By: "by", decl.Within: "within", decl.Window: "window",
    decl.Having: "having", decl.Unseen: "unseen", decl.ExpectKeys: "expect",
    decl.Select: "select", decl.Emit: "emit", decl.NoteClause: "note", decl.Mitigate: "mitigate",
    decl.CallAction: "call", decl.Cooldown: "cooldown", decl.Until: "until",
    decl.Except: "except", decl.SetParam: "set",
}  # fmt: skip


def _word(clause: decl.Clause) -> str:
    return clause.name if isinstance(clause, decl.Meta) else _WORDS[type(clause)]


class Clauses(Writer):
    """Lays out clauses and statements; expressions and patterns come from `Writer`."""

    __slots__ = ()

    def aligned(self, clauses: Sequence[decl.Clause]) -> list[Callable[[], Doc]]:
        """Return how to write each clause, what follows the words aligned."""
        width = max((len(_word(clause)) for clause in clauses), default=0) + 2
        return [partial(self._clause, clause, width) for clause in clauses]

    def single(self, clause: decl.Clause) -> Doc:
        """Lay out a clause that stands alone on its line."""
        return self._clause(clause, len(_word(clause)) + 1)

    def _clause(self, clause: decl.Clause, width: int) -> Doc:
        word = _word(clause)
        content = self._content(clause)
        return word if flat(content) == "" else (word.ljust(width), Nest(content))

    def _content(self, clause: decl.Clause) -> Doc:
        match clause:
            case decl.When(pattern):
                return self.pattern(pattern)
            case decl.By(keys):
                return self._named([partial(self._key, key) for key in keys], keys)
            case decl.Select(items):
                return self._named([partial(self._binding, item) for item in items], items)
            case decl.Within(duration):
                return self.expr(duration)
            case decl.Window():
                return self._window(clause)
            case decl.Having(condition, duration, each):
                tail = (self._with(" for ", duration), " each" if each else "")
                return (self.expr(condition), *tail)
            case decl.Unseen() | decl.ExpectKeys():
                return self._arrival(clause)
            case decl.Meta():
                return self._meta(clause)
            case decl.Until(step):
                return self.step(step)
            case decl.Except(condition, why):
                return ("where ", self.expr(condition), self._with(" ", why))
            case decl.SetParam(param, value):
                return (f"{dotted(param)} = ", self.expr(value))
            case _:
                return self._effect(clause)

    def _arrival(self, clause: decl.Unseen | decl.ExpectKeys) -> Doc:
        if isinstance(clause, decl.ExpectKeys):
            return (self.expr(clause.key), " in ", self.expr(clause.container, SUM))
        seen = joined(", ", [self.expr(each) for each in clause.keys])
        after = self._with(" after ", clause.after)
        return (seen, " for ", self.expr(clause.duration), after)

    def _effect(
        self, clause: decl.Emit | decl.NoteClause | decl.Mitigate | decl.CallAction | decl.Cooldown
    ) -> Doc:
        match clause:
            case decl.Emit(kind, fields):
                return (f"{dotted(kind)} ", self.object(fields))
            case decl.NoteClause(kind, title, body):
                text: Doc = (SOFT, self.expr(body)) if body else ""
                return Group((kind, Group(SOFT), Nest((self.expr(title), text))))
            case decl.Mitigate(action, args, duration, mode):
                tail = (self._with(" for ", duration), f" {mode}" if mode else "")
                return (self.call(action, args), *tail)
            case decl.CallAction(action, args):
                return self.call(action, args)
            case decl.Cooldown(duration, per):
                names = ", ".join(name(each) for each in per) if per is not None else ""
                return (self.expr(duration), f" per {names}" if names else "")
            case _:
                assert_never(clause)

    def _named(self, writes: list[Callable[[], Doc]], items: Sequence[Any]) -> Doc:
        docs = self.separated([item.span for item in items], writes)
        return Group(joined(SOFT, docs))

    def _key(self, key: decl.KeyPart) -> Doc:
        prefix = f"{name(key.name)} = " if key.name is not None else ""
        return (prefix, self.expr(key.expr), "?" if key.nullable else "")

    def _binding(self, item: decl.Binding) -> Doc:
        prefix = f"{name(item.name)} = " if item.name is not None else ""
        return (prefix, self.expr(item.expr))

    def _with(self, word: str, node: tree.Expr | None) -> Doc:
        return (word, self.expr(node)) if node is not None else ""

    def _window(self, clause: decl.Window) -> Doc:
        return (
            f"{clause.kind} ", self.expr(clause.size), self._with(" every ", clause.every),
            self._with(" offset ", clause.offset), self._with(" max ", clause.maximum),
        )  # fmt: skip

    def _meta(self, clause: decl.Meta) -> Doc:
        if clause.name in ("doc", "reference"):
            source = self.remarks.source(clause.span)
            found = _QUOTED_META.match(source) if source else None
            return found[1] if found else quote(clause.values[0])
        if clause.name == "tags":
            return Group(joined((",", SOFT), clause.values))
        return ", ".join(clause.values)

    # ------------------------------------------------------------ tests

    def statements(self, items: Sequence[decl.TestStatement]) -> list[Callable[[], Doc]]:
        """Return how to write each statement of a test, the events aligned."""
        times = [len(self.literal(i.at) or "") for i in items if isinstance(i, decl.At)]
        return [partial(self._statement, item, max(times, default=0)) for item in items]

    def _statement(self, item: decl.TestStatement, width: int) -> Doc:
        match item:
            case decl.Start(text):
                return f"start {quote(text)}"
            case decl.LatenessStatement(duration):
                return ("lateness ", self.expr(duration))
            case decl.Advance(to):
                return ("advance to ", self.expr(to))
            case decl.At():
                return self._at(item, width)
            case decl.Given(given, value, args):
                listed = joined(", ", [self.expr(arg) for arg in args or ()])
                call: Doc = ("(", listed, ")") if args is not None else ""
                return (f"given {dotted(given)}", call, " = ", self.expr(value))
            case decl.Expect():
                return self._expect(item)
            case _:
                assert_never(item)

    def _at(self, item: decl.At, width: int) -> Doc:
        time = (self.literal(item.at) or "").ljust(width)
        repeats = item.times != 1 or item.every is not None
        times: Doc = (f" x {item.times}", self._with(" every ", item.every)) if repeats else ""
        late = " late" if item.late else ""
        return (f"at {time}  {dotted(item.type)} ", self.object(item.fields), times, late)

    def _expect(self, item: decl.Expect) -> Doc:
        fields: Doc = (" ", self.object(item.fields)) if item.fields is not None else ""
        at = self._with(" at ", item.at)
        match item.kind:
            case "match":
                return ("expect match", at, fields)
            case "event":
                return (f"expect event {dotted(item.name or '')}", at, fields)
            case "mitigation":
                return (f"expect mitigation {dotted(item.name or '')}", fields)
            case "note":
                text: Doc = (SOFT, quote(item.text)) if item.text is not None else ""
                return Group((f"expect note {item.name}", Nest(text, 2, aligned=False)))
            case "count":
                return f"expect {item.number} matches"
            case "suppressed":
                return f"expect {item.number} suppressed"
            case "nothing" | "pending":
                return f"expect {item.kind}"
            case _:
                assert_never(item.kind)
