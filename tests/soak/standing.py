"""Where the groups of a soak stand, so that it is known when everything was done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from sluice.io import read_note

OUTPUTS = ("matches", "notes", "mitigations", "late", "dead", "events")


@dataclass(frozen=True, slots=True)
class Standing:
    """How many records of the input wait for the workers, and of all topics for the lake.

    `outputs` counts what there is in each of Sluice's own topics.
    """

    input_lag: int
    keyed_lag: int
    lake_lag: int
    outputs: dict[str, int]

    def text(self) -> str:
        """Return it for people."""
        matches = self.outputs["matches"]
        return (
            f"waiting: input {self.input_lag:,}, keyed {self.keyed_lag:,}, lake "
            f"{self.lake_lag:,}; matches {matches:,}"
        )


async def standing(address: str, group: str, prefix: str, inputs: Iterable[str]) -> Standing:
    """Ask a broker; KafkaError while it is away."""
    inputs = list(inputs)
    own = [f"{prefix}.{name}" for name in OUTPUTS]
    keyed = f"{prefix}.keyed"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await admin.start()
    try:
        await consumer.start()
        described = await admin.describe_topics([*inputs, *own, keyed])
        places = [
            TopicPartition(topic["topic"], each["partition"])
            for topic in described
            for each in topic["partitions"]
        ]
        ends = await consumer.end_offsets(places)
        workers = await admin.list_consumer_group_offsets(group)
        lake = await admin.list_consumer_group_offsets(f"{group}.lake")
    finally:
        await consumer.stop()
        await admin.close()

    def behind(topics: Iterable[str], done: dict[TopicPartition, int]) -> int:
        wanted = set(topics)
        return sum(max(0, end - done.get(p, 0)) for p, end in ends.items() if p.topic in wanted)

    committed = {place: max(0, each.offset) for place, each in workers.items()}
    durable = {place: read_note(each.metadata or "").to for place, each in lake.items()}
    return Standing(
        behind(inputs, committed), behind([keyed], committed), behind([*inputs, *own], durable),
        {
            name: sum(end for place, end in ends.items() if place.topic == f"{prefix}.{name}")
            for name in OUTPUTS
        },
    )  # fmt: skip
