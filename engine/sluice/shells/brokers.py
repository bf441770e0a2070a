"""Settings of Kafka as the clients and the topology know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.backends import InputTopic, TopicNames
from sluice.io import BrokerSettings

if TYPE_CHECKING:
    from sluice.config import KafkaSettings


def brokers_of(kafka: KafkaSettings) -> BrokerSettings:
    """Return where brokers are and how they are spoken to."""
    own = kafka.security
    return BrokerSettings(
        tuple(kafka.brokers), own.protocol, own.mechanism, own.username,
        None if own.password is None else own.password.get_secret_value(),
        own.password_file, own.ca_file, own.cert_file, own.key_file, own.token_file,
    )  # fmt: skip


def inputs_of(kafka: KafkaSettings) -> tuple[InputTopic, ...]:
    """Return the topics that events come from, in the order of their names."""
    return tuple(InputTopic(name, kafka.topics[name].partitions) for name in sorted(kafka.topics))


def names_of(kafka: KafkaSettings) -> TopicNames:
    """Return how Sluice's own topics are called, and how many partitions they have."""
    return TopicNames(kafka.prefix, kafka.partitions)
