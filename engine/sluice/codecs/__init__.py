"""Bytes become events here: codecs, and the splitting of a source into records."""

from sluice.codecs.arrays import ArrayChunker
from sluice.codecs.choose import CODEC_NAMES, assumes_utc, make_codec
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
    check_options,
    did_you_mean,
    parse_codec,
)  # fmt: skip
from sluice.codecs.entry import CodecEntry
from sluice.codecs.instants import InstantReader
from sluice.codecs.json import BOM, JsonCodec
from sluice.codecs.jsontext import DEPTH_MAX, Defect, mend_json, read_json
from sluice.codecs.lines import (
    LINE_BYTES_MAX,
    Chunk,
    Chunker,
    Cut,
    LineChunker,
    decode_chunk,
)  # fmt: skip
from sluice.codecs.messages import Headers, decode_message
from sluice.codecs.records import ATTRIBUTE_KEYS, TIME_FIELDS, TYPE_FIELDS
from sluice.codecs.syslog import SyslogCodec
from sluice.codecs.whole import decode_all, make_chunker, resume_chunker

__all__ = [
    "ATTRIBUTE_KEYS", "BOM", "CODEC_NAMES", "DEPTH_MAX", "LINE_BYTES_MAX", "TIME_FIELDS",
    "TIME_UNITS",
    "TYPE_FIELDS", "ArrayChunker", "Chunk", "Chunker", "Codec", "CodecEntry", "CodecOptions", "Cut",
    "Decoded",
    "Defect", "Framing", "Headers", "InputOptions", "InstantReader", "JsonCodec", "LineChunker",
    "Place",
    "Settled", "SyslogCodec", "TimeUnit", "assumes_utc", "check_options",
    "decode_all", "decode_chunk", "decode_message", "did_you_mean",
    "make_chunker", "make_codec", "mend_json", "parse_codec", "read_json", "resume_chunker",
]  # fmt: skip
