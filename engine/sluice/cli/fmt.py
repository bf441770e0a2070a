"""`sluice fmt`: write rules in the one style."""

from __future__ import annotations

import difflib
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.options import OutputOption, RulePathsArgument, new_app
from sluice.cli.output import put_bytes, put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

STDIN = "-"


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(fmt)


def fmt(
    ctx: typer.Context,
    paths: RulePathsArgument = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a file is to change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what is to change.")
    ] = False,
    output: OutputOption = "text",
) -> int:
    """Write rule files in the one style, in place; `-` formats stdin to stdout."""
    terminal: Terminal = ctx.find_root().obj
    if paths == [STDIN]:
        return _stdin(terminal, check, diff)
    changed, broken = [], 0
    for path, text, new in _formatted(paths, terminal):
        if new is None:
            broken += 1
        elif new != text:
            changed.append(path)
            if diff and output == "text":
                put_bytes(_difference(path, text, new).encode())
            elif not check and not diff:
                _write(path, new)
    verb = "would change" if check or diff else "changed"
    text = "\n".join(f"{verb} {path}" for path in changed)
    document: dict[str, Any] = {"ok": not broken and not (check and changed), "changed": changed}
    put_report(output, document, "" if diff else text)
    if broken:
        return exits.CONFIG
    return exits.NO if changed and (check or diff) else exits.OK


def _formatted(paths: list[str] | None, terminal: Terminal) -> list[tuple[str, str, str | None]]:
    """Return path, text and formatted text of each file; None where it does not parse."""
    from sluice.cli.loading import rule_settings
    from sluice.io import find_rule_files

    settings = rule_settings(terminal, paths, None, None).settings
    out = []
    for path in find_rule_files(settings.rules.paths):
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        out.append((path, text, _format(text, path, terminal)))
    return out


def _format(text: str, path: str, terminal: Terminal) -> str | None:
    from sluice.lang import format_file, parse

    parsed = parse(text, path)
    if parsed.diagnostics:
        terminal.pictures(parsed.diagnostics, {path: text}, sys.stderr)
        return None
    return format_file(parsed)


def _stdin(terminal: Terminal, check: bool, diff: bool) -> int:
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    new = _format(text, "<stdin>", terminal)
    if new is None:
        return exits.CONFIG
    if diff:
        put_bytes(_difference("<stdin>", text, new).encode())
    elif not check:
        put_bytes(new.encode())
    return exits.NO if (check or diff) and new != text else exits.OK


def _difference(path: str, text: str, new: str) -> str:
    lines = difflib.unified_diff(
        text.splitlines(keepends=True), new.splitlines(keepends=True), path, f"{path} (formatted)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _write(path: str, text: str) -> None:
    """Replace a file in one step, so that a full disk leaves the old one."""
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.new"
    try:
        with open(beside, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(beside, os.stat(target).st_mode & 0o7777)
        os.replace(beside, target)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
