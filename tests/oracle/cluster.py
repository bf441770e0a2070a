"""A cluster in one thread: the stages of workers over logs in memory, with crashes by a seed.

What it must bring is what one pipeline brings that has all source partitions as inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from sluice.backends import InputTopic, StageRules, TopicNames, topology_of
from sluice.catalog import builtins
from sluice.model import Event
from sluice.plan import Plan
from sluice.stream import (
    UNKNOWN,
    Entry,
    Harvest,
    Inlet,
    Keyed,
    Mark,
    Section,
    Shard,
    pack_keyed,
    to_record,
    unpack_keyed,
)

TOPIC = "in"
Place = tuple[str, int]


@dataclass(slots=True)
class Log:
    """Records by offset."""

    records: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Writer:
    """A source partition in the filter stage; what it has not sent is lost in a crash."""

    place: Place
    events: Sequence[Event]
    inlet: Inlet
    read: int = 0
    committed: int = 0
    mark: Mark = field(default_factory=Mark)
    unsent: dict[int, list[Entry]] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    outputs: list[tuple[int, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Reader:
    """A shard with what is durable of it."""

    shard: Shard
    read: int = 0
    committed: int = 0
    header: bytes | None = None
    state: dict[bytes, bytes] = field(default_factory=dict)


class Cluster:
    """Runs rules over source partitions with a seeded scheduler."""

    def __init__(
        self, plan: Plan, partitions: Sequence[Sequence[Event]], seed: int, count: int = 3,
        lateness: int = 0,
    ) -> None:  # fmt: skip
        self.random, self.lateness = Random(seed), lateness
        self.rules = self._rules(plan, 0, count)
        self.places = [(TOPIC, n) for n in range(len(partitions))]
        self.logs = [Log() for _ in range(count)]
        self.outputs: dict[str, dict[int, Any]] = {}
        self.stage = self.rules.filter_stage()
        self.writers = [
            Writer(place, events, Inlet(self.stage, place, lateness, Mark()))
            for place, events in zip(self.places, partitions, strict=True)
        ]
        self.readers = [Reader(self.rules.shard(n, self.places)) for n in range(count)]
        self.sets = {0: self.rules}

    @staticmethod
    def _rules(plan: Plan, number: int, count: int) -> StageRules:
        topology = topology_of(plan, [InputTopic(TOPIC)], TopicNames(partitions=count))
        return StageRules(plan, builtins(), topology, number)

    def run(self, crash: float = 0.05, deploy: Plan | None = None) -> list[dict[str, Any]]:
        """Let everything happen in a random order; return each record once."""
        switch = self.random.randrange(20, 60) if deploy is not None else -1
        step = 0
        while any(w.read < len(w.events) for w in self.writers):
            step += 1
            if step == switch and deploy is not None:
                self._deploy(deploy)
            self._step(crash)
        # Twice: what one says holds for what the others had said by then.
        for writer in (*self.writers, *self.writers):
            self._send(writer, is_idle=True)
        for number in range(len(self.readers)):
            self._read(number, 10**9, 0.0)
        return [record for found in self.outputs.values() for _, record in sorted(found.items())]

    def _step(self, crash: float) -> None:
        random = self.random
        what = random.random()
        if what < 0.5:
            writer = random.choice(self.writers)
            self._feed(writer, random.randint(1, 6))
            if random.random() < 0.6:
                # A source may fall silent before the others do.
                is_over = writer.read == len(writer.events)
                self._send(writer, is_idle=is_over and random.random() < 0.5)
            if random.random() < crash:
                self._restart_writer(writer)
        else:
            self._read(random.randrange(len(self.readers)), random.randint(1, 4), crash)

    def _deploy(self, plan: Plan) -> None:
        rules = self._rules(plan, self.rules.number + 1, len(self.logs))
        self.sets[rules.number] = self.rules = rules
        for writer in self.writers:
            self._send(writer)
        self.stage = rules.filter_stage()
        for writer in self.writers:
            writer.inlet.use(self.stage)

    def _feed(self, writer: Writer, count: int) -> None:
        batch = writer.events[writer.read : writer.read + count]
        writer.inlet.harvest = harvest = Harvest()
        writer.inlet.feed(batch)
        writer.read += len(batch)
        for target, entries in harvest.entries.items():
            writer.unsent.setdefault(target, []).extend(entries)
        self._number(writer, harvest.records)

    def _number(self, writer: Writer, records: Iterable[tuple[int, Any]]) -> None:
        number: dict[int, int] = {}
        for offset, record in records:
            number[offset] = number.get(offset, -1) + 1
            self._out(f"{writer.place}", offset << 16 | number[offset], to_record(record))

    def _out(self, origin: str, number: int, record: dict[str, Any]) -> None:
        held = self.outputs.setdefault(origin, {})
        assert held.setdefault(number, record) == record, (origin, number, held[number], record)

    def _send(self, writer: Writer, is_idle: bool = False) -> None:
        upto, mark = writer.read - 1, writer.inlet.mark
        targets = range(len(self.logs))
        chosen = [t for t in targets if t in writer.unsent or is_idle or self.random.random() < 0.5]
        self.random.shuffle(chosen)
        for target in chosen:
            section = Section(
                *writer.place, writer.after.get(target, UNKNOWN), upto, *mark,
                self.lateness, is_idle, writer.unsent.pop(target, []),
            )  # fmt: skip
            record = pack_keyed(Keyed(self.rules.number, [section]))
            self.logs[target].records.append(record)
            if self.random.random() < 0.05:
                self.logs[target].records.append(record)
            writer.after[target] = upto
        writer.committed, writer.mark = writer.read, mark

    def _restart_writer(self, writer: Writer) -> None:
        """Go on elsewhere from what was committed, or from before it."""
        writer.read = writer.committed
        writer.inlet = Inlet(self.stage, writer.place, self.lateness, writer.mark)
        writer.unsent, writer.after = {}, {}

    def _read(self, number: int, count: int, crash: float) -> None:
        reader, log = self.readers[number], self.logs[number].records
        for data in log[reader.read : reader.read + count]:
            record = unpack_keyed(data)
            if record.rules > reader.shard.rules:
                after = self.sets[record.rules].shard(number, self.places)
                after.succeed(reader.shard)
                reader.shard = after
            reader.shard.take(reader.read, record)
            reader.read += 1
        for place, decided in reader.shard.drain():
            self._out(f"shard {number}", place, to_record(decided))
        if self.random.random() < crash:
            self._restart_reader(number)
        elif self.random.random() < 0.3:
            self._persist(reader)

    def _persist(self, reader: Reader) -> None:
        shard = reader.shard
        for identity, content in shard.touched.changes():
            key = msgspec.msgpack.encode(identity)
            if content is None:
                reader.state.pop(key, None)
            else:
                # What is written last comes last.
                reader.state.pop(key, None)
                reader.state[key] = content
        reader.header = msgspec.msgpack.encode(shard.header())
        reader.committed = min(shard.settled_offset, reader.read)

    def _restart_reader(self, number: int) -> None:
        reader = self.readers[number]
        header = None if reader.header is None else msgspec.msgpack.decode(reader.header)
        rules = self.sets[0 if header is None else header["rules"]]
        reader.shard = rules.shard(number, self.places)
        if header is not None:
            records = ((msgspec.msgpack.decode(k), v) for k, v in reader.state.items())
            reader.shard.restore(header, records)
        reader.read = reader.committed
