"""Run rules over files and pipes in this process: read, decode, match, write, checkpoint."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sluice.backends import BuildOptions, build
from sluice.catalog import Catalog, builtins
from sluice.codecs import Codec, InputOptions, make_codec
from sluice.errors import ConfigError, InputError
from sluice.io import STDIN, FileSink, FileSource, encode_record, expand_inputs
from sluice.plan import rewrite
from sluice.shells import checkpoint
from sluice.shells.compile import Compiled, compile_rules
from sluice.shells.reading import Feed, Feeds
from sluice.shells.request import RunRequest, RunSummary, SettledFields
from sluice.stream import Pipeline, to_record

#: How often a checkpoint is written, in seconds.
CHECKPOINT_SECONDS = 2.0

#: With `--sort` nothing is late: everything waits for the end of the input.
_SORT_LATENESS = 1 << 60

#: Rows are no objects of the garbage collector; what is left needs it seldom.
_GC_THRESHOLD = 200_000

Render = Callable[[Mapping[str, Any]], str]
Progress = Callable[..., None]


def run_local(
    request: RunRequest,
    write: Callable[[bytes], None],
    *,
    render: Render,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> RunSummary:
    """Run the rules of a request over its inputs until they end, or `stop` says so.

    `write` takes what goes to stdout. RuleError, ConfigError, InputError and CheckpointError are
    raised before anything was processed; what fails later is in the summary's `failures`.
    """
    started = time.perf_counter()
    catalog = builtins()
    compiled = _compiled(request, catalog)
    compiled.raise_errors()
    options = InputOptions(
        request.type_field, request.time_field, request.id_field, request.type,
        request.time_unit, request.strict_input,
    )  # fmt: skip
    codec = make_codec(request.codec, options)
    paths = expand_inputs(request.inputs or ("-",), request.follow)
    if request.source is not None and len(paths) > 1:
        raise ConfigError(
            f"--source names one input, and there are {len(paths)}: their events would share ids"
        )
    build_options = BuildOptions(
        _kinds(request), request.limits, request.with_events,
        _SORT_LATENESS if request.sort else request.lateness_ms,
        not request.follow and STDIN not in paths,
    )  # fmt: skip
    pipeline = build(rewrite(compiled.plan), catalog, build_options)
    run = _Run(request, pipeline, codec, write, render)
    run.warnings += _rule_warnings(compiled)
    threshold = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD, *threshold[1:])
    try:
        run.open(paths, options)
        run.loop(stop, progress)
        run.finish(stop())
    finally:
        gc.set_threshold(*threshold)
    return run.summary(time.perf_counter() - started)


def _compiled(request: RunRequest, catalog: Catalog) -> Compiled:
    """Compile the rules; that they are not there is a matter of configuration here."""
    try:
        return compile_rules(
            request.rules,
            catalog=catalog,
            overrides=request.set,
            silence=request.silence,
            skip_broken=request.skip_broken_rules,
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


def _rule_warnings(compiled: Compiled) -> list[str]:
    return [f"{name.removeprefix('at ')} has errors and is left out" for name in compiled.skipped]


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
        self._saved_at = time.monotonic()

    def open(self, paths: list[str], options: InputOptions) -> None:
        """Open all inputs, each where the checkpoint says."""
        request = self._request
        saved = checkpoint.load(request.checkpoint) if request.checkpoint else None
        if saved is not None:
            self._codec.restore(saved.codec)
            left_out = self._pipeline.restore(saved.pipeline)
            self._resumed = self._pipeline.stats.events
            self._met_before = self.summary(0.0).counts
            for name in left_out:
                self.warnings.append(f"rule {name} changed or is gone: its saved state is left out")
        feeds = []
        for path in paths:
            is_polled = request.follow or path == "-"
            source = FileSource(path, self._codec.framing, request.source, is_polled)
            position = saved.positions.get(path) if saved is not None else None
            if position is not None and not source.seek(position):
                self.warnings.append(f"{path} is another file than before: read from its start")
            feeds.append(Feed(source, self._codec, request))
        self._feeds = Feeds(feeds, self._pipeline, options)
        self._names = self._feeds.names

    def loop(self, stop: Callable[[], bool], progress: Progress | None) -> None:
        """Read until the inputs end; write what was decided after each piece."""
        feeds, stats = self._feeds, self._pipeline.stats
        while not stop() and not self.failures and feeds.step():
            self._deliver()
            if self._request.checkpoint is not None:
                if time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS:
                    self._save()
            if progress is not None:
                progress(stats.events, *feeds.progress)

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

    def _deliver(self) -> None:
        """Hand the records decided so far to stdout and the sinks, in order."""
        records = self._pipeline.drain()
        if not records:
            return
        made = [to_record(record) for record in records]
        request = self._request
        shown = [record for record in made if record["kind"] in request.show]
        if shown and request.output == "json":
            self._write(b"".join(map(encode_record, shown)))
        elif shown and request.output == "text":
            self._write("".join(map(self._render, shown)).encode())
        if self._sink is not None:
            sink = self._sink
            self._guarded(sink.path, lambda: sink.write(shown))
        if self._rejects is not None:
            rejects = self._rejects
            refused = [record for record in made if record["kind"] == "rejected"]
            self._guarded(rejects.path, lambda: rejects.write(refused))

    def _save(self) -> None:
        """Write a checkpoint, after everything decided before it is safely written."""
        path = self._request.checkpoint
        assert path is not None
        for sink in (self._sink, self._rejects):
            if sink is not None:
                self._guarded(sink.path, partial(sink.flush, durable=True))
        if not self.failures:
            positions, codec = self._feeds.positions, self._codec.state()
            snapshot = self._pipeline.snapshot()
            self._guarded(path, lambda: checkpoint.save(path, positions, codec, snapshot))
        self._saved_at = time.monotonic()

    def _guarded(self, path: str, act: Callable[[], object]) -> None:
        """Do something that may find the disk full; then the run ends with what was done."""
        try:
            act()
        except OSError as error:
            self.failures.append(f"{path}: {error.strerror or error}; nothing after it was written")

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
            rejected=dict(stats.rejected), evicted=sum(r.evictions for r in reporters),
            first=stats.first, last=stats.last, settled=tuple(settled),
            lateness_needed_ms=lateness + stats.late_by_ms if stats.late else None,
            unextracted=dict(pipeline.program.unfit),
            misfits=pipeline.program.misfits, was_stopped=self._was_stopped,
            warnings=tuple(self.warnings), failures=tuple(self.failures),
        )  # fmt: skip
