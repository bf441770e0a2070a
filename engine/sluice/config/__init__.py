"""Settings: flags over `SLUICE_*` over `sluice.toml` over defaults, each value with its origin."""

from sluice.config.kafka_sections import KafkaSettings, TopicSettings, WorkerSettings
from sluice.config.places import key_lines
from sluice.config.sections import Settings, settings_schema
from sluice.config.sources import Origin, Resolved, find_file, load_settings
from sluice.config.strangers import tell_stranger

__all__ = [
    "KafkaSettings",
    "Origin",
    "Resolved",
    "Settings",
    "TopicSettings",
    "WorkerSettings",
    "find_file",
    "key_lines",
    "load_settings",
    "settings_schema",
    "tell_stranger",
]
