"""The checkpoint of a local run: where each input stands, what the codec learned, the pipeline."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.errors import CheckpointError
from sluice.io import Position, read_checkpoint, write_checkpoint

#: The layout of the file; another number cannot be read.
FORMAT = 1


class Saved(msgspec.Struct):
    """What a checkpoint file holds."""

    format: int
    positions: dict[str, Position]
    codec: dict[str, Any]
    pipeline: bytes


def save(path: str, positions: dict[str, Position], codec: dict[str, Any], pipeline: bytes) -> None:
    """Replace the checkpoint; OSError leaves the old one as it was."""
    write_checkpoint(path, msgspec.msgpack.encode(Saved(FORMAT, positions, codec, pipeline)))


def load(path: str) -> Saved | None:
    """Return the checkpoint, None when there is none; CheckpointError for what cannot be read."""
    try:
        content = read_checkpoint(path)
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from error
    if content is None:
        return None
    try:
        head = msgspec.msgpack.decode(content)
        found = head.get("format") if isinstance(head, dict) else None
        if found == FORMAT:
            return msgspec.msgpack.decode(content, type=Saved)
    except (msgspec.DecodeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint, or is damaged ({error}); remove it to start anew"
        ) from error
    raise CheckpointError(
        f"{path} was written by another version (format {found}, this one reads {FORMAT}); "
        "remove it to start anew"
    )
