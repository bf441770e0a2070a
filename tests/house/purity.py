"""Check that nothing below the edge of the world touches the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.imports import FLOOR_OF, FLOORS
from tests.house.tree import FUNCTIONS, Finding, Module, Tree

#: The first floor that may touch the world.
EDGE = next(number for number, rooms in enumerate(FLOORS) if "io" in rooms)

#: Rooms on the floor of the edge that stay as pure as those below it.
PURE_ROOMS = ("why",)

#: Modules of the standard library that are clock, files, network, logging, threads or processes.
WORLD = frozenset(
    """
    _thread asyncio atexit concurrent contextvars fcntl fileinput ftplib getpass glob http
    imaplib linecache locale logging mmap multiprocessing os platform poplib posix pty pwd queue
    readline resource sched secrets select selectors shelve shutil signal smtplib socket
    socketserver sqlite3 ssl subprocess tempfile termios threading time tkinter urllib.request
    urllib.error urllib.robotparser uuid warnings webbrowser xmlrpc
    """.split()
)

#: Names of otherwise pure modules that read or write the world.
WORLD_NAMES = frozenset(
    """
    datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    io.open io.FileIO io.open_code pathlib.Path pathlib.PosixPath pathlib.WindowsPath
    sys.argv sys.exit sys.stdin sys.stdout sys.stderr sys.__stdin__ sys.__stdout__ sys.__stderr__
    codecs.open gzip.open bz2.open lzma.open builtins.open builtins.print builtins.input
    """.split()
)

CALLS = frozenset({"open", "print", "input", "breakpoint", "exit", "quit"})

#: Modules below the edge that read what the package itself ships: data, as constant as code.
SHIPPED = {"lang.parse": ("importlib.resources",)}

DO = "let the edge do it and pass the value in"


def check_purity(tree: Tree) -> Iterator[Finding]:
    """Below `io` there is no clock, file, network, log, thread, event loop or randomness."""
    for module in tree:
        if FLOOR_OF.get(module.room, 0) >= EDGE and module.room not in PURE_ROOMS:
            continue
        yield from _world_imports(module)
        yield from _world_names(module)
        yield from _randomness(module)


def check_print(tree: Tree) -> Iterator[Finding]:
    """Only `cli` speaks to the terminal."""
    for module in tree:
        for node in ast.walk(module.syntax) if module.room != "cli" else ():
            if _is_call_of(node, "print"):
                line = node.lineno  # type: ignore[attr-defined]
                yield module.finding(line, "print() outside cli", "return the text")


def _world_imports(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.syntax):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if _is_world(module, name):
                what = f"{name} is imported below the edge (floor {EDGE})"
                yield module.finding(node.lineno, what, DO)  # type: ignore[attr-defined]


def _is_world(module: Module, name: str) -> bool:
    """Whether the dotted name, or a module that it lies in, belongs to the world."""
    parts = name.split(".")
    prefixes = {".".join(parts[: n + 1]) for n in range(len(parts))}
    if "importlib.resources" in prefixes:
        return "importlib.resources" not in SHIPPED.get(module.path, ())
    return bool(prefixes & (WORLD | WORLD_NAMES))


def _world_names(module: Module) -> Iterator[Finding]:
    local = {n.name for n in module.syntax.body if isinstance(n, FUNCTIONS)}
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Attribute) and module.dotted(node) in WORLD_NAMES:
            what = f"{module.dotted(node)} is used below the edge (floor {EDGE})"
            yield module.finding(node.lineno, what, DO)
        for call in CALLS - local:
            if _is_call_of(node, call):
                line = node.lineno  # type: ignore[attr-defined]
                yield module.finding(line, f"{call}() is called below the edge", DO)


def _randomness(module: Module) -> Iterator[Finding]:
    """`random.Random` may be the type of a parameter or field; making one is the edge's task."""
    types = {id(node) for hint in _hints(module) for node in ast.walk(hint)}
    for node in ast.walk(module.syntax):
        if not isinstance(node, ast.Attribute | ast.Name) or id(node) in types:
            continue
        full = module.dotted(node)
        if full is not None and full.startswith("random."):
            do = "take a `random.Random` as a parameter"
            yield module.finding(node.lineno, f"{full} is used below the edge", do)


def _hints(module: Module) -> Iterator[ast.expr]:
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, FUNCTIONS) and node.returns is not None:
            yield node.returns


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
