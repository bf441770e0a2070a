"""The edge of the world: reading sources, writing sinks, keeping checkpoints."""

from sluice.io.checkpoint_file import (
    put_in_place,
    read_checkpoint,
    replace_file,
    sync_folder,
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
from sluice.io.locks import Claims, FolderLock, claim_file, hold, is_locked
from sluice.io.outputs import check_outputs
from sluice.io.rule_files import RuleFiles, find_rule_files
from sluice.io.sinks import FileSink, Record, Sink, StdoutSink, record_id

__all__ = [
    "CHUNK_BYTES", "END", "STDIN", "Claims", "End", "FileLimits", "FileSink", "FileSource",
    "FolderLock", "Position", "ReadFailure", "Reading", "Record", "RuleFiles", "Sink", "StdoutSink",
    "check_outputs", "claim_file", "encode_record", "expand_inputs", "find_rule_files", "hold",
    "is_compressed", "is_locked", "put_in_place", "read_checkpoint", "record_id", "replace_file",
    "sync_folder", "total_bytes", "write_checkpoint",
]  # fmt: skip
