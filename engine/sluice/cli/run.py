"""`sluice run`: run rules over files, directories or standard input."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from sluice.cli import exits
from sluice.cli import run_options as options
from sluice.cli.loading import given, naming_codec, plugins_of, settings_of
from sluice.cli.options import SetOption, SilenceOption, new_app, set_pairs
from sluice.cli.output import drop_stdout, to_json
from sluice.cli.progress import ProgressLine
from sluice.timing import Instant, parse_instant

if TYPE_CHECKING:
    from types import FrameType

    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.shells import RunRequest, RunSummary


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(run)


@options.reads_events
def run(
    ctx: typer.Context,
    inputs: options.InputsArgument = None,
    input_: options.InputOption = None,
    rules: options.RulesOption = None,
    *,
    reading: options.Reading,
    close: options.CloseOption = None,
    set_: SetOption = None,
    follow: options.FollowOption = None,
    checkpoint: options.CheckpointOption = None,
    show: options.ShowOption = None,
    with_events: options.WithEventsOption = None,
    rejected: options.RejectedOption = None,
    stats: options.StatsOption = None,
    lake: options.LakeOption = None,
    output: options.OutputFormOption = None,
    output_file: options.OutputFileOption = None,
    fail_on: options.FailOnOption = None,
    skip_broken_rules: options.SkipBrokenOption = None,
    silence: SilenceOption = None,
    progress: options.ProgressOption = None,
) -> int:
    """Run rules over files, folders, patterns or stdin; print what they find."""
    flags = options.settings_in(locals(), reading)
    bounds = bounds_of(reading)
    terminal: Terminal = ctx.find_root().obj
    return _run(terminal, flags, (*(inputs or ()), *(input_ or ())), bounds)


def _run(
    terminal: Terminal, flags: Mapping[str, Any], inputs: tuple[str, ...],
    bounds: tuple[Instant | None, Instant | None],
) -> int:  # fmt: skip
    from sluice.cli.render import render, summary_text
    from sluice.shells import run_local

    resolved = settings_of(terminal, settings_flags(flags))
    settings, plugins = resolved.settings, plugins_of(resolved, terminal)
    request = request_of(settings, inputs, bounds)
    line = ProgressLine(settings.run.progress and not terminal.quiet)
    stopping = _Stopping()
    write = line.between(_write)
    with stopping, plugins.guarding(), naming_codec(resolved):
        try:
            summary = run_local(
                request, write, render=render, stop=stopping, progress=line.show, plugins=plugins
            )
        except KeyboardInterrupt:
            return stopping.code
        finally:
            line.clear()
    for warning in (*summary.warnings, *summary.lost):
        terminal.warn(warning)
    if request.stats is not None:
        with open(request.stats, "wb") as file:
            file.write(to_json(summary.record()))
    if not terminal.quiet:
        sys.stderr.write(summary_text(summary))
    return _code(terminal, request, summary, stopping)


def settings_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags as settings; lists may be given with commas or again and again."""
    found: dict[str, Any] = {}
    for name, value in given(flags).items():
        key = options.SETTINGS[name]
        match name:
            case "set_":
                found[key] = set_pairs(value)
            case "show" | "fail_on" | "silence":
                found[key] = [word for part in value for word in part.replace(",", " ").split()]
            case _:
                found[key] = value
    return found


def request_of(
    settings: Settings, inputs: tuple[str, ...], bounds: tuple[Instant | None, Instant | None]
) -> RunRequest:
    """Return what the settings and the command line ask for."""
    from sluice.shells import RunRequest

    run_, input_, rules = settings.run, settings.input, settings.rules
    return RunRequest(
        rules=tuple(rules.paths), inputs=inputs, codec=input_.codec,
        type_field=input_.type_field, time_field=input_.time_field, id_field=input_.id_field,
        type=input_.type, time_unit=input_.time_unit, strict_input=input_.strict,
        source=input_.source, lateness_ms=run_.lateness, sort=run_.sort, since=bounds[0],
        until=bounds[1], close=run_.close, set=dict(rules.set), follow=run_.follow,
        idle_timeout_ms=run_.idle_timeout,
        checkpoint=run_.checkpoint, show=frozenset(run_.show), with_events=run_.with_events,
        rejected=run_.rejected, stats=run_.stats, lake=run_.lake, output=run_.output,
        output_file=run_.output_file, fail_on=frozenset(run_.fail_on),
        skip_broken_rules=rules.skip_broken, silence=frozenset(rules.silence),
        limits=settings.limits.limits(), sort_events_max=settings.limits.sort_events_max,
        progress=run_.progress,
    )  # fmt: skip


def _code(terminal: Terminal, request: RunRequest, summary: RunSummary, stopping: _Stopping) -> int:
    """Return the exit code of a run that came to its end, or was ended."""
    mark = terminal.paint("error:", "error", sys.stderr)
    for failure in summary.failures:
        terminal.say(f"{mark} {failure}")
    if summary.failures:
        return exits.IO_FAILED
    if stopping.signal is not None:
        return stopping.code
    met = summary.met(request.fail_on)
    if met:
        terminal.say(f"failed on {', '.join(met)} (--fail-on)")
        return exits.NO
    return exits.OK


def bounds_of(reading: options.Reading) -> tuple[Instant | None, Instant | None]:
    """Return between which times events count, as `--since` and `--until` say."""
    return instant_of("--since", reading["since"]), instant_of("--until", reading["until"])


def instant_of(flag: str, text: str | None) -> Instant | None:
    """Read the time that a flag is given; what is no time is wrong usage."""
    if text is None:
        return None
    for candidate in (text, f"{text}T00:00:00Z", f"{text}Z"):
        found = parse_instant(candidate)
        if found is not None:
            return found
    message = f"'{text}' is no time; write 2026-01-05 or 2026-01-05T08:00:00Z"
    raise typer.BadParameter(message, param_hint=flag)


def _write(data: bytes) -> None:
    stdout = sys.stdout.buffer
    try:
        stdout.write(data)
        stdout.flush()
    except OSError:
        drop_stdout()
        raise


class _Stopping:
    """Ctrl-C and SIGTERM: the first asks the run to stop, the second one ends the process."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def code(self) -> int:
        """The exit code that the signal means."""
        return exits.TERMINATED if self.signal == signal.SIGTERM else exits.INTERRUPTED

    def __enter__(self) -> _Stopping:
        if threading.current_thread() is threading.main_thread():  # only there can one listen
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
