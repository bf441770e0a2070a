"""`sluice worker`: run rules over the topics of a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli import exits
from sluice.cli import run_options as options
from sluice.cli.loading import given, plugins_of, settings_of
from sluice.cli.options import SetOption, new_app, set_pairs
from sluice.cli.watching import changes_below
from sluice.errors import ConfigError

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(worker)


def worker(
    ctx: typer.Context,
    rules: options.RulesOption = None,
    set_: SetOption = None,
    stages: Annotated[
        str | None,
        typer.Option("--stages", help="The work that is done here: filter,match,lake,webhook."),
    ] = None,
    http: Annotated[
        str | None, typer.Option("--http", metavar="HOST:PORT", help="Where probes ask.")
    ] = None,
    log: Annotated[
        str | None, typer.Option("--log", help="The form of the log: text, json.")
    ] = None,
    lake: options.LakeOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Deploy the rule files whenever they change.")
    ] = False,
) -> int:
    """Run rules over the topics of [kafka.topics], with others of the same group."""
    terminal: Terminal = ctx.find_root().obj
    flags = {
        "rules.paths": rules, "rules.set": set_pairs(set_) or None, "worker.http": http,
        "worker.stages": None if stages is None else stages.split(","), "worker.log": log,
        "run.lake": lake,
    }  # fmt: skip
    resolved = settings_of(terminal, given(flags))
    settings = resolved.settings
    _check(settings)
    if watch and not {"filter", "match"} & set(settings.worker.stages):
        raise typer.BadParameter(
            "only the stages filter and match have rules", param_hint="--watch"
        )
    from sluice.shells import run_workers

    run_workers(settings, plugins_of(resolved, terminal), changes_below if watch else None)
    return exits.OK


def _check(settings: Settings) -> None:
    if not settings.kafka.topics:
        raise ConfigError(
            "there is no topic to read: name one in sluice.toml, such as "
            '[kafka.topics."auth.events"]'
        )
    if "lake" in settings.worker.stages and settings.run.lake is None:
        raise ConfigError("stage lake needs a directory: --lake DIR, or run.lake in sluice.toml")
