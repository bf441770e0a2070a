"""pytest collects the tests that stand in rule files, and disturbs nobody else."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

GOOD = """
pack auth
rule failed { when auth.login where outcome == "failure" by user select user }
test failed "one" {
  at 0s auth.login { user: "bob", outcome: "failure" }
  expect match { user: "bob" }
}
"""
WRONG = GOOD.replace('expect match { user: "bob" }', 'expect match at 9s { user: "eve" }')
BROKEN = "rule a { whenn x }\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder for a project."""
    pytester.mkdir("rules")
    return pytester


def put(project: pytest.Pytester, path: str, text: str) -> None:
    """Write a file of the project."""
    place = project.path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")


def run(project: pytest.Pytester, *args: str) -> tuple[dict[str, int], str]:
    """Run pytest in the project; return how it ended and what it said."""
    result = project.runpytest_inprocess("-p", "no:cacheprovider", *args)
    return result.parseoutcomes(), "\n".join(result.outlines)


def test_tests_below_the_rules_are_items(project: pytest.Pytester) -> None:
    """Each test is an item with rule and claim in its name; `-k` chooses among them."""
    put(project, "rules/auth.sluice", GOOD + GOOD[GOOD.index("test") :].replace("one", "two"))
    outcomes, said = run(project, "-v")
    assert outcomes == {"passed": 2}
    assert "rules/auth.sluice::auth.failed: one PASSED" in said
    assert run(project, "-k", "two")[0] == {"passed": 1, "deselected": 1}


def test_a_failure_says_what_sluice_test_says(project: pytest.Pytester) -> None:
    """Place, expected, actual, nearest; no traceback."""
    put(project, "rules/auth.sluice", WRONG)
    outcomes, said = run(project)
    assert outcomes == {"failed": 1}
    assert "rules/auth.sluice:6:\n  expected: expect match at 9s" in said
    assert '  actual:   1 match: at 0s { user: "bob" }' in said
    assert "  nearest:  the match at 0s: it is at 0s, not 9s" in said
    assert "Traceback" not in said


def test_a_broken_file_among_many_harms_only_itself(project: pytest.Pytester) -> None:
    """Its errors are shown with their place; the tests of the other files run."""
    put(project, "rules/auth.sluice", GOOD)
    put(project, "rules/broken.sluice", BROKEN)
    outcomes, said = run(project, "--continue-on-collection-errors")
    assert outcomes == {"passed": 1, "errors": 1}
    assert "rules/broken.sluice:1:10: error SL0108" in said


def test_rules_elsewhere_are_left_alone(project: pytest.Pytester) -> None:
    """A `.sluice` file outside of the rules is collected only when it is named."""
    put(project, "data/sample.sluice", BROKEN)
    put(project, "elsewhere/auth.sluice", GOOD)
    put(project, "test_one.py", "def test_one():\n    pass\n")
    assert run(project)[0] == {"passed": 1}
    assert run(project, "elsewhere")[0] == {}
    assert run(project, "elsewhere/auth.sluice")[0] == {"passed": 1}


def test_settings_say_where_the_rules_are(project: pytest.Pytester) -> None:
    """`rules.paths` and `rules.set` of `sluice.toml` count, as for `sluice test`."""
    text = GOOD.replace("rule failed", "param least = 1\nrule failed").replace(
        '"failure" by', '"failure" and n >= least by'
    )
    put(project, "sluice.toml", '[rules]\npaths = ["mine"]\n[rules.set]\n"auth.least" = "5"\n')
    put(project, "mine/auth.sluice", text.replace('user: "bob", o', 'user: "bob", n: 5, o'))
    put(project, "rules/other.sluice", BROKEN)
    assert run(project)[0] == {"passed": 1}


def test_wrong_settings_are_said_once_for_each_file(project: pytest.Pytester) -> None:
    """They are an error of collecting, not of pytest."""
    put(project, "sluice.toml", "[rules]\npaths = 5\n")
    put(project, "rules/auth.sluice", GOOD)
    outcomes, said = run(project)
    assert outcomes == {"errors": 1}
    assert "sluice.toml:2: rules.paths" in said
    assert "INTERNALERROR" not in said


def test_it_can_be_switched_off(project: pytest.Pytester) -> None:
    """`--no-sluice` collects no rule file."""
    put(project, "rules/auth.sluice", WRONG)
    put(project, "test_one.py", "def test_one():\n    pass\n")
    assert run(project, "--no-sluice")[0] == {"passed": 1}
