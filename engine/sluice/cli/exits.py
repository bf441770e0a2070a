"""The exit codes, and which exception means which."""

from __future__ import annotations

from sluice.errors import (
    CheckpointError,
    ConfigError,
    InputError,
    RuleError,
    SluiceError,
    Unsupported,
)

OK = 0
NO = 1
USAGE = 2
NO_INPUT = 66
UNAVAILABLE = 69
BUG = 70
IO_FAILED = 74
CONFIG = 78
INTERRUPTED = 130
CLOSED_PIPE = 141
TERMINATED = 143

#: Looked through in order: a subclass stands before its parent.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (ConfigError, CONFIG),
    (RuleError, CONFIG),
    (Unsupported, CONFIG),
    (CheckpointError, CONFIG),
    (InputError, NO_INPUT),
    (KeyboardInterrupt, INTERRUPTED),
    (BrokenPipeError, CLOSED_PIPE),
    (ConnectionError, UNAVAILABLE),
    (TimeoutError, UNAVAILABLE),
    (OSError, IO_FAILED),
    (SluiceError, NO),
)


def exit_code(error: BaseException) -> int:
    """Return the exit code that an exception means; what nobody foresaw is a bug."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return BUG
