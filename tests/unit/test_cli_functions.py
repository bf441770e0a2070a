"""`sluice functions`: the list, one entry in full, a name that there is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluice.catalog import builtins, describe
from sluice.lang import Texts, check, load
from tests.commands import CommandLine
from tests.made_plugins import make_plugin

#: The entries whose example is a clause that needs this rule around it.
WINDOW = "rule r {{ when a.b by u window tumbling 1m {} }}"


@pytest.fixture
def sluice(sluice: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line, without the plugins that this machine may have."""
    monkeypatch.setenv("SLUICE_PLUGINS__ENABLED", "false")
    return sluice


def test_all_of_them_by_group(sluice: CommandLine) -> None:
    """Each entry of the catalog has a line below the heading of its group."""
    said = sluice("functions")
    catalog = builtins()
    blocks = [block.splitlines() for block in said.out.split("\n\n")]
    listed = {block[0]: {line.split()[0] for line in block[1:]} for block in blocks}
    assert said.code == 0
    assert listed["actions"] == set(catalog.actions)
    assert listed["aggregates"] == {*catalog.aggregates, "baseline", "zscore"}
    groups = {each.group for each in catalog.functions.values()}
    assert set(listed) == groups | {"aggregates", "actions"}
    assert "other" not in groups
    assert set().union(*(listed[group] for group in groups)) == set(catalog.functions)


def test_lines_are_short(sluice: CommandLine) -> None:
    """A line says in one statement what an entry does."""
    for line in sluice("functions").out.splitlines():
        assert len(line) <= 160
        assert ". " not in line


def test_one_in_full(sluice: CommandLine) -> None:
    """Signature, doc, example with its value; both entries where a name has two."""
    said = sluice("functions", "lower")
    assert said.out.startswith("lower(text: string): string\n  function of the group text\n\n")
    assert said.out.endswith('\n\n  lower("Ünder")  is  "ünder"\n')
    both = sluice("functions", "min").out
    assert "  function of the group number\n" in both
    assert "  aggregate\n" in both


def test_a_group(sluice: CommandLine) -> None:
    """The name of a group lists its entries."""
    assert sluice("functions", "place").out.splitlines()[0] == "place"
    document = json.loads(sluice("functions", "place", "-o", "json").out)
    assert [each["name"] for each in document["functions"]] == ["distance_km"]


def test_as_json(sluice: CommandLine) -> None:
    """One document for the list and for one entry; what is not there is null."""
    document = json.loads(sluice("functions", "block_ip", "--format", "json").out)
    assert document == {
        "functions": [
            {
                "name": "block_ip", "kind": "action", "group": "actions",
                "signature": "block_ip(address: ip, [reason: string])", "result": None,
                "doc": "Put an address on the block list that firewalls read. "
                "It can be taken back.",
                "example": "mitigate block_ip(source_ip) for 15m", "value": None,
            }
        ]
    }  # fmt: skip
    every = json.loads(sluice("functions", "-o", "json").out)["functions"]
    assert len(every) == len(describe(builtins()))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("substr", "there is no function, aggregate or action 'substr', did you mean substring"),
        ("agregates", "did you mean aggregates"),
        ("nope", "'nope'; `sluice functions` lists them all"),
        ("xyzzy", "'xyzzy'; `sluice functions` lists them all"),
        ("", "''; `sluice functions` lists them all"),
    ],
)
def test_a_name_that_there_is_not(sluice: CommandLine, name: str, says: str) -> None:
    """Wrong usage, with the nearest names."""
    said = sluice("functions", name)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


@pytest.mark.parametrize(("name", "says"), [
    ("needy", "'needy': the plugin `needy` is left out: it needs a file"),
    ("needy.work", "'needy.work': the plugin `needy` is left out: it needs a file"),
    ("needier.work", "'needier.work': no plugin `needier` is installed: did you mean `needy`?"),
])  # fmt: skip
def test_a_plugin_that_is_not_set_up(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    """The list leaves it out without a word; who asks for what it has is told why."""
    code = 'def functions(settings):\n    raise ConfigError("it needs a file")\n'
    make_plugin(Path.cwd(), "needy", code)
    monkeypatch.syspath_prepend(Path.cwd())
    monkeypatch.setenv("SLUICE_PLUGINS__ENABLED", "true")
    assert "needy" not in sluice("functions").err
    said = sluice("functions", name)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_clauses_of_examples_are_sound() -> None:
    """The examples that are a clause stand in a rule without an error."""
    clauses = [each.example for each in describe(builtins()) if each.example.startswith("having")]
    assert len(clauses) == 2
    for clause in clauses:
        ruleset = load(["a.sluice"], Texts({"a.sluice": WINDOW.format(clause)}))
        found = check(ruleset, builtins(), {})
        assert [d for d in found.diagnostics if d.severity == "error"] == []
