"""The command `sluice`: finds the verb, loads its module, turns what happens into an exit code."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from sluice import __version__
from sluice.cli import exits
from sluice.cli.output import drop_stdout
from sluice.cli.terminal import Terminal, open_closed_streams, show_failure
from sluice.cli.verbs import COMMANDS, Verbs, global_params

PROGRAM = "sluice"


def main(argv: Sequence[str] | None = None) -> None:
    """Run `sluice` with these arguments (default: those of the process) and exit."""
    open_closed_streams()
    raise SystemExit(execute(sys.argv[1:] if argv is None else argv))


def execute(argv: Sequence[str]) -> int:
    """Run `sluice` and return the exit code; nothing but that leaves here."""
    terminal = Terminal()
    root = _root()
    try:
        if f"_{PROGRAM.upper()}_COMPLETE" in os.environ:
            root.main(args=list(argv), prog_name=PROGRAM)
        with root.make_context(PROGRAM, list(argv), obj=terminal) as ctx:
            code = root.invoke(ctx)
        return _flushed(int(code or exits.OK), terminal)
    except typer.Exit as stop:
        return _flushed(stop.exit_code, terminal)
    except typer.Abort:
        return exits.INTERRUPTED
    except typer.TyperException as error:
        return _wrong_usage(error, argv)
    except BrokenPipeError:
        return _closed_pipe()
    except (Exception, KeyboardInterrupt) as error:
        return _failed(error, terminal)


def _root() -> Any:
    app = typer.Typer(
        name=PROGRAM,
        cls=Verbs,
        help="Rules over streams of events.",
        epilog="sluice COMMAND --help says more about a command.",
        add_completion=True,
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root_options)
    root = typer.main.get_command(app)
    root.params = [*global_params(), *root.params]
    return root


def _print_version(is_asked: bool | None) -> None:
    if is_asked:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit(exits.OK)


def _root_options(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = None,
) -> None:
    """What stands before the command, besides what every command takes."""


def _wrong_usage(error: typer.TyperException, argv: Sequence[str]) -> int:
    """Say in one line what is wrong, what was meant, and where the help is."""
    ctx = getattr(error, "ctx", None)
    # The parser itself, which misses the value of an option, does not know the command.
    verb = [each for each in argv if each in COMMANDS][:1]
    path = ctx.command_path if ctx is not None else " ".join((PROGRAM, *verb))
    option = getattr(error, "option_name", None)
    near = getattr(error, "possibilities", None)
    text = error.format_message()
    if "\n" in text and near is None and option is None:  # no arguments at all: the help
        print(text, file=sys.stderr)
        return exits.USAGE
    if near is not None or text.startswith("No such option"):
        hint = f", did you mean {near[0]}?" if near else ""
        text = f"there is no option {option}{hint}"
    if found := re.match(r"No such command '([^']*)'", text):
        commands = sorted(getattr(getattr(ctx, "command", None), "commands", ()))
        close = difflib.get_close_matches(found[1], commands, n=1)
        hint = f", did you mean '{close[0]}'?" if close else f"; there are {', '.join(commands)}"
        text = f"there is no command '{found[1]}'{hint}"
    text = " ".join(text.split()).removesuffix(".").replace("Input should be", "it must be")
    print(f"{path}: {text} (see {path} --help)", file=sys.stderr)
    return error.exit_code


def _flushed(code: int, terminal: Terminal) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        return _failed(error, terminal)
    return code


def _failed(error: BaseException, terminal: Terminal) -> int:
    """Tell what happened; of a failure without a name see whether it is that of stdout."""
    if isinstance(error, OSError) and error.filename is None:
        try:
            sys.stdout.flush()
        except OSError:
            error.filename = "stdout"
            drop_stdout()
    code = exits.exit_code(error)
    show_failure(error, code, terminal)
    return code


def _closed_pipe() -> int:
    drop_stdout()
    return exits.CLOSED_PIPE
