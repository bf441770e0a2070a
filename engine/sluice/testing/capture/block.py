"""Write scenes as `test` blocks in the formatter's style, and put them into a rule file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sluice.lang import declarations as decl
from sluice.lang import format_file, parse, syntax
from sluice.model import Match, Type
from sluice.plan import RulePlan
from sluice.testing.capture.literals import duration, object_literal
from sluice.testing.capture.scene import Scene, Take
from sluice.timing import Instant, format_instant

#: So many equal events at equal distances are written as one line.
RUN_MIN = 3


def block(
    name: str, claim: str, scene: Scene, matches: Sequence[Match], told: Match | None,
    rule: RulePlan,
) -> str:  # fmt: skip
    """Return the text of a test that expects these matches; of `told` with key and values."""
    base = scene.base
    statements: list[decl.TestStatement] = []
    if scene.is_dated:
        statements.append(decl.Start(format_instant(base)))
    statements += _events(scene.takes, base)
    if not scene.takes or scene.end > scene.takes[-1].time:
        statements.append(decl.Advance(duration(scene.end - base)))
    start = base - scene.shift
    for match in matches:
        fields = _values(match, rule) if match is told else syntax.ObjectLiteral(())
        statements.append(decl.Expect("match", at=duration(match.time - start), fields=fields))
    if not matches:
        statements.append(decl.Expect("nothing"))
    elif len(matches) > 1:
        statements.append(decl.Expect("count", number=len(matches)))
    return format_file(decl.File("", (decl.Test(name, claim, tuple(statements)),)))


def _values(match: Match, rule: RulePlan) -> syntax.ObjectLiteral:
    """Return the key and the values that a match is expected with."""
    types = {part.name: part.type for part in rule.keys} | {n: e.type for n, e in rule.select}
    values = {n: v for n, v in {**match.key, **match.select}.items() if v is not None}
    written = object_literal(values, "the match")
    return syntax.ObjectLiteral(
        tuple(
            (name, duration(values[name]) if _is_duration(types[name], values[name]) else expr)
            for name, expr in written.fields
        )
    )


def _is_duration(type_: Type, value: Any) -> bool:
    return type_.kind == "duration" and isinstance(value, int) and value >= 0


def _events(takes: Sequence[Take], base: Instant) -> Iterator[decl.At]:
    """Yield the events, those that repeat themselves as one."""
    for (type_, _), run in groupby(takes, key=lambda take: (take.type, _plain(take.fields))):
        yield from _repeats(type_, list(run), base)


def _repeats(type_: str, run: list[Take], base: Instant) -> Iterator[decl.At]:
    place = 0
    while place < len(run):
        step = run[place + 1].time - run[place].time if place + 1 < len(run) else 0
        count = 1
        while (
            place + count < len(run)
            and run[place + count].time - run[place + count - 1].time == step
        ):
            count += 1
        count = count if count >= RUN_MIN else 1
        fields = object_literal(run[place].fields, type_)
        every = duration(step) if count > 1 and step else None
        yield decl.At(duration(run[place].time - base), type_, fields, count, every)
        place += count


def _plain(value: Any) -> Any:
    """Return something to compare by: 1, 1.0 and true are written differently."""
    if isinstance(value, Mapping):
        return tuple((name, _plain(each)) for name, each in value.items())
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return value.__class__.__name__, value


def insert_tests(text: str, blocks: str, rule: str) -> tuple[str, int]:
    """Return a file's text with blocks behind the last test of a rule, and the line they begin at.

    Without a test of it they come behind the rule, where there is neither at the end; all else
    stays as it is, to the byte. `rule` is the rule's full name.
    """
    parsed = parse(text.removeprefix("\ufeff"), "")
    ends = [d.span.end_line for d in parsed.file.declarations if _is_of(d, rule)]
    lines = text.split("\n")
    after = ends[-1] if ends else len(lines) - (not lines[-1])
    if after == len(lines):
        # The last line has no end yet.
        lines.append("")
    is_first = not "".join(lines[:after]).strip()
    new = blocks.rstrip("\n").split("\n")
    if not is_first:
        new.insert(0, "")
    if after < len(lines) - 1 and lines[after].strip():
        new.append("")
    if text.count("\r\n") > text.count("\n") // 2:
        new = [f"{line}\r" for line in new]
        if after and not lines[after - 1].endswith("\r"):
            lines[after - 1] += "\r"
    lines[after:after] = new
    return "\n".join(lines), after + 1 + (not is_first)


def _is_of(declaration: decl.Declaration, rule: str) -> bool:
    names = (rule, rule.rpartition(".")[2])
    match declaration:
        case decl.Rule(name=name) | decl.Test(rule=name):
            return name in names
        case _:
            return False
