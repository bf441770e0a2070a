"""The grammar is sound, its tables are fresh, and loading them is quick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lark
import pytest

from sluice.lang import parse, suggest
from sluice.lang.actions_rules import ACTIONS
from sluice.lang.parse import build_tables, file_bytes_max, grammar_text, shipped_tables
from sluice.lang.tables import START, dump, load
from sluice.testing.datadriven import read_cases

#: What a grammar cannot say: the inside of literals, and what a step or a clause repeats or lacks.
FLAWS = {"SL0106", "SL0107", "SL0113", "SL0114", "SL0115"}
EXAMPLE = """
rule brute_force "Password guessing" {
  severity  high
  when      failed_login{5,} as f then successful_login as s without iam.password_reset
  by        user
  within    10m
  having    s.country != first(f).country and count(f) > 3
  select    attempts = count(f), s.source_ip, started = first(f).@time
  note      policy_violation "{user}: {attempts} failed logins, then one from {source_ip}"
  mitigate  block_ip(source_ip) for 15m
  cooldown  10m
}
"""


@pytest.fixture(scope="module")
def strict() -> dict[str, Any]:
    """Build strictly: a conflict or a collision of terminals raises."""
    return build_tables(grammar_text(), strict=True)


def test_strict(strict: dict[str, Any]) -> None:
    """The grammar is LALR(1) without conflicts, and no two terminals collide in a state."""
    assert strict["rows"]


def test_tables_are_fresh(strict: dict[str, Any]) -> None:
    """The shipped tables are those of the grammar: else run `python scripts/build_tables.py`."""
    assert shipped_tables() == load(dump(strict))


def test_every_builder_is_used(strict: dict[str, Any]) -> None:
    """Grammar and table of builders name the same things."""
    named = {builder for _, _, builder, _ in strict["productions"] if builder}
    assert set(ACTIONS) == named


def test_lark_agrees() -> None:
    """What parses here parses with Lark's own lexer and driver too, and the reverse."""
    grammar = lark.Lark(grammar_text(), start=START, parser="lalr", lexer="contextual")
    stories = Path(__file__).parent.parent / "testdata" / "lang"
    for path in sorted(stories.glob("*.txt")):
        for case in read_cases(path.read_text("utf-8"))[0]:
            codes = set(_codes(case.text))
            if not codes:
                assert _takes(grammar, case.text), case.text
            elif not codes <= FLAWS:
                assert not _takes(grammar, case.text), case.text


def _takes(grammar: lark.Lark, text: str) -> bool:
    try:
        grammar.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


def test_conflicts_are_found() -> None:
    """The strict build does refuse an ambiguous grammar."""
    with pytest.raises(lark.exceptions.GrammarError):
        build_tables('file: (a | b)*\na: "x"\nb: "x"\n', strict=True)


def test_loading_is_quick() -> None:
    """Reading the shipped tables takes less than 40 ms."""
    best = min(_seconds(shipped_tables) for _ in range(5))
    assert best < 0.04


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_a_thousand_rules() -> None:
    """A file may hold thousands of declarations; `make bench` says how long they take."""
    assert len(parse(EXAMPLE * 1000, "a.sluice").file.declarations) == 1000


def test_large_file() -> None:
    """A file above the limit is one diagnostic."""
    assert _codes("#" * (file_bytes_max + 1)) == ["SL0109"]
    assert _codes("#" + "é" * (file_bytes_max // 2)) == ["SL0109"]
    assert _codes("#" * file_bytes_max) == []


@pytest.mark.parametrize(
    "text",
    [
        "def x = " + "(" * 10_000,
        "def x = " + "(" * 10_000 + "1" + ")" * 10_000,
        "def x = " + "[" * 10_000,
        "def x = " + "not " * 10_000 + "a",
        "def x = " + "-" * 10_000 + "a",
        "def x = " + " or ".join(["a"] * 10_000),
        "def x = a" + ".b" * 10_000,
        "def x = a" + "[0]" * 10_000,
        "rule a { when " + "(" * 10_000,
        "event a { b: " + "list<" * 10_000,
    ],
)
def test_deep_nesting(text: str) -> None:
    """Nesting deeper than 200 is a diagnostic, never a crash, however it comes about."""
    assert _codes(text) == ["SL0110"]


def test_shallow_nesting() -> None:
    """Nesting up to 150 is fine."""
    assert _codes("def x = " + "(a + " * 150 + "1" + ")" * 150) == []
    assert _codes("def x = " + " or ".join(["a"] * 150)) == []


def test_too_many_errors() -> None:
    """A file that is no rule file ends in a few hundred diagnostics."""
    codes = _codes("rule\n" * 10_000)
    assert len(codes) == 201
    assert codes[-1] == "SL0117"


def test_byte_order_mark() -> None:
    """A byte order mark is no part of the text; line ends may be those of Windows."""
    parsed = parse("\ufeffrule a {\r\n  when b # c\r\n}\r\n", "a.sluice")
    assert parsed.diagnostics == ()
    assert [comment.text for comment in parsed.file.comments] == ["# c"]


@pytest.mark.parametrize(
    ("word", "words", "expected"),
    [
        ("wihtin", ["within", "window"], "within"),
        ("RULE", ["rule"], "rule"),
        ("fo", ["of", "or"], "of"),
        ("x", ["y"], None),
        ("completely", ["other"], None),
        ("same", ["same"], None),
        ("cat", ["bat", "car"], "bat"),
        ("wher", ["when", "where"], "where"),
    ],
)
def test_suggest(word: str, words: list[str], expected: str | None) -> None:
    """A word within reach is proposed, the first of two equally near ones."""
    assert suggest(word, words) == expected


def _codes(text: str) -> list[str]:
    return [found.code for found in parse(text, "a.sluice").diagnostics]
