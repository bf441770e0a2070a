"""What there is to reach in a rule: steps, conditions, effects, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice.errors import Span
from sluice.lang import checked as done
from sluice.lang import declarations as decl
from sluice.lang import syntax as tree
from sluice.lang import typed as meant


@dataclass(frozen=True, slots=True)
class Point:
    """Something that a test can reach; `missing` says what is not so when none does."""

    span: Span
    kind: str
    missing: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A test of one event, as the engine numbers it: its place in the pattern, its conditions.

    `role` says what an event that fits does: it is `taken`, it `breaks`, or it is `absent`.
    """

    atom: done.CheckedAtom
    role: str
    conditions: tuple[meant.Typed, ...]


def tested(rule: done.CheckedRule) -> list[Tested]:
    """Return the tests of a rule, in the order in which the engine numbers them."""
    pattern, out = rule.pattern, []
    if pattern.leading is not None:
        out.append(_tested(pattern.leading.atom, "absent"))
    for item in pattern.items:
        out += _below(item)
    if pattern.trailing is not None:
        out.append(_tested(pattern.trailing.atom, "absent"))
    if pattern.whole is not None:
        out.append(_tested(pattern.whole.atom, "taken"))
    if rule.until is not None:
        out.append(_tested(rule.until, "breaks"))
    return out


def _below(item: done.CheckedItem) -> Iterator[Tested]:
    yield from (_tested(atom, "breaks") for atom in item.entry.withouts)
    if isinstance(item, done.CheckedStep):
        yield from (_tested(atom, "taken") for atom in item.atoms)
    else:
        for inner in item.items:
            yield from _below(inner)


def _tested(atom: done.CheckedAtom, role: str) -> Tested:
    return Tested(atom, role, tuple(leaves(atom.where)) if atom.where is not None else ())


def leaves(condition: meant.Typed) -> Iterator[meant.Typed]:
    """Yield the conditions that `and`, `or` and `not` join; those that are settled aside."""
    node = condition.node
    is_joined = isinstance(node, tree.Binary) and node.op in ("and", "or")
    is_turned = isinstance(node, tree.Unary) and node.op == "not"
    if condition.bound is None and (is_joined or is_turned):
        for part in condition.parts:
            yield from leaves(part)
    elif not condition.is_literal:
        yield condition


def condition_points(condition: meant.Typed) -> tuple[Point, Point]:
    """Return the two outcomes of a condition: it holds, it does not."""
    return (
        Point(condition.span, "condition", "is never true"),
        Point(condition.span, "condition", "is never false"),
    )


def effect_points(rule: decl.Rule) -> list[Point]:
    """Return the effects of a rule, in the order written."""
    found = []
    for clause in rule.clauses:
        if isinstance(clause, decl.Emit | decl.NoteClause | decl.Mitigate | decl.CallAction):
            found.append(Point(clause.span, "effect", "is never sent"))
    return found


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """What of a rule its tests reach: how many points there are, and those that none reaches."""

    rule: str
    file: str
    line: int
    end_line: int
    tests: int
    total: int
    missing: tuple[Point, ...]

    def is_within(self, point: Point) -> bool:
        """Say whether a point stands in the rule itself, and not in what several may share."""
        span = point.span
        return span.file == self.file and self.line <= span.line <= self.end_line

    @property
    def reached(self) -> int:
        """How many points some test reaches."""
        return self.total - len(self.missing)
