"""The runner of rule tests: the virtual clock, what is expected, what is said when it fails."""

from __future__ import annotations

import pytest

from sluice.catalog import Function, Parameter, builtins
from sluice.errors import RuleError
from sluice.lang import Texts, load
from sluice.model import STRING
from sluice.testing import Failure, RuleTestReport, RuleTestResult, run_tests

GUESSING = """
param limit = 3
rule guessing {
  when failure{limit,} as f then success as s
  by user
  within 10m
  select attempts = count(f)
  note anomaly_detected "{user} after {attempts}"
  mitigate block_ip(s.ip) for 15m
  cooldown 1h
}
"""

QUIET = "rule quiet { when ping then no pong within 15s by host }\n"


def run(rules: str, *statements: str, rule: str = "guessing") -> RuleTestResult:
    """Run one test of these statements."""
    report = report_of(rules, f'test {rule} "it" {{\n' + "\n".join(statements) + "\n}\n")
    assert len(report.results) == 1
    return report.results[0]


def report_of(rules: str, tests: str, chosen: str | None = None) -> RuleTestReport:
    """Run tests that stand behind rules, in a file `t.sluice`."""
    ruleset = load(["t.sluice"], Texts({"t.sluice": rules + tests}))
    return run_tests(ruleset, builtins(), chosen)


def failed(result: RuleTestResult) -> list[tuple[str, str, str | None]]:
    """What a result says about its failures, without lines."""
    return [(f.expected, f.actual, f.nearest) for f in result.failures]


BOB = 'user: "bob", ip: "203.0.113.7"'
MATCH = (f"at 0s failure {{ {BOB} }} x 3 every 2s", f"at 30s success {{ {BOB} }}")


def test_what_came_as_expected_passes() -> None:
    """A match with time and fields, a note, a mitigation: all are met."""
    result = run(
        GUESSING, *MATCH,
        'expect match at 30s { user: "bob", attempts: 3 }',
        'expect note anomaly_detected "bob after 3"',
        'expect mitigation block_ip { address: "203.0.113.7" }',
    )  # fmt: skip
    assert result == RuleTestResult("t.guessing", "it", "t.sluice", 12)


def test_a_match_that_differs_is_shown_with_what_differs() -> None:
    """The nearest match is named with the fields that stopped it."""
    result = run(GUESSING, *MATCH, 'expect match at 31s { user: "bob", attempts: 4 }')
    assert result.failures == (
        Failure(
            15,
            'expect match at 31s { user: "bob", attempts: 4 }',
            '1 match: at 30s { user: "bob", attempts: 3 }',
            "the match at 30s: it is at 30s, not 31s; attempts is 3, not 4",
        ),
    )


def test_a_match_that_nobody_claims_fails() -> None:
    """Matches that no `expect match` claims fail the test, at its first line."""
    result = run(GUESSING, *MATCH, "expect note anomaly_detected")
    assert failed(result) == [
        (
            "no match but those that are expected",
            'a match at 30s { user: "bob", attempts: 3 }',
            None,
        )
    ]
    assert result.failures[0].line == 12


def test_each_expectation_claims_another_match() -> None:
    """Two expectations need two matches, whatever the order in which they are written."""
    two = [*MATCH, *(s.replace("bob", "eve") for s in MATCH)]
    wide, narrow = "expect match at 30s {}", 'expect match { user: "bob" }'
    assert run(GUESSING, *two, wide, narrow).is_ok
    assert run(GUESSING, *two, narrow, wide).is_ok
    result = run(GUESSING, *MATCH, wide, narrow)
    assert [f.nearest for f in result.failures] == ["the match at 30s fits, but is claimed already"]


@pytest.mark.parametrize(
    ("expectation", "is_ok"),
    [
        ("expect 1 matches", True),
        ("expect 2 matches", False),
        ("expect nothing", False),
        ("expect 1 matches expect match { attempts: 3 }", True),
    ],
)
def test_counts(expectation: str, is_ok: bool) -> None:
    """`expect N matches` counts; it lets unclaimed matches be."""
    assert run(GUESSING, *MATCH, expectation).is_ok is is_ok


def test_suppressed_ones_are_counted() -> None:
    """`cooldown` swallows the second match; the test can say so."""
    again = (f"at 1m failure {{ {BOB} }} x 3", f"at 2m success {{ {BOB} }}")
    assert run(GUESSING, *MATCH, *again, "expect 1 matches", "expect 1 suppressed").is_ok


def test_a_failure_tells_what_a_cooldown_has_swallowed() -> None:
    """A match that did not come may have been one of those."""
    again = (f"at 1m failure {{ {BOB} }} x 3", f"at 2m success {{ {BOB} }}")
    result = run(GUESSING, *MATCH, *again, "expect match at 30s {}", "expect match at 2m {}")
    assert failed(result) == [
        (
            "expect match at 2m {}",
            '1 match: at 30s { user: "bob", attempts: 3 }, and 1 suppressed',
            "the match at 30s: it is at 30s, not 2m",
        )
    ]


def test_tests_of_a_rule_know_nothing_of_each_other() -> None:
    """The rule is compiled once for all its tests; state, lateness and date are those of each."""
    half = f"at 0s failure {{ {BOB} }} x 2"
    tests = [
        f"{half} expect nothing",
        f"{half} at 1s failure {{ {BOB} }} at 2s success {{ {BOB} }} expect match at 2s {{}}",
        f"at 2s success {{ {BOB} }} at 0s failure {{ {BOB} }} x 3 late expect nothing",
        f"lateness 5s at 2s success {{ {BOB} }} at 0s failure {{ {BOB} }} x 3 late "
        "expect match at 2s {}",
        f"{half} expect nothing",
        f"expect nothing {half} at 1s failure {{ {BOB} }}",
    ]
    report = report_of(GUESSING, "\n".join(f"test guessing {{ {text} }}" for text in tests))
    assert [result.failures for result in report.results] == [()] * 6


def test_what_a_test_gives_concerns_its_rule_alone() -> None:
    """Another rule of the file would not load with it; it is not asked."""
    rules = """
param size = 3
rule short { when a where n > size }
rule counted { when a{size} within 1m }
"""
    test = "test short { given size = -1 at 0s a { n: 0 } expect 1 matches }\n"
    assert [each.failures for each in report_of(rules, test).results] == [()]
    wrong = "test counted { given size = -1 at 0s a {} expect nothing }\n"
    (result,) = report_of(rules, wrong).results
    assert result.failures[0].expected == "rules that load with what is given"


def test_time_ends_after_the_deadlines_of_the_last_instant() -> None:
    """An absence is decided at the last instant, not after it: before, it is pending."""
    ping = 'at 0s ping { host: "a" }'
    assert run(QUIET, ping, "expect pending", "expect nothing", rule="quiet").is_ok
    assert run(QUIET, ping, "advance to 14s", "expect pending", rule="quiet").is_ok
    there = run(QUIET, ping, "advance to 15s", 'expect match at 15s { host: "a" }', rule="quiet")
    assert there.is_ok
    late = run(QUIET, ping, 'expect match { host: "a" }', rule="quiet")
    assert failed(late) == [
        (
            'expect match { host: "a" }',
            "no match",
            "it would match at 15s if time ran on (`advance to` lets it)",
        )
    ]


def test_an_event_at_the_deadline_comes_before_it() -> None:
    """Deadlines are inclusive: a pong at 15 s is in time."""
    events = ('at 0s ping { host: "a" }', 'at 15s pong { host: "a" }')
    assert run(QUIET, *events, "advance to 1m", "expect nothing", rule="quiet").is_ok


def test_events_arrive_in_order_of_time() -> None:
    """Statements may stand in any order; ties stay as written."""
    later, earlier = reversed(MATCH)
    assert run(GUESSING, later, earlier, "expect 1 matches").is_ok
    tie = "rule tie { when a then b }\n"
    assert run(tie, "at 5s a {}", "at 5s b {}", "expect 1 matches", rule="tie").is_ok
    assert run(tie, "at 5s b {}", "at 5s a {}", "expect nothing", rule="tie").is_ok


def test_late_events() -> None:
    """A late event arrives when the clock is past it; `lateness` makes room for it."""
    late = (
        'at 0s ping { host: "a" }',
        'at 20s other { host: "a" }',
        'at 5s pong { host: "a" } late',
    )
    assert run(QUIET, *late, "expect match at 15s {}", rule="quiet").is_ok
    assert run(QUIET, "lateness 20s", *late, "expect nothing", rule="quiet").is_ok


def test_a_start_sets_the_date() -> None:
    """Times of the test count from `start`; values may be written as times."""
    rule = "rule night { when login as l where hour(@time) == 3 select at = l.@time }\n"
    result = run(
        rule, 'start "2026-10-25T00:30:00Z"', "at 2h30m login {}", "at 4h login {}",
        'expect match at 2h30m { at: "2026-10-25T03:00:00Z" }', rule="night",
    )  # fmt: skip
    assert result.is_ok, result


def test_given_replaces_params_and_lists() -> None:
    """`given` holds for its test only, and may stand for a value in it."""
    rules = GUESSING + 'list bad = ["eve"]\nrule listed { when login where user in bad }\n'
    tests = f"""
test guessing "two will do" {{
  given limit = 2
  at 0s failure {{ {BOB} }} x 2
  at 1s success {{ {BOB} }}
  expect match {{ attempts: limit }}
}}
test guessing "not elsewhere" {{
  at 0s failure {{ {BOB} }} x 2
  at 1s success {{ {BOB} }}
  expect nothing
}}
test listed "given" {{
  given bad = ["bob"]
  at 0s login {{ {BOB} }}
  expect 1 matches
}}
"""
    assert report_of(rules, tests).record()["passed"] == 3


def test_given_answers_for_functions() -> None:
    """A plugin's function says what the test gives, and nothing else: no world is asked."""

    def outside(_: object) -> str:
        raise AssertionError("a test asked the outside world")

    country = Function(
        "geo.country", (Parameter("ip", STRING),), STRING, outside, "Where it is.",
        ('geo.country("192.0.2.1")', '"NL"'),
    )  # fmt: skip
    text = """
rule abroad { when login where geo.country(ip) != "DE" }
test abroad "given" {
  given geo.country("10.0.0.1") = "DE"
  given geo.country("10.0.0.2") = "FR"
  at 0s login { ip: "10.0.0.1" }
  at 1s login { ip: "10.0.0.2" }
  at 2s login { ip: "10.0.0.3" }
  expect match at 1s {}
}
"""
    ruleset = load(["t.sluice"], Texts({"t.sluice": text}))
    report = run_tests(ruleset, builtins().with_entries([country]))
    assert [r.failures for r in report.results] == [()]


CHAIN = """
extract auth.login from log { line matches /^user (?<user>\\S+)/ }
rule first { when auth.login by user disabled emit seen { who: user } }
rule second { when match.t.first{2} by user within 1h }
rule other { when auth.login }
"""


def test_what_feeds_a_rule_runs_with_it() -> None:
    """Rules and extracts that feed the rule run too, also disabled ones; others do not count."""
    log = 'at 0s log { line: "user bob" } x 2 every 1s'
    assert run(CHAIN, log, 'expect match at 1s { user: "bob" }', rule="second").is_ok


def test_events_can_be_expected() -> None:
    """What `emit` and `extract` make, matches and clears are events that a test can expect."""
    log = 'at 5s log { line: "user bob" }'
    for event in (
        'expect event seen at 5s { who: "bob" }',
        'expect event auth.login at 5s { user: "bob" }',
        'expect event match.t.first { user: "bob" }',
    ):
        assert run(CHAIN, log, "expect 1 matches", event, rule="first").is_ok, event
    assert not run(CHAIN, log, "expect 1 matches", "expect event seen at 6s {}", rule="first").is_ok


def test_written_matches_have_the_attributes_of_real_ones() -> None:
    """A `match.…` event in a test has what its rule reports, unless the test says otherwise."""
    rules = """
rule one { severity high tags a, b when app.error by user within 1m having count() >= 2 }
rule both {
  when match.t.* by user within 1h having count() >= 1
  select rule = first(@rule), severity = first(@severity), tags = first(@tags),
         started = first(@started), suppressed = first(@suppressed)
}
"""
    said = 'rule: "t.one", severity: "high", tags: ["a", "b"], suppressed: 0'
    own = '@severity: "low", @tags: ["x"], @started: "1970-01-01T00:00:00.500Z", @suppressed: 4'
    tests = f"""
test both "real" {{
  at 2s app.error {{ user: "b" }} x 2
  expect match at 2s {{ {said}, started: "1970-01-01T00:00:02Z" }}
}}
test both "written" {{
  at 2s match.t.one {{ user: "b" }}
  expect match at 2s {{ {said}, started: "1970-01-01T00:00:02Z" }}
}}
test both "written otherwise" {{
  at 2s match.t.one {{ user: "b", {own} }}
  expect match at 2s {{
    rule: "t.one", severity: "low", tags: ["x"], started: "1970-01-01T00:00:00.5Z", suppressed: 4
  }}
}}
"""
    assert [result.failures for result in report_of(rules, tests).results] == [(), (), ()]


def test_clears_can_be_expected() -> None:
    """The end of a window's condition is an event."""
    rule = "rule many { when f within 10s having count() >= 2 }\n"
    result = run(
        rule, "at 0s f {}", "at 1s f {}", "advance to 1m", "expect match at 1s {}",
        "expect event clear.t.many at 10s { lasted: 9s }", rule="many",
    )  # fmt: skip
    assert result.is_ok, result


def test_values_are_compared_by_what_they_mean() -> None:
    """A share is a ratio or a percentage, an address is one however it is written."""
    rule = """
rule r { when x as x window tumbling 10s having count() > 0
  select share = ratio(ok == true), n = count(), ip = last(ip) }
"""
    result = run(
        rule, 'at 0s x { ok: true, ip: "2001:db8::1" }', "at 1s x { ok: false }", "advance to 10s",
        'expect match at 10s { share: 50%, n: 2.0, ip: "2001:DB8:0::1" }', rule="r",
    )  # fmt: skip
    assert result.is_ok, result


def test_durations_are_shown_as_tests_write_them() -> None:
    """What came and what was expected read `1m30s`, in lists, events and arguments too."""
    rules = """
    event job { took: duration }
    rule slow {
      when job{2} as j
      within 1h
      select longest = max(j.took), each_one = list(j.took)
      emit slow_job { by: max(j.took) - 1m }
      mitigate block_ip("203.0.113.7") for 15m
    }
    """
    jobs = ("at 0s job { took: 1m }", "at 9s job { took: 90s }")
    result = run(
        rules, *jobs,
        "expect match at 9s { longest: 2m, each_one: [1m, 2m] }",
        "expect event slow_job { by: 1m }",
        "expect mitigation block_ip { @ttl: 10m }",
        rule="slow",
    )  # fmt: skip
    assert [(actual, nearest) for _, actual, nearest in failed(result)] == [
        (
            "1 match: at 9s { longest: 1m30s, each_one: [1m, 1m30s] }",
            "the match at 9s: longest is 1m30s, not 2m; each_one is [1m, 1m30s], not [1m, 2m]",
        ),
        ("1 event slow_job: at 9s { by: 30s }", None),
        ('1 mitigation: block_ip { address: "203.0.113.7" }', None),
    ]


def test_tests_can_be_chosen() -> None:
    """A filter takes a part of rule and claim, or a pattern."""
    tests = 'test guessing "one" { expect nothing }\ntest guessing "two" { expect nothing }\n'
    for chosen, names in (("ONE", ["one"]), ("t.guess* tw*", ["two"]), ("three", [])):
        assert [r.name for r in report_of(GUESSING, tests, chosen).results] == names


def test_broken_rules_are_not_tested() -> None:
    """Rules with errors raise; no test of them says anything."""
    with pytest.raises(RuleError):
        report_of("rule a { when }\n", "test a { expect nothing }\n")


def test_the_report_is_the_contract() -> None:
    """The JSON document has the keys of the contract, in order."""
    record = run(GUESSING, *MATCH, "expect nothing").record()
    assert list(record) == ["rule", "name", "file", "line", "ok", "failures"]
    assert list(record["failures"][0]) == ["line", "expected", "actual", "nearest"]
    report = report_of(GUESSING, "test guessing { expect nothing }\n")
    assert report.record() == {
        "ok": True, "passed": 1, "failed": 0,
        "tests": [
            {"rule": "t.guessing", "name": None, "file": "t.sluice", "line": 12, "ok": True,
             "failures": []},
        ],
    }  # fmt: skip
