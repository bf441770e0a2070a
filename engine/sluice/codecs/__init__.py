"""Bytes become events here: codecs, and the splitting of a source into records."""

from sluice.codecs.arrays import ArrayChunker
from sluice.codecs.choose import CODEC_NAMES, make_codec
from sluice.codecs.codec import (
    TIME_UNITS,
    Codec,
    CodecOptions,
    Decoded,
    Framing,
    InputOptions,
    Place,
    Settled,
    TimeUnit,
    did_you_mean,
    parse_codec,
)  # fmt: skip
from sluice.codecs.instants import InstantReader
from sluice.codecs.json import ATTRIBUTE_KEYS, BOM, TIME_FIELDS, TYPE_FIELDS, JsonCodec
from sluice.codecs.jsontext import DEPTH_MAX, Defect, mend_json, read_json
from sluice.codecs.lines import (
    LINE_BYTES_MAX,
    Chunk,
    Chunker,
    Cut,
    LineChunker,
    decode_chunk,
)  # fmt: skip
from sluice.codecs.syslog import SyslogCodec
from sluice.codecs.whole import decode_all, make_chunker

__all__ = [
    "ATTRIBUTE_KEYS", "BOM", "CODEC_NAMES", "DEPTH_MAX", "LINE_BYTES_MAX", "TIME_FIELDS",
    "TIME_UNITS",
    "TYPE_FIELDS", "ArrayChunker", "Chunk", "Chunker", "Codec", "CodecOptions", "Cut", "Decoded",
    "Defect", "Framing", "InputOptions", "InstantReader", "JsonCodec", "LineChunker", "Place",
    "Settled", "SyslogCodec", "TimeUnit", "decode_all", "decode_chunk", "did_you_mean",
    "make_chunker", "make_codec", "mend_json", "parse_codec", "read_json",
]  # fmt: skip
