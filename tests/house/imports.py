"""Check who may know whom: floors, doors, lazy imports, cycles, homes of dependencies."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase

from tests.house.tree import ROOT, Finding, Import, Module, Tree, functions, is_dynamic_import

#: The floors of the house from the ground up.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "machine", "timing"),
    ("model", "protocols"),
    ("catalog", "codecs", "security"),
    ("lang",),
    ("plan",),
    ("stream", "response"),
    ("backends",),
    ("io", "plugins", "config", "why"),
    ("shells", "testing"),
    ("cli",),
)

#: The root door and `python -m sluice` stand above the top floor.
TOP = ("", "__main__")

FLOOR_OF: dict[str, int] = {
    **{room: number for number, rooms in enumerate(FLOORS) for room in rooms},
    **dict.fromkeys(TOP, len(FLOORS)),
}

#: Rooms whose functions may import: starting quickly matters there, or what to load is a choice.
LAZY_ROOMS = ("cli", "shells")

#: Rooms that import by a computed name: plugins by entry point, commands and shells by choice.
DYNAMIC_ROOMS = ("plugins", "cli", "shells")

#: One home per dependency: modules (patterns inside the root) that may import the package.
HOMES: dict[str, tuple[str, ...]] = {
    "lark": ("lang.parse",),
    "faust": ("shells.worker", "shells.transport"),
    "duckdb": ("shells", "shells.*"),
    "cryptography": ("security", "security.*"),
    "aiokafka": ("io.*",),
    "kafka": ("io.*",),
    "uvloop": ("shells.workers",),
    "aiohttp": ("io.health", "io.webhook"),
    "prometheus_client": ("io.metrics",),
    "tenacity": ("io.webhook",),
    "msgspec": (
        "codecs.*",
        "model.*",
        "backends.*",
        "*checkpoint",
        "*output",
        "io.*",
        "stream.stages.travel",
        "stream.stages.touched",
        "shells.stages.*",
    ),
    "orjson": ("codecs.*", "model.*", "backends.*", "*checkpoint", "*output", "io.*"),
    "rfc8785": ("model.identity", "plan.identity"),
    "re2": ("catalog.regex",),
    "zstandard": ("codecs.*", "io.*"),
    "pygraphviz": ("cli.drawing",),
    "pydantic": ("config", "config.*"),
    "pydantic_settings": ("config", "config.*"),
    "datasketches": ("catalog.sketches",),
    "typer": ("cli", "cli.*"),
    "watchfiles": ("cli.watching",),
    "pytest": ("testing.pytest_items", "testing.pytest_plugin"),
}


def check_floors(tree: Tree) -> Iterator[Finding]:
    """Imports only go down, and rooms on one floor do not know each other."""
    for module in tree:
        if module.room not in FLOOR_OF:
            where = "give it a floor in tests/house/imports.py and in docs/tour.md"
            yield module.finding(1, f"the room '{module.room}' stands on no floor", where)
    for found in _of_ours(tree):
        finding = _floor_finding(found)
        if finding is not None:
            yield finding


def check_doors(tree: Tree) -> Iterator[Finding]:
    """Other rooms come in by the door, and every folder with code has one."""
    doorless: dict[str, Module] = {}
    for name, module in tree.modules.items():
        parent = name.rpartition(".")[0]
        if parent and parent not in tree.modules:
            doorless.setdefault(parent, module)
    for parent, module in doorless.items():
        yield module.finding(1, f"{parent} has no __init__.py", "add the door")
    for found in _of_ours(tree):
        if found.room in ("", found.module.room):
            continue
        if found.target.count(".") > 1:
            yield _at(found, f"{found.target} is behind a door", f"import it from {_door(found)}")
        elif found.name is not None and found.name.startswith("_"):
            yield _at(found, f"{found.name} of {found.target} is private", "export it or stay away")
        elif found.name == "*":
            yield _at(found, f"all of {found.target} is imported", "name what is needed")
    for module in tree:
        yield from _reached_through(tree, module)


def check_lazy_imports(tree: Tree) -> Iterator[Finding]:
    """Imports stand at the top, except in `cli`, `shells` and the `__getattr__` of a door."""
    for module in tree:
        allowed = _getattr_nodes(module)
        for node in _late_nodes(module):
            if id(node) in allowed:
                continue
            if is_dynamic_import(module, node) and module.room not in DYNAMIC_ROOMS:
                what = "a module is imported by a computed name"
                yield module.finding(node.lineno, what, "write an import statement")
            elif isinstance(node, ast.Import | ast.ImportFrom) and module.room not in LAZY_ROOMS:
                what = "a function imports"
                yield module.finding(node.lineno, what, "move the import to the top of the file")


def check_cycles(tree: Tree) -> Iterator[Finding]:
    """No module imports itself by way of others."""
    edges: dict[str, dict[str, int]] = {name: {} for name in tree.modules}
    for found in _of_ours(tree):
        if found.target in edges and found.target != found.module.name:
            edges[found.module.name].setdefault(found.target, found.line)
    for ring in _rings(edges):
        first, second = ring[0], ring[1]
        what = f"modules import in a ring: {' -> '.join([*ring, first])}"
        do = "move what both need further down"
        yield tree.modules[first].finding(edges[first][second], what, do)


def check_homes(tree: Tree) -> Iterator[Finding]:
    """Each library from outside is imported where it is at home, nowhere else."""
    for found in tree.imports:
        package = found.target.partition(".")[0]
        if package in sys.stdlib_module_names or package == ROOT:
            continue
        homes = HOMES.get(package)
        if homes is None:
            do = "decide on one home and write it into HOMES in tests/house/imports.py"
            yield _at(found, f"the library {package} has no home", do)
        elif not any(fnmatchcase(found.module.path, home) for home in homes):
            what = f"the library {package} is imported away from home"
            yield _at(found, what, f"go through {' or '.join(homes)}")


def _floor_finding(found: Import) -> Finding | None:
    here, there = found.module.room, found.room
    if here == there or here not in FLOOR_OF:
        return None
    if there not in FLOOR_OF:
        return _at(found, f"{found.target} lies in no room of the house", "name a room")
    if there == "" and found.name is not None and found.name.startswith("__"):
        return None  # `from sluice import __version__`: a fact, not a room
    if FLOOR_OF[there] > FLOOR_OF[here]:
        what = f"{here} (floor {FLOOR_OF[here]}) imports {there or ROOT} (floor {FLOOR_OF[there]})"
        return _at(found, f"{what}: imports only go down", "turn it round or pass the value in")
    # The three modules of the ground are one floor without walls: a machine speaks of instants.
    if FLOOR_OF[there] == FLOOR_OF[here] and FLOOR_OF[here] > 0:
        what = f"{here} imports {there}: rooms on one floor do not know each other"
        return _at(found, what, "move what both need a floor down, or join them a floor up")
    return None


def _reached_through(tree: Tree, module: Module) -> Iterator[Finding]:
    """Find `plan.lower.x` where `plan` is another room's door that does not bind `lower`."""
    for node in ast.walk(module.syntax):
        if not isinstance(node, ast.Attribute):
            continue
        full = module.dotted(node)
        if full is None or full not in tree.modules or full.count(".") != 2:
            continue
        _, room, name = full.split(".")
        if room != module.room and name not in tree.bound(f"{ROOT}.{room}"):
            do = f"take what you need from {ROOT}.{room}"
            yield module.finding(node.lineno, f"{full} is reached through a door", do)


def _of_ours(tree: Tree) -> Iterator[Import]:
    return (found for found in tree.imports if found.target.partition(".")[0] == ROOT)


def _at(found: Import, what: str, do: str) -> Finding:
    return found.module.finding(found.line, what, do)


def _door(found: Import) -> str:
    return f"{ROOT}.{found.room}"


def _getattr_nodes(module: Module) -> set[int]:
    """What stands inside the module's own `__getattr__`, if the module is a door."""
    if not module.is_package:
        return set()
    doors = [f for f in functions(module) if f.name == "__getattr__" and f.col_offset == 0]
    return {id(node) for door in doors for node in ast.walk(door)}


def _late_nodes(module: Module) -> Iterator[ast.stmt | ast.Call]:
    """Import statements inside functions, and dynamic imports wherever they are."""
    seen: set[int] = set()
    for function in functions(module):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in seen:
                seen.add(id(node))
                yield node
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Call) and is_dynamic_import(module, node):
            yield node


def _rings(edges: dict[str, dict[str, int]]) -> Iterator[list[str]]:
    """Yield one ring for each back edge of a depth-first walk."""
    done: set[str] = set()
    for start in sorted(edges):
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            path.append(start)
            stack.append((start, iter(sorted(edges[start]))))
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                done.add(name)
                path.pop()
                stack.pop()
            elif target in path:
                yield path[path.index(target) :]
            elif target not in done:
                path.append(target)
                stack.append((target, iter(sorted(edges[target]))))
