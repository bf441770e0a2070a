"""What holds for every rule file: formatting changes nothing, parsing never raises."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import picture
from sluice.lang import CODES, File, Parsed, format_file, parse
from sluice.testing.datadriven import read_cases
from tests.lang_trees import files

STORIES = sorted((Path(__file__).parent.parent / "testdata" / "lang").glob("*.txt"))
SAMPLES = [case.text for path in STORIES for case in read_cases(path.read_text("utf-8"))[0]]
PIECES = [
    *"{}()[]\"'`/\\#~!=<>@.,:;+-*?&|%$\n\t\u00a0é€\x00\ud800",
    '"""', "within", "then", "no", "any", "not", "10m", "15min", "0x", "1.", "10.0.0.", "where",
    "\nrule a {", "\ntest", "matches /", "``", "\\u{", "=>", "is not", "\r\n", "\ufeff",
]  # fmt: skip


def _parsed(text: str) -> Parsed:
    parsed = parse(text, "a.sluice")
    assert [picture(found, text) for found in parsed.diagnostics] == [], text
    return parsed


def _comments(file: File) -> list[str]:
    return [comment.text for comment in file.comments]


@given(files)
@settings(max_examples=200)
def test_format_then_parse(file: File) -> None:
    """What is formatted parses to the same tree, and formats to itself."""
    text = format_file(file)
    again = _parsed(text)
    assert again.file == file
    assert format_file(again) == text


@given(files, st.data())
@settings(max_examples=150)
def test_comments_stay(file: File, data: st.DataObject) -> None:
    """Comments between the lines and at their ends survive, in order, and then stay put."""
    out = []
    for number, line in enumerate(format_file(file).split("\n")):
        place = data.draw(st.sampled_from(("none", "none", "above", "behind", "blank")))
        out += [f"   # above {number}"] if place == "above" else []
        out += [""] if place == "blank" else []
        out.append(f"{line} # behind {number}" if place == "behind" else line)
    noted = _parsed("\n".join(out))
    assert noted.file == file
    text = format_file(noted)
    again = _parsed(text)
    assert again.file == file
    assert _comments(again.file) == _comments(noted.file)
    assert format_file(again) == text


@st.composite
def _broken(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.sampled_from((0, 0, 1, 1, 2, 9))))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text


@st.composite
def _shuffled(draw: st.DrawFn) -> str:
    tokens = re.findall(r"\w+|\s+|[^\w\s]", draw(st.sampled_from(SAMPLES)))
    kept = draw(st.lists(st.sampled_from(tokens), max_size=30)) if tokens else []
    return "".join(kept)


@given(_broken() | _shuffled() | st.text(max_size=40))
@settings(max_examples=700)
def test_never_raises(text: str) -> None:
    """Whatever the text, errors are diagnostics with a known code and a place in the file."""
    parsed = parse(text, "a.sluice")
    lines = text.split("\n")
    for found in parsed.diagnostics:
        assert found.code in CODES
        span = found.span
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
        assert picture(found, text)
    formatted = format_file(parsed)
    if parsed.diagnostics:
        assert formatted == text
    else:
        assert _parsed(formatted).file == parsed.file
        assert format_file(_parsed(formatted)) == formatted
