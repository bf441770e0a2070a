"""Check the names of modules and classes, and that what is public says what it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import FUNCTIONS, Finding, Module, Tree

#: Words that name nothing; a noun of the field stands in their place.
EMPTY_WORDS = frozenset(
    """
    manager handler processor helper util base common service context data info
    managers handlers processors helpers utils utilities bases services contexts infos
    """.split()
)

#: Full names that may hold such a word, each with the reason.
ALLOWED_NAMES: dict[str, str] = {}


def check_names(tree: Tree) -> Iterator[Finding]:
    """Modules and classes are named after nouns of the field."""
    for module, name, line in _names(tree):
        words = EMPTY_WORDS.intersection(split_words(name.rpartition(".")[2]))
        if words and name not in ALLOWED_NAMES:
            what = f"the name {name} holds the empty word '{min(words)}'"
            yield module.finding(line, what, "say what it is (docs/glossary.md)")


def check_allowed_names(tree: Tree) -> Iterator[Finding]:
    """The list of exceptions has no entry that nobody needs."""
    names = {name for _, name, _ in _names(tree)}
    for name in sorted(ALLOWED_NAMES.keys() - names):
        yield Finding("tests/house/words.py", 1, f"the exception {name} is not needed", "drop it")


def check_docstrings(tree: Tree) -> Iterator[Finding]:
    """Every module and every public function and class says what it is."""
    for module in tree:
        if module.error is None and not ast.get_docstring(module.syntax):
            do = "say in one sentence what it is for"
            yield module.finding(1, f"the module {module.name} has no docstring", do)
        for node in module.syntax.body:
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not _is_overload(node):
                do = "write one imperative sentence, then shapes, units, errors"
                yield module.finding(node.lineno, f"{node.name} has no docstring", do)


def split_words(name: str) -> list[str]:
    """The words of a name in lower case: `HTTPBase_info2` gives http, base, info."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _names(tree: Tree) -> Iterator[tuple[Module, str, int]]:
    for module in tree:
        yield module, module.name, 1
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.ClassDef):
                yield module, f"{module.name}.{node.name}", node.lineno


def _is_overload(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", ())
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in decorators)
