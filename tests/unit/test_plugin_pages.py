"""The page of the first plugin tells the truth: its module, its rules and its tests work."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import sluice.plugins
from sluice.catalog import builtins
from sluice.lang import Texts, check, load
from sluice.testing import check_entries, run_tests
from tests.house.pages import fences

REPOSITORY = Path(__file__).parents[2]
TUTORIAL = REPOSITORY / "docs" / "tutorial" / "first-plugin.md"
GUIDE = REPOSITORY / "docs" / "guides" / "plugins.md"


def blocks(page: Path, tag: str) -> list[str]:
    """The fenced blocks of a page with this tag."""
    return [fence.text for fence in fences(REPOSITORY, page) if fence.tag == tag]


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the page."""
    (text,) = blocks(TUTORIAL, "python")
    module = ModuleType("sluice_cards")
    monkeypatch.setitem(sys.modules, "sluice_cards", module)
    exec(compile(text, str(TUTORIAL), "exec"), module.__dict__)
    return module


def test_the_module_of_the_tutorial_keeps_the_promises(cards: ModuleType) -> None:
    """The kit has nothing against it, and its settings are what the page says."""
    entries = [*cards.functions({}), *cards.actions({})]
    assert check_entries(entries, "cards") == []
    own = next(
        t["plugins"] for text in blocks(TUTORIAL, "toml") if "plugins" in (t := tomllib.loads(text))
    )
    (function,) = cards.functions(own["cards"])
    assert function.call("4111 1111 1111 1111") is True
    assert function.call("4111 1111 1111 1112") is False
    assert function.call("42") is None


def test_the_rules_of_the_tutorial_pass(cards: ModuleType) -> None:
    """The rule file of the page, with the module of the page: no finding, and its tests hold."""
    (text,) = (block for block in blocks(TUTORIAL, "text") if block.startswith("pack "))
    catalog = builtins().with_entries([*cards.functions({}), *cards.actions({})])
    rules = load(["cards.sluice"], Texts({"cards.sluice": text}))
    assert check(rules, catalog).diagnostics == ()
    report = run_tests(rules, catalog)
    assert (report.passed, report.failed) == (3, 0)


def test_without_the_check_of_digits_the_kit_says_that_it_raises(cards: ModuleType) -> None:
    """What the page tells the reader to try."""
    (text,) = blocks(TUTORIAL, "python")
    careless = text.replace("not (digits.isascii() and digits.isdigit()) or ", "")
    assert careless != text
    exec(compile(careless, str(TUTORIAL), "exec"), cards.__dict__)
    (found,) = check_entries(cards.functions({"shortest": 1}), "cards")
    assert "ValueError: invalid literal for int() with base 10" in found


def test_the_guide_names_the_whole_api() -> None:
    """Every name for authors is one of the door, and entry points read as they should."""
    text = GUIDE.read_text("utf-8")
    table = text.partition("| names | for |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    assert named <= set(sluice.plugins.__all__)
    assert named >= {"Function", "Aggregate", "Action", "CodecEntry", "ConfigError"}
    (points,) = (block for block in blocks(GUIDE, "toml") if "entry-points" in block)
    written = tomllib.loads(points)["project"]["entry-points"]
    real = tomllib.loads((REPOSITORY / "plugins/sluice-geo/pyproject.toml").read_text("utf-8"))
    assert written == real["project"]["entry-points"]
