"""The edge of the world: reading sources, writing sinks, keeping checkpoints."""

from sluice.io.checkpoint_file import read_checkpoint, write_checkpoint
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
from sluice.io.rule_files import RuleFiles, find_rule_files
from sluice.io.sinks import FileSink, Record, Sink, StdoutSink, record_id

__all__ = [
    "CHUNK_BYTES", "END", "STDIN", "End", "FileLimits", "FileSink", "FileSource", "Position",
    "ReadFailure", "Reading", "Record", "RuleFiles", "Sink", "StdoutSink", "encode_record",
    "expand_inputs", "find_rule_files", "read_checkpoint", "record_id", "total_bytes",
    "write_checkpoint",
]  # fmt: skip
