"""Regular expressions mean what RE2 says, whichever engine runs them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import re2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.catalog import Regex, RegexSet, compile_like, compile_regex
from sluice.catalog.linear import is_anchored, is_linear
from sluice.catalog.pattern import group_names, parse_pattern, render
from sluice.model import like_pattern

OPTIONS = re2.Options()
OPTIONS.log_errors = False

# Letters that fold to others, digits that are none for RE2, line breaks, a vertical tab.
LETTERS = "abkKs\u212a\u017f0_1\u0661 .\n\v-ü\U0001f600"
texts = st.text(alphabet=LETTERS, max_size=10)

_literals = st.sampled_from(
    [*"abks01 _", r"\.", r"\-", "ü", r"\n", r"\x61", r"\x{212a}", "\u212a", r"\t", "\U0001f600"]
)
_classes = st.sampled_from(
    [
        ".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[ab]", "[^ab]", "[a-k0-1]", r"[\w.-]",
        r"[^\s]", r"[^\d\n]", r"[\W_]", "[k-s]", "[^k]", "[J-L]", r"[\S]", "[-a]", "[a-]",
        r"[\x{100}-\x{3000}]", "[^\\x00-\\x{10ffff}]", r"[\s\S]",
    ]
)  # fmt: skip
_asserts = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\z"])
_counts = st.sampled_from(
    ["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "{0}", "*?", "+?", "??", "{1,3}?"]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    atoms = st.one_of(_literals, _classes)
    grouped = inner.map(lambda p: f"(?:{p})")
    named = inner.map(lambda p: f"(?P<?>{p})")
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.tuples(inner, inner).map("|".join).map(lambda p: f"(?:{p})"),
        st.tuples(st.one_of(atoms, grouped), _counts).map("".join),
        named,
        named.flatmap(lambda p: st.sampled_from([p, p + "?"])),
        inner.map(lambda p: f"({p})"),
    )


_patterns = st.recursive(st.one_of(_literals, _classes, _asserts), _larger, max_leaves=7)
_edges = st.sampled_from([("", ""), ("^", ""), ("", "$"), ("^", "$"), (r"\A", r"\z")])
patterns = st.tuples(_patterns, _edges).map(lambda p: _numbered(p[1][0] + p[0] + p[1][1]))


def _numbered(pattern: str) -> str:
    """Give each group a name of its own."""
    parts = pattern.split("?P<?>")
    return parts[0] + "".join(f"?P<g{i}>{part}" for i, part in enumerate(parts[1:]))


flags = st.sampled_from(["", "", "i", "s", "m", "im", "is"])


def _law(pattern: str, flags: str) -> Any:
    try:
        return re2.compile(f"(?{flags}){pattern}" if flags else pattern, OPTIONS)
    except re2.error:
        return None


def _result(law: Any, text: str) -> Any:
    found = law.search(text)
    if found is None:
        return None
    return {name: found.group(index) for name, index in law.groupindex.items()}


# ---------------------------------------------------------------- the claims


@settings(max_examples=3_000)
@given(patterns, flags, st.lists(texts, min_size=1, max_size=6))
def test_accepted_patterns_mean_the_same_in_both_engines(
    pattern: str, flags: str, texts: list[str]
) -> None:
    """What the analyser lets `re` run has RE2's search and groups."""
    law = _law(pattern, flags)
    assume(law is not None)
    tree = parse_pattern(pattern, flags)
    assume(tree is not None and is_linear(tree))
    assert tree is not None
    compiled = re.compile(render(tree), re.ASCII)
    names = group_names(tree)
    for text in texts:
        found = compiled.match(text) if is_anchored(tree) else compiled.search(text)
        quick = None if found is None else dict(zip(names, found.groups(), strict=True))
        assert _result(law, text) == quick, (render(tree), text)


@settings(max_examples=1_000)
@given(patterns, flags, texts)
def test_a_regex_gives_what_re2_gives(pattern: str, flags: str, text: str) -> None:
    """`search`, `find` and `groups` agree with each other and with RE2."""
    law, regex = _law(pattern, flags), compile_regex(pattern, flags)
    if law is None:
        assert isinstance(regex, str)
        return
    assert isinstance(regex, Regex)
    expected = _result(law, text)
    assert expected == regex.groups(text)
    assert (expected is not None) is regex.search(text)
    assert (expected is not None) == (regex.find(text) is not None)


@settings(max_examples=300)
@given(st.lists(st.tuples(patterns, flags), max_size=4), texts)
def test_a_set_finds_what_one_of_it_finds(pairs: list[tuple[str, str]], text: str) -> None:
    """A set of patterns is one search, with the flags of each."""
    regexes = [r for r in (compile_regex(p, f) for p, f in pairs) if isinstance(r, Regex)]
    assert any(r.search(text) for r in regexes) is RegexSet(regexes).match_any(text)


@given(st.text(alphabet="ab*?[].\\\n", max_size=9), st.text(alphabet="ab*?[\\\n", max_size=9))
def test_like_needs_no_regular_expression(pattern: str, text: str) -> None:
    """`compile_like` gives what the pattern of a `like` gives."""
    regex = compile_regex(like_pattern(pattern))
    assert isinstance(regex, Regex)
    assert regex.search(text) is compile_like(pattern)(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a|a)*b", "a*a*b", r"\d+x", "^(a+)+$", "^(a|a)*b", "^a*a*b", "^(a|ab)*c",
        "^(a?){30}a{30}", "^(?:a?a?)*b", "a+$", "^.*a.*b", "^(?:.*a){2}", r"(?:\w+\s)*x",
        "^(?:a|b|ab)*c", r"\w+@\w+", "(?m)^a+b", r"^.*\d+x", "(.*)*", "^(a*)*$", "x*", "a{1,999}b",
        "ba+b+c", r"(?:a{1,10}){1,10}b",
    ],
)  # fmt: skip
def test_hostile_patterns_are_refused(pattern: str) -> None:
    """What could cost more than linear time, or may differ, never reaches `re`."""
    tree = parse_pattern(pattern, "")
    allowed = {"x*"}  # the last loop of a pattern cannot fail
    assert (tree is not None and is_linear(tree)) is (pattern in allowed)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^Failed password for (?:invalid user )?(?<user>\S+) from (?<source_ip>\S+)",
        r"^Accepted \S+ for (?<user>\S+) from (?<source_ip>\S+)",
        r"\.(?:exe|dll)$", "sqlmap|nikto|nmap", r"^GET [^ ]+ HTTP/\d", r"^.*passwd",
        r"^(?<ip>\d{1,3}(?:\.\d{1,3}){3}) (?<verb>GET|POST|PUT) (?<path>\S+)",
        r" user=(?<user>\w+) ", "ab+c+b", "select.*", r"(?i)^cmd\.exe /c .*", r"^\s*#",
    ],
)  # fmt: skip
def test_common_patterns_run_quickly(pattern: str) -> None:
    """What rules ask every day passes the analyser."""
    tree = parse_pattern(pattern, "")
    assert tree is not None and is_linear(tree)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\pL",
        r"\B",
        "[[:alpha:]]",
        r"\Qa.b\E",
        r"\01",
        "(?i:a)b",
        "a(?i)b",
        "[]a]",
        "^*",
        r"\C",
        "a{,3}",
    ],
)
def test_what_is_not_plain_is_left_to_re2(pattern: str) -> None:
    """Rare syntax is not read here; RE2 takes it or not."""
    assert parse_pattern(pattern, "") is None


@pytest.mark.parametrize(
    ("pattern", "flags", "reason"),
    [
        ("(a", "", "missing ): (a"),
        ("(?=a)", "", "invalid perl operator: (?="),
        (r"(a)\1", "", r"invalid escape sequence: \1"),
        ("(?<u>a)|(?<u>b)", "", "two groups are named u"),
        ("a", "ix", "unknown flag x"),
        ("a{1001}", "", "invalid repetition size: {1001}"),
        ("\ud800", "", "not a Unicode text"),
    ],
)
def test_what_re2_refuses_is_a_reason(pattern: str, flags: str, reason: str) -> None:
    """A refused pattern is a text for a diagnostic, not an exception."""
    assert reason == compile_regex(pattern, flags)


def test_groups_that_took_no_part_are_none() -> None:
    """All names are there, with a text or None, in either engine."""
    for pattern, engine in ((r"^a(?<x>b)?(?<y>c)", "re"), (r"(?i)a(?<x>b)?(?<y>c)", "re2")):
        regex = compile_regex(pattern)
        assert isinstance(regex, Regex)
        assert engine == regex.engine
        assert ("x", "y") == regex.group_names
        assert {"x": None, "y": "c"} == regex.groups("ac")
        assert regex.groups("b") is None


def test_names_in_classes_and_escapes_are_no_groups() -> None:
    """Only what RE2 takes for a group counts as one."""
    for pattern in (r"[(?<a>](?<a>x)", r"\(?<a>(?<a>x)"):
        assert isinstance(compile_regex(pattern), Regex), pattern


def test_a_text_that_is_no_unicode_breaks_nothing() -> None:
    """A lone surrogate, which no decoder lets through, is a strange character."""
    for pattern in ("(?i)a", "^a"):
        regex = compile_regex(pattern)
        assert isinstance(regex, Regex)
        assert regex.search("a\ud800")
        assert not regex.search("\ud800")


def test_a_large_set_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many patterns work, also when they are too large for RE2 at once; so does an open quote."""
    monkeypatch.setattr("sluice.catalog.regex.SET_BYTES_MAX", 2**18)
    regexes = [compile_regex(rf"(?i)word{i}x\d{{3,40}}") for i in range(200)]
    regexes.append(compile_regex(r"\Qa|b"))
    large = RegexSet(r for r in regexes if isinstance(r, Regex))
    assert large.match_any("y WORD199x123")
    assert large.match_any("a|b")
    assert not large.match_any("word200x123")
    assert not RegexSet([]).match_any("a")
