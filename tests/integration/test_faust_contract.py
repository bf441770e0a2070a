"""What `shells.transport` and `shells.worker` rely on inside of Faust and aiokafka is still so.

None of it is promised by those libraries. When one of these fails after an upgrade, read the
piece of Faust that its message names before anything else: a worker may otherwise lose offsets
without a word.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import App
from faust.streams import Stream
from faust.tables.recovery import Recovery
from faust.transport import utils
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.consumer import ThreadDelegateConsumer, ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage
from hypothesis import given
from hypothesis import strategies as st
from mode.threads import ServiceThread

from sluice.io.kafka.plain_records import PlainRecords
from sluice.shells import transport

#: function -> its parameters, and what the transport does there.
SIGNATURES: dict[str, tuple[Callable[..., Any], str, str]] = {
    "getmany": (
        ThreadDelegateConsumer._getmany, "self active_partitions timeout",
        "Consumer._getmany turns the records of a partition into batches",
    ),
    "to_message": (
        driver.Consumer._to_message, "self tp record", "Consumer._to_message makes a batch",
    ),
    "pending": (
        BaseConsumer._filter_tps_with_pending_acks, "self topics",
        "Consumer._filter_tps_with_pending_acks names all partitions, acknowledged or not",
    ),
    "new_offset": (
        BaseConsumer._new_offset, "self tp", "Consumer._new_offset asks the stages",
    ),
    "add_gap": (
        BaseConsumer._add_gap, "self tp offset_from offset_to", "Consumer._add_gap does nothing",
    ),
    "revoked": (
        BaseConsumer.on_partitions_revoked, "self revoked",
        "Consumer.on_partitions_revoked commits before partitions go",
    ),
    "commit": (
        driver.AIOKafkaConsumerThread._commit, "self offsets",
        "ConsumerThread._commit commits watermarks beside offsets",
    ),
    "worker consumer": (
        driver.AIOKafkaConsumerThread._create_worker_consumer, "self transport",
        "ConsumerThread._create_worker_consumer changes how it fetches",
    ),
    "new thread": (
        driver.Consumer._new_consumer_thread, "self", "Consumer._new_consumer_thread makes ours",
    ),
    "message": (
        ConsumerMessage.__init__,
        "self topic partition offset timestamp timestamp_type headers key value checksum "
        "serialized_key_size serialized_value_size tp time_in time_out time_total generation_id",
        "BatchMessage is made with these, by place",
    ),
    "seek": (BaseConsumer.seek, "self partition offset", "Worker._seek reads a gap again"),
    "thread's seek": (
        driver.AIOKafkaConsumerThread.seek, "self partition offset",
        "ConsumerThread.read_from calls it in the thread",
    ),
    "seek of the driver": (
        ThreadDelegateConsumer._seek, "self partition offset",
        "Consumer._seek hands it to the thread",
    ),
    "event path": (
        driver.Consumer.verify_event_path, "self now tp",
        "Consumer.verify_event_path is left to /livez",
    ),
    "highwater": (ThreadDelegateConsumer.highwater, "self tp", "a worker tells its lag"),
    "directories": (App._create_directories, "self", "Worker._app makes no folders"),
    "record": (
        fetcher.PartitionRecords._consumer_record, "self tp record",
        "PlainRecords hands on the record itself",
    ),
    "offset": (OffsetAndMetadata, "offset metadata", "the watermark is the metadata of an offset"),
}  # fmt: skip

#: function -> what it does, in this order, and why that matters.
ORDERS: dict[str, tuple[Callable[..., Any], tuple[str, ...], str]] = {
    "state comes before records": (
        Recovery._resume_streams,
        ("await app.on_rebalance_complete.send()", "consumer_generation_id != generation_id",
         "consumer.perform_seek()", "consumer.resume_flow()"),
        "Worker._on_complete restores state before anything is read, and is waited for",
    ),
    "without tables streams resume at once": (
        Recovery._restart_recovery.fun,
        ("if not self.tables", "self._resume_streams)(generation_id=generation_id)"),
        "there are no tables, so nothing else comes before _resume_streams",
    ),
    "what is committed is asked": (
        BaseConsumer.force_commit.__wrapped__,
        ("self._filter_tps_with_pending_acks(topics)", "self._commit_tps("),
        "a commit goes through what the transport overrides",
    ),
    "offsets are those of the stages": (
        BaseConsumer._filter_committable_offsets,
        ("self._new_offset(tp)", "self._should_commit(tp, offset)"),
        "an offset is committed when the stages say so",
    ),
    "a commit ends in the thread": (
        BaseConsumer._commit_offsets,
        ("self.assignment()", "self.app.producer.flush()", "self._commit(committable_offsets)"),
        "only partitions that are still ours are committed",
    ),
    "the thread commits": (
        driver.AIOKafkaConsumerThread.commit,
        ("self.call_thread(self._commit, offsets)",),
        "ConsumerThread._commit runs in the thread of the consumer",
    ),
    "a batch is one record for Faust": (
        BaseConsumer.getmany,
        ("self._wait_next_records(timeout)", "self.app.consumer_generation_id",
         "self.scheduler.iterate(records)", "yield tp, to_message(tp, record)"),
        "each element of a list becomes a message; InTurn says in which order",
    ),
    "gaps go through _add_gap": (
        BaseConsumer._drain_messages,
        ("get_read_offset(tp)", "offset >= r_offset", "self._add_gap(", "callback(message)",
         "set_read_offset(tp, offset)"),
        "a batch has the offset of its last record, so each looks like a gap",
    ),
    "the generation is known first": (
        driver.ConsumerRebalanceListener.on_partitions_assigned,
        ("_coordinator.generation", "app.consumer_generation_id = generation",
         "on_partitions_assigned("),
        "a batch of an older generation is told by its number",
    ),
    "partitions go in the main thread": (
        ThreadDelegateConsumer.threadsafe_partitions_revoked,
        ("self._method_queue.call(", "self.on_partitions_revoked", "await promise"),
        "Consumer.on_partitions_revoked may wait for the stages, and the broker waits for it",
    ),
    "folders are made in one place": (
        App.on_first_start, ("self._create_directories()",), "Worker._app takes that away",
    ),
    "records are made of what was parsed": (
        fetcher.PartitionRecords._unpack_records,
        ("for record in next_batch", "self._consumer_record(tp, record)", "record.offset + 1"),
        "PlainRecords hands on the record itself",
    ),
    "the class is asked for by name": (
        Fetcher._proc_fetch_request, ("PartitionRecords(", "FetchResult("),
        "read_plain_records puts PlainRecords there",
    ),
    "fetching is set up at the start": (
        aiokafka.AIOKafkaConsumer.start,
        ("Fetcher(", "fetch_min_bytes=self._fetch_min_bytes",
         "fetch_max_wait_ms=self._fetch_max_wait_ms"),
        "ConsumerThread changes them between the making and the start of a consumer",
    ),
    "a consumer is made, then started": (
        driver.AIOKafkaConsumerThread.on_start,
        ("self._create_consumer(", "self._consumer.start()"),
        "ConsumerThread changes the consumer between the two",
    ),
}  # fmt: skip


def look(where: Callable[..., Any], why: str) -> str:
    """Say what to look at when something is not as it was."""
    module, name = where.__module__, where.__qualname__
    versions = [f"{each} {importlib.metadata.version(each)}" for each in
                ("faust-streaming", "aiokafka")]  # fmt: skip
    return f"{module}.{name} is not as it was ({', '.join(versions)}): {why}"


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_take_what_they_took(name: str) -> None:
    """Each function that the transport overrides or calls has the parameters that it expects."""
    function, parameters, why = SIGNATURES[name]
    found = list(inspect.signature(function).parameters)
    if function is OffsetAndMetadata:
        parameters = parameters.removeprefix("self ")
    assert found[: len(parameters.split())] == parameters.split(), look(function, why)


@pytest.mark.parametrize("name", ORDERS)
def test_things_happen_in_order(name: str) -> None:
    """What Faust does around the pieces that are overridden, in the order that matters."""
    function, steps, why = ORDERS[name]
    source, at = inspect.getsource(function), 0
    for step in steps:
        at = source.find(step, at)
        assert at >= 0, look(function, f"{step!r} is not there, or earlier; {why}")


def test_what_is_awaited_is_a_coroutine() -> None:
    """A call that is not awaited any more would be dropped without a word."""
    awaited = [
        ThreadDelegateConsumer._getmany, BaseConsumer._add_gap, BaseConsumer.commit,
        BaseConsumer.on_partitions_revoked, driver.AIOKafkaConsumerThread._commit,
        BaseConsumer.seek, Recovery._resume_streams,
    ]  # fmt: skip
    plain = [
        driver.Consumer._to_message, BaseConsumer._new_offset,
        BaseConsumer._filter_tps_with_pending_acks,
        driver.AIOKafkaConsumerThread._create_worker_consumer,
    ]  # fmt: skip
    for function in awaited:
        original = inspect.unwrap(function)
        assert inspect.iscoroutinefunction(original), look(function, "it was a coroutine")
    for function in plain:
        assert not inspect.iscoroutinefunction(function), look(function, "it was no coroutine")


def test_every_override_overrides_something() -> None:
    """A method of ours that Faust does not have any more would never be called."""
    bases = {
        transport.Consumer: driver.Consumer,
        transport.ConsumerThread: driver.AIOKafkaConsumerThread,
        transport.Transport: driver.Transport, transport.BatchSchema: faust.Schema,
        transport.BatchMessage: ConsumerMessage, PlainRecords: fetcher.PartitionRecords,
    }  # fmt: skip
    for own, base in bases.items():
        added = [
            n for n in vars(own) if not hasattr(base, n) and n not in ("_work", "told", "read_from")
        ]
        assert added == [], look(base, f"{own.__name__} has {added}, which it has not")
    assert driver.Transport.Consumer is driver.Consumer


def test_a_consumer_has_what_is_changed() -> None:
    """aiokafka would take a new attribute without a word, and fetch as it did."""

    async def made() -> dict[str, Any]:
        consumer = aiokafka.AIOKafkaConsumer(fetch_min_bytes=3, fetch_max_wait_ms=7)
        consumer._closed = True  # it has never been open
        return dict(vars(consumer))

    found = asyncio.run(made())
    assert (found["_fetch_min_bytes"], found["_fetch_max_wait_ms"]) == (3, 7), look(
        aiokafka.AIOKafkaConsumer, "ConsumerThread._create_worker_consumer sets them"
    )
    names = inspect.signature(ServiceThread.__init__).parameters
    assert "thread_loop" in names, look(ServiceThread.__init__, "its loop is as quick as ours")
    names = inspect.signature(Fetcher.__init__).parameters
    assert {"fetch_min_bytes", "fetch_max_wait_ms"} <= names.keys(), look(Fetcher, "it took them")


def test_partitions_are_dealt_one_by_one() -> None:
    """Without tables Faust leaves the assignor to aiokafka: any worker may get any partition."""
    source = inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert vars(driver)["RoundRobinPartitionAssignor"] is RoundRobinPartitionAssignor
    assert "else RoundRobinPartitionAssignor" in source, look(
        driver.AIOKafkaConsumerThread._create_worker_consumer, "the filter and match stages share"
    )
    assert "enable_auto_commit=False" in source


def test_a_batch_is_a_message() -> None:
    """Faust reads the generation, the partition and the offset of what it hands on."""
    place = TP("in", 3)
    records: Any = [b"a", b"b"]
    batch: Any = transport.BatchMessage(
        "in", 3, 17, 1.5, 0, None, None, records, None, 0, 0, place, generation_id=5
    )
    assert (batch.topic, batch.partition, batch.offset, batch.tp, batch.generation_id) == (
        "in", 3, 17, place, 5,
    )  # fmt: skip
    assert batch.value is records
    assert ensure_TP(place) == place
    assert (place.topic, place.partition) == ("in", 3)


def test_nobody_acknowledges_by_itself() -> None:
    """A stream with `noack` does not acknowledge; a batch of another generation is skipped."""
    assert "enable_acks=False" in inspect.getsource(Stream.noack), look(
        Stream.noack, "agents use it"
    )
    source = inspect.getsource(Stream)
    assert "message.generation_id != self.app.consumer_generation_id" in source, look(
        Stream, "an old batch would be taken"
    )


@pytest.mark.parametrize("magic", [0, 1, 2])
def test_a_parsed_record_has_what_is_read(magic: int) -> None:
    """Of every format that a topic may still hold."""
    if magic == 2:
        builder: Any = DefaultRecordBatchBuilder(
            magic, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
            base_sequence=-1, batch_size=10_000,
        )  # fmt: skip
        builder.append(0, 7, b"k", b"v", [("h", b"x")])
    else:
        builder = LegacyRecordBatchBuilder(magic, compression_type=0, batch_size=10_000)
        builder.append(0, timestamp=7, key=b"k", value=b"v")
    place = aiokafka.TopicPartition("in", 0)
    parsed = MemoryRecords(bytes(builder.build()))
    records = PlainRecords(place, parsed, [], 0, None, None, True, 0)
    (record,) = list(records)
    assert (record.offset, record.key, record.value) == (0, b"k", b"v")
    assert list(record.headers) == ([("h", b"x")] if magic == 2 else [])
    assert record.timestamp == (7 if magic else None) and isinstance(
        record.timestamp_type, int | None
    )


def test_the_scheduler_is_ours() -> None:
    """Faust asks it for what a fetch has brought, and hands messages on as they come."""
    app = faust.App(
        "contract", broker="sluice://127.0.0.1:1", autodiscover=False,
        ConsumerScheduler=transport.InTurn,
    )  # fmt: skip
    assert app.conf.ConsumerScheduler is transport.InTurn
    source = inspect.getsource(BaseConsumer.__init__)
    assert "self.scheduler = self.app.conf.ConsumerScheduler()" in source, look(
        BaseConsumer.__init__, "InTurn deals batches out in order"
    )
    found = {TP("in", 1): ["a", "b"], TP("in", 0): ["c"]}
    strategy: Any = utils.DefaultSchedulingStrategy
    own = list(transport.InTurn().iterate(found))
    assert sorted(own) == sorted(strategy().iterate(found)), look(strategy, "it yields pairs")


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=3), st.integers(1, 20))
def test_batches_leave_the_order_alone(sizes: list[list[int]], limit: int) -> None:
    """Topics take turns; each partition's records come once, in order, `limit` at most together."""
    records = {
        TP(f"t{topic}", partition): [(topic, partition, n) for n in range(size)]
        for topic, each in enumerate(sizes)
        for partition, size in enumerate(each)
        if size
    }
    fetched: dict[Any, Any] = {}
    for topic in range(len(sizes)):
        mine = [(place, each) for place, each in records.items() if place.topic == f"t{topic}"]
        if mine:
            fetched[mine[0][0]] = list(transport.batches(mine, limit))
    came: dict[TP, list[Any]] = {}
    for passes_for, batch in transport.InTurn.iterate(fetched):
        assert passes_for == batch[0][0]
        assert len({place.topic for place, _ in batch}) == 1
        assert 0 < sum(len(each) for _, each in batch) <= limit
        for place, each in batch:
            came.setdefault(place, []).extend(each)
    assert came == records


def test_the_transport_is_found_by_its_name() -> None:
    """`broker="sluice://…"` is an entry point; without it Faust would say that there is no such
    transport."""
    points = importlib.metadata.entry_points(group="faust.transports")
    (own,) = [each for each in points if each.name == "sluice"]
    assert own.value == "sluice.shells.transport:Transport"
    assert own.load() is transport.Transport


def test_settings_that_a_worker_needs_are_known() -> None:
    """An unknown setting would be ignored or refused at the start of a worker."""
    wanted = (
        "autodiscover web_enabled topic_disable_leader topic_allow_declare stream_wait_empty "
        "stream_buffer_maxsize broker_commit_interval table_standby_replicas "
        "broker_session_timeout broker_heartbeat_interval broker_max_poll_interval "
        "consumer_auto_offset_reset consumer_group_instance_id broker_credentials "
        "ConsumerScheduler"
    ).split()
    app = faust.App("contract", broker="sluice://127.0.0.1:1", autodiscover=False)
    assert [name for name in wanted if not hasattr(app.conf, name)] == []
    assert callable(app.on_rebalance_complete.connect)


class _Thread:
    """Stands for the thread of a consumer: notes what it is asked for."""

    def __init__(self, found: dict[Any, Any]) -> None:
        self.found, self.asked = found, []  # type: tuple[dict[Any, Any], list[Any]]

    async def getmany(self, active_partitions: Any, timeout: float) -> dict[Any, Any]:
        self.asked.append(active_partitions)
        return {place: each for place, each in self.found.items() if place in active_partitions}


def test_partitions_that_wait_are_not_fetched() -> None:
    """What was fetched is never thrown away, as Faust does with partitions that it pauses."""
    places = [TP("in", 0), TP("in", 1)]
    consumer: Any = transport.Consumer.__new__(transport.Consumer)
    consumer._thread = _Thread({place: [f"{place.partition}"] for place in places})
    consumer.app = SimpleNamespace(work=SimpleNamespace(topics=frozenset({"in"})))
    consumer.waiting = frozenset()

    async def fetched(*waiting: TP) -> Any:
        consumer.waiting = frozenset(waiting)
        return await consumer._getmany(set(places), 0.01)

    whole = [[(places[0], ["0"]), (places[1], ["1"])]]
    assert asyncio.run(fetched()) == {places[0]: whole}
    assert asyncio.run(fetched(places[0])) == {places[1]: [[(places[1], ["1"])]]}
    assert consumer._thread.asked == [set(places), {places[1]}]
    assert asyncio.run(fetched(*places)) == {}
    assert len(consumer._thread.asked) == 2


def test_offsets_that_faust_has_read_decide_nothing() -> None:
    """A message that comes again after a seek is handed on: the stages know what they had."""
    read: Any = transport.NothingRead()
    read[TP("in", 0)] = 7
    read.update({TP("in", 0): 8})
    assert read[TP("in", 0)] is None and not read
    source = inspect.getsource(BaseConsumer._drain_messages)
    assert "r_offset is None or offset >= r_offset" in source
