"""Check that modules keep no state and do nothing when they are imported."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Sequence

from tests.house.tree import FUNCTIONS, Finding, FunctionNode, Module, Tree

MUTABLE_CALLS = frozenset(
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
)

MUTATORS = frozenset(
    """
    add append appendleft clear difference_update discard extend extendleft insert
    intersection_update pop popitem popleft remove reverse rotate setdefault sort
    symmetric_difference_update update __setitem__ __delitem__
    """.split()
)

DO = "make it a value that is built once and passed in"


def check_registries(tree: Tree) -> Iterator[Finding]:
    """No list, dict or set of a module is changed after it was written down."""
    tables = {f"{m.name}.{name}" for m in tree for name in _tables(m)}
    for module in tree:
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.Global):
                what = f"global {', '.join(node.names)}: a module keeps state"
                yield module.finding(node.lineno, what, DO)
        for target, line in _mutations(module):
            full = _full_name(module, target)
            if full in tables:
                yield module.finding(line, f"{full} belongs to a module and is changed", DO)


def check_import_effects(tree: Tree) -> Iterator[Finding]:
    """Importing a module calls nothing for its effect."""
    for module in tree:
        for node in _top(module.syntax.body):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                what = "a call at import, for its effect"
                yield module.finding(node.lineno, what, "move it into a function")


def check_inheritance(tree: Tree) -> Iterator[Finding]:
    """Classes of ours inherit from ours at most one deep; errors aside, which are a tree."""
    classes: dict[str, tuple[Module, ast.ClassDef, list[str]]] = {}
    for module in tree:
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.ClassDef):
                bases = [_full_name(module, b) for b in node.bases]
                classes[f"{module.name}.{node.name}"] = module, node, [b for b in bases if b]
    by_short = {name.rpartition(".")[2]: name for name in classes}

    def depth(name: str, seen: frozenset[str] = frozenset()) -> int:
        if name not in classes or name in seen:
            return 0
        bases = (_ours(b, classes, by_short) for b in classes[name][2])
        return max((1 + depth(b, seen | {name}) for b in bases if b), default=0)

    for name, (module, node, _) in classes.items():
        if module.room != "errors" and depth(name) > 1:
            what = f"{name} inherits {depth(name)} deep"
            yield module.finding(node.lineno, what, "use a union and match, or hold a part")


def _ours(base: str, classes: Container[str], by_short: dict[str, str]) -> str | None:
    """The class of ours that a base means; a door hides the module, so the last word decides."""
    if base in classes:
        return base
    short = base.rpartition(".")[2]
    return by_short.get(short) if base.startswith("sluice.") else None


def _tables(module: Module) -> set[str]:
    """The names of lists, dicts and sets that are written down at the top of a module."""
    found: set[str] = set()
    for node in _top(module.syntax.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found - {"__all__"}


def _is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        func = value.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        return name in MUTABLE_CALLS
    return False


def _mutations(module: Module) -> Iterator[tuple[ast.expr, int]]:
    """What is changed, and where: `x[k] = v`, `x += v`, `del x[k]`, `x.append(v)`."""
    hidden = _hidden_names(module)
    for node in ast.walk(module.syntax):
        for target in _changed(node):
            if not (isinstance(target, ast.Name) and target.id in hidden.get(id(node), ())):
                yield target, node.lineno  # type: ignore[attr-defined]


def _changed(node: ast.AST) -> Sequence[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [t.value for t in targets if isinstance(t, ast.Subscript)]
        case ast.AugAssign(target=ast.Subscript(value=value)):
            return [value]
        case ast.AugAssign(target=target):
            return [target]
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in MUTATORS:
            return [value]
        case _:
            return ()


def _hidden_names(module: Module) -> dict[int, frozenset[str]]:
    """For each node inside a function: the names that are the function's own."""
    hidden: dict[int, frozenset[str]] = {}

    def visit(node: ast.AST, names: frozenset[str]) -> None:
        if isinstance(node, FUNCTIONS):
            names = names | _own_names(node)
        hidden[id(node)] = names
        for child in ast.iter_child_nodes(node):
            visit(child, names)

    visit(module.syntax, frozenset())
    return hidden


def _own_names(function: FunctionNode) -> frozenset[str]:
    names = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    shared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            shared |= set(node.names)
    return frozenset(names - shared)


def _full_name(module: Module, node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    full = module.dotted(node) if isinstance(node, ast.Name | ast.Attribute) else None
    if full is None and isinstance(node, ast.Name):
        return f"{module.name}.{node.id}"
    return full or ""


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run at import, those below `if` and `try` included."""
    for node in body:
        if isinstance(node, ast.If) and _is_main(node.test):
            continue
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for part in ("body", "orelse", "finalbody", "handlers"):
                yield from _top(getattr(node, part, None) or [])


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"
