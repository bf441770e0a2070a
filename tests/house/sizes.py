"""Check that modules, functions and lines stay small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from tests.house.tree import Finding, FunctionNode, Module, Tree, functions

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
BRANCHES_MAX = 12
ARGUMENTS_MAX = 6
LINE_COLUMNS_MAX = 100

#: Names that say "I am not used"; ruff does not count them either.
_UNUSED = re.compile(r"^(_+|(_+[a-zA-Z0-9_]*[a-zA-Z0-9]+?))$")


def check_module_lines(tree: Tree) -> Iterator[Finding]:
    """A module has at most 500 lines."""
    for module in tree:
        lines = len(module.text.splitlines())
        if lines > MODULE_LINES_MAX and not module.is_generated:
            what = f"the module has {lines} lines, more than {MODULE_LINES_MAX}"
            yield module.finding(1, what, "split it by what it is about")


def check_line_columns(tree: Tree) -> Iterator[Finding]:
    """A line has at most 100 characters."""
    for module in tree:
        for number, line in enumerate(module.text.splitlines(), 1):
            if len(line) > LINE_COLUMNS_MAX and not module.is_generated:
                what = f"the line has {len(line)} characters, more than {LINE_COLUMNS_MAX}"
                yield module.finding(number, what, "break it")


def check_function_lines(tree: Tree) -> Iterator[Finding]:
    """A function has at most 60 lines, its docstring included."""
    for module, function in _functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            what = f"{function.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
            yield module.finding(function.lineno, what, "give its parts names")


def check_branches(tree: Tree) -> Iterator[Finding]:
    """A function has at most 12 branches, counted as ruff's PLR0912 counts them."""
    for module, function in _functions(tree):
        branches = count_branches(function.body)
        if branches > BRANCHES_MAX:
            what = f"{function.name} has {branches} branches, more than {BRANCHES_MAX}"
            yield module.finding(function.lineno, what, "make a table of it, or split it")


def check_arguments(tree: Tree) -> Iterator[Finding]:
    """A function has at most 6 arguments, `self` and the options of a command not counted."""
    for module, function in _functions(tree):
        arguments = count_arguments(module, function)
        if arguments > ARGUMENTS_MAX:
            what = f"{function.name} has {arguments} arguments, more than {ARGUMENTS_MAX}"
            yield module.finding(function.lineno, what, "join those that belong together")


def count_branches(body: Sequence[ast.stmt]) -> int:
    """Count the branches of a body, nested functions and classes aside."""
    return sum(map(_branches, body))


def count_arguments(module: Module, function: FunctionNode) -> int:
    """Count the named arguments of a function."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    if _is_method(module, function):
        named = named[1:]
    named += arguments.kwonlyargs
    if module.room == "cli":
        # Typer reads the options of a command from its parameters: they are a table, not a call.
        named = [a for a in named if not _is_option(a)]
    return sum(1 for a in named if not _UNUSED.match(a.arg))


def _functions(tree: Tree) -> Iterator[tuple[Module, FunctionNode]]:
    return ((m, f) for m in tree for f in functions(m) if not m.is_generated)


def _branches(node: ast.stmt) -> int:
    match node:
        case ast.If():
            return 1 + count_branches(node.body) + _else_of(node)
        case ast.For() | ast.AsyncFor() | ast.While():
            return 1 + count_branches(node.body) + _clause(node.orelse)
        case ast.With() | ast.AsyncWith():
            return count_branches(node.body)
        case ast.Match():
            return sum(1 + count_branches(case.body) for case in node.cases)
        case ast.Try() | ast.TryStar():
            handlers = sum(1 + count_branches(handler.body) for handler in node.handlers)
            rest = _clause(node.orelse) + _clause(node.finalbody)
            return count_branches(node.body) + handlers + rest
        case _:
            return 0


def _else_of(node: ast.If) -> int:
    """`elif` is one branch, `else` with an `if` inside two; the tree tells them by the column."""
    rest = node.orelse
    if len(rest) == 1 and isinstance(rest[0], ast.If) and rest[0].col_offset == node.col_offset:
        return _branches(rest[0])
    return _clause(rest)


def _clause(body: Sequence[ast.stmt]) -> int:
    return 1 + count_branches(body) if body else 0


def _is_method(module: Module, function: FunctionNode) -> bool:
    """Whether the first argument is `self` or `cls`."""
    names = {d.id for d in function.decorator_list if isinstance(d, ast.Name)}
    if "staticmethod" in names:
        return False
    classes = (n for n in ast.walk(module.syntax) if isinstance(n, ast.ClassDef))
    return any(function is member for c in classes for member in c.body)


def _is_option(argument: ast.arg) -> bool:
    hint = argument.annotation
    if isinstance(hint, ast.Subscript):
        hint = hint.value
    name = hint.attr if isinstance(hint, ast.Attribute) else getattr(hint, "id", "")
    return name == "Annotated" or name.endswith("Option")
