"""Options that several commands share, and how a command is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

Form = Literal["text", "json", "none"]

OutputOption = Annotated[
    Form,
    typer.Option("-o", "--output", "--format", help="The form of what goes to stdout."),
]
RulePathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH]...", show_default=False, help="Rule files and directories [default: rules]."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PACK.NAME=VALUE", help="Replace the value of a param."),
]
SilenceOption = Annotated[
    list[str] | None,
    typer.Option("--silence", metavar="CODE", help="Do not show diagnostics of this code."),
]


def new_app(*functions: Callable[..., Any], **named: Callable[..., Any]) -> typer.Typer:
    """Return an app of one command, or of several by name."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=bool(named))
    for function in functions:
        app.command()(function)
    for name, function in named.items():
        app.command(name)(function)
    return app


def set_pairs(pairs: list[str] | None) -> dict[str, str]:
    """Read `--set PACK.NAME=VALUE`; wrong ones are wrong usage."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or "." not in name:
            raise typer.BadParameter(f"'{pair}' is not PACK.NAME=VALUE", param_hint="--set")
        found[name.strip()] = value.strip()
    return found
