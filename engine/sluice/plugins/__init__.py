"""What installed distributions add to Sluice, and the door for those who write such a plugin.

The names that a plugin imports from here, and the groups of entry points, are the API of plugins;
`API_1` is its version. `Plugins` is for the programs that run them.
"""

from sluice.catalog import Accumulator, Action, Aggregate, Function, Parameter
from sluice.codecs import Codec, CodecEntry, CodecOptions, Decoded, InputOptions, check_options
from sluice.errors import ConfigError
from sluice.model import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    IP,
    NETWORK,
    STRING,
    TIME,
    Event,
    Rejected,
    Type,
    rejected,
)  # fmt: skip
from sluice.plugins.discover import API_1, KINDS, Kind, Plugin, installed
from sluice.plugins.faults import Faults
from sluice.plugins.guard import FAILED, Call, is_plain
from sluice.plugins.guard_codec import is_sound
from sluice.plugins.load import Guards, guarded
from sluice.plugins.session import PluginOptions, Plugins, Surveyed
from sluice.plugins.watch import Watch

__all__ = [
    "ANY", "API_1", "BOOL", "DURATION", "FAILED", "FLOAT", "INT", "IP", "KINDS", "NETWORK",
    "STRING", "TIME", "Accumulator", "Action", "Aggregate", "Call", "Codec", "CodecEntry",
    "CodecOptions", "ConfigError", "Decoded", "Event", "Faults", "Function", "Guards",
    "InputOptions", "Kind", "Parameter", "Plugin", "PluginOptions", "Plugins", "Rejected",
    "Surveyed", "Type", "Watch", "check_options", "guarded", "installed", "is_plain", "is_sound",
    "rejected",
]  # fmt: skip
