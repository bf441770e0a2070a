"""What values mean is the same for the stream and for SQL: one table of examples, run on both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.plan import Plan
from sluice.shells import RunRequest, compile_rules, job_of, run_backtest
from tests.commands import CommandLine, write

LAKE = RunRequest((), ("lake",))
TABLE = Path(__file__).parents[1] / "testdata" / "values" / "conditions.txt"


@dataclass
class Example:
    """A condition and events with what it is of them."""

    width: str
    condition: str
    events: list[tuple[str, str]] = field(default_factory=list)


def examples() -> Iterator[Example]:
    """Read the table."""
    held: Example | None = None
    for line in TABLE.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        first, _, rest = line.strip().partition(" ")
        if line.startswith("  "):
            assert held is not None
            held.events.append((first, rest.strip()))
            continue
        if held is not None:
            yield held
        held = Example(first, rest.strip())
    assert held is not None
    yield held


def compiled(folder: Path, condition: str) -> Plan:
    """Return the plan of two rules: one for events for which it is true, one for false."""
    text = (
        f"rule holds {{ when t where {condition} }}\n"
        f"rule fails {{ when t where not ({condition}) }}\n"
    )
    path = write(str(folder / "rules.sluice"), text)
    found = compile_rules([path], catalog=builtins())
    found.raise_errors()
    return found.plan


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.condition)
def test_both_engines_give_the_value_of_the_table(tmp_path: Path, example: Example) -> None:
    """A condition is true of just these events, and false of just those, for both engines."""
    plan = compiled(tmp_path, example.condition)
    lines = [
        f'{{"@type":"t","@time":{number}' + (", " + raw[1:] if raw != "{}" else "}")
        for number, (_, raw) in enumerate(example.events, 1)
    ]
    path = write(str(tmp_path / "events.jsonl"), "".join(line + "\n" for line in lines))
    request = RunRequest((), (path,))
    for rule, value in (("rules.holds", "true"), ("rules.fails", "false")):
        expected = [n for n, (told, _) in enumerate(example.events, 1) if told == value]
        job = job_of(plan, builtins(), request, [rule])
        for engine in ("stream", "sql"):
            found: list[int] = []
            done = run_backtest(job, engine, lambda record, to=found: to.append(_line(record)))
            assert (engine, found) == (engine, expected)
        if rule == "rules.holds" and example.width == "exact":
            assert done.read.kept == len(expected)


def _line(record: object) -> int:
    assert isinstance(record, dict)
    return int(record["events"][0]["id"].rpartition(":")[2])


def test_columns_of_a_lake_give_the_values_of_the_table(sluice: CommandLine) -> None:
    """The same where fields are typed columns, whether SQL counts the matches or leaves events.

    Events whose fields have values of the same types are of one event type, so that they share
    typed columns.
    """
    rules: list[str] = []
    lines: list[str] = []
    expected: set[tuple[str, int]] = set()
    shapes: dict[str, int] = {}
    for number, example in enumerate(examples()):
        own: set[int] = set()
        for told, raw in example.events:
            held = [(name, type(value).__name__) for name, value in json.loads(raw).items()]
            shape = shapes.setdefault(str(held), len(shapes))
            own.add(shape)
            if told != "unknown":
                name = f"rules.{'holds' if told == 'true' else 'fails'}{number}_{shape}"
                expected.add((name, len(lines)))
            head = f'{{"@type":"t{shape}","@time":1,"row":{len(lines)},"example":{number}'
            lines.append(head + (", " + raw[1:] if raw != "{}" else "}"))
        for shape in own:
            test = f"when t{shape} where example == {number} and"
            place = f"{number}_{shape}"
            rules.append(f"rule holds{place} {{ {test} ({example.condition}) by row }}")
            rules.append(f"rule fails{place} {{ {test} not ({example.condition}) by row }}")
    write("rules.sluice", "\n".join(rules))
    write("events.jsonl", "\n".join(lines))
    ran = sluice("run", "-r", "rules.sluice", "events.jsonl", "--lake", "lake", "-o", "none")
    assert ran.code == 0, ran.err
    assert sluice("lake", "compact", "--lake", "lake").code == 0
    job = job_of(compile_rules(["rules.sluice"], catalog=builtins()).plan, builtins(), LAKE)
    counted = [run_backtest(job, "sql", take) for take in (None, lambda record: None)]
    for done in counted:
        tallies = done.tally.rules.items()
        found = {(name, json.loads(key)["row"]) for name, tally in tallies for key in tally.keys}
        assert found == expected
    assert [done.read.counted > 100 for done in counted] == [True, False]


def test_the_table_has_what_it_promises() -> None:
    """Each condition is true of one event at least, and there are exact ones and wider ones."""
    found = list(examples())
    assert all(any(told == "true" for told, _ in each.events) for each in found)
    assert {each.width for each in found} == {"exact", "wider"}
