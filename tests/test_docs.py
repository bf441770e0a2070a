"""The pages tell the truth: links, examples, commands, glossary, coverage."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.house import pages
from tests.house.pages import FOREIGN_FOLDERS, Fence
from tests.house.tree import expect_none

REPOSITORY = Path(__file__).parent.parent
ENGINE = REPOSITORY / "engine" / "sluice"
COMMAND_SECONDS_MAX = 120

ALL_FENCES = [f for page in pages.pages(REPOSITORY) for f in pages.fences(REPOSITORY, page)]
RULE_FENCES = [f for f in ALL_FENCES if f.tag == "sluice"]
RUN_FENCES = [f for f in ALL_FENCES if f.is_run]


#: Part of a set of files: it names one that is not there.
IS_FRAGMENT = 'import "'


def diagnostics_of(text: str, file: str) -> Sequence[object]:
    """What the parser has against a rule text: the one place that knows its name and shape."""
    from sluice import lang

    diagnostics: Sequence[object] = lang.parse(text, file).diagnostics
    return diagnostics


def where(fence: Fence) -> str:
    """The name of a block in the list of tests."""
    return f"{fence.file}:{fence.line}"


def shown_output(fence: Fence) -> list[str]:
    """The pieces of the block `text` right behind a command; a line with `…` stands for more."""
    behind = fence.line + fence.text.count("\n") + 3
    for other in ALL_FENCES:
        if (other.file, other.line, other.tag) == (fence.file, behind, "text"):
            return [piece for piece in f"\n{other.text}".split("\n…\n") if piece.strip()]
    return []


def test_links_lead_somewhere() -> None:
    """Every relative link of every page leads to a file and a heading that exist."""
    expect_none(pages.check_links(REPOSITORY))


def test_glossary_is_sorted() -> None:
    """The terms are in order and each has one entry."""
    expect_none(pages.check_glossary(REPOSITORY))


def test_coverage_names_tests_that_exist() -> None:
    """Who reads the coverage table can run what it names."""
    expect_none(pages.check_coverage(REPOSITORY))


def test_run_marks_stand_before_commands() -> None:
    """A mark that runs nothing is found."""
    expect_none(pages.check_run_marks(REPOSITORY))


def test_the_readme_shows_a_rule_and_commands() -> None:
    """The two tests below have something to look at."""
    assert [f for f in RULE_FENCES if f.file == "README.md"]
    assert [f for f in RUN_FENCES if f.file == "README.md"]


@pytest.mark.skipif(not (ENGINE / "lang" / "parse.py").exists(), reason="no parser yet")
@pytest.mark.parametrize("fence", RULE_FENCES, ids=where)
def test_rules_in_pages_can_be_parsed(fence: Fence) -> None:
    """Every block marked `sluice` is a whole rule file without an error of syntax."""
    found = diagnostics_of(fence.text, fence.file)
    assert not found, f"{where(fence)}: the rule does not parse: {found}"


@pytest.mark.parametrize("fence", RULE_FENCES, ids=where)
def test_rules_in_pages_are_sound(fence: Fence) -> None:
    """Every block marked `sluice` has no error, and the tests in it pass."""
    from sluice import lang
    from sluice.catalog import builtins
    from sluice.testing import run_tests

    if IS_FRAGMENT in fence.text:
        pytest.skip("it imports a file")
    ruleset = lang.load(["page.sluice"], lang.Texts({"page.sluice": fence.text}))
    checked = lang.check(ruleset, builtins(), {})
    errors = [d for d in checked.diagnostics if d.severity == "error"]
    assert not errors, f"{where(fence)}: {errors[0]}"
    report = run_tests(ruleset, builtins(), None, checked=checked)
    failed = [each for each in report.results if not each.is_ok]
    assert not failed, f"{where(fence)}: {failed[0]}"


def test_generated_pages_are_fresh() -> None:
    """What is generated says what the engine says today; `make docs` writes it anew."""
    path = REPOSITORY / "scripts" / "build_reference.py"
    spec = importlib.util.spec_from_file_location("build_reference", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.stale() == [], "run `make docs` and keep what it writes"


def test_every_page_is_in_the_index() -> None:
    """Who begins at docs/index.md finds every page."""
    folder = REPOSITORY / "docs"
    text = (folder / "index.md").read_text("utf-8")
    missing = [
        name
        for page in sorted(folder.rglob("*.md"))
        if (name := page.relative_to(folder).as_posix()) != "index.md" and f"({name})" not in text
    ]
    assert missing == [], "link them in docs/index.md"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository in a place where a command may write what it likes."""
    target = tmp_path_factory.mktemp("pages") / "repository"
    ignored = shutil.ignore_patterns(*FOREIGN_FOLDERS, "__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY, target, ignore=ignored)
    return target


@pytest.mark.skipif(not (ENGINE / "cli" / "__init__.py").exists(), reason="no command line yet")
@pytest.mark.parametrize("fence", RUN_FENCES, ids=where)
def test_commands_in_pages_run(fence: Fence, copy: Path) -> None:
    """Every block behind a run mark ends well in a copy of the repository."""
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e", "-c", fence.text],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, (
        f"{where(fence)}: the commands end with {done.returncode}; mend them or the command line\n"
        f"{fence.text}{done.stdout[-2000:]}{done.stderr[-2000:]}"
    )
    printed = done.stdout + done.stderr
    lost = [part for part in shown_output(fence) if part.strip("\n") not in printed]
    assert not lost, f"{where(fence)}: the page shows what is not printed:\n{lost[0]}\n{printed}"
