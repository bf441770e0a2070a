"""A worker: Faust agents over Kafka that run the stages, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust
from faust.auth import OAuthCredentials
from faust.types.tuples import TP

from sluice.backends import OUTPUT_TOPICS
from sluice.errors import ConfigError, SluiceError
from sluice.io import BrokerSettings, GroupMarks, TopicEnds, TopicWriter, faust_credentials
from sluice.io import Mark as Commit
from sluice.shells.stages import (
    Clients,
    Duty,
    DutyRequest,
    RuleBundle,
    RuleSets,
    RulesFollower,
    Tally,
    reason_of,
)
from sluice.shells.transport import BatchSchema, InTurn

_log = logging.getLogger("sluice.worker")

#: What waits in front of an agent, in batches.
BUFFER_BATCHES = 16
#: How long leaving the group may take, and stopping each of the other clients.
STOP_SECONDS_MAX = 2.5
CLIENT_STOP_SECONDS_MAX = 1.0
PACE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """What a worker is to do, and how Faust speaks to brokers.

    `own` are the rules that the first worker of a group deploys, or why there are none: later ones
    run what was deployed. `credentials` are Faust's.
    """

    duty: DutyRequest
    own: RuleBundle | SluiceError
    addresses: tuple[str, ...]
    credentials: Any = None
    session_seconds: float = 10.0
    instance: str | None = None
    fetch_wait_ms_max: int = 20
    fetch_bytes_min: int = 16_384


@dataclass(slots=True)
class Worker:
    """Runs the stages of one process."""

    request: WorkerRequest
    sets: RuleSets
    tally: Tally
    stop: asyncio.Event
    duty: Duty | None = None
    is_ready: bool = False
    failure: SluiceError | None = None
    app: Any = None
    topics: frozenset[str] = frozenset()
    fetch_bytes_min: int = 16_384
    fetch_wait_ms_max: int = 20
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    # ------------------------------------------------------------ what the transport asks

    def commit_of(self, topic: str, partition: int) -> Commit | None:
        """Return what may be committed of a partition."""
        return None if self.duty is None else self.duty.commit_of(topic, partition)

    async def settle(self) -> None:
        """Make durable what was taken."""
        if self.duty is not None:
            await self.duty.settle()

    # ------------------------------------------------------------ life

    async def run(self) -> None:
        """Run until a signal or a failure; ConnectionError when no broker answers."""
        request, duty = self.request, self.request.duty
        self.fetch_bytes_min = request.fetch_bytes_min
        self.fetch_wait_ms_max = request.fetch_wait_ms_max
        writer, ends = TopicWriter(duty.connection), TopicEnds(duty.connection)
        marks = GroupMarks(duty.connection, duty.group)
        follower = RulesFollower(duty, self.sets, writer)
        try:
            await ends.start()
            await writer.start()
            await marks.start()
            places = await self._places(ends)
            await follower.start(request.own)
            self._check_rules()
            self.duty = Duty(duty, self.sets, places, Clients(writer, ends, marks), self.tally)
            await self._run_app(follower)
        finally:
            # A client whose broker is away may not stop; the others do all the same.
            services = (follower, marks, writer, ends)
            stops = [asyncio.wait_for(each.stop(), CLIENT_STOP_SECONDS_MAX) for each in services]
            for outcome in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    _log.debug("a client did not stop well: %r", outcome)
        if self.failure is not None:
            raise self.failure

    async def _places(self, ends: TopicEnds) -> Sequence[tuple[str, int]]:
        """Return all source partitions; ConfigError names topics that are missing."""
        duty = self.request.duty
        names = duty.names
        own = [names.of(w) for w in ("keyed", "state.keyed", "rules", *OUTPUT_TOPICS.values())]
        found = await ends.partitions([*duty.inputs, *own])
        missing = sorted(topic for topic, count in found.items() if not count)
        if missing:
            raise ConfigError(
                f"there is no topic {', '.join(missing)}: `sluice topics apply` makes them"
            )
        for topic in (names.of("keyed"), names.of("state.keyed")):
            if found[topic] != names.partitions:
                raise ConfigError(
                    f"topic {topic} has {found[topic]} partitions, and kafka.partitions says "
                    f"{names.partitions}: keys would change places (see `sluice topics check`)"
                )
        return [(topic, n) for topic in sorted(duty.inputs) for n in range(found[topic])]

    def _check_rules(self) -> None:
        sets, own = self.sets, self.request.own
        if not sets.newest:
            reasons = "; ".join(sets.refused.values())
            raise ConfigError(f"no rule set that was deployed compiles here: {reasons}")
        deployed = sets.bundles[sets.newest].version
        if isinstance(own, SluiceError):
            _log.warning(
                "the rules in force are %s; the files here do not load: %s",
                deployed, reason_of(own),
            )  # fmt: skip
        elif deployed != own.version:
            _log.warning(
                "the rules in force are %s, not those of the files here (%s): "
                "`sluice rules deploy` would change that",
                deployed, own.version,
            )  # fmt: skip

    async def _run_app(self, follower: RulesFollower) -> None:
        assert self.duty is not None
        duty = self.duty
        self.app = app = self._app()
        self._guard("rules", follower.follow_for_ever(duty, self._refused))
        if "filter" in self.request.duty.stages:
            self._guard("flush", duty.flush_for_ever())
            self._guard("land", duty.land_for_ever())
            self._guard("listen", duty.listen_for_ever())
            self._guard("pace", self._pace_for_ever(duty))
        if "match" in self.request.duty.stages:
            self._guard("persist", duty.persist_for_ever())
        await app.start()
        await self.stop.wait()
        self.is_ready = False
        if self.failure is None:
            _log.info("stopping: what was taken becomes durable first")
            await duty.settle()
        try:
            await asyncio.wait_for(app.stop(), STOP_SECONDS_MAX)
        except TimeoutError:
            _log.warning("the consumer group was not left in time")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pace_for_ever(self, duty: Duty) -> None:
        """Let sources wait that are far ahead of others: what they bring fills the memory."""
        while True:
            await asyncio.sleep(PACE_SECONDS)
            if self.is_ready:
                self.app.consumer.waiting = frozenset(TP(*place) for place in duty.ahead())

    def _guard(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run something for ever; that it fails ends the worker."""

        async def guarded() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.fail(name, error)

        self._tasks.append(asyncio.create_task(guarded(), name=name))

    def fail(self, where: str, error: BaseException) -> None:
        """End the process: what is in memory may be half done, what is on the broker is not."""
        _log.error("the worker ends: %s: %s", where, error, exc_info=error)
        if not isinstance(error, SluiceError):
            # Nothing may be committed or written any more.
            logging.shutdown()
            sys.stderr.flush()
            os._exit(70)
        self.failure = self.failure or error
        self.stop.set()

    def _refused(self, number: int, reason: str) -> None:
        _log.error("rule set %d is refused, the one before stays: %s", number, reason)

    # ------------------------------------------------------------ wiring

    def _app(self) -> Any:
        """Return the Faust app with its agents."""
        request = self.request
        duty = request.duty
        topics: dict[str, list[str]] = {}
        if "filter" in duty.stages:
            topics["filter"] = sorted(duty.inputs)
        if "match" in duty.stages:
            topics["match"] = [duty.names.of("keyed")]
        self.topics = frozenset(name for names in topics.values() for name in names)
        app: Any = faust.App(
            duty.group,
            broker=[f"sluice://{address}" for address in request.addresses],
            broker_credentials=request.credentials,
            autodiscover=False, web_enabled=False, topic_disable_leader=True,
            topic_allow_declare=False, stream_wait_empty=False,
            stream_buffer_maxsize=BUFFER_BATCHES, broker_commit_interval=0.5,
            table_standby_replicas=0,
            broker_session_timeout=request.session_seconds,
            # Who still works hears with the next heartbeat that partitions are dealt out anew.
            broker_heartbeat_interval=request.session_seconds / 10,
            broker_max_poll_interval=300.0, consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=request.instance, ConsumerScheduler=InTurn,
        )  # fmt: skip
        app.work = self
        # Folders of tables, of which there are none: in an image nothing can be written.
        app._create_directories = lambda: None
        for stage, names in topics.items():
            channel = app.topic(*names, schema=BatchSchema())
            app.agent(channel, name=stage, concurrency=1)(self._taking(stage))
        app.on_rebalance_complete.connect(self._on_complete, weak=False)
        return app

    async def _on_complete(self, app: Any, **_: Any) -> None:
        """Take partitions over, before they are read."""
        assert self.duty is not None
        generation = app.consumer_generation_id
        places = [(tp.topic, tp.partition) for tp in app.consumer.assignment()]
        mine = [place for place in places if place[0] in self.topics]
        try:
            await self.duty.assign(generation, mine)
            self.is_ready = True
            _log.info("generation %d: %d partitions", generation, len(mine))
        except Exception as error:
            self.fail("partitions", error)

    def _taking(self, stage: str) -> Callable[[Any], Coroutine[Any, Any, None]]:
        """Return the agent of a stage."""

        async def take(stream: Any) -> None:
            await self._take(stage, stream)

        return take

    async def _take(self, stage: str, stream: Any) -> None:
        """Take batches of this generation; what was read before one is read again."""
        assert self.duty is not None
        duty = self.duty
        async for event in stream.noack().events():
            generation = event.message.generation_id
            for (topic, partition), records in event.value:
                if generation != self.app.consumer_generation_id:
                    break
                try:
                    if stage == "filter":
                        await duty.take_input((topic, partition), records, self._seek)
                    else:
                        await duty.take_keyed(partition, records, self._seek)
                except Exception as error:
                    self.fail(stage, error)

    async def _seek(self, topic: str, partition: int, offset: int) -> None:
        await self.app.consumer.seek(TP(topic, partition), offset)


def credentials_of(brokers: BrokerSettings) -> Any:
    """Return what Faust shows to brokers, None for nothing."""
    return faust_credentials(brokers, faust.SASLCredentials, faust.SSLCredentials, OAuthCredentials)
