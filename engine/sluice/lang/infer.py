"""Give every name its meaning and every expression its type.

`Inferrer` dispatches over the syntax; conditions live in `infer_tests`, calls in `infer_calls`,
names and paths in `infer_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

import sluice.lang.syntax as tree
from sluice.catalog import Catalog
from sluice.lang import infer_calls, infer_names, infer_tests
from sluice.lang.declarations import Lost, Param
from sluice.lang.scope import Declared, Findings, Scope
from sluice.lang.syntax import Expr
from sluice.lang.typed import AliasRef, Constant, ListRef, Share, TruthOf, Typed
from sluice.lang.types import address_text, arithmetic, describe, network_text
from sluice.model import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    INT_MAX,
    INT_MIN,
    IP,
    NETWORK,
    NULL,
    REGEX,
    STRING,
    Type,
)  # fmt: skip

CONDITIONS = (tree.Compare, tree.In, tree.StringTest, tree.Presence, tree.Quantified)


@dataclass(slots=True)
class Inferrer:
    """Inference over one rule set.

    `names` are the file-level names by file; `values` replace params and lists by full name.
    `used` are names by file, `aliases_used` aliases by rule.
    """

    catalog: Catalog
    findings: Findings
    names: Mapping[str, Mapping[str, Declared]]
    values: Mapping[str, Expr] = field(default_factory=dict)
    lists: Mapping[str, ListRef] = field(default_factory=dict)
    tables: Mapping[str, Type] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)
    aliases_used: set[tuple[str | None, str]] = field(default_factory=set)
    evaluating: list[str] = field(default_factory=list)

    def declared(self, scope: Scope, name: str) -> Declared | None:
        """Return what the file of the scope calls so, and remember that it is used."""
        found = self.names.get(scope.file, {}).get(name)
        if found is not None:
            self.used.add((found.file, name))
            if isinstance(found.decl, Lost):
                self.findings.add_known()
        return found

    def infer(self, expr: Expr, scope: Scope) -> Typed:
        """Return the expression with names resolved and types known; it is a value."""
        typed = self.reference(expr, scope)
        if isinstance(typed.bound, AliasRef) and not typed.bound.path:
            name = typed.bound.alias
            self.findings.add(
                "SL0309", expr.span, f"`{name}` is an event, not a value",
                f"name a field: `{name}.user`, `{name}.@time`",
            )  # fmt: skip
            return wrong(expr)
        if isinstance(expr, tree.ListLiteral) and not all(p.is_literal for p in typed.parts):
            self.findings.add("SL0313", expr.span, "a list of constants is needed here")
            return wrong(expr)
        return typed

    def reference(self, expr: Expr, scope: Scope) -> Typed:
        """Like `infer`, but an alias may stand for its event."""
        match expr:
            case tree.Name() | tree.Member() | tree.Index():
                return infer_names.path(self, expr, scope)
            case tree.Call():
                return infer_calls.call(self, expr, scope)
            case tree.Unary(op="-", operand=operand):
                return self._negative(expr, self.infer(operand, scope))
            case tree.Binary(op="and" | "or") | tree.Unary():
                return self.condition(expr, scope)
            case tree.Binary(op=op, left=left, right=right):
                return self._arithmetic(expr, op, self.infer(left, scope), self.infer(right, scope))
            case (
                tree.Compare() | tree.In() | tree.StringTest() | tree.Presence()
                | tree.Quantified()
            ):  # fmt: skip
                return infer_tests.test(self, expr, scope)
            case tree.ListLiteral():
                parts = tuple(self.infer(item, scope) for item in expr.items)
                return Typed(expr, Type("list"), parts)
            case tree.ObjectLiteral():
                self.findings.add("SL0313", expr.span, "an object cannot stand in an expression")
                return wrong(expr)
            case _:
                return self._literal(expr)

    def condition(self, expr: Expr, scope: Scope) -> Typed:
        """Return the expression as a condition: true, false or unknown."""
        match expr:
            case tree.Binary(op="and" | "or", left=left, right=right):
                parts = (self.condition(left, scope), self.condition(right, scope))
                return Typed(expr, BOOL, parts)
            case tree.Unary(op="not", operand=operand):
                return Typed(expr, BOOL, (self.condition(operand, scope),))
            case _:
                return self._truth(self.infer(expr, scope))

    def _truth(self, typed: Typed) -> Typed:
        if typed.bound is None and isinstance(typed.node, (*CONDITIONS, tree.Binary)):
            if typed.type == BOOL:
                return typed
        if typed.bound is None and isinstance(typed.node, tree.Unary) and typed.type == BOOL:
            return typed
        if isinstance(typed.bound, TruthOf):
            return typed
        if typed.type.kind not in ("bool", "any"):
            self.findings.add(
                "SL0304", typed.span,
                f"a condition is true or false; this is {describe(typed.type)}",
                "compare it with something, or say `exists …`",
            )  # fmt: skip
        return Typed(typed.node, BOOL, (typed,), TruthOf())

    def _negative(self, expr: tree.Unary, operand: Typed) -> Typed:
        kind = operand.type
        if not (kind.is_number or kind.kind in ("any", "duration")) or isinstance(
            operand.bound, Share
        ):
            self.findings.add("SL0302", expr.span, f"`-` does not apply to {describe(kind)}")
            return wrong(expr)
        if operand.is_literal and operand.value is not None:
            return Typed(expr, kind, (), Constant(-operand.value))
        return Typed(expr, kind, (operand,))

    def _arithmetic(self, expr: tree.Binary, op: str, left: Typed, right: Typed) -> Typed:
        if self._refuse_share(left) or self._refuse_share(right):
            return wrong(expr)
        result = arithmetic(op, left.type, right.type)
        if result is None:
            a, b = describe(left.type), describe(right.type)
            hint = None
            if {left.type.kind, right.type.kind} & {"time", "duration"}:
                hint = "an int is no duration: `latency_ms * 1ms`; fields that are times or "
                hint += "durations need a schema: `event TYPE { at: time }`"
            elif op == "+" and (left.type.is_text or right.type.is_text):
                hint = "join texts with `concat(a, b)`"
            self.findings.add("SL0302", expr.span, f"`{op}` does not take {a} and {b}", hint)
            return wrong(expr)
        return Typed(expr, result, (left, right))

    def _refuse_share(self, typed: Typed) -> bool:
        if isinstance(typed.bound, Share):
            self.findings.add(
                "SL0307", typed.span, "a percentage can only be compared with something",
                "write the number: `0.8` or `80`",
            )  # fmt: skip
            return True
        return False

    def _literal(self, expr: Expr) -> Typed:
        match expr:
            case tree.Number(value=value):
                if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
                    self.findings.add("SL0305", expr.span, "an int has 64 bits")
                kind = INT if isinstance(value, int) else FLOAT
                return Typed(expr, kind, (), Constant(value))
            case tree.Percent(value=value):
                return Typed(expr, Type("percent"), (), Share(value))
            case tree.DurationLiteral(ms=ms):
                return Typed(expr, DURATION, (), Constant(ms))
            case tree.String(value=text):
                return Typed(expr, STRING, (), Constant(text))
            case tree.Bool(value=truth):
                return Typed(expr, BOOL, (), Constant(truth))
            case tree.Null():
                return Typed(expr, NULL, (), Constant(None))
            case tree.Address(text=text):
                return Typed(expr, IP, (), Constant(address_text(text) or text))
            case tree.Network(text=text):
                return Typed(expr, NETWORK, (), Constant(network_text(text) or text))
            case tree.Regex(pattern=pattern, flags=flags):
                return Typed(expr, REGEX, (), Constant((pattern, flags)))
            case (
                tree.Name() | tree.Member() | tree.Index() | tree.Call() | tree.Unary()
                | tree.Binary() | tree.Compare() | tree.In() | tree.StringTest()
                | tree.Presence() | tree.Quantified() | tree.ListLiteral()
                | tree.ObjectLiteral()
            ):  # fmt: skip
                raise AssertionError(f"not a literal: {expr}")
            case _:
                assert_never(expr)

    def constant(self, declared: Declared) -> Typed:
        """Return the value of a param as it is now."""
        expr = self.values.get(declared.full_name)
        if expr is None:
            assert isinstance(declared.decl, Param)
            expr = declared.decl.value
        name = declared.full_name
        if name in self.evaluating:
            loop = " -> ".join([*self.evaluating[self.evaluating.index(name) :], name])
            self.findings.add("SL0212", expr.span, f"`{declared.decl.name}` uses itself: {loop}")
            return wrong(expr)
        self.evaluating.append(name)
        value = self.infer(expr, Scope(declared.file))
        self.evaluating.pop()
        return value

    def duration(self, expr: Expr, scope: Scope, *, zero: bool = False) -> int:
        """Return the milliseconds that a clause asks for; 1 after a finding."""
        if isinstance(expr, tree.DurationLiteral) and (expr.ms or zero):
            return expr.ms
        typed = self.infer(expr, replace(scope, place="constant", event=None, subject=None))
        if typed.type.kind != "duration" or not isinstance(typed.value, int):
            if typed.type != ANY:
                self.findings.add(
                    "SL0408", expr.span, f"a duration is needed, this is {describe(typed.type)}",
                    "write `10m`, or the name of a param that is a duration",
                )  # fmt: skip
            return 1
        if typed.value < 0 or (typed.value == 0 and not zero):
            self.findings.add("SL0408", expr.span, "a duration above zero is needed")
            return 1
        return typed.value

    def count(self, expr: Expr, scope: Scope) -> int | None:
        """Return the whole number that a quantifier or window asks for, None after a finding."""
        typed = self.infer(expr, replace(scope, place="constant", event=None, subject=None))
        if typed.type.kind != "int" or not isinstance(typed.value, int) or typed.value < 0:
            if typed.type != ANY:
                self.findings.add("SL0407", expr.span, "a whole number is needed here")
            return None
        return typed.value


def wrong(expr: Expr) -> Typed:
    """Return what stands for an expression that has a finding: nothing more is said about it."""
    return Typed(expr, ANY, (), Constant(None))
