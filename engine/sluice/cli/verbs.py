"""The verbs of `sluice`: which there are, and what all of them take."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sluice.cli.terminal import Terminal

#: The verbs in the order of `--help`: module of `sluice.cli`, one line.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a configuration, a first rule with its tests, and sample events."),
    "demo": ("demo", "Show in a minute what Sluice does, with events of its own."),
    "check": ("check", "Find what is wrong with rules."),
    "fmt": ("fmt", "Write rules in the one style."),
    "test": ("test", "Run the tests that stand in rule files."),
    "run": ("run", "Run rules over files, directories or standard input."),
    "backtest": ("backtest", "Say what rules would have found in kept events."),
    "why": ("why", "Say why a rule fired, or what stopped it from firing."),
    "capture": ("capture", "Turn a match that a lake keeps into a test of its rule."),
    "query": ("query", "Ask a lake with SQL."),
    "lake": ("lake", "Pack, expire, check a lake; take out of it what must go."),
    "worker": ("worker", "Run rules over the topics of a broker, on many machines."),
    "rules": ("rules", "Deploy rules to all workers, see what is in force, go back."),
    "state": ("state", "Ask a worker what a rule remembers of a key."),
    "topics": ("topics", "Make the topics that rules and settings need, or say what is missing."),
    "offsets": ("offsets", "Show where workers stand in topics, or put them elsewhere."),
    "lag": ("lag", "Say how far workers are behind."),
    "explain": ("explain", "Show what a rule waits for, what it does, what it can cost."),
    "graph": ("graph", "Show which events lead to which rules, and what these make."),
    "functions": ("functions", "Look up functions, aggregates and actions."),
    "config": ("config", "Show settings, where they come from, and their schema."),
    "plugins": ("plugins", "List what installed plugins bring; begin a new one."),
    "schema": ("schema", "Print JSON Schemas."),
    "version": ("version", "Print the version."),
}


class Verbs(TyperGroup):
    """A group that knows its commands by name and imports a module only for the one in use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        loaded = importlib.import_module(f"sluice.cli.{module}")
        return _with_globals(loaded.commands(), cmd_name, line)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first argument names, or say which it could have been."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f", did you mean '{near[0]}'?" if near else f"; there are {', '.join(COMMANDS)}"
            ctx.fail(f"there is no command '{args[0]}'{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _global_options(
    config: Annotated[
        str | None,
        typer.Option("-c", "--config", metavar="FILE", help="The file with the settings."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="No summary, no progress, no warnings.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more about what is done.")
    ] = False,
    color: Annotated[
        str | None, typer.Option("--color", metavar="auto|always|never", help="Whether in colour.")
    ] = None,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", help="Use nothing that plugins bring.")
    ] = False,
) -> None:
    """What every command takes, before or behind its name."""


def global_params() -> list[Any]:
    """Return the options that every command takes."""
    params = _build(_global_options, "options").params
    for param in params:
        param.expose_value = False
        param.callback = _remember
    return list(params)


def _remember(ctx: Any, param: Any, value: Any) -> Any:
    terminal: Terminal = ctx.find_root().obj
    if value and not ctx.resilient_parsing:
        if param.name == "color" and value not in ("auto", "always", "never"):
            raise typer.BadParameter("it must be one of auto, always, never", ctx, param)
        setattr(terminal, param.name, value)
    return value


def _with_globals(app: typer.Typer, name: str, line: str) -> Any:
    """Build the command (or group of commands) of a module, with what every command takes."""
    command = typer.main.get_command(app)
    command.name = name
    command.help = command.help or line
    for each in (command, *getattr(command, "commands", {}).values()):
        each.params = [*each.params, *global_params()]
        each.context_settings.setdefault("help_option_names", ["-h", "--help"])
    return command


def _build(function: Callable[..., Any], name: str) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(function)
    return typer.main.get_command(app)
