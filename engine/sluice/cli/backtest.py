"""`sluice backtest`: what rules would have found in events that are kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from sluice.cli import backtest_options as own
from sluice.cli import exits
from sluice.cli import run_options as options
from sluice.cli.loading import loaded_rules, naming_codec, plugins_of, settings_of
from sluice.cli.options import OutputOption, SetOption, new_app
from sluice.cli.output import put_bytes, put_report
from sluice.cli.rule_names import named_rules
from sluice.cli.run import bounds_of, request_of, settings_flags
from sluice.errors import ConfigError

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Resolved
    from sluice.plan import Plan
    from sluice.plugins import Plugins
    from sluice.shells import Compiled, Job
    from sluice.timing import Instant


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for, beside how events are read."""

    inputs: tuple[str, ...]
    names: list[str]
    engine: own.Engine
    matches: bool
    expect: list[str]
    sweep: list[str]
    against: str | None
    labels: str | None
    output: str


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(backtest)


@options.reads_events
def backtest(
    ctx: typer.Context,
    targets: own.TargetsArgument = None,
    rules: options.RulesOption = None,
    inputs: own.FromOption = None,
    engine: own.EngineOption = "auto",
    matches: own.MatchesOption = False,
    expect: own.ExpectOption = None,
    sweep: own.SweepOption = None,
    against: own.AgainstOption = None,
    labels: own.LabelsOption = None,
    *,
    reading: options.Reading,
    close: options.CloseOption = None,
    with_events: options.WithEventsOption = None,
    set_: SetOption = None,
    output: OutputOption = "text",
) -> int:
    """Say what rules would have found in kept events: by rule and day, and for whom."""
    held = options.settings_in(locals(), reading)
    bounds = bounds_of(reading)
    names = [target for target in targets or () if not os.path.exists(target)]
    paths = [target for target in targets or () if os.path.exists(target)]
    asked = Asked(
        tuple(inputs or ()), names, engine, matches, expect or [], sweep or [], against, labels,
        output,
    )  # fmt: skip
    _check_asked(asked)
    flags = {name: value for name, value in held.items() if name != "output"}
    return _answer(ctx.find_root().obj, {**flags, "rules": [*(rules or ()), *paths]}, bounds, asked)


def _answer(
    terminal: Terminal, flags: Mapping[str, Any], bounds: tuple[Instant | None, Instant | None],
    asked: Asked,
) -> int:  # fmt: skip
    from sluice.shells import job_of

    resolved = settings_of(terminal, settings_flags(flags))
    request = request_of(resolved.settings, asked.inputs, bounds)
    plugins = plugins_of(resolved, terminal)
    with plugins.guarding(), naming_codec(resolved):
        compiled = loaded_rules(resolved, terminal, plugins)
        plan = compiled.plan
        chosen = named_rules(plan, asked.names, kinds="rule or file") if asked.names else ()
        codecs = plugins.codecs(request.codec)
        job = job_of(plan, compiled.catalog, request, [rule.name for rule in chosen], codecs)
        if asked.sweep:
            return _sweep(terminal, job, compiled, (resolved, plugins), asked)
        if asked.against is not None:
            return _against(terminal, job, (resolved, plugins), asked)
        return _run(terminal, job, asked)


def _check_asked(asked: Asked) -> None:
    """Refuse what is missing or does not go together."""
    if not asked.inputs:
        raise typer.BadParameter("say where the events are", param_hint="--from")
    given = [f"--{name}" for name in ("sweep", "against") if getattr(asked, name)]
    single = [f"--{name}" for name in ("matches", "expect", "labels") if getattr(asked, name)]
    if len(given) > 1 or (given and single):
        together = " and ".join([*given, *single][:2])
        raise typer.BadParameter("they do not go together", param_hint=together)
    if given and asked.engine == "both":
        raise typer.BadParameter("it does not go with --engine both", param_hint=given[0])


def _run(terminal: Terminal, job: Job, asked: Asked) -> int:
    from sluice.cli.backtest_report import document, expectations, report
    from sluice.shells import read_labels, run_backtest

    expected = _expected(asked.expect, job)
    labels = None if asked.labels is None else read_labels(asked.labels)
    write = _match_writer(asked.output) if asked.matches else None
    takers = [] if write is None else [write]
    takers += [] if labels is None else [labels.add]

    def take(record: Mapping[str, Any]) -> None:
        for taker in takers:
            taker(record)

    found = run_backtest(job, asked.engine, take if takers else None)
    held = expectations(found, expected)
    text = report(found, held, labels, asked.engine)
    if asked.matches:
        if not terminal.quiet:
            sys.stderr.write(text)
    else:
        put_report(asked.output, document(found, held, labels, asked.engine), text)
    is_held = all(each.is_held for each in held)
    return _code(terminal, found.read.failures, is_held and not found.difference_count)


def _code(terminal: Terminal, failures: Iterable[str], is_ok: bool) -> int:
    told = list(failures)
    for failure in told:
        terminal.say(f"{terminal.paint('error:', 'error', sys.stderr)} {failure}")
    if told:
        return exits.IO_FAILED
    return exits.OK if is_ok else exits.NO


def _sweep(
    terminal: Terminal, job: Job, compiled: Compiled, tools: tuple[Resolved, Plugins],
    asked: Asked,
) -> int:  # fmt: skip
    from sluice.cli.backtest_tables import sweep_document, sweep_report
    from sluice.shells import axis_of, run_sweep

    try:
        axes = [axis_of(text, compiled.ruleset, compiled.plan, job.rules) for text in asked.sweep]
        found = run_sweep(job, axes, _compiler(terminal, tools), asked.engine)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--sweep") from None
    put_report(asked.output, sweep_document(found), sweep_report(found))
    return _code(terminal, found.read.failures, True)


def _compiler(
    terminal: Terminal, tools: tuple[Resolved, Plugins]
) -> Callable[[Mapping[str, str]], Plan]:
    """Return what compiles the rules again, with other values of params."""
    resolved, plugins = tools
    rules = resolved.settings.rules

    def compiled(values: Mapping[str, str]) -> Plan:
        settings = resolved.settings.model_copy(
            update={"rules": rules.model_copy(update={"set": {**rules.set, **values}})}
        )
        return loaded_rules(replace(resolved, settings=settings), terminal, plugins).plan

    return compiled


def _against(terminal: Terminal, job: Job, tools: tuple[Resolved, Plugins], asked: Asked) -> int:
    from sluice.cli.backtest_tables import against_document, against_report
    from sluice.shells import compare_rules, earlier_rules

    resolved, plugins = tools
    rules = resolved.settings.rules
    assert asked.against is not None
    with earlier_rules(asked.against, rules.paths) as paths:
        settings = resolved.settings.model_copy(
            update={"rules": rules.model_copy(update={"paths": paths})}
        )
        earlier = loaded_rules(replace(resolved, settings=settings), terminal, plugins).plan
        found = compare_rules(job, earlier, asked.engine, is_whole=not asked.names)
    put_report(asked.output, against_document(found), against_report(found))
    return _code(terminal, found.read.failures, True)


def _match_writer(form: str) -> Callable[[Mapping[str, Any]], None] | None:
    """Return what prints a match the way `sluice run` does."""
    from sluice.cli.render import render
    from sluice.io import encode_record

    if form == "json":
        return lambda record: put_bytes(encode_record(record))
    return None if form == "none" else lambda record: put_bytes(render(record).encode())


def _expected(texts: list[str], job: Job) -> dict[str | None, int]:
    """Read `N` and `RULE=N`; None stands for all rules together."""
    found: dict[str | None, int] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not number.isascii() or not number.isdigit():
            message = f"'{text}' is no count; write 12 or auth.brute_force=12"
            raise typer.BadParameter(message, param_hint="--expect")
        if not equals:
            found[None] = int(number)
            continue
        rule = named_rules(job.plan, [name], "--expect")[0]
        if rule.name not in job.rules:
            raise typer.BadParameter(f"{rule.name} is not reported", param_hint="--expect")
        found[rule.name] = int(number)
    return found
