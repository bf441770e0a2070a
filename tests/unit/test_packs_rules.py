"""What every rule of the packs has: words for people, and two sides in its tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from sluice import lang
from sluice.lang import declarations as decl

REPOSITORY = Path(__file__).parent.parent.parent

#: The packs with the least number of rules that each promises.
PROMISED = {
    "sre": 8, "coordination": 6, "fraud": 5, "cloudtrail": 10, "windows": 10, "web": 8,
}  # fmt: skip

#: What each rule says of itself.
METADATA = {"severity", "tags", "status", "doc", "reference"}


@cache
def declarations(pack: str) -> tuple[object, ...]:
    """All declarations of all files of a pack."""
    found: list[object] = []
    for path in sorted((REPOSITORY / "rules" / pack).glob("*.sluice")):
        parsed = lang.parse(path.read_text("utf-8"), path.name)
        assert parsed.diagnostics == ()
        found += parsed.file.declarations
    return tuple(found)


def rules_of(pack: str) -> dict[str, decl.Rule]:
    """The rules of a pack by name."""
    return {each.name: each for each in declarations(pack) if isinstance(each, decl.Rule)}


def metadata(rule: decl.Rule) -> dict[str, tuple[str, ...]]:
    """What a rule says of itself, by the name of the clause."""
    return {each.name: each.values for each in rule.clauses if isinstance(each, decl.Meta)}


ALL_RULES = [(pack, name) for pack in PROMISED for name in rules_of(pack)]


@pytest.mark.parametrize("pack", PROMISED)
def test_a_pack_has_as_many_rules_as_it_promises(pack: str) -> None:
    """Nobody takes a rule away without noticing."""
    assert len(rules_of(pack)) >= PROMISED[pack]


@pytest.mark.parametrize(("pack", "name"), ALL_RULES)
def test_a_rule_explains_itself(pack: str, name: str) -> None:
    """It has a title and all metadata, says what may be wrong with it, and where to read more."""
    rule = rules_of(pack)[name]
    said = metadata(rule)
    assert rule.title
    assert METADATA - set(said) == set()
    assert "False positives: " in said["doc"][0]
    assert all(address.startswith("https://") for address in said["reference"])


@pytest.mark.parametrize(("pack", "name"), ALL_RULES)
def test_a_rule_is_tested_on_both_sides(pack: str, name: str) -> None:
    """One of its tests expects a match, and another one expects nothing."""
    tests = [
        each for each in declarations(pack) if isinstance(each, decl.Test) and each.rule == name
    ]
    kinds = [{s.kind for s in test.statements if isinstance(s, decl.Expect)} for test in tests]
    assert [k for k in kinds if "match" in k], "no test expects a match"
    assert [k for k in kinds if k == {"nothing"}], "no test expects nothing"


@pytest.mark.parametrize(("pack", "name"), ALL_RULES)
def test_the_guide_names_the_rule(pack: str, name: str) -> None:
    """Who looks for what a pack finds reads one page, and no rule is missing there."""
    guide = (REPOSITORY / "docs" / "guides" / "packs.md").read_text("utf-8")
    assert f"\n| `{pack}.{name}` | " in guide
