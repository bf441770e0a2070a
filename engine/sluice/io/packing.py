"""Bytes made smaller where that pays: values of records that go over the network."""

from __future__ import annotations

import zstandard

from sluice.errors import CheckpointError

#: Below this many bytes compressing costs more than it saves.
COMPRESSED_BYTES_MIN = 1_024
#: Nothing unpacks to more than this.
UNPACKED_BYTES_MAX = 64 * 1024 * 1024

_PLAIN, _ZSTD = b"\0", b"\1"

_compressor = zstandard.ZstdCompressor(level=1)
_decompressor = zstandard.ZstdDecompressor()


def packed(content: bytes) -> bytes:
    """Return bytes behind a mark, compressed (zstd) when there are many."""
    if len(content) < COMPRESSED_BYTES_MIN:
        return _PLAIN + content
    return _ZSTD + _compressor.compress(content)


def unpacked(data: bytes) -> bytes:
    """Return what was packed; CheckpointError when it was not."""
    mark, content = data[:1], data[1:]
    if mark == _PLAIN:
        return content
    if mark != _ZSTD:
        raise CheckpointError(f"a record begins with {mark!r}: another version wrote it")
    try:
        return _decompressor.decompress(content, max_output_size=UNPACKED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise CheckpointError(f"a record cannot be unpacked: {error}") from error
