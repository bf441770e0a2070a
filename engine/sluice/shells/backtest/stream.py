"""The stream engine over kept events: every event is read and decided, as `sluice run` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from sluice.backends import BuildOptions, build
from sluice.codecs import InputOptions, make_codec
from sluice.errors import ConfigError, InputError
from sluice.io import STDIN, FileSource, expand_inputs
from sluice.model import Counted, Event, Match, Row
from sluice.plan import Plan, rewrite
from sluice.shells.backtest.request import Job, Read, Taker
from sluice.shells.collecting import seldom_collected
from sluice.shells.local import SORT_LATENESS
from sluice.shells.reading import Feed, Feeds
from sluice.shells.request import RunRequest
from sluice.stream import Pipeline
from sluice.timing import Instant

if TYPE_CHECKING:
    from sluice.backends import MakeRows

#: How many events are decided before their matches are handed on.
BATCH_EVENTS = 1_000


def by_stream(job: Job, taker: Taker) -> Read:
    """Run all rules over all events; InputError and ConfigError come before anything is read."""
    started = time.perf_counter()
    request = job.request
    paths = input_paths(request)
    options = input_options(request)
    codec = make_codec(request.codec, options, job.codecs)
    lateness = SORT_LATENESS if request.sort else request.lateness_ms
    is_in_order = request.sort or STDIN not in paths
    pipeline = new_pipeline(job, job.plan, taker, lateness, is_in_order)
    with seldom_collected():
        feeds = Feeds(
            [
                Feed(FileSource(p, codec.framing, request.source, p == STDIN), codec, request)
                for p in paths
            ],
            pipeline, options, request.idle_timeout_ms,
        )  # fmt: skip
        while not feeds.failures and feeds.step():
            _check_sorted(request, pipeline.stats.events)
            deliver(pipeline, job.rules, taker)
        finish(pipeline, job, taker)
    stats = pipeline.stats
    return Read(
        events=stats.events, rejected=sum(stats.rejected.values()), late=stats.late,
        first=stats.first, last=stats.last, seconds=time.perf_counter() - started,
        failures=tuple(feeds.failures),
    )  # fmt: skip


class Deciders:
    """The pipelines of some plans, which see the same events in order of time: one for a backtest,
    one for each value of a sweep."""

    def __init__(self, job: Job, plans: Sequence[tuple[Plan, Taker]]) -> None:
        self._job = job
        self._pipelines = [
            (new_pipeline(job, plan, taker, 0, True), taker) for plan, taker in plans
        ]

    def reads(self, type_: str) -> frozenset[str]:
        """Return the fields that some plan reads of events of a type."""
        return frozenset().union(*(p.program.reads(type_) for p, _ in self._pipelines))

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipelines, in the order of the plans."""
        return [pipeline for pipeline, _ in self._pipelines]

    def decide(
        self, batches: Iterable[Sequence[Any]], makers: Sequence[MakeRows], read: Read
    ) -> int:
        """Let all see what some batches hold, within the time that `read` says; return how many
        events there were. `makers` make rows of a batch for each pipeline.
        """
        count = 0
        if read.first is not None and read.last is not None:
            # Rules may wait since the first event, whatever it was, and up to the last one.
            self._tick(read.first)
            for batch in batches:
                count += len(batch)
                for (pipeline, taker), rows in zip(self._pipelines, makers, strict=True):
                    pipeline.apply_all(rows(batch))
                    deliver(pipeline, self._job.rules, taker)
            self._tick(read.last)
        for pipeline, taker in self._pipelines:
            finish(pipeline, self._job, taker)
        return count

    def decide_events(self, events: Iterable[Event], read: Read) -> int:
        """Let all see events, as `decide` does."""
        waiting = iter(events)
        batches = iter(lambda: list(islice(waiting, BATCH_EVENTS)), [])
        return self.decide(batches, [_rows_of(p) for p in self.pipelines], read)

    def _tick(self, time: Instant) -> None:
        for pipeline, _ in self._pipelines:
            pipeline.tick(time)


def _rows_of(pipeline: Pipeline) -> Callable[[Sequence[Event]], list[Row]]:
    to_row = pipeline.program.to_row
    return lambda events: list(map(to_row, events))


def new_pipeline(job: Job, plan: Plan, taker: Taker, lateness: int, is_in_order: bool) -> Pipeline:
    """Build the pipeline of a plan for a job, of which matches are read."""
    request = job.request
    options = BuildOptions(
        frozenset({"counted" if taker.take is None else "match"}),
        request.limits,
        request.with_events,
        lateness,
        is_in_order,
    )
    return build(rewrite(plan), job.catalog, options)


def deliver(pipeline: Pipeline, rules: frozenset[str], taker: Taker) -> None:
    """Hand on the matches of these rules that were decided so far."""
    for record in pipeline.drain():
        if isinstance(record, Match | Counted) and record.rule in rules:
            if taker.count is not None:
                taker.count(record)
            if taker.take is not None:
                taker.take(record.record())


def finish(pipeline: Pipeline, job: Job, taker: Taker) -> None:
    """Complete the last instant, and with `close` all deadlines."""
    pipeline.finish()
    if job.request.close:
        pipeline.close()
    deliver(pipeline, job.rules, taker)


def input_paths(request: RunRequest) -> list[str]:
    """Return the files that hold the events."""
    paths = expand_inputs(request.inputs, False)
    if request.source is not None and len(paths) > 1:
        raise ConfigError(
            f"--source names one input, and there are {len(paths)}: their events would share ids"
        )
    return paths


def input_options(request: RunRequest) -> InputOptions:
    """Return where the attributes of events stand."""
    return InputOptions(
        request.type_field, request.time_field, request.id_field, request.type,
        request.time_unit, request.strict_input,
    )  # fmt: skip


def _check_sorted(request: RunRequest, events: int) -> None:
    limit = request.sort_events_max
    if request.sort and events > limit:
        raise InputError(
            f"--sort keeps all events in memory, and there are more than {limit:,} "
            "(sort_events_max): sort the files by time before, or name a part of the time "
            "with --since and --until"
        )
