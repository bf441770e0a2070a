"""What generated code must get right beyond what random rules show."""

from __future__ import annotations

from sluice.testing import simulate


def matches(text: str, *events: dict[str, object]) -> list[str]:
    """Return the rules that match, in order."""
    rows = [{"@time": n, **event} for n, event in enumerate(events)]
    return [record["rule"] for record in simulate(text, rows)]


def test_a_literal_that_looks_like_a_name_of_generated_code_is_left_alone() -> None:
    """The text of a condition may contain whatever the code's own locals are called."""
    names = [f"v{n}" for n in range(8)] + ["e", "h", "b0", "a1", "x1", "t1"]
    other = "rule other { when x where alpha == 1 and beta == 2 and gamma == 3 }\n"
    for name in names:
        text = f'pack p\n{other}rule r {{ when y where path starts with "/api/{name}/" }}\n'
        assert matches(text, {"@type": "y", "path": f"/api/{name}/z"}) == ["p.r"]
    text = 'pack p\nrule r { when y where a == "v0" and b in ["v1", "it\'s v0"] and c == "\\"v2" }'
    assert matches(text, {"@type": "y", "a": "v0", "b": "it's v0", "c": '"v2'}) == ["p.r"]
