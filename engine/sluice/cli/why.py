"""`sluice why`: why a rule fired, or what stopped it from firing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli import run_options as options
from sluice.cli.kept import LakeInsteadOption, ask_kept, is_match, lake_instead
from sluice.cli.loading import loaded_rules, naming_codec, plugins_of, settings_of
from sluice.cli.options import OutputOption, SetOption, new_app
from sluice.cli.output import put_report
from sluice.cli.render import safe
from sluice.cli.rule_names import named_rules
from sluice.cli.run import bounds_of, instant_of, request_of, settings_flags

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.plan import RulePlan
    from sluice.plugins import Plugins
    from sluice.shells import Compiled, KeptLake, RunRequest
    from sluice.why import Explanation


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(why)


@options.reads_events
def why(
    ctx: typer.Context,
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE", help="The rule, as PACK.NAME; of a lake also the id of a match."
        ),
    ],
    inputs: options.InputsArgument = None,
    input_: options.InputOption = None,
    rules: options.RulesOption = None,
    lake: LakeInsteadOption = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="NAME=VALUE,…", help="Only this key; of one part, the value will do."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Only what was under way at this time."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100, help="How many matches or near misses.")
    ] = 3,
    *,
    reading: options.Reading,
    set_: SetOption = None,
    output: OutputOption = "text",
) -> int:
    """Say why a rule fired, or what stopped it: near misses, and what would have done."""
    held = options.settings_in(locals(), reading)
    flags = {name: value for name, value in held.items() if name != "output"}
    bounds = bounds_of(reading)
    terminal: Terminal = ctx.find_root().obj
    resolved = settings_of(terminal, settings_flags(flags))
    request = request_of(resolved.settings, (*(inputs or ()), *(input_ or ())), bounds)
    asked = {"rule": rule, "key": key, "at": instant_of("--at", at), "limit": limit}
    kept = lake_instead(lake, request)
    plugins = plugins_of(resolved, terminal)
    with plugins.guarding(), naming_codec(resolved):
        compiled = loaded_rules(resolved, terminal, plugins)
        answer, failures = _ask(request, compiled, kept, asked, plugins)
    for sentence in plugins.sentences:
        terminal.warn(sentence)
    _put(answer, output)
    for failure in failures:
        terminal.say(f"{terminal.paint('error:', 'error', sys.stderr)} {failure}")
    return exits.IO_FAILED if failures else exits.OK


def _ask(
    request: RunRequest, compiled: Compiled, kept: KeptLake | None, asked: Mapping[str, Any],
    plugins: Plugins,
) -> tuple[Explanation, tuple[str, ...]]:  # fmt: skip
    from sluice.shells import ask_why
    from sluice.why import Asked

    def key_of(rule: RulePlan) -> dict[str, str] | None:
        return None if asked["key"] is None else _key(asked["key"], rule)

    if kept is not None:
        left_out = tuple(f"{trouble}: left out" for trouble in kept.troubles)
        return ask_kept(kept, compiled, request, asked, key_of), left_out
    if is_match(asked["rule"], compiled):
        message = f"to ask about the match {asked['rule']}, name the lake that keeps it"
        raise typer.BadParameter(message, param_hint="--lake")
    rule = named_rules(compiled.plan, [asked["rule"]])[0]
    question = Asked(key_of(rule), asked["at"], asked["limit"])
    return ask_why(request, compiled, rule.name, question, plugins.codecs(request.codec))


def _put(explanation: Explanation, output: str) -> None:
    """Print the answer; what was asked for and is not there is wrong usage."""
    from sluice.why import document, story

    problem = explanation.problem
    if problem is not None:
        raise typer.BadParameter(problem.text, param_hint=problem.option)
    put_report(output, document(explanation), safe(story(explanation)))


def _key(text: str, rule: RulePlan) -> dict[str, str]:
    """Read `NAME=VALUE,…`, or the value of the only part of a rule's key."""
    names = [part.name for part in rule.keys]
    if not names:
        message = f"{rule.name} has no key (`by`): all events are one"
        raise typer.BadParameter(message, param_hint="--key")
    if len(names) == 1 and not text.startswith(f"{names[0]}="):
        return {names[0]: text}
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not equals or name.strip() not in names:
            parts = ", ".join(f"{name}=…" for name in names)
            message = f"'{pair}' is no part of the key of {rule.name}; it is {parts}"
            raise typer.BadParameter(message, param_hint="--key")
        found[name.strip()] = value
    return found
