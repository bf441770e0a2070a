"""Unpack gzip and zstd as the bytes come; what comes out at once is bounded, whatever went in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import zstandard

#: How a file begins that is compressed (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1).
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

OUT_BYTES_MAX = 256 * 1024
#: One block of zstd is four bytes at least and unpacks to 128 KiB at most: 32 MiB at worst.
ZSTD_IN_BYTES = 1_024

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_TOO_EARLY = "the compressed file ends too early"


def is_compressed(head: bytes) -> bool:
    """True when a file that begins like this is unpacked."""
    return head.startswith((GZIP_MAGIC, ZSTD_MAGIC))


def may_be_compressed(head: bytes) -> bool:
    """True when these first bytes are too few to tell."""
    marks = (GZIP_MAGIC, ZSTD_MAGIC)
    return any(0 < len(head) < len(mark) and mark.startswith(head) for mark in marks)


def unpack(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what the blocks hold; EOFError, OSError or ValueError when they are damaged."""
    if head.startswith(GZIP_MAGIC):
        return _gunzip(blocks)
    if head.startswith(ZSTD_MAGIC):
        return _unzstd(blocks)
    return blocks


def _gunzip(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack the members of a gzip file (RFC 1952 section 2.2); zeros may pad its end."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    for packed in blocks:
        block, out = packed, b""
        while block or len(out) == OUT_BYTES_MAX:
            if member.eof:
                block, out = block.lstrip(b"\0"), b""
                if block:
                    member = zlib.decompressobj(_GZIP_WINDOW)
                continue
            try:
                out = member.decompress(block, OUT_BYTES_MAX)
            except zlib.error as error:
                raise ValueError(f"damaged gzip: {error}") from None
            block = member.unused_data if member.eof else member.unconsumed_tail
            if out:
                yield out
    if not member.eof:
        raise EOFError(_TOO_EARLY)


def _unzstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack the frames of a zstd file (RFC 8878 section 3.1)."""
    reader = zstandard.ZstdDecompressor()
    frame = reader.decompressobj()
    for packed in blocks:
        for at in range(0, len(packed), ZSTD_IN_BYTES):
            block = packed[at : at + ZSTD_IN_BYTES]
            while block:
                if frame.eof:
                    frame = reader.decompressobj()
                try:
                    out = frame.decompress(block)
                except zstandard.ZstdError as error:
                    raise ValueError(f"damaged zstd: {error}") from None
                block = frame.unused_data if frame.eof else b""
                if out:
                    yield out
    if not frame.eof:
        raise EOFError(_TOO_EARLY)
