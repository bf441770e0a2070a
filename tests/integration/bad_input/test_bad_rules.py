"""Bad rules: the code, what is said of each mistake, and that the others run or not."""

from __future__ import annotations

import re

import pytest

from sluice.cli.app import execute
from tests.integration.bad_input.running import RULE, Run, write

TYPOS = {
    "clause": ("rule r { wehn a }", "1:10", "did you mean `when`?"),
    "function": ("rule r { when a where lenght(x) > 1 }", "1:23", "did you mean `length`?"),
    "field": ("event a { user: string }\nrule r { when a where usr == 1 }", "2:23", "`user`?"),
    "severity": ("rule r { when a severity hihg }", "1:26", "`high`"),
    "declaration": ("rul r { when a }", "1:1", "`rule`"),
    "duration": ("rule r { when a then b within 5mins }", "1:31", ""),
    "brace": ("rule r { when a", "1:", ""),
    "string": ('rule r { when a where x == "open }', "1:28", ""),
    "operator": ("rule r { when a where x = 1 }", "1:25", "`==`"),
    "param": ("param limit = 3\nrule r { when a{limt} within 1m }", "2:", "`limit`?"),
    "overlap": ("rule r { when a then b within 1m overlap shard }", "1:42", "`shared`"),
    "quantifier": ("rule r { when a{3,2} within 1m }", "1:", ""),
}


@pytest.mark.parametrize("name", TYPOS)
def test_typo_in_a_rule(name: str, run: Run) -> None:
    """A typo anywhere ends with 78, its place, the line itself, and what may have been meant."""
    text, place, hint = TYPOS[name]
    write("bad.sluice", text + "\n")
    done = run(rules="bad.sluice")
    assert (done.code, done.out) == (78, "")
    assert f"bad.sluice:{place}" in done.err and "error SL" in done.err
    assert text.split("\n")[int(place[0]) - 1] in done.err and "^" in done.err
    assert hint in done.err


DOUBTS = {
    "event": ("event login { n: int }\nrule r { when logn }", "2:15", "did you mean `login`?"),
    "list": ('list bad = ["x"]\nrule r { when a where n in bda }', "1:1", "`bad`"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_typo_that_may_be_meant(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Types and fields need no schema, so a typo in them may be meant: `check` warns of it."""
    text, place, hint = DOUBTS[name]
    write("bad.sluice", text + "\n")
    assert execute(["check", "bad.sluice", "--strict", "--silence", "SL0511"]) == 1
    out, _ = capsys.readouterr()
    assert f"bad.sluice:{place}: warning SL" in out and hint in out


def test_all_typos_at_once(run: Run) -> None:
    """All errors of all files are said at once."""
    write("bad/1.sluice", "rule r { wehn a }\nrule s { when a where lenght(x) > 1 }\n")
    write("bad/2.sluice", "rule t { when a severity hihg }\n")
    done = run(rules="bad")
    assert done.code == 78
    assert [done.err.count(f"{place}: error") for place in ("1:10", "2:23", "1:26")] == [1, 1, 1]


def test_one_bad_rule_of_many(run: Run) -> None:
    """One bad rule is 78 too; `--skip-broken-rules` leaves it out with a warning."""
    write("r.sluice", RULE + "rule s { when a where lenght(x) > 1 }\n")
    assert run().code == 78
    done = run("--skip-broken-rules")
    assert (done.code, done.kinds) == (0, ["match"])
    assert "r.s" in done.err


def test_a_repaired_rule_does_not_run(run: Run) -> None:
    """A misspelt word is guessed to read on; what was guessed is left out, not carried out."""
    write("r.sluice", RULE + "rule s { when a whre n == 1 }\nrule t { when a within }\n")
    done = run("--skip-broken-rules")
    assert (done.code, done.kinds) == (0, ["match"])
    assert "r.s" in done.err and "r.t" in done.err


def test_two_files_with_the_same_rule(run: Run) -> None:
    """The second one is the error, and it names the first."""
    write("two/1.sluice", "pack p\nrule r { when a }\n")
    write("two/2.sluice", "pack p\nrule r { when b }\n")
    done = run(rules="two")
    assert (done.code, done.out) == (78, "")
    assert "two/2.sluice:2:6: error SL0604: the rule `p.r` is there twice" in done.err
    assert "the first is in two/1.sluice:2" in done.err


def test_import_cycle(run: Run) -> None:
    """The cycle is printed."""
    write("cycle/a.sluice", 'import "b.sluice"\nrule r { when a }\n')
    write("cycle/b.sluice", 'import "a.sluice"\nrule q { when b }\n')
    done = run(rules="cycle")
    assert done.code == 78
    assert "cycle/a.sluice -> cycle/b.sluice -> cycle/a.sluice" in done.err


def test_missing_list_file(run: Run) -> None:
    """The list is named, and what its path is relative to."""
    write("bad.sluice", 'list l from "lists/no.txt"\nrule r { when a where n in l }\n')
    done = run(rules="bad.sluice")
    assert done.code == 78
    assert "bad.sluice:1:1: error SL0605: the list `lists/no.txt` does not exist" in done.err
    assert "relative to the file" in done.err


def test_rule_without_a_bound(capsys: pytest.CaptureFixture[str], run: Run) -> None:
    """`check` warns of it (`--strict`: 1); the caps bound it, so it runs."""
    write("bad.sluice", "rule r { when a then b }\n")
    assert execute(["check", "bad.sluice", "--strict"]) == 1
    out, _ = capsys.readouterr()
    assert "bad.sluice:1:" in out and "within" in out
    assert run(rules="bad.sluice").code == 0


def test_regex_that_is_refused(run: Run) -> None:
    """What RE2 refuses is an error with a way out."""
    for regex in ("(?=x)y", r"(x)\1", "(?<!x)y", "x{1,100000}", "(unclosed", "[z-a]"):
        write("bad.sluice", f"rule r {{ when a where n matches /{regex}/ }}\n")
        done = run(rules="bad.sluice")
        assert done.code == 78, regex
        assert re.match(r"bad\.sluice:1:\d+: error SL", done.err), done.err


def test_rule_file_of_10_mb(run: Run) -> None:
    """A file that is too large is refused at once."""
    write("big.sluice", RULE + "# " + "x" * 10_000_000 + "\n")
    done = run(rules="big.sluice")
    assert (done.code, done.out) == (78, "")
    assert "big.sluice:1:1: error SL0109: the file is larger than 8 MB" in done.err


NESTED = {
    "parentheses": "(" * 10_000 + "n == 1" + ")" * 10_000,
    "open": "(" * 10_000,
    "not": "not " * 10_000 + "n == 1",
    "lists": "n in " + "[" * 10_000 + "1" + "]" * 10_000,
    "minus": "n == " + "- " * 10_000 + "1",
    "calls": "lower(" * 10_000 + "n" + ")" * 10_000 + ' == "x"',
}


@pytest.mark.parametrize("name", NESTED)
def test_10_000_nested(name: str, run: Run) -> None:
    """Whatever is nested too deep has a place and a hint, and no traceback."""
    write("deep.sluice", f"rule r {{ when a where {NESTED[name]} }}\n")
    done = run(rules="deep.sluice")
    assert (done.code, done.out) == (78, "")
    assert "deep.sluice:1:" in done.err and "error SL0110" in done.err
    assert "hint" in done.err and "Traceback" not in done.err


def test_rule_file_that_is_no_text(run: Run) -> None:
    """Bytes that are no UTF-8 are an error of that file."""
    write("bad.sluice", b"rule r { when a } # \xff\xfe\n")
    done = run(rules="bad.sluice")
    assert done.code == 78
    assert "bad.sluice" in done.err and "UTF-8" in done.err
