"""`sluice graph`: every form of output, one rule alone, and what cannot be drawn or written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.commands import CommandLine, write

RULES = """\
pack p
extract a.x from syslog { message matches /(?<u>\\S+)/ }
rule one "Say <x>" { severity high when a.x by u emit b.x { u: u } }
rule two { when b.x then c.ok without c.no by u within 1m }
rule `a"&lt;b` { when d.x }
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def sluice(sluice: CommandLine) -> CommandLine:
    """The command line, in a folder with rules."""
    write("rules/p.sluice", RULES)
    return sluice


def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process one in which the extra `[graph]` is not installed."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def fake_dot(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program `dot` into a folder that is all there is of PATH."""
    path = Path(write("bin/dot", f"#!/bin/sh\n{script}\n"))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent.resolve()))


def test_as_json(sluice: CommandLine) -> None:
    """Nodes and edges with all their keys; ids join them."""
    said = sluice("graph", "-o", "json")
    document = json.loads(said.out)
    assert (said.code, list(document)) == (0, ["nodes", "edges"])
    rule = next(node for node in document["nodes"] if node["id"] == "rule:p.one")
    assert rule == {
        "id": "rule:p.one", "kind": "rule", "name": "p.one", "origin": None, "title": "Say <x>",
        "severity": "high", "disabled": False,
    }  # fmt: skip
    event = next(node for node in document["nodes"] if node["id"] == "event:b.x")
    assert (event["kind"], event["origin"]) == ("event", "emit")
    ids = {node["id"] for node in document["nodes"]}
    assert {edge[end] for edge in document["edges"] for end in ("from", "to")} <= ids
    assert {"from": "event:c.no", "to": "rule:p.two", "kind": "without"} in document["edges"]


def test_text_is_the_default(sluice: CommandLine) -> None:
    """People see words; the other forms begin as their languages say; `none` is silent."""
    assert sluice("graph").out.startswith("extract a.x from syslog\n\nrule p.")
    assert sluice("graph", "--format", "mermaid").out.startswith("flowchart LR\n")
    assert sluice("graph", "--format", "dot").out.startswith("digraph rules {\n")
    said = sluice("graph", "--format", "none")
    assert (said.code, said.out, said.err) == (0, "", "")


def texts(svg: bytes) -> set[str]:
    """All texts of a picture."""
    return {"".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_a_picture_is_svg_with_every_node(sluice: CommandLine) -> None:
    """Graphviz draws it: valid XML, every name as it is written, the same each time."""
    first, second = (sluice("graph", "--format", "svg") for _ in range(2))
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out
    drawn = texts(first.out.encode())
    assert {"a.x", "b.x", "c.no", "without", "p.one", "high", 'p.a"&lt;b'} <= drawn


def test_a_file_called_like_the_library_is_not_run(sluice: CommandLine) -> None:
    """What lies in the current folder does not take part in drawing."""
    write("pygraphviz.py", "raise SystemExit(5)\n")
    assert sluice("graph", "--format", "svg").code == 0


def test_without_the_library_the_program_draws(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dot` from PATH gets the graph on stdin, and what it writes is the picture."""
    no_library(monkeypatch)
    fake_dot(monkeypatch, 'read -r line; echo "<svg>$1 $line</svg>"')
    said = sluice("graph", "--format", "svg")
    assert (said.code, said.out) == (0, "<svg>-Tsvg digraph rules {</svg>\n")


def test_without_graphviz_the_way_to_it_is_told(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 78, what to install, and which forms need nothing."""
    no_library(monkeypatch)
    monkeypatch.setenv("PATH", "")
    said = sluice("graph", "--format", "svg")
    assert (said.code, said.out) == (78, "")
    for word in ("sluice[graph]", "`dot`", "--format mermaid"):
        assert word in said.err


def test_a_graphviz_that_fails_is_told(
    sluice: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words are shown; no half a picture is written."""
    no_library(monkeypatch)
    fake_dot(monkeypatch, "echo '<svg>'; echo 'Warning: x' >&2; echo 'out of memory' >&2; exit 1")
    said = sluice("graph", "--format", "svg", "--output-file", "g.svg")
    assert (said.code, said.out) == (78, "")
    assert said.err == "error: Graphviz cannot draw this: out of memory\n"
    assert not Path("g.svg").exists()


def test_one_rule(sluice: CommandLine) -> None:
    """By its full name or its last word, more than once; a wrong name is wrong usage."""
    by_name = sluice("graph", "--rule", "p.one", "-o", "json")
    assert by_name.out == sluice("graph", "--rule", "one", "-o", "json").out
    names = {node["name"] for node in json.loads(by_name.out)["nodes"]}
    assert names == {"syslog", "a.x from syslog", "a.x", "p.one", "b.x", "p.two"}
    both = sluice("graph", "--rule", "one", "--rule", "two", "-o", "json").out
    assert '"event:c.no"' in both
    assert '"event:d.x"' not in both
    wrong = sluice("graph", "--rule", "p.tow")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--rule: there is no rule 'p.tow', did you mean p.two?" in wrong.err


def test_into_a_file(sluice: CommandLine) -> None:
    """The file holds what stdout would; a file of rules is never written over."""
    out = sluice("graph", "--format", "dot").out
    said = sluice("graph", "--format", "dot", "--output-file", "g.dot")
    assert (said.code, said.out) == (0, "")
    assert Path("g.dot").read_text("utf-8") == out
    os.link("rules/p.sluice", "same.dot")
    for path in ("rules/p.sluice", "same.dot"):
        said = sluice("graph", "--format", "dot", "--output-file", path)
        assert (said.code, "this is a file of rules" in said.err) == (78, True)
    assert Path("rules/p.sluice").read_text("utf-8") == RULES


@pytest.mark.parametrize("path", ["rules", "none/g.dot", "", "-"])
def test_a_file_that_cannot_be_written(sluice: CommandLine, path: str) -> None:
    """It is told before anything is drawn."""
    said = sluice("graph", "--format", "svg", "--output-file", path)
    assert (said.code, said.out) == (78, "")
    assert said.err.startswith("error: --output-file ")


def test_a_full_disk_is_74(sluice: CommandLine) -> None:
    """Writing that fails is told with the file."""
    said = sluice("graph", "--output-file", "/dev/full")
    assert (said.code, said.out) == (74, "")
    assert "No space left on device" in said.err


def test_no_rules(sluice: CommandLine) -> None:
    """Files without a rule give an empty graph, and a warning; no files are a missing input."""
    write("bare/a.sluice", "event a.x { u: string }\n")
    said = sluice("graph", "bare", "-o", "json")
    assert (said.code, json.loads(said.out)) == (0, {"nodes": [], "edges": []})
    assert said.err == "warning: there are no rules in these files\n"
    assert sluice("graph", "bare").out == ""
    Path("empty").mkdir()
    assert sluice("graph", "empty").code == 66


def test_rules_in_a_circle_are_not_drawn(sluice: CommandLine) -> None:
    """Rules that feed each other, and files that import each other, are findings: exit 78."""
    write("ring/a.sluice", "pack q\nrule a { when match.q.b }\nrule b { when match.q.a }\n")
    write("turn/a.sluice", 'import "b.sluice"\nrule a { when x.y }\n')
    write("turn/b.sluice", 'import "a.sluice"\n')
    for folder, code in (("ring", "SL0413"), ("turn", "SL0602")):
        said = sluice("graph", folder)
        assert (said.code, said.out) == (78, "")
        assert code in said.err
