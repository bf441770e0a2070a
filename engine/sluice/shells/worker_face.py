"""What a worker shows of itself while it runs: probes, metrics, what rules remember."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sluice import __version__
from sluice.io import Metrics, Probes, Progress, start_health
from sluice.shells.lake_feed.request import FeedCounts
from sluice.shells.stages import state_of_key

if TYPE_CHECKING:
    from sluice.config import WorkerSettings
    from sluice.io import HealthServer
    from sluice.shells.lake_feed import LakeFeed
    from sluice.shells.stages import Duty
    from sluice.shells.webhook import WebhookFeed
    from sluice.shells.worker import Worker
    from sluice.stream import Pipeline, Place

log = logging.getLogger("sluice.worker")

LOOK_SECONDS = 1.0
#: How often the broker is asked where partitions end.
ASK_SECONDS = 10.0

#: Stage, topic and partition.
Post = tuple[str, str, int]


@dataclass(slots=True)
class _Standing:
    """Where a partition stood when it was looked at last, and since when it stands there."""

    done: int
    since: float


class _Growth:
    """Turns counts that only grow while a pipeline lives into what came since the last look."""

    def __init__(self) -> None:
        self._before: dict[tuple[int, str, str], int] = {}
        self._known: set[int] = set()

    def since(self, pipeline: Pipeline, rule: str, what: str, count: int) -> int:
        """Return how much came; nothing at the first look, which may be at restored counts."""
        name = (id(pipeline), rule, what)
        start = 0 if name[0] in self._known else count
        grown = count - self._before.get(name, start)
        self._before[name] = count
        return max(0, grown)

    def keep(self, pipelines: Iterable[Pipeline]) -> None:
        """Forget pipelines that went."""
        self._known = {id(pipeline) for pipeline in pipelines}
        self._before = {name: n for name, n in self._before.items() if name[0] in self._known}


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs in a process: its stages over Faust, its lake, its webhook."""

    worker: Worker | None = None
    lake: LakeFeed | None = None
    webhook: WebhookFeed | None = None


class WorkerFace:
    """Looks at what runs in a process once a second, and answers for it.

    Whether it is alive is a matter of its stages alone: a receiver that is away or a disk that is
    full would be no better after a restart.
    """

    def __init__(
        self, parts: Parts, metrics: Metrics, stuck_seconds_max: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._parts, self._metrics, self._clock = parts, metrics, clock
        self._progress = Progress(stuck_seconds_max, clock())
        self._standings: dict[Post, _Standing] = {}
        self._growth = _Growth()
        self._lake_before = FeedCounts()
        self._ends: dict[Place, int] = {}
        self._generation: int | None = None
        self._rules_seen = 0
        self._refused_seen = 0

    async def serve(self, address: str) -> HealthServer:
        """Answer at `HOST:PORT`; ConfigError when that is no address, or is taken."""
        probes = Probes(
            lambda: self._progress.verdict(self._clock()), self._ready, self._metrics.page,
            self._versions, self._state,
        )  # fmt: skip
        return await start_health(address, probes)

    async def look_for_ever(self) -> None:
        """Look, again and again; a look that fails is no reason to end."""
        asked_at = self._clock()
        while True:
            try:
                self.look()
                if self._clock() - asked_at >= ASK_SECONDS:
                    asked_at = self._clock()
                    await self._ask_for_ends()
            except Exception:  # whatever it is: rules go on, and the log says it
                log.exception("the worker cannot tell how it is")
            await asyncio.sleep(LOOK_SECONDS)

    async def _ask_for_ends(self) -> None:
        """Ask where partitions end: a reader that is stuck does not hear of new records."""
        worker = self._parts.worker
        if worker is not None and worker.duty is not None and self._standings:
            places = {post[1:] for post in self._standings}
            # Without a broker what it told last counts (the errors of its client are of this kind).
            with contextlib.suppress(TimeoutError, RuntimeError):
                async with asyncio.timeout(ASK_SECONDS):
                    self._ends = dict(await worker.duty.ends(places))

    def look(self) -> None:
        """Measure how things stand now."""
        self._metrics.ready.set(self._ready()[0])
        worker = self._parts.worker
        if worker is not None:
            self._look_at_rules(worker)
            if worker.duty is not None:
                self._look_at_partitions(worker, worker.duty)
                self._look_at_state(worker.duty)
        if self._parts.lake is not None:
            self._look_at_lake(self._parts.lake)

    # ------------------------------------------------------------ answers

    def _ready(self) -> tuple[bool, str]:
        worker = self._parts.worker
        if worker is None:
            return True, "no stage with state runs here"
        if worker.is_ready:
            return True, f"{len(self._standings)} partitions, rule set {worker.sets.newest}"
        what = "rules" if worker.duty is None else "partitions and their state"
        return False, f"waiting for {what}"

    def _versions(self) -> Mapping[str, Any]:
        worker = self._parts.worker
        if worker is None or not worker.sets.newest:
            return {"version": __version__, "rules": None, "rules_number": None}
        newest = worker.sets.newest
        bundle = worker.sets.bundles[newest]
        return {"version": __version__, "rules": bundle.version, "rules_number": newest}

    def _state(self, rule: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        worker = self._parts.worker
        if worker is None or worker.duty is None:
            raise KeyError(rule)
        holdings = worker.duty.matching.holdings
        shards = {number: holding.shard for number, holding in holdings.items()}
        if not shards and any(r.name == rule for r in worker.duty.filtering.rules.plan.rules):
            return None
        return state_of_key(shards, rule, key)

    # ------------------------------------------------------------ looking

    def _look_at_rules(self, worker: Worker) -> None:
        sets = worker.sets
        rules = sets.in_force
        if rules is not None and rules.number != self._rules_seen:
            self._rules_seen = rules.number
            names = [rule.name for rule in rules.plan.rules]
            self._metrics.take_rules(sets.bundles[rules.number].version, names, time.time())
        newest_refused = max(sets.refused, default=0)
        if newest_refused > max(self._refused_seen, sets.newest):
            self._refused_seen = newest_refused
            self._metrics.refuse_rules()

    def _look_at_partitions(self, worker: Worker, duty: Duty) -> None:
        now, lag = self._clock(), 0
        posts = dict(_posts(duty))
        for post in self._standings.keys() - posts.keys():
            del self._standings[post]
            self._metrics.forget_partition(*post)
            self._progress.acknowledge(now)
        for post, done in posts.items():
            standing = self._standings.setdefault(post, _Standing(done, now))
            told = self._ends.get(post[1:], done)
            behind = max(0, _end(worker, post[1:], done) - done, told - done)
            if done != standing.done:
                self._progress.acknowledge(now)
            if done != standing.done or not behind:
                standing.done, standing.since = done, now
            self._metrics.lag.labels(*post).set(behind)
            self._metrics.oldest_unacked.labels(*post).set(now - standing.since)
            lag += behind
        self._progress.see_lag(lag, now)
        generation = worker.app.consumer_generation_id
        self._metrics.rebalances.inc(self._generation not in (None, generation))
        self._generation = generation
        stages = [stage for stage, _, _ in posts]
        for stage in ("filter", "match"):
            self._metrics.assigned.labels(stage).set(stages.count(stage))

        for place, intake in duty.filtering.intakes.items():
            seen = intake.inlet.mark.seen
            if seen is not None:
                old = max(0.0, time.time() - seen / 1000)
                self._metrics.watermark_lag.labels("filter", *place).set(old)

    def _look_at_state(self, duty: Duty) -> None:
        keys: dict[str, int] = {}
        shards = [holding.shard for holding in duty.matching.holdings.values()]
        for shard in shards:
            pipeline = shard.pipeline
            again = self._growth.since(pipeline, "", "duplicates", shard.duplicates)
            self._metrics.keyed_duplicates.inc(again)
            behind = self._growth.since(pipeline, "", "behind", shard.behind)
            self._metrics.keyed_behind.inc(behind)
            for operator in pipeline.operators:
                rule = operator.code.plan.name
                keys[rule] = keys.get(rule, 0) + len(getattr(operator, "keys", ()))
        self._metrics.held_back.set(sum(shard.held_count for shard in shards))
        for rule, count in keys.items():
            self._metrics.state_keys.labels(rule).set(count)
        pipelines = [duty.filtering.pipeline, *(shard.pipeline for shard in shards)]
        for pipeline in pipelines:
            self._look_at_counts(pipeline)
        self._growth.keep(pipelines)

    def _look_at_counts(self, pipeline: Pipeline) -> None:
        since, metrics = self._growth.since, self._metrics
        for reporter in pipeline.reporters:
            rule = reporter.code.plan.name
            swallowed = since(pipeline, rule, "suppressed", reporter.suppressed)
            metrics.suppressed.labels(rule).inc(swallowed)
            caps: dict[str, int] = {}
            for cap, count in reporter.evictions.counts.items():
                caps[cap.name] = caps.get(cap.name, 0) + count
            dropped = {cap: since(pipeline, rule, cap, n) for cap, n in caps.items()}
            metrics.count_evictions(rule, {cap: n for cap, n in dropped.items() if n})
        for rule, fields in pipeline.program.mismatches.counts.items():
            metrics.type_mismatches.labels(rule).inc(
                since(pipeline, rule, "mismatches", sum(fields.values()))
            )

    def _look_at_lake(self, lake: LakeFeed) -> None:
        now, before, metrics = lake.counts, self._lake_before, self._metrics
        metrics.lake_segments.inc(now.segments - before.segments)
        metrics.lake_written.inc(now.segment_bytes - before.segment_bytes)
        metrics.lake_failures.inc(now.write_failures - before.write_failures)
        self._lake_before = replace(now)
        for place, count in lake.lag.items():
            metrics.lag.labels("lake", *place).set(count)


@contextlib.asynccontextmanager
async def shown(parts: Parts, metrics: Metrics, settings: WorkerSettings) -> AsyncIterator[None]:
    """Answer for what runs in this process for as long as it does."""
    face = WorkerFace(parts, metrics, settings.live_timeout / 1000)
    server = await face.serve(settings.http) if settings.http else None
    looking = asyncio.create_task(face.look_for_ever())
    try:
        yield
    finally:
        looking.cancel()
        if server is not None:
            await server.close()


def _posts(duty: Duty) -> Iterator[tuple[Post, int]]:
    """Yield each partition with the offset up to which everything is durable."""
    for (topic, partition), intake in duty.filtering.intakes.items():
        reached = intake.expected if intake.durable is None else intake.durable.offset
        if reached is not None:
            yield ("filter", topic, partition), reached
    keyed = duty.request.names.of("keyed")
    for partition, holding in duty.matching.holdings.items():
        # What waits for the watermark is safe in the state, though not committed.
        yield ("match", keyed, partition), max(holding.written, holding.durable.offset)


def _end(worker: Worker, place: Place, done: int) -> int:
    """Return where the next record will be, as far as the broker has told."""
    consumer = worker.app.consumer
    return (consumer.highwater(place) or done) if place in consumer.assignment() else done
