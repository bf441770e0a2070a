"""The edge of the world: reading sources, writing sinks, keeping checkpoints.

What needs the network loads on first use, and with it the libraries of the extra `kafka`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sluice.errors import ConfigError
from sluice.io.checkpoint_file import (
    put_in_place,
    read_checkpoint,
    replace_file,
    sync_folder,
    sync_path,
    write_checkpoint,
)
from sluice.io.compressed import is_compressed
from sluice.io.encode import encode_record
from sluice.io.files import (
    CHUNK_BYTES,
    END,
    End,
    FileLimits,
    FileSource,
    Position,
    ReadFailure,
    Reading,
)
from sluice.io.inputs import STDIN, expand_inputs, total_bytes
from sluice.io.kafka.message import Mark, Message, TopicPlace
from sluice.io.locks import Claims, FolderLock, claim_file, hold, is_locked
from sluice.io.logs import Calm, LogForm, log_config
from sluice.io.measures import MEASURES, Measure
from sluice.io.outputs import check_outputs
from sluice.io.packing import packed, unpacked
from sluice.io.rule_files import RULE_SUFFIX, RuleFiles, find_rule_files
from sluice.io.sinks import FileSink, Record, Sink, StdoutSink, record_id

if TYPE_CHECKING:
    from sluice.io.alerts import AlertChoice, Notification, notifications, read_alert
    from sluice.io.ask_worker import NotFound, ask_state, ask_version
    from sluice.io.health import HealthServer, Probes, Progress, start_health
    from sluice.io.kafka.admin import Admin, AdminRefused, TopicState
    from sluice.io.kafka.broker_settings import BrokerSettings
    from sluice.io.kafka.clients import client_options, faust_credentials
    from sluice.io.kafka.drift import Copies, Finding, find_drift
    from sluice.io.kafka.group import GroupReader
    from sluice.io.kafka.lag import PartitionLag, group_lag, with_ages
    from sluice.io.kafka.notes import (
        SEQ,
        Note,
        SourceNote,
        note_number,
        read_note,
        read_source_note,
    )
    from sluice.io.kafka.plain_records import read_plain_records
    from sluice.io.kafka.reach import BrokerAway, quiet_client, reach, reached
    from sluice.io.kafka.whole_topic import (
        GroupMarks,
        TopicEnds,
        TopicFollower,
        committed_with,
        read_whole,
    )
    from sluice.io.kafka.writer import TopicWriter
    from sluice.io.metrics import Metrics
    from sluice.io.webhook import Receiver, Refused, Webhook

__all__ = [
    "CHUNK_BYTES", "END", "MEASURES", "RULE_SUFFIX", "SEQ", "STDIN", "Admin", "AdminRefused",
    "AlertChoice", "BrokerAway", "BrokerSettings", "Calm", "Claims", "Copies", "End", "FileLimits",
    "FileSink", "FileSource", "Finding", "FolderLock", "GroupMarks", "GroupReader", "HealthServer",
    "LogForm", "Mark", "Measure", "Message", "Metrics", "NotFound", "Note", "Notification",
    "PartitionLag", "Position", "Probes", "Progress", "ReadFailure", "Reading", "Receiver",
    "Record", "Refused", "RuleFiles", "Sink", "SourceNote", "StdoutSink", "TopicEnds",
    "TopicFollower", "TopicPlace", "TopicState", "TopicWriter", "Webhook", "ask_state",
    "ask_version", "check_outputs", "claim_file", "client_options", "committed_with",
    "encode_record", "expand_inputs", "faust_credentials", "find_drift", "find_rule_files",
    "group_lag", "hold", "is_compressed", "is_locked", "log_config", "note_number", "notifications",
    "packed", "put_in_place", "quiet_client", "reach", "reached", "read_alert", "read_checkpoint",
    "read_note", "read_plain_records", "read_source_note", "read_whole", "record_id",
    "replace_file", "start_health", "sync_folder", "sync_path", "total_bytes", "unpacked",
    "with_ages", "write_checkpoint",
]  # fmt: skip


#: Where names stand that are loaded on first use.
_HOMES = {
    "sluice.io.alerts": "AlertChoice Notification notifications read_alert",
    "sluice.io.kafka.notes": "SEQ Note SourceNote note_number read_note read_source_note",
    "sluice.io.ask_worker": "NotFound ask_state ask_version",
    "sluice.io.health": "HealthServer Probes Progress start_health",
    "sluice.io.kafka.admin": "Admin AdminRefused TopicState",
    "sluice.io.kafka.broker_settings": "BrokerSettings",
    "sluice.io.kafka.clients": "client_options faust_credentials",
    "sluice.io.kafka.drift": "Copies Finding find_drift",
    "sluice.io.kafka.group": "GroupReader",
    "sluice.io.kafka.lag": "PartitionLag group_lag with_ages",
    "sluice.io.kafka.plain_records": "read_plain_records",
    "sluice.io.kafka.reach": "BrokerAway quiet_client reach reached",
    "sluice.io.kafka.whole_topic": "GroupMarks TopicEnds TopicFollower committed_with read_whole",
    "sluice.io.kafka.writer": "TopicWriter",
    "sluice.io.metrics": "Metrics",
    "sluice.io.webhook": "Receiver Refused Webhook",
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names.split():
            try:
                return getattr(importlib.import_module(home), name)
            except ModuleNotFoundError as error:
                message = f"this needs the package {error.name}: pip install 'sluice[kafka]'"
                raise ConfigError(message) from error
    raise AttributeError(f"module 'sluice.io' has no attribute '{name}'")
