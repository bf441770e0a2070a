"""`sluice state`: what rules remember, asked of workers that run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.loading import settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report
from sluice.cli.render import safe
from sluice.io import NotFound, ask_state

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

DEFAULT_WORKER = "127.0.0.1:6066"

#: Addresses that a worker listens on, and nobody can be reached by.
_ANYWHERE = ("0.0.0.0:", "[::]:")


def commands() -> typer.Typer:
    """Return the commands."""
    app = new_app(show=show)
    app.callback()(_of_one)
    return app


def _of_one() -> None:
    """Ask a worker what a rule remembers of a key."""


def show(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule, such as auth.guessing.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="NAME=TEXT",
            help="A part of the key; '{\"port\":22}' gives all parts as JSON.",
        ),
    ] = None,
    worker: Annotated[
        list[str] | None,
        typer.Option(
            "--worker",
            metavar="URL",
            help="A worker to ask [default: that of the settings]; again: the next.",
        ),
    ] = None,
    output: OutputOption = "text",
) -> int:
    """Show what a rule remembers of a key, on the worker that has the key."""
    parts = _key(key or [])
    terminal: Terminal = ctx.find_root().obj
    found: list[str] = []
    for each in worker or [_own_worker(terminal)]:
        try:
            answer = ask_state(each, rule, parts)
        except NotFound as error:
            found.append(str(error))
            continue
        put_report(output, answer, _text(answer))
        return exits.OK
    for reason in found:
        terminal.fail(reason)
    return exits.NO


def _own_worker(terminal: Terminal) -> str:
    """Return the address of the worker that the settings are of, as seen from its machine."""
    address = settings_of(terminal, {}).settings.worker.http or DEFAULT_WORKER
    if address.startswith(_ANYWHERE):
        return f"127.0.0.1:{address.rpartition(':')[2]}"
    return address


def _key(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        if pair.lstrip().startswith("{"):
            try:
                found |= json.loads(pair)
            except ValueError as error:
                message = f"'{pair}' is no JSON: {error}"
                raise typer.BadParameter(message, param_hint="--key") from None
            continue
        name, equals, value = pair.partition("=")
        if not (equals and name.strip()):
            raise typer.BadParameter(f"'{pair}' is not NAME=TEXT", param_hint="--key")
        found[name.strip()] = value
    return found


def _text(answer: Mapping[str, Any]) -> str:
    """Write the rule with its key, and below it a line for each thing that it holds."""
    key = "  ".join(f"{name}={_value(value)}" for name, value in answer["key"].items())
    lines = [f"{answer['rule']}  {key}".rstrip()]
    state = answer["state"]
    width = max(map(len, state), default=0)
    lines += [f"  {name:<{width}}  {_value(value)}" for name, value in state.items()]
    return safe("\n".join(lines))


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
