"""The laws of the house, one test each; docs/tour.md tells the story."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import exports, imports, patterns, purity, sizes, state, words
from tests.house.pages import FOREIGN_FOLDERS
from tests.house.tree import DATA_FOLDERS, Tree, expect_none, load_tree

REPOSITORY = Path(__file__).parent.parent
ENGINE = REPOSITORY / "engine" / "sluice"

#: Where else there is Python of ours.
AROUND = ("tests", "bench", "scripts", "examples")

#: Where else a name of a door may be in use.
READERS = ("tests", "bench", "plugins", "docs")


@pytest.fixture(scope="module")
def tree() -> Tree:
    """The engine as it is on disk."""
    return load_tree(ENGINE, shown_from=REPOSITORY)


def test_the_whole_engine_is_read(tree: Tree) -> None:
    """Every Python file of the engine is checked, but for the folders of data named as such."""
    files = {p.relative_to(ENGINE) for p in ENGINE.rglob("*.py")}
    data = {f for f in files if any(f.is_relative_to(folder) for folder in DATA_FOLDERS)}
    assert len(tree.modules) == len(files - data)
    assert tree.modules, f"there is no Python file under {ENGINE.name}"


def test_every_module_can_be_parsed(tree: Tree) -> None:
    """No file is broken, so no other law passes for want of something to look at."""
    do = "mend the syntax"
    broken = ((m, m.error) for m in tree if m.error is not None)
    expect_none(m.finding(e.lineno or 1, f"no Python: {e.msg}", do) for m, e in broken)


def test_imports_only_go_down(tree: Tree) -> None:
    """A room knows only rooms on lower floors; neighbours do not know each other."""
    expect_none(imports.check_floors(tree))


def test_rooms_are_entered_by_the_door(tree: Tree) -> None:
    """Other rooms import `sluice.plan`, never `sluice.plan.lower`."""
    expect_none(imports.check_doors(tree))


def test_imports_stand_at_the_top(tree: Tree) -> None:
    """Nothing is imported inside functions, except in `cli`, `shells` and lazy doors."""
    expect_none(imports.check_lazy_imports(tree))


def test_no_module_imports_itself_by_a_detour(tree: Tree) -> None:
    """There are no import cycles."""
    expect_none(imports.check_cycles(tree))


def test_every_dependency_has_one_home(tree: Tree) -> None:
    """A library from outside is imported in its home only."""
    expect_none(imports.check_homes(tree))


def test_nothing_below_the_edge_touches_the_world(tree: Tree) -> None:
    """Below `io` there is no clock, file, network, log, thread, event loop or randomness."""
    expect_none(purity.check_purity(tree))


def test_only_the_command_line_prints(tree: Tree) -> None:
    """`print` is called in `cli` and nowhere else."""
    expect_none(purity.check_print(tree))


def test_modules_are_small(tree: Tree) -> None:
    """No module has more than 500 lines."""
    expect_none(sizes.check_module_lines(tree))


@pytest.mark.parametrize("folder", AROUND)
def test_modules_around_the_engine_are_small(folder: str) -> None:
    """Tests, measurements and scripts keep the limits of modules, functions and lines too."""
    around = load_tree(REPOSITORY / folder, shown_from=REPOSITORY)
    assert around.modules
    laws = (sizes.check_module_lines, sizes.check_function_lines, sizes.check_line_columns)
    expect_none(finding for law in laws for finding in law(around))


def test_functions_are_small(tree: Tree) -> None:
    """No function has more than 60 lines."""
    expect_none(sizes.check_function_lines(tree))


def test_functions_branch_little(tree: Tree) -> None:
    """No function has more than 12 branches."""
    expect_none(sizes.check_branches(tree))


def test_functions_take_few_arguments(tree: Tree) -> None:
    """No function takes more than 6 arguments, `self` and command line options aside."""
    expect_none(sizes.check_arguments(tree))


def test_lines_are_short(tree: Tree) -> None:
    """No line is longer than 100 characters."""
    expect_none(sizes.check_line_columns(tree))


def test_names_say_something(tree: Tree) -> None:
    """No module or class is named manager, helper, data or the like."""
    expect_none([*words.check_names(tree), *words.check_allowed_names(tree)])


def test_what_is_public_says_what_it_is(tree: Tree) -> None:
    """Every module and every public function and class has a docstring."""
    expect_none(words.check_docstrings(tree))


def test_modules_keep_no_state(tree: Tree) -> None:
    """No module has a list, dict or set that is changed later, and nothing says `global`."""
    expect_none(state.check_registries(tree))


def test_importing_does_nothing(tree: Tree) -> None:
    """No module calls something for its effect when it is imported."""
    expect_none(state.check_import_effects(tree))


@pytest.mark.parametrize("folder", ["engine", "plugins"])
def test_patterns_match_alike_in_every_python(folder: str) -> None:
    """No regular expression has a possessive quantifier behind a group.

    Python before 3.11.5 matches it wrongly where the group can go back; atomic groups are right.
    """
    ours = load_tree(REPOSITORY / folder, shown_from=REPOSITORY)
    assert ours.modules
    expect_none(patterns.check_possessive(ours))


def test_inheritance_is_one_deep(tree: Tree) -> None:
    """No class of ours has a grandparent of ours."""
    expect_none(state.check_inheritance(tree))


def test_no_export_is_dead(tree: Tree) -> None:
    """Every name that a door exports is used in the engine, a test or a page."""
    readers = [REPOSITORY / "README.md", REPOSITORY / "pyproject.toml"]
    for folder in READERS:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            is_ours = not FOREIGN_FOLDERS & set(path.relative_to(REPOSITORY).parts)
            if is_ours and path.suffix in (".py", ".md", ".toml"):
                readers.append(path)
    expect_none(exports.check_exports(tree, readers))
