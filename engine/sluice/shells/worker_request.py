"""Settings become what a worker is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.catalog import builtins
from sluice.codecs import InputOptions
from sluice.io import client_options
from sluice.shells.brokers import brokers_of, names_of
from sluice.shells.stages import DutyRequest, RuleCompiler, TopicInput

if TYPE_CHECKING:
    from sluice.config import Settings, TopicSettings
    from sluice.plugins import Plugins

#: How long events are gathered, how often state is written, how long a fetch waits (seconds).
_PACES = {"throughput": (0.02, 0.1, 0.02), "low": (0.004, 0.02, 0.005)}


def duty_of(settings: Settings) -> DutyRequest:
    """Return what a worker with these settings does; ConfigError when a file cannot be used."""
    kafka, worker = settings.kafka, settings.worker
    flush, persist, _ = _PACES[worker.latency]
    return DutyRequest(
        connection=client_options(brokers_of(kafka)),
        group=kafka.group,
        names=names_of(kafka),
        inputs={name: topic_input(settings, topic) for name, topic in kafka.topics.items()},
        stages=frozenset(worker.stages) & {"filter", "match"},
        idle_seconds=worker.idle_timeout / 1000,
        flush_seconds=flush,
        persist_seconds=persist,
    )


def fetch_seconds(settings: Settings) -> float:
    """Return how long a fetch waits for more to come."""
    return _PACES[settings.worker.latency][2]


def fetch_bytes(settings: Settings) -> int:
    """Return how much a fetch waits for: anything where latency counts."""
    return 1 if settings.worker.latency == "low" else 16_384


def topic_input(settings: Settings, topic: TopicSettings) -> TopicInput:
    """Return how the records of a topic are read; what it does not say is that of [input]."""
    own = settings.input

    def said(name: str) -> str | None:
        value = getattr(topic, name)
        found: str | None = getattr(own, name) if value is None else value
        return found

    options = InputOptions(
        said("type_field"), said("time_field"), said("id_field"), said("type"),
        topic.time_unit or own.time_unit, own.strict,
    )  # fmt: skip
    lateness = settings.run.lateness if topic.lateness is None else topic.lateness
    return TopicInput(said("codec") or "json", options, lateness)


def compiler_of(settings: Settings, plugins: Plugins | None) -> RuleCompiler:
    """Return what compiles rule sets for the stages."""
    limits = settings.limits.limits()
    return RuleCompiler(
        builtins(), plugins, names_of(settings.kafka), limits, settings.kafka.extracted
    )
