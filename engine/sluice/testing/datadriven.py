"""Run tests that are text files: a comment, a command, its input, `----`, what it says.

    # Why this is so.
    parse file=a.sluice
    pack a
    ----
    (pack a)

An empty line ends the expected output; output that holds one stands between doubled `----`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "----"


@dataclass(frozen=True, slots=True)
class Args:
    """The command line of a case: `command word … name=value …`."""

    command: str
    words: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)


Command = Callable[[Args, str], str]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `head` is everything up to and with `----`, `line` where its command stands."""

    head: tuple[str, ...]
    args: Args
    text: str
    expected: str
    line: int


def run_file(path: Path, commands: Mapping[str, Command], rewrite: bool = False) -> None:
    """Run every case of a file; fail with the differences of all, or write the new output down."""
    cases, tail = read_cases(path.read_text("utf-8"))
    outputs = []
    for case in cases:
        if case.args.command not in commands:
            raise AssertionError(f"{path.name}:{case.line}: no command `{case.args.command}`")
        outputs.append(commands[case.args.command](case.args, case.text).rstrip("\n"))
    if rewrite:
        blocks = [_block(case, output) for case, output in zip(cases, outputs, strict=True)]
        end = [f"{tail}\n"] if tail else []
        path.write_text("\n".join(blocks + end), "utf-8")
        return
    wrong = [
        f"{path.name}:{case.line}: {case.args.command}\n{_difference(case.expected, output)}"
        for case, output in zip(cases, outputs, strict=True)
        if case.expected != output
    ]
    if wrong:
        raise AssertionError("\n\n".join(wrong) + "\n\n(renew with --rewrite and read the diff)")


def read_cases(content: str) -> tuple[list[Case], str]:
    """Return the cases of a file, and the comment at its end."""
    lines = content.split("\n")
    cases: list[Case] = []
    at = 0
    while True:
        begin = at
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith("#")):
            at += 1
        if at == len(lines):
            return cases, "\n".join(lines[begin:]).strip("\n")
        if MARK not in lines[at:]:
            raise AssertionError(f"line {at + 1}: no `{MARK}` after `{lines[at]}`")
        mark = lines.index(MARK, at)
        expected, end = _expected(lines, mark + 1)
        head = tuple("\n".join(lines[begin : mark + 1]).strip("\n").split("\n"))
        text = "\n".join(lines[at + 1 : mark])
        cases.append(Case(head, _args(lines[at]), text, expected, at + 1))
        at = end


def _expected(lines: list[str], at: int) -> tuple[str, int]:
    if lines[at : at + 1] == [MARK]:
        for end in range(at + 1, len(lines)):
            if lines[end : end + 2] == [MARK, MARK]:
                return "\n".join(lines[at + 1 : end]).rstrip("\n"), end + 2
        raise AssertionError(f"line {at + 1}: a doubled `{MARK}` that is never closed")
    end = at
    while end < len(lines) and lines[end]:
        end += 1
    return "\n".join(lines[at:end]), end


def _args(line: str) -> Args:
    command, *rest = line.split()
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    return Args(command, tuple(part for part in rest if "=" not in part), named)


def _block(case: Case, output: str) -> str:
    is_doubled = "\n\n" in output or output.startswith(("\n", MARK))
    body = [MARK, output, MARK, MARK] if is_doubled else [output] if output else []
    return "\n".join([*case.head, *body, ""])


def _difference(expected: str, output: str) -> str:
    lines: Iterator[str] = difflib.unified_diff(
        expected.split("\n"), output.split("\n"), "expected", "said", lineterm=""
    )
    return "\n".join(lines)
