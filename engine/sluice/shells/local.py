"""Run rules over files and pipes in this process: read, decode, match, write, checkpoint."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sluice.backends import BuildOptions, build
from sluice.catalog import builtins
from sluice.codecs import Codec, InputOptions, assumes_utc, make_codec
from sluice.errors import ConfigError, InputError
from sluice.io import (
    STDIN,
    FileSink,
    FileSource,
    check_outputs,
    encode_record,
    expand_inputs,
)
from sluice.plan import rewrite
from sluice.plugins import Plugins
from sluice.shells import checkpoint
from sluice.shells.compile import Compiled, compile_rules
from sluice.shells.reading import Feed, Feeds
from sluice.shells.request import Eviction, RunRequest, RunSummary, SettledFields
from sluice.stream import Pipeline, to_record
from sluice.timing import format_instant

if TYPE_CHECKING:
    from sluice.shells.lake import RunLake

#: How often a checkpoint is written, in seconds.
CHECKPOINT_SECONDS = 2.0

#: With `--sort` nothing is late: everything waits for the end of the input.
SORT_LATENESS = 1 << 60

#: Rows are no objects of the garbage collector; what is left needs it seldom.
GC_THRESHOLD = 200_000

Render = Callable[[Mapping[str, Any]], str]
Progress = Callable[..., None]


def run_local(
    request: RunRequest,
    write: Callable[[bytes], None],
    *,
    render: Render,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
    plugins: Plugins | None = None,
) -> RunSummary:
    """Run the rules of a request over its inputs until they end, or `stop` says so.

    `write` takes what goes to stdout. With `plugins` this is called inside of their `guarding`.
    RuleError, ConfigError, InputError and CheckpointError are raised before anything was
    processed; what fails later is in the summary's `failures`.
    """
    started = time.perf_counter()
    compiled = _compiled(request, plugins)
    compiled.raise_errors()
    options = InputOptions(
        request.type_field, request.time_field, request.id_field, request.type,
        request.time_unit, request.strict_input,
    )  # fmt: skip
    brought = plugins.codecs(request.codec) if plugins is not None else {}
    codec = make_codec(request.codec, options, brought)
    paths = expand_inputs(request.inputs or ("-",), request.follow)
    outputs = {
        "--output-file": request.output_file, "--rejected": request.rejected,
        "--checkpoint": request.checkpoint, "--stats": request.stats,
    }  # fmt: skip
    check_outputs(outputs, paths, compiled.texts)
    _check(request, paths)
    build_options = BuildOptions(
        _kinds(request), request.limits, request.with_events,
        SORT_LATENESS if request.sort else request.lateness_ms,
        request.sort or (not request.follow and STDIN not in paths),
        _kept(request),
    )  # fmt: skip
    pipeline = build(rewrite(compiled.plan), compiled.catalog, build_options)
    run = _Run(request, pipeline, codec, write, render)
    run.warnings += _rule_warnings(compiled)
    if request.lake is None and all(rule.disabled for rule in compiled.plan.rules):
        run.warnings.append(
            "no rule is in force: there is none in these files, or all are disabled"
        )
    threshold = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *threshold[1:])
    try:
        run.open(paths, options)
        run.loop(stop, progress)
        run.finish(stop())
    finally:
        gc.set_threshold(*threshold)
        run.close()
    return _with_failures(run.summary(time.perf_counter() - started), plugins)


def _check(request: RunRequest, paths: list[str]) -> None:
    """Refuse options that make no sense together; ConfigError says what to do."""
    if request.source is not None and len(paths) > 1:
        raise ConfigError(
            f"--source names one input, and there are {len(paths)}: their events would share ids"
        )
    if request.sort and request.follow:
        raise ConfigError(
            "--sort waits for the end of the input, and --follow never comes to it: "
            "take --lateness D instead of --sort"
        )
    if request.close and request.follow:
        raise ConfigError(
            "--close lets time run on behind the end of the input, and --follow never comes to "
            "it: leave one of them out"
        )
    since, until = request.since, request.until
    if since is not None and until is not None and since > until:
        raise ConfigError(
            f"--since {format_instant(since)} is after --until {format_instant(until)}: "
            "no event is between"
        )


def _with_failures(summary: RunSummary, plugins: Plugins | None) -> RunSummary:
    """Return the summary with what failed in plugins."""
    if plugins is None:
        return summary
    warnings = (*summary.warnings, *plugins.sentences)
    return replace(summary, plugin_failures=dict(plugins.failures), warnings=warnings)


def _compiled(request: RunRequest, plugins: Plugins | None) -> Compiled:
    """Compile the rules; that they are not there is a matter of configuration here."""
    try:
        return compile_rules(
            request.rules,
            catalog=builtins(),
            overrides=request.set,
            silence=request.silence,
            skip_broken=request.skip_broken_rules,
            plugins=plugins,
        )
    except InputError as error:
        raise ConfigError(
            f"{error}; name rules with -r, or make some with `sluice init`"
        ) from error


def _kinds(request: RunRequest) -> frozenset[str]:
    """Return the kinds of record that somebody reads."""
    is_read = request.output != "none" or request.output_file is not None
    kinds = request.show if is_read else frozenset()
    return kinds | {"rejected"} if request.rejected is not None else kinds


def _kept(request: RunRequest) -> frozenset[str]:
    """Return the kinds of what the lake keeps; without one its code is never loaded."""
    if request.lake is None:
        return frozenset()
    from sluice.shells.lake import KEPT_KINDS

    return KEPT_KINDS


def _rule_warnings(compiled: Compiled) -> list[str]:
    """Say what `--skip-broken-rules` has left out, and why."""
    rules = [each for each in compiled.skipped if each.rule is not None]
    lines = [f"rule {each.rule} is left out: {each.reason}" for each in rules]
    lines += [each.reason for each in compiled.skipped if each.rule is None]
    if rules:
        total = len(rules) + len(compiled.checked.rules)
        verb = "is" if len(rules) == 1 else "are"
        lines.append(f"{len(rules)} of {total} rules {verb} left out (--skip-broken-rules)")
    return lines


class _Run:
    """One run: its pipeline, inputs and sinks."""

    def __init__(
        self, request: RunRequest, pipeline: Pipeline, codec: Codec,
        write: Callable[[bytes], None], render: Render,
    ) -> None:  # fmt: skip
        self._request, self._pipeline, self._codec = request, pipeline, codec
        self._write, self._render = write, render
        self._sink = FileSink(request.output_file) if request.output_file else None
        self._rejects = FileSink(request.rejected) if request.rejected else None
        self.warnings: list[str] = []
        self.failures: list[str] = []
        self._was_stopped = False
        self._resumed = 0
        self._met_before: Mapping[str, int] = {}
        self._names: list[str] = []
        self._sources: list[FileSource] = []
        self._saved_at = time.monotonic()
        self._lake: RunLake | None = None
        self._claim: int | None = None

    def open(self, paths: list[str], options: InputOptions) -> None:
        """Open all inputs, each where the checkpoint says."""
        request = self._request
        saved = None
        if request.checkpoint is not None:
            self._claim = checkpoint.claim(request.checkpoint)
            saved = checkpoint.load(request.checkpoint, self._codec)
        if saved is not None:
            self._codec.restore(saved.codec)
            left_out = self._pipeline.restore(saved.pipeline)
            self._resumed = self._pipeline.stats.events
            self._met_before = self.summary(0.0).counts
            for name in left_out:
                self.warnings.append(f"rule {name} changed or is gone: its saved state is left out")
        if request.lake is not None:
            names = [request.source or path for path in paths]
            from sluice.shells.lake import RunLake

            kept = None if saved is None else saved.lake
            self._lake = RunLake(request, self._pipeline, names, kept)
        feeds = []
        for path in paths:
            is_polled = request.follow or path == "-"
            source = FileSource(path, self._codec.framing, request.source, is_polled)
            tap = self._lake.input(source.name) if self._lake is not None else None
            position = saved.positions.get(path) if saved is not None else None
            if position is not None and not source.seek(position) and path == STDIN:
                self.warnings.append("- is read as it comes: a pipe cannot go on where it was")
            self._sources.append(source)
            feeds.append(Feed(source, self._codec, request, tap))
        # Another run may read these again, and goes on where they stand.
        self._elsewhere = {} if saved is None else saved.positions
        self._feeds = Feeds(feeds, self._pipeline, options, request.idle_timeout_ms)
        self._names = self._feeds.names

    def loop(self, stop: Callable[[], bool], progress: Progress | None) -> None:
        """Read until the inputs end; write what was decided after each piece."""
        feeds, stats = self._feeds, self._pipeline.stats
        while not stop() and not self.failures and self._step():
            self._check_sorted(stats.events)
            self._deliver()
            if self._lake is not None:
                self._guarded(self._lake.root, self._lake.tick)
            if self._request.checkpoint is not None:
                if time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS:
                    self._save()
            if progress is not None:
                progress(stats.events, *feeds.progress)

    def _check_sorted(self, events: int) -> None:
        """Raise InputError when sorting holds too much; nothing was decided by then."""
        limit = self._request.sort_events_max
        if self._request.sort and events > limit:
            raise InputError(
                f"--sort keeps all events in memory, and there are more than {limit:,} "
                "(sort_events_max): sort the files by time before, or name a part of the time "
                "with --since and --until"
            )

    def _step(self) -> bool:
        """Read one piece; what fails then is the lake, for inputs tell of their own failures."""
        try:
            return self._feeds.step()
        except OSError as error:
            if self._lake is None:
                raise
            self._fail(self._lake.root, error)
            return False

    def finish(self, was_stopped: bool) -> None:
        """Complete the last instant, save, and say what time would still bring."""
        self._was_stopped = was_stopped
        self.failures += self._feeds.failures
        pipeline = self._pipeline
        self._deliver()
        if self._request.checkpoint is not None and not self.failures:
            # Before the input is taken to have ended: a later run goes on as if without a pause.
            self._save()
        if not was_stopped and not self._request.follow:
            pipeline.finish()
            self._deliver()
        if not was_stopped and not self._request.follow:
            if self._request.close:
                pipeline.close()
            else:
                pipeline.pending()
            self._deliver()
        for sink in (self._sink, self._rejects):
            if sink is not None:
                self._guarded(sink.path, sink.close)
        if self._lake is not None:
            how = "failed" if self.failures else "stopped" if was_stopped else "done"
            self._guarded(self._lake.root, partial(self._lake.finish, how))

    def close(self) -> None:
        """Let the lake and the checkpoint go, whatever happened."""
        if self._lake is not None:
            self._lake.close()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _deliver(self) -> None:
        """Hand the records decided so far to stdout and the sinks, in order."""
        decided = self._pipeline.drain()
        if not decided:
            return
        request, lake = self._request, self._lake
        if lake is not None:
            decided = lake.without_extracted(decided)
        made = [to_record(each) for each in decided]
        is_json = request.output == "json"
        # The same text goes to stdout and into the lake.
        lines = list(map(encode_record, made)) if is_json or lake is not None else []
        if lake is not None:
            self._guarded(lake.root, lambda: lake.take(decided, made, lines))
        shown = [record for record in made if record["kind"] in request.show]
        if shown and is_json:
            pairs = zip(made, lines, strict=True)
            self._print(b"".join(line for record, line in pairs if record["kind"] in request.show))
        elif shown and request.output == "text":
            self._print("".join(map(self._render, shown)).encode())
        if self._sink is not None:
            sink = self._sink
            self._guarded(sink.path, lambda: sink.write(shown))
        if self._rejects is not None:
            rejects = self._rejects
            refused = [record for record in made if record["kind"] == "rejected"]
            self._guarded(rejects.path, lambda: rejects.write(refused))

    def _print(self, content: bytes) -> None:
        """Write to stdout; that nobody reads it any more is no failure, and ends the run."""
        try:
            self._write(content)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail("stdout", error)

    def _save(self) -> None:
        """Write a checkpoint, after everything decided before it is safely written."""
        path = self._request.checkpoint
        assert path is not None
        for sink in (self._sink, self._rejects):
            if sink is not None:
                self._guarded(sink.path, partial(sink.flush, durable=True))
        if self._lake is not None:
            self._guarded(self._lake.root, self._lake.flush)
        if not self.failures:
            positions, codec = {**self._elsewhere, **self._feeds.positions}, self._codec
            snapshot = self._pipeline.snapshot()
            lake = {} if self._lake is None else self._lake.state()
            self._guarded(path, lambda: checkpoint.save(path, positions, codec, snapshot, lake))
        self._saved_at = time.monotonic()

    def _guarded(self, path: str, act: Callable[[], object]) -> None:
        """Do something that may find the disk full; then the run ends with what was done."""
        try:
            act()
        except OSError as error:
            self._fail(path, error)

    def _fail(self, path: str, error: OSError) -> None:
        failure = f"{path}: {error.strerror or error}; nothing after it was written"
        if failure not in self.failures:
            self.failures.append(failure)

    def summary(self, seconds: float) -> RunSummary:
        """Return what the run did."""
        pipeline, stats = self._pipeline, self._pipeline.stats
        reporters = pipeline.reporters
        settled = []
        for name in dict.fromkeys(self._names):
            found = self._codec.settled(name)
            if found is not None:
                settled.append(SettledFields(name, found.type_field, found.time_field))
        lateness = self._request.lateness_ms
        return RunSummary(
            events=stats.events,
            resumed_events=self._resumed,
            met_before=self._met_before, seconds=seconds,
            matches={r.code.plan.name: r.matches for r in reporters},
            suppressed=sum(r.suppressed for r in reporters),
            pending=sum(r.pending for r in reporters), late=stats.late,
            late_inputs=dict(stats.late_inputs), late_behind=stats.behind,
            rejected=dict(stats.rejected), evictions=tuple(_evictions(pipeline)),
            first=stats.first, last=stats.last, settled=tuple(settled),
            zone_assumed_for=self._codec.name if assumes_utc(self._codec) else None,
            lateness_needed_ms=lateness + stats.late_by_ms if stats.late else None,
            unextracted=dict(pipeline.program.unfit),
            mismatches=pipeline.program.mismatches.counts, was_stopped=self._was_stopped,
            incomplete={r.code.plan.name: dict(r.incomplete) for r in reporters if r.incomplete},
            lost=tuple(line for source in self._sources for line in source.lost),
            warnings=tuple(self.warnings), failures=tuple(self.failures),
        )  # fmt: skip


def _evictions(pipeline: Pipeline) -> Iterator[Eviction]:
    """Yield what each rule has dropped, by cap."""
    for reporter in pipeline.reporters:
        for cap, count in sorted(reporter.evictions.counts.items()):
            rule, value = reporter.code.plan.name, getattr(pipeline.limits, cap.name)
            yield Eviction(rule, cap.what, count, cap.name, value)
