"""The pages tell the truth: links, examples, commands, glossary, coverage."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.house import pages
from tests.house.pages import CHECKED_MARK, FOREIGN_FOLDERS, Fence
from tests.house.tree import expect_none

REPOSITORY = Path(__file__).parent.parent
ENGINE = REPOSITORY / "engine" / "sluice"
COMMAND_SECONDS_MAX = 120

ALL_FENCES = [f for page in pages.pages(REPOSITORY) for f in pages.fences(REPOSITORY, page)]
RULE_FENCES = [f for f in ALL_FENCES if f.tag == "sluice"]
RUN_FENCES = [f for f in ALL_FENCES if f.is_run]
CHECKED_FENCES = [f for f in ALL_FENCES if f.mark == CHECKED_MARK]


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
    for other in ALL_FENCES:
        if (other.file, other.line, other.tag) == (fence.file, fence.next_line, "text"):
            return [piece for piece in f"\n{other.text}".split("\n…\n") if piece.strip()]
    return []


def files_of(fence: Fence) -> dict[str, str]:
    """The files that the page has shown before this block; a later one of a name replaces it."""
    return {
        other.title: other.text
        for other in ALL_FENCES
        if other.file == fence.file and other.line < fence.line and other.title
    }


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


def test_every_example_is_tried() -> None:
    """A block that nothing tries says so, and why."""
    expect_none(pages.check_examples(REPOSITORY))


def test_every_recipe_has_a_rule_and_tests() -> None:
    """No question of the cookbook is answered by words alone."""
    expect_none(pages.check_recipes(REPOSITORY))


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
    from sluice.plugins import PluginOptions, Plugins
    from sluice.testing import run_tests

    name = fence.title or "page.sluice"
    ruleset = lang.load([name], lang.Texts({**files_of(fence), name: fence.text}))
    networks = REPOSITORY / "plugins" / "sluice-geo" / "tests" / "networks.csv"
    plugins = Plugins(PluginOptions(settings={"geo": {"file": str(networks)}}), pytest.fail)
    catalog = plugins.extended(builtins(), [fence.text])
    checked = lang.check(ruleset, catalog, {})
    errors = [d for d in checked.diagnostics if d.severity == "error"]
    assert not errors, f"{where(fence)}: {errors[0]}"
    report = run_tests(ruleset, catalog, None, checked=checked)
    failed = [each for each in report.results if not each.is_ok]
    assert not failed, f"{where(fence)}: {failed[0]}"


@pytest.mark.parametrize("fence", CHECKED_FENCES, ids=where)
def test_messages_in_pages_are_those_of_the_checker(fence: Fence) -> None:
    """A message stands in a page as `sluice check` writes it for the lines that it shows."""
    from sluice import lang
    from sluice.catalog import builtins
    from sluice.errors import picture

    source = dict(re.findall(r"^ *(\d+) \| (.+)$", fence.text, re.MULTILINE))
    text = "".join(f"{source.get(str(n), '')}\n" for n in range(1, max(map(int, source)) + 1))
    ruleset = lang.load(["page.sluice"], lang.Texts({"page.sluice": text}))
    found = lang.check(ruleset, builtins(), {}).diagnostics
    messages = [picture(each, text).partition(": ")[2] for each in found]
    assert fence.text.rstrip("\n") in messages, f"{where(fence)}: the checker says {messages}"


def script(name: str) -> ModuleType:
    """A module of the folder `scripts`."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh() -> None:
    """What is generated says what the engine says today; `make docs` writes it anew."""
    assert script("build_reference").stale() == [], "run `make docs` and keep what it writes"


def test_the_generated_pages_lack_nothing() -> None:
    """Each code, function, command, setting and metric has its entry."""
    from sluice.catalog import builtins, describe
    from sluice.cli.verbs import COMMANDS
    from sluice.config import settings_schema
    from sluice.io import MEASURES
    from sluice.lang import CODES

    folder = REPOSITORY / "docs" / "reference"
    sections = settings_schema()["properties"]
    wanted = {
        "diagnostics.md": [f"### {each.code} {each.name}" for each in CODES.values()],
        "functions.md": [f"### {each.name}" for each in describe(builtins())],
        "cli.md": [f"## sluice {name}" for name in COMMANDS],
        "settings.md": [f"## {section}" for section in sections],
    }
    for page, headings in wanted.items():
        lines = set((folder / page).read_text("utf-8").splitlines())
        assert [each for each in headings if each not in lines] == [], page
    metrics = (folder / "metrics.md").read_text("utf-8")
    assert [each.name for each in MEASURES if f"| `{each.name}` |" not in metrics] == []


def test_the_page_of_the_language_uses_every_word() -> None:
    """Each keyword of the grammar, function and aggregate stands in a rule of the page.

    `call` needs the action of a plugin, so the page of the first plugin has it.
    """
    from sluice.catalog import builtins, describe

    words = script("sluice_fence").keywords()
    names = [each.name for each in describe(builtins()) if each.kind != "action"]
    here = [f.text for f in RULE_FENCES if f.file == "docs/reference/language.md"]
    patterns = [rf"\b{word}\b" for word in words] + [rf"\b{name}\(" for name in names]
    lacking = [each for each in patterns if not re.search(each, "".join(here))]
    assert lacking == [r"\bcall\b"]


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


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository in a place where a command may write what it likes; each page has its own."""
    target = tmp_path / "repository"
    ignored = shutil.ignore_patterns(*FOREIGN_FOLDERS, "__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY, target, ignore=ignored)
    return target


@pytest.mark.skipif(not (ENGINE / "cli" / "__init__.py").exists(), reason="no command line yet")
@pytest.mark.parametrize("page", dict.fromkeys(each.file for each in RUN_FENCES))
def test_commands_in_pages_run(page: str, copy: Path) -> None:
    """Every block behind a run mark ends well in a copy of the repository.

    A page is one test: its blocks follow each other, as its reader does.
    """
    for fence in RUN_FENCES:
        if fence.file == page:
            ends_well(fence, copy)


def ends_well(fence: Fence, copy: Path) -> None:
    """Run a block where the blocks before it have run."""
    scripts = str(Path(sys.executable).parent)
    for name, text in files_of(fence).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, "utf-8")
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
