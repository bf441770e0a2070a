"""The checkpoint of a local run: where each input stands, what the codec learned, the pipeline."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.codecs import Codec
from sluice.errors import CheckpointError
from sluice.io import Position, claim_file, read_checkpoint, write_checkpoint

#: The layout of the file; another number cannot be read.
FORMAT = 1


class Saved(msgspec.Struct):
    """What a checkpoint file holds."""

    format: int
    positions: dict[str, Position]
    codec: dict[str, Any]
    pipeline: bytes
    #: Of a run without a lake, and of earlier versions: nothing.
    lake: dict[str, Any] = {}
    #: Of earlier versions: nothing.
    codec_name: str | None = None


def claim(path: str) -> int:
    """Take a checkpoint for this run, until the returned descriptor is closed.

    CheckpointError: another run has it. The two would each replace what the other has saved. The
    lock stands beside the file, which is another one after each save.
    """
    held = claim_file(f"{path}.lock")
    if held is None:
        raise CheckpointError(
            f"--checkpoint {path}: another run is using it; wait until that one has ended, "
            "or name another file"
        )
    return held


def save(
    path: str, positions: dict[str, Position], codec: Codec, pipeline: bytes, lake: dict[str, Any]
) -> None:  # fmt: skip
    """Replace the checkpoint; OSError leaves the old one as it was."""
    saved = Saved(FORMAT, positions, codec.state(), pipeline, lake, codec.name)
    write_checkpoint(path, msgspec.msgpack.encode(saved))


def load(path: str, codec: Codec) -> Saved | None:
    """Return the checkpoint, None when there is none; CheckpointError for what cannot be read.

    What another codec has learned is of no use to this one, and its lines were counted otherwise.
    """
    saved = _read(path)
    if saved is not None and saved.codec_name not in (None, codec.name):
        raise CheckpointError(
            f"{path} was written by a run with the codec {saved.codec_name}, and this one has "
            f"{codec.name}: take the same codec, or another file"
        )
    return saved


def _read(path: str) -> Saved | None:
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
