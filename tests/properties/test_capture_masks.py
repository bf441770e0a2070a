"""Masks and insertion, for whatever values and files there are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.catalog import builtins
from sluice.lang import format_file, parse
from sluice.model import canonical_ip
from sluice.plan import Plan
from sluice.testing import insert_tests
from sluice.testing.capture.masking import Mask
from sluice.testing.capture.scene import Take

SECRET = b"sixteen bytes of it"
VALUES = st.one_of(
    st.text(max_size=8), st.integers(-(2**70), 2**70), st.floats(-1e9, 1e9),
    st.ip_addresses().map(str), st.emails(), st.from_regex(r"[0-9]{4,9}", fullmatch=True),
)  # fmt: skip


def masked(values: list[Any], secret: bytes = SECRET) -> list[Any]:
    """Return the replacements of values."""
    takes = [Take(0, "a", {"f": value, "g": value}) for value in values]
    mask = Mask(secret, {"f"}, Plan(), builtins())
    return [take.fields["f"] for take in mask.takes(takes)]


@given(st.lists(VALUES, max_size=12))
def test_equal_values_stay_equal_and_others_others(values: list[Any]) -> None:
    """A replacement is never the value, and two are equal where their values are."""
    found = masked(values)
    for place, value in enumerate(values):
        assert found[place] != value
        assert type(found[place]) is type(value)
        for other, second in enumerate(values):
            alike = canonical_ip(value) or value, canonical_ip(second) or second
            is_same = type(value) is type(second) and alike[0] == alike[1]
            assert (found[place] == found[other] and type(value) is type(second)) == is_same


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_replacements_last_and_need_the_secret(values: list[Any]) -> None:
    """The same secret gives the same replacements; an address stays one for documentation."""
    assert masked(values) == masked(values)
    for value, found in zip(values, masked(values), strict=True):
        if isinstance(value, str) and canonical_ip(value) is not None:
            assert found.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))


TEST = 'test r "captured" {\n  at 0s  a {}\n  expect nothing\n}\n'
RULE = "rule r { when a }"
OTHERS = [
    "rule q { when b }",
    "# a remark",
    "",
    "  ",
    TEST.strip(),
    "param p = 1 # why",
    "test q { }",
]


@given(
    st.lists(st.sampled_from(OTHERS), max_size=4), st.lists(st.sampled_from(OTHERS), max_size=4),
    st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from(["", "\ufeff"]),
)  # fmt: skip
def test_insertion_moves_nothing(
    before: list[str], after: list[str], end: str, is_ended: bool, mark: str
) -> None:
    """All lines of the file are still there in their order, around the new ones as one block."""
    text = mark + end.join([*before, RULE, *after]) + (end if is_ended else "")
    new, line = insert_tests(text, TEST, "o.r")
    lines = new.split("\n")
    count = TEST.count("\n")
    block = [each.removesuffix("\r") for each in lines[line - 1 : line - 1 + count]]
    assert block == TEST.rstrip("\n").split("\n")
    left = [each.rstrip("\r") for each in lines[: line - 1] + lines[line - 1 + count :]]
    assert [each for each in left if each] == [
        each.rstrip("\r") for each in text.split("\n") if each.rstrip("\r")
    ]
    parsed = parse(new.removeprefix("\ufeff"), "o.sluice")
    assert not parsed.diagnostics
    assert (
        len(parsed.file.declarations)
        == len(parse(text.removeprefix("\ufeff"), "").file.declarations) + 1
    )
    assert format_file(parsed)
