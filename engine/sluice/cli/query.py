"""`sluice query`: ask a lake with SQL."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli import exits
from sluice.cli.answers import Form, picture, put_all, tell, terminal_width, written
from sluice.cli.loading import given, settings_of
from sluice.cli.options import new_app
from sluice.cli.output import put_bytes

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.shells import Desk

LakeOption = Annotated[
    str | None, typer.Option("--lake", metavar="DIR", help="The lake [default: as run.lake says].")
]


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(query)


def query(
    ctx: typer.Context,
    sql: Annotated[
        str | None,
        typer.Argument(
            metavar="[SQL]", show_default=False, help="The question; - reads it from stdin."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option("-f", "--file", metavar="FILE", help="Read the SQL from a file.")
    ] = None,
    lake: LakeOption = None,
    output: Annotated[
        Form, typer.Option("-o", "--output", "--format", help="The form of the answer.")
    ] = "table",
    output_file: Annotated[
        str | None, typer.Option("--output-file", metavar="FILE", help="Write the answer here.")
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the last column over the first one.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="What it may use, such as 1GB.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="How long it may take.")
    ] = None,
    allow_external: Annotated[
        bool, typer.Option("--allow-external", help="Let SQL read and write other files too.")
    ] = False,
) -> int:
    """Ask a lake with SQL: events, matches, evidence, notes and what else a run kept there."""
    from sluice.shells import Bounds, Desk

    terminal: Terminal = ctx.find_root().obj
    flags = {"run.lake": lake, "query.memory": memory, "query.timeout": timeout}
    settings = settings_of(terminal, given(flags)).settings
    if output == "parquet" and output_file is None:
        raise typer.BadParameter("it needs --output-file FILE", param_hint="--output parquet")
    if plot and (output != "table" or output_file is not None):
        raise typer.BadParameter("it draws to the terminal alone", param_hint="--plot")
    text = _question(sql, file)
    bounds = Bounds(settings.query.memory, settings.query.timeout, allow_external)
    with Desk(lake_of(settings), bounds) as desk:
        for trouble in desk.troubles:
            terminal.say(f"{terminal.paint('warning:', 'warning', sys.stderr)} {trouble}: left out")
        if text is None:
            from sluice.cli.prompt import converse

            return converse(desk, terminal, output)
        return _answer(desk, terminal, text, _Target(output, output_file, plot))


def lake_of(settings: Settings) -> str:
    """Return the directory of the lake; wrong usage when none is named."""
    if settings.run.lake is None:
        message = "name a lake, here or as `lake` in [run] of sluice.toml"
        raise typer.BadParameter(message, param_hint="--lake")
    return settings.run.lake


class _Target:
    """Where an answer goes, and in which form."""

    def __init__(self, form: Form, file: str | None, is_plot: bool) -> None:
        self.form, self.file, self.is_plot = form, file, is_plot


def _question(sql: str | None, file: str | None) -> str | None:
    """Return the SQL from where it stands; None asks for a prompt."""
    if sql is not None and file is not None:
        raise typer.BadParameter("name the SQL or a file, not both", param_hint="-f")
    if file is not None:
        from sluice.errors import InputError

        try:
            with open(file, encoding="utf-8") as held:
                return held.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8"
            raise InputError(f"{file}: the SQL cannot be read: {reason}") from None
    if sql == "-" or (sql is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    return sql


def _answer(desk: Desk, terminal: Terminal, sql: str, target: _Target) -> int:
    from sluice.shells import QueryError

    try:
        if target.form == "parquet":
            assert target.file is not None
            desk.save(sql, target.file)
        elif target.file is not None:
            _write(target.file, written(desk.ask(sql), target.form))
        elif target.is_plot:
            put_bytes(picture(desk.ask(sql), terminal_width()).encode())
        else:
            put_all(written(desk.ask(sql), target.form))
    except QueryError as error:
        tell(terminal, error)
        return exits.USAGE if error.is_wrong else exits.IO_FAILED
    return exits.IO_FAILED if desk.troubles else exits.OK


def _write(path: str, pieces: Iterable[bytes]) -> None:
    """Write a file beside and put it in its place, so that a failure leaves the old one."""
    from sluice.io import put_in_place

    beside = f"{path}.new"
    try:
        with open(beside, "wb") as file:
            file.writelines(pieces)
        put_in_place(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
