"""Check that nothing behind a door is dead: every exported name is used somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.house.tree import FUNCTIONS, ROOT, Finding, Module, Tree, absolute, exported

_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`[^`\n]+`")
_ENTRY_POINT = re.compile(r"\"(sluice(?:\.\w+)*):(\w+)\"")
_WORD = re.compile(r"[A-Za-z_]\w*")


def check_exports(tree: Tree, readers: Iterable[Path] = ()) -> Iterator[Finding]:
    """Every name in the `__all__` of a door is used in the engine, a test or a page.

    `readers` are further files that may use a name: Python files, Markdown pages, and the
    project's entry points (`sluice.cli:main`).
    """
    used = _used_by_readers(readers) | {use for module in tree for use in _uses(module)}
    for module in tree:
        if not module.is_package or module.name.count(".") > 1:
            continue
        for name, line in exported(module).items():
            if (module.room, name) not in used and ("*", name) not in used:
                what = f"{name} is exported and nobody uses it"
                yield module.finding(line, what, "use it, test it, or delete it")


def _uses(module: Module) -> Iterator[tuple[str, str]]:
    """Pairs of room and name that a module uses; a door does not use what it offers."""
    is_door = module.is_package and module.name.count(".") <= 1
    own = {} if is_door else _definitions(module)
    for node, inside in _walk(module.syntax, None):
        if isinstance(node, ast.ImportFrom) and not (is_door and _is_inner(module, node)):
            for alias in node.names:
                yield from _pairs(f"{absolute(module, node)}.{alias.name}")
        elif isinstance(node, ast.Attribute):
            yield from _pairs(module.dotted(node) or "")
        elif isinstance(node, ast.Name) and node.id in own and inside != node.id:
            if isinstance(node.ctx, ast.Load):
                yield module.room, node.id


def _pairs(full: str) -> Iterator[tuple[str, str]]:
    """The room and the name that a dotted name means: `sluice.plan.Filter`."""
    parts = full.split(".")
    if parts[0] != ROOT or len(parts) == 1:
        return
    yield (parts[1] if len(parts) > 2 else ""), parts[-1]


def _is_inner(module: Module, node: ast.ImportFrom) -> bool:
    source = absolute(module, node)
    return source == module.name or source.startswith(f"{module.name}.")


def _definitions(module: Module) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in module.syntax.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found[node.name] = node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id: node.lineno for t in targets if isinstance(t, ast.Name)}
    return found


def _walk(node: ast.AST, inside: str | None) -> Iterator[tuple[ast.AST, str | None]]:
    """Every node with the definition at the top of the module that it lies in."""
    yield node, inside
    for child in ast.iter_child_nodes(node):
        name = inside
        if inside is None and isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            name = child.name
        yield from _walk(child, name)


def _used_by_readers(readers: Iterable[Path]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in readers:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            syntax = ast.parse(text, str(path))
            found |= set(_uses(Module(path.stem, str(path), text, False, syntax)))
        elif path.suffix == ".toml":
            points = (f"{module}.{name}" for module, name in _ENTRY_POINT.findall(text))
            found |= {pair for point in points for pair in _pairs(point)}
        else:
            code = " ".join([*(m[0] for m in _FENCE.finditer(text)), *_SPAN.findall(text)])
            found |= {("*", word) for word in _WORD.findall(code)}
    return found
