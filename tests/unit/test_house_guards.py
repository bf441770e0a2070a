"""Each guard of the house finds a small violation, and leaves what is allowed alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.house import exports, imports, patterns, purity, sizes, state, words
from tests.house.tree import Finding, FunctionNode, Module, Tree, functions, load_tree

Check = Callable[[Tree], Iterable[Finding]]

#: A small house that keeps every law.
SOUND = {
    "__init__.py": '"""The root door."""\n\n__version__ = "1"\n',
    "timing.py": '"""Instants."""\n\nInstant = int\n',
    "errors.py": '"""Errors."""\n\n\nclass SluiceError(Exception):\n    """Any error."""\n',
    "machine.py": '"""The one shape."""\n\nfrom sluice.timing import Instant\n\nNow = Instant\n',
    "model/__init__.py": '"""Nouns."""\n\nfrom sluice.model.key import Key\n\n__all__ = ["Key"]\n',
    "model/key.py": '"""Keys."""\n\n\nclass Key:\n    """A key."""\n',
    "plan/__init__.py": (
        '"""The waist."""\n\nfrom sluice.plan.lower import lower\n\n__all__ = ["lower"]\n'
    ),
    "plan/lower.py": (
        '"""Lower rules."""\n\nfrom sluice.model import Key\n\n\n'
        'def lower(key: Key) -> Key:\n    """Lower one rule."""\n    return key\n'
    ),
    "io/__init__.py": (
        '"""The edge."""\n\nimport os\n\nfrom sluice.plan import lower\n\nx = (os, lower)\n'
    ),
    "cli/__init__.py": (
        '"""Commands."""\n\n\ndef main() -> None:\n    """Run."""\n'
        "    from sluice import __version__\n\n    print(__version__)\n"
    ),
}

ALL_CHECKS: tuple[Check, ...] = (
    imports.check_floors,
    imports.check_doors,
    imports.check_lazy_imports,
    imports.check_cycles,
    imports.check_homes,
    purity.check_purity,
    purity.check_print,
    sizes.check_module_lines,
    sizes.check_function_lines,
    sizes.check_branches,
    sizes.check_arguments,
    sizes.check_line_columns,
    words.check_names,
    words.check_docstrings,
    state.check_registries,
    state.check_import_effects,
    state.check_inheritance,
    exports.check_exports,
    patterns.check_possessive,
)


def build(folder: Path, files: dict[str, str]) -> Tree:
    """Write the sound house with some files added or replaced, and read it."""
    root = folder / "sluice"
    for name, text in (SOUND | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_tree(root)


def found(check: Check, tree: Tree) -> list[tuple[str, int]]:
    """File and line of every finding."""
    return [(f.file.removeprefix("sluice/"), f.line) for f in sorted(check(tree))]


def many_branches(count: int) -> str:
    """A function with so many branches."""
    return "def f(x):\n    match x:\n" + "".join(f"        case {n}: pass\n" for n in range(count))


#: check, file, its text, line of the finding
VIOLATIONS: list[tuple[Check, str, str, int]] = [
    (imports.check_floors, "attic.py", '"""No floor."""\n', 1),
    (imports.check_floors, "model/event.py", "x = 1\nfrom sluice.plan import lower\n", 2),
    (imports.check_floors, "model/event.py", "def f():\n    import sluice.plan\n", 2),
    (imports.check_floors, "model/event.py", "from ..plan import lower\n", 1),
    (imports.check_floors, "model/event.py", "from sluice import Event\n", 1),
    (imports.check_floors, "model/event.py", "from sluice.cellar import x\n", 1),
    (imports.check_floors, "protocols/__init__.py", "from sluice.model import Key\n", 1),
    (imports.check_floors, "timing.py", "from sluice.model import Key\n", 1),
    (imports.check_floors, "shells/__init__.py", "import sluice.cli\n", 1),
    (
        imports.check_floors,
        "model/event.py",
        'from importlib import import_module\nx = import_module("sluice.io")\n',
        2,
    ),
    (
        imports.check_floors,
        "model/event.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sluice.io import x\n",
        3,
    ),
    (imports.check_doors, "io/files.py", "from sluice.plan.lower import lower\n", 1),
    (imports.check_doors, "io/files.py", "import sluice.model.key\n", 1),
    (imports.check_doors, "io/files.py", "from sluice.model import key\n", 1),
    (imports.check_doors, "io/files.py", "from sluice import model\n\nx = model.key\n", 3),
    (imports.check_doors, "io/files.py", "from sluice.plan import _hidden\n", 1),
    (imports.check_doors, "io/files.py", "from sluice.plan import *\n", 1),
    (imports.check_doors, "stream/timers.py", '"""A folder without a door."""\n', 1),
    (imports.check_lazy_imports, "plan/x.py", "def f():\n    import json\n", 2),
    (
        imports.check_lazy_imports,
        "plan/x.py",
        "class A:\n    def f(self):\n        import json\n",
        3,
    ),
    (
        imports.check_lazy_imports,
        "plan/x.py",
        "import importlib\nx = importlib.import_module(y)\n",
        2,
    ),
    (imports.check_lazy_imports, "plan/x.py", "x = __import__(y)\n", 1),
    (imports.check_homes, "plan/x.py", "import lark\n", 1),
    (imports.check_homes, "plan/x.py", "from orjson import loads\n", 1),
    (imports.check_homes, "io/x.py", "import requests\n", 1),
    (imports.check_homes, "cli/x.py", "def f():\n    from pydantic import BaseModel\n", 2),
    *[
        (purity.check_purity, "plan/x.py", f"{text}\n", text.count("\n") + 1)
        for text in (
            "import time",
            "from time import monotonic",
            "import os.path",
            "import socket",
            "import logging",
            "import threading",
            "import asyncio",
            "import subprocess",
            "import concurrent.futures",
            "from pathlib import Path",
            "from sys import stdout",
            "import urllib.request",
            "from importlib import resources",
            "import sys\nsys.stderr.write('x')",
            "import pathlib\npathlib.Path('x')",
            "import datetime\nx = datetime.datetime.now()",
            "import datetime as dt\nx = dt.date.today",
            "from datetime import datetime\nx = datetime.now()",
            "from datetime import datetime\nx = datetime.utcnow",
            "import random\nx = random.Random(1)",
            "import random\nx = random.random()",
            "from random import choice\nx = choice([1])",
            "x = open('x')",
            "x = input()",
        )
    ],
    (purity.check_print, "io/x.py", "print(1)\n", 1),
    (purity.check_print, "testing/__init__.py", "def f():\n    print(1)\n", 2),
    (sizes.check_module_lines, "plan/x.py", "x = 1\n" * 501, 1),
    (sizes.check_function_lines, "plan/x.py", "def f():\n" + "    x = 1\n" * 60, 1),
    (sizes.check_branches, "plan/x.py", many_branches(13), 1),
    (sizes.check_arguments, "plan/x.py", "def f(a, b, c, d, *, e, f, g): pass\n", 1),
    (
        sizes.check_arguments,
        "plan/x.py",
        "class A:\n    def f(self, a, b, c, d, e, f, g): pass\n",
        2,
    ),
    (sizes.check_line_columns, "plan/x.py", f"x = 1\n# {'x' * 99}\n", 2),
    (words.check_names, "plan/helpers.py", "", 1),
    (words.check_names, "plan/key_data.py", "", 1),
    (words.check_names, "plan/x.py", "class RuleManager: pass\n", 1),
    (words.check_names, "plan/x.py", "class A:\n    class HTTPBase: pass\n", 2),
    (words.check_docstrings, "plan/x.py", "x = 1\n", 1),
    (words.check_docstrings, "plan/x.py", '"""X."""\ndef f(): pass\n', 2),
    (words.check_docstrings, "plan/x.py", '"""X."""\nclass A: pass\n', 2),
    (state.check_registries, "plan/x.py", "RULES = {}\ndef f(k):\n    RULES[k] = 1\n", 3),
    (state.check_registries, "plan/x.py", "RULES = []\ndef f(k):\n    RULES.append(k)\n", 3),
    (state.check_registries, "plan/x.py", "RULES: set[int] = set()\nRULES |= {1}\n", 2),
    (state.check_registries, "plan/x.py", "RULES = {1: 1}\ndef f():\n    del RULES[1]\n", 3),
    (state.check_registries, "plan/x.py", "COUNT = 0\ndef f():\n    global COUNT\n", 3),
    (
        state.check_registries,
        "plan/x.py",
        "import collections\nX = collections.defaultdict(list)\ndef f(k):\n    X[k].append(1)\n",
        4,
    ),
    (state.check_import_effects, "plan/x.py", "def f(): pass\nf()\n", 2),
    (state.check_import_effects, "plan/x.py", "try:\n    f()\nexcept E:\n    pass\n", 2),
    (
        state.check_inheritance,
        "plan/x.py",
        "class A: pass\nclass B(A): pass\nclass C(B): pass\n",
        3,
    ),
    *[
        (patterns.check_possessive, "plan/x.py", f"x = 1\ny = {text}\n", 2)
        for text in (
            "r'(?:ab?c)*+'",
            "rb'(?:ab?c)++d'",
            "r'(a|b)?+'",
            "r'(a){2,}+'",
            "r'[)](a)*+'",
            "f'(?:{x})*+'",
            "f'{x}++'",
            "x + '*+'",
        )
    ],
]

#: What the laws allow, though it looks like a violation.
ALLOWED: list[tuple[Check, str, str]] = [
    (imports.check_doors, "plan/x.py", "from sluice.plan.lower import lower\n"),
    (imports.check_doors, "io/x.py", "from sluice import plan\nx = plan.lower\n"),
    (imports.check_lazy_imports, "cli/x.py", "def f():\n    import json\n"),
    (imports.check_lazy_imports, "shells/x.py", "def f():\n    import duckdb\n"),
    (
        imports.check_lazy_imports,
        "plan/__init__.py",
        "import importlib\ndef __getattr__(name):\n    return importlib.import_module(name)\n",
    ),
    (imports.check_homes, "lang/parse.py", "import lark\nfrom lark.lexer import Token\n"),
    (imports.check_homes, "stream/checkpoint.py", "import msgspec\n"),
    (
        purity.check_purity,
        "plan/x.py",
        "from datetime import UTC, datetime\nx = datetime(1970, 1, 1)\n",
    ),
    (purity.check_purity, "plan/x.py", "from datetime import time\nimport zoneinfo\n"),
    (
        purity.check_purity,
        "plan/x.py",
        "import random\ndef f(r: random.Random): return r.random()\n",
    ),
    (
        purity.check_purity,
        "plan/x.py",
        "from random import Random\nclass A:\n    r: Random | None\n",
    ),
    (purity.check_purity, "plan/x.py", "import sys\nx = sys.intern('x')\n"),
    (purity.check_purity, "plan/x.py", "from pathlib import PurePosixPath\n"),
    (purity.check_purity, "plan/x.py", "def f(breaker): return breaker.open()\n"),
    (purity.check_purity, "lang/parse.py", "from importlib import resources\n"),
    (purity.check_purity, "io/x.py", "import time\nx = time.time()\nopen('x')\n"),
    (sizes.check_module_lines, "plan/x.py", "# Generated by make tables\n" + "x = 1\n" * 600),
    (sizes.check_branches, "plan/x.py", many_branches(12)),
    (sizes.check_arguments, "plan/x.py", "class A:\n    def f(self, a, b, c, d, e, f): pass\n"),
    (
        sizes.check_arguments,
        "cli/x.py",
        "def f(a: Annotated[str, 1], b: RulesOption, c, d, e, f, g, h): pass\n",
    ),
    (words.check_names, "plan/database.py", "class Metadata: pass\n"),
    (words.check_docstrings, "plan/x.py", '"""X."""\ndef _f(): pass\n'),
    (state.check_registries, "plan/x.py", "T = {1: 1}\ndef f():\n    T = {}\n    T[2] = 2\n"),
    (state.check_registries, "plan/x.py", "T = []\ndef f(T):\n    T.append(2)\n"),
    (state.check_registries, "plan/x.py", "T = {1: 1}\ndef f(t):\n    t.table[2] = T[1]\n"),
    (state.check_import_effects, "plan/x.py", 'if __name__ == "__main__":\n    f()\n'),
    (state.check_inheritance, "plan/x.py", "class A(Exception): pass\nclass B(A): pass\n"),
    *[
        (patterns.check_possessive, "plan/x.py", text)
        for text in (
            r"x = r'(?>(?:ab?c)*)a++[b)c]*+\d{2}+\)*+'",
            r"x = r'(a)+(b)?(c){2,3}(d)*?'",
            r"x = r'[])*+]+(a)'",
            "x = '*+?{'",
        )
    ],
]


def name_of(value: object) -> str | None:
    """The name of a check in the list of tests."""
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("check", ALL_CHECKS, ids=name_of)
def test_a_sound_house_has_no_findings(check: Check, tmp_path: Path) -> None:
    """No guard complains about a house that keeps the laws."""
    assert [] == found(check, build(tmp_path, {}))


@pytest.mark.parametrize(("check", "file", "text", "line"), VIOLATIONS, ids=name_of)
def test_a_violation_is_found(
    check: Check, file: str, text: str, line: int, tmp_path: Path
) -> None:
    """Each guard names the file and line of the one violation."""
    assert [(file, line)] == found(check, build(tmp_path, {file: text}))


@pytest.mark.parametrize(("check", "file", "text"), ALLOWED, ids=name_of)
def test_what_is_allowed_is_left_alone(check: Check, file: str, text: str, tmp_path: Path) -> None:
    """Each guard knows the exceptions that the laws name."""
    assert [] == found(check, build(tmp_path, {file: text}))


def test_every_check_has_a_violation() -> None:
    """No guard is without proof that it can fail."""
    proven = {check for check, *_ in VIOLATIONS}
    proven |= {imports.check_cycles, exports.check_exports}  # they have tests of their own, below
    assert set(ALL_CHECKS) == proven


def test_a_ring_of_three_is_found(tmp_path: Path) -> None:
    """Cycles are found over several modules, and reported once."""
    files = {
        "plan/a.py": "from sluice.plan.b import x\n",
        "plan/b.py": "from sluice.plan.c import x\n",
        "plan/c.py": "def f():\n    from sluice.plan.a import x\n",
    }
    findings = list(imports.check_cycles(build(tmp_path, files)))
    assert len(findings) == 1
    ring = "sluice.plan.a -> sluice.plan.b -> sluice.plan.c -> sluice.plan.a"
    assert ring in findings[0].what


def test_a_module_that_imports_its_own_door_is_found(tmp_path: Path) -> None:
    """Inside a room modules know each other directly, the door knows them all."""
    tree = build(tmp_path, {"plan/lower.py": "from sluice.plan import explain\n"})
    assert [("plan/__init__.py", 3)] == found(imports.check_cycles, tree)


def test_a_table_changed_from_another_module_is_found(tmp_path: Path) -> None:
    """State of a module is state, whoever changes it."""
    files = {
        "plan/x.py": "TABLE = {1: 1}\n",
        "plan/y.py": "from sluice.plan.x import TABLE\n\nTABLE.update({2: 2})\n",
    }
    tree = build(tmp_path, files)
    assert [("plan/y.py", 3)] == found(state.check_registries, tree)


def test_inheritance_is_followed_through_doors(tmp_path: Path) -> None:
    """A base that comes in by a door counts like one of the same file."""
    files = {
        "plan/x.py": "from sluice.model import Key\nclass A(Key): pass\nclass B(A): pass\n",
    }
    assert [("plan/x.py", 3)] == found(state.check_inheritance, build(tmp_path, files))


def test_an_unused_export_is_found(tmp_path: Path) -> None:
    """A name that only its own door and its own definition mention is dead."""
    door = 'from sluice.plan.lower import lower, spare\n\n__all__ = ["lower", "spare"]\n'
    body = SOUND["plan/lower.py"] + "\n\ndef spare(x): return spare(x)\n"
    tree = build(tmp_path, {"plan/__init__.py": door, "plan/lower.py": body})
    assert [("plan/__init__.py", 3)] == found(exports.check_exports, tree)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("test_x.py", "from sluice.plan import spare\n"),
        ("test_x.py", "from sluice import plan\n\nplan.spare(1)\n"),
        ("page.md", "Call `spare(x)`.\n"),
        ("pyproject.toml", 'x = "sluice.plan:spare"\n'),
        ("page.md", "```python\nspare(x)\n```\n"),
    ],
)
def test_a_test_or_a_page_is_a_use(file: str, text: str, tmp_path: Path) -> None:
    """Names of a door live by tests and pages, too."""
    door = 'from sluice.plan.lower import spare\n\n__all__ = ["spare"]\n'
    tree = build(tmp_path, {"plan/__init__.py": door, "plan/lower.py": "def spare(x): return x\n"})
    reader = tmp_path / file
    reader.write_text(text, encoding="utf-8")
    findings = [f for f in exports.check_exports(tree, [reader]) if "spare" in f.what]
    assert [] == findings


def test_a_mention_in_prose_is_no_use(tmp_path: Path) -> None:
    """A page uses a name only as code; the word alone may mean anything."""
    door = 'from sluice.plan.lower import spare\n\n__all__ = ["spare"]\n'
    tree = build(tmp_path, {"plan/__init__.py": door, "plan/lower.py": "def spare(x): return x\n"})
    page = tmp_path / "page.md"
    page.write_text("There is a spare one.\n", encoding="utf-8")
    assert [f for f in exports.check_exports(tree, [page]) if "spare" in f.what]


def test_a_file_that_is_no_python_is_kept(tmp_path: Path) -> None:
    """A broken file is part of the tree, with its error."""
    tree = build(tmp_path, {"plan/x.py": "def f(:\n"})
    assert tree.modules["sluice.plan.x"].error is not None


def test_data_folders_are_no_modules(tmp_path: Path) -> None:
    """Templates for users are not held to the laws."""
    tree = build(tmp_path, {"cli/templates/x.py": "import time\n", "packs/a/b.py": "x\n"})
    assert not [name for name in tree.modules if "templates" in name or "packs" in name]


BRANCHES = """
def a(x):
    with x:
        if x: pass
def b(x):
    match x:
        case 1: pass
        case 2:
            if x: pass
        case _: pass
def c(x):
    try:
        if x: pass
    except ValueError: pass
    except KeyError:
        for y in x: pass
    else: pass
    finally:
        if x: pass
async def d(x):
    async for y in x:
        if x: pass
        elif y: pass
        else: pass
    else:
        while x: pass
        else: pass
def e(x):
    def inner():
        if x: pass
    class K:
        if x: pass
        def f(self):
            if x: pass
    return 1 if x and x or x else 2
def f(x):
    if x: pass
    else:
        if x: pass
        else: pass
def g(x):
    try: pass
    except* ValueError: pass
"""

ARGUMENTS = """
def a(a, b, /, c, *args, d=1, _e=2, _, **rest): pass
class M:
    def m(self, a, b): pass
    @classmethod
    def n(cls, a): pass
    @staticmethod
    def o(a, b): pass
"""


@pytest.mark.parametrize(("rule", "limit", "text"), [
    ("PLR0912", "max-branches", BRANCHES),
    ("PLR0913", "max-args", ARGUMENTS),
])  # fmt: skip
def test_sizes_are_counted_as_ruff_counts(rule: str, limit: str, text: str, tmp_path: Path) -> None:
    """Both guards give the same number for the same function."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    assert ruff is not None, "ruff belongs to the test extras"
    (tmp_path / "x.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", "--select", rule, "--output-format=concise",
         "--target-version=py311", "--config", f"lint.pylint.{limit}=0", "x.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    theirs = {
        int(line): int(count)
        for line, count in re.findall(
            rf"^x\.py:(\d+):\d+: {rule} .*\((\d+) > 0\)", done.stdout, re.M
        )
    }
    module = load_tree(tmp_path).modules["sluice.x"]
    ours = {f.lineno: _count(rule, module, f) for f in functions(module)}
    assert {line: count for line, count in ours.items() if count} == theirs
    assert theirs


def _count(rule: str, module: Module, function: FunctionNode) -> int:
    if rule == "PLR0912":
        return sizes.count_branches(function.body)
    return sizes.count_arguments(module, function)
