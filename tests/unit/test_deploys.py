"""What a rule set changes against the one in force, and which one that is."""

from __future__ import annotations

import pytest

from sluice.backends import StageRules, TopicNames
from sluice.catalog import builtins
from sluice.errors import RuleError
from sluice.shells import Deployments, RuleBundle
from sluice.shells.deploys import RuleChanges, changes_between
from sluice.shells.stages import RuleCompiler, RuleSets, encode_bundle

COMPILER = RuleCompiler(builtins(), None, TopicNames())

TEXT = """
pack p
list bad from "bad.txt"
rule plain { severity low when a.b by user }
rule pair { when a.b{2} where user in bad by user within 1m }
rule wide { when c.d by user window tumbling 1m having count() > 2 }
"""


def bundle(text: str, bad: str = "eve\n") -> RuleBundle:
    """A rule set of one file and a list."""
    return RuleBundle(["p.sluice"], {"p.sluice": text, "bad.txt": bad})


def rules(text: str, bad: str = "eve\n") -> StageRules:
    """The same, compiled."""
    return COMPILER.rules(bundle(text, bad), 1)


@pytest.mark.parametrize(
    ("text", "bad", "expected"),
    [
        (TEXT, "eve\n", RuleChanges(kept=("p.pair", "p.plain", "p.wide"))),
        (f"{TEXT}rule more {{ when e.f }}", "eve\n", RuleChanges(
            added=("p.more",), kept=("p.pair", "p.plain", "p.wide"))),
        (TEXT.replace("{2}", "{3}"), "eve\n", RuleChanges(
            changed=("p.pair",), kept=("p.plain", "p.wide"))),
        (TEXT.replace("severity low", "severity high"), "eve\n", RuleChanges(
            edited=("p.plain",), kept=("p.pair", "p.wide"))),
        (TEXT.replace("rule wide {", "rule wide { disabled"), "eve\n", RuleChanges(
            removed=("p.wide",), kept=("p.pair", "p.plain"))),
        (TEXT, "eve\nbob\n", RuleChanges(
            kept=("p.pair", "p.plain", "p.wide"), data=("p.bad",))),
        (f"{TEXT}rule again {{ when match.p.pair{{2}} within 1h }}", "eve\n", RuleChanges(
            added=("p.again",), moved=("p.pair",), kept=("p.plain", "p.wide"))),
        (f"{TEXT}rule again {{ when match.p.pair{{2}} by user within 1h }}", "eve\n", RuleChanges(
            added=("p.again",), kept=("p.pair", "p.plain", "p.wide"))),
    ],
    ids="nothing added changed edited disabled list moved joined".split(),
)  # fmt: skip
def test_changes_are_told_by_rule(text: str, bad: str, expected: RuleChanges) -> None:
    """What keeps its state, and what begins anew."""
    assert changes_between(rules(TEXT), rules(text, bad)) == expected


def test_the_first_set_adds_all() -> None:
    """There is nothing that could be kept."""
    assert changes_between(None, rules(TEXT)) == RuleChanges(added=("p.pair", "p.plain", "p.wide"))


def test_a_set_that_does_not_compile_is_not_in_force() -> None:
    """The newest that compiles is; and going back leaves out the same texts and broken ones."""
    good, other, broken = bundle(TEXT), bundle(f"{TEXT}# note\n"), bundle("pack p rule {")
    history = Deployments(COMPILER, {1: other, 3: broken, 4: good, 7: good, 9: broken})
    assert (history.in_force, history.earlier) == (7, 1)
    assert isinstance(history.rules(9), str)
    assert (Deployments(COMPILER, {}).in_force, Deployments(COMPILER, {}).earlier) == (0, 0)


def test_the_compiler_refuses_what_workers_would() -> None:
    """With all findings, as `sluice check` has them."""
    with pytest.raises(RuleError) as caught:
        rules("pack p rule {")
    assert {each.severity for each in caught.value.diagnostics} >= {"error"}


def test_what_workers_cannot_run_is_refused_by_them() -> None:
    """A set that compiles and has no place among stages leaves the one before in force."""
    text = """
extract auth.x from auth.text { message matches /(?<user>\\S+)/ }
rule emits { when a.b emit auth.text { message: text } }
rule takes { when auth.x by user }
"""
    sets = RuleSets(COMPILER)
    contents = [encode_bundle(bundle(TEXT)), encode_bundle(bundle(text)), b"[]"]
    for number, content in enumerate(contents, 1):
        sets.add(number, content)
    assert (sets.newest, sorted(sets.refused)) == (1, [2, 3])
    assert [sets.get(number) is None for number in (1, 2, 3, 4)] == [False, True, True, True]
    assert sets.refused[2].startswith("extract auth.x from auth.text: workers extract from")


def test_the_first_of_two_first_ones_is_it() -> None:
    """Two workers that start together find no rules, and each deploys its own."""
    sets = RuleSets(COMPILER)
    for number, text in enumerate((TEXT, TEXT.replace("{3}", "{4}"), TEXT), 1):
        sets.add(number, encode_bundle(bundle(text).stamped(17, is_first=number < 3)))
    assert (sorted(sets.bundles), sets.newest, sets.refused) == ([1, 3], 3, {})


def test_the_version_is_that_of_the_texts() -> None:
    """When it was deployed, and why, says nothing about what is deployed."""
    one = bundle(TEXT)
    assert one.stamped(17, "why", 3).version == one.version
    assert bundle(TEXT, "bob\n").version != one.version
