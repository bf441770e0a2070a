"""`sluice fmt`: write rules in the one style."""

from __future__ import annotations

import difflib
import io
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.options import OutputOption, RulePathsArgument, new_app
from sluice.cli.output import put_report
from sluice.cli.rewriting import rewrite_text
from sluice.errors import Diagnostic, Span

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

STDIN = "-"
_STDIN_NAME = "<stdin>"


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
        bool, typer.Option("--diff", help="Write nothing; show what is to change, and exit 1.")
    ] = False,
    output: OutputOption = "text",
) -> int:
    """Write rule files in the one style, in place; `-` formats stdin to stdout."""
    terminal: Terminal = ctx.find_root().obj
    is_kept = check or diff
    if STDIN in (paths or ()):
        if paths != [STDIN]:
            raise typer.BadParameter("`-` stands alone: it is stdin", param_hint="PATH")
        files = [(_STDIN_NAME, *_formatted_stdin(terminal))]
    else:
        files = _formatted(paths, terminal)
    changes = [(path, old, new) for path, old, new in files if new is not None and new != old]
    if not is_kept and paths != [STDIN]:
        for path, _, new in changes:
            rewrite_text(path, new)
    if diff:
        text = "".join(_difference(*change) for change in changes)
    elif paths == [STDIN]:
        text = "" if check else files[0][2] or ""
    else:
        verb = "would change" if check else "changed"
        text = "".join(f"{verb} {path}\n" for path, _, _ in changes)
    is_broken = any(new is None for _, _, new in files)
    is_ok = not is_broken and not (is_kept and changes)
    document: dict[str, Any] = {"ok": is_ok, "changed": [path for path, _, _ in changes]}
    put_report(output, document | ({"diff": text} if diff else {}), text)
    return exits.CONFIG if is_broken else exits.OK if is_ok else exits.NO


def _formatted(paths: list[str] | None, terminal: Terminal) -> list[tuple[str, str, str | None]]:
    """Return path, text and formatted text of each file; None where it does not parse."""
    from sluice.cli.loading import rule_settings
    from sluice.io import find_rule_files

    settings = rule_settings(terminal, paths, None, None).settings
    out = []
    for path in find_rule_files(settings.rules.paths):
        with open(path, "rb") as file:
            text = _text(file.read(), path, terminal)
        new = None if text is None else _format(text, path, terminal)
        out.append((path, text or "", new))
    return out


def _text(content: bytes, path: str, terminal: Terminal) -> str | None:
    """Return the text of a file; None, and where it is none, when it is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        span = Span(path, line, column, line, column + 1)
        found = Diagnostic("SL0601", "error", "this is not UTF-8", span, "save it as UTF-8")
        shown = content.decode("utf-8", "replace")
        terminal.pictures([found], {path: shown}, sys.stderr)
        return None


def _format(text: str, path: str, terminal: Terminal) -> str | None:
    from sluice.lang import format_file, parse

    parsed = parse(text, path)
    if parsed.diagnostics:
        terminal.pictures(parsed.diagnostics, {path: text}, sys.stderr)
        return None
    return format_file(parsed)


def _formatted_stdin(terminal: Terminal) -> tuple[str, str | None]:
    text = _text(sys.stdin.buffer.read(), _STDIN_NAME, terminal)
    return text or "", None if text is None else _format(text, _STDIN_NAME, terminal)


def _difference(path: str, text: str, new: str) -> str:
    """Return a unified diff that `patch -p0` and `git apply -p0` take."""
    # A line ends with "\n" alone: other letters that end lines elsewhere may stand in a text.
    before, after = (list(io.StringIO(each, newline="\n")) for each in (text, new))
    lines = difflib.unified_diff(before, after, path, path, "as written", "formatted")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
