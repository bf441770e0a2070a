"""Check that no regular expression uses what some Python that we promise matches wrongly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Finding, Tree

# A possessive quantifier behind a group goes wrong where the group can go back: before 3.11.5,
# `(?:ab?c)*+` finds "a" in "a" (python/cpython#106052) and `(?:(?!c).)++` takes one character too
# many (#100061); some with alternatives and groups raised SystemError until 2024 (#101955). The
# same in an atomic group, `(?>(?:ab?c)*)`, is right in all of them. We promise 3.11, so tests on a
# newer one would not see the difference. Behind a single character or class it is right too.
_QUANTIFIER = r"(?:[*+?]|\{\d*,?\d*\})\+"
# The first two alternatives step over what only looks like the end of a group.
_PIECE = re.compile(rf"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<group>\){_QUANTIFIER})", re.DOTALL)
_FIRST = re.compile(_QUANTIFIER)


def check_possessive(tree: Tree) -> Iterator[Finding]:
    """No group of a regular expression is repeated possessively."""
    do = "write an atomic group around it: (?>(?:...)*)"
    for module in tree:
        added = {id(part) for node in ast.walk(module.syntax) for part in _added(node)}
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                for shown in _possessive(node.value, is_added=id(node) in added):
                    what = f"{shown} is matched wrongly by Python before 3.11.5"
                    yield module.finding(node.lineno, what, do)


def _added(node: ast.AST) -> list[ast.expr]:
    """The parts of an expression that continue a string: they may repeat what stands before."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [node.right]
    return node.values[1:] if isinstance(node, ast.JoinedStr) else []


def _possessive(pattern: str | bytes, *, is_added: bool) -> Iterator[str]:
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    if is_added and (first := _FIRST.match(text)):
        yield first[0]
    yield from (found["group"] for found in _PIECE.finditer(text) if found["group"])
