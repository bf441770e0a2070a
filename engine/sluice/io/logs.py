"""The log of a program that runs for months: a line a message, for people or for programs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sluice.io.encode import encode_record
from sluice.timing import format_instant

LogForm = Literal["json", "text"]

#: Clients that say the same for every attempt while a broker is away.
TALKATIVE = ("aiokafka", "kafka")
QUIET_SECONDS = 10.0
TEMPLATES_MAX = 1_000

#: Shorter ones would blot out words that are no secret.
_SECRET_CHARS_MIN = 4
_BLOT = "***"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def log_config(
    form: LogForm = "text", level: str = "INFO", secrets: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes, and Faust as `logging_config`.

    All goes to stderr. Texts of `secrets` become `***` wherever they stand. What a message has in
    `extra={"fields": {...}}` is shown beside it.
    """
    line = JsonLine if form == "json" else TextLine
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": line, "secrets": tuple(secrets)}},
        "filters": {"calm": {"()": Calm}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["calm"],
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": level, "handlers": ["stderr"]},
    }


class Calm(logging.Filter):
    """Lets a message of a talkative client through once in a while, with how many it held back."""

    def __init__(
        self, talkative: tuple[str, ...] = TALKATIVE, seconds: float = QUIET_SECONDS
    ) -> None:
        super().__init__()
        self._talkative, self._seconds = talkative, seconds
        #: By logger and template: when one was let through, and how many were not since.
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a message goes on; the first of its template does."""
        if record.name.partition(".")[0] not in self._talkative:
            return True
        name = (record.name, str(record.msg))
        since, held = self._seen.get(name, (float("-inf"), 0))
        if record.created - since < self._seconds:
            self._seen[name] = (since, held + 1)
            return False
        if len(self._seen) >= TEMPLATES_MAX:
            self._seen.clear()
        self._seen[name] = (record.created, 0)
        if held:
            record.repeated = held
        return True


class _Line(logging.Formatter):
    """What a message is made of, without the secrets in it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        # Of two secrets the longer one first: the shorter may be a part of it.
        held = sorted({each for each in secrets if len(each) >= _SECRET_CHARS_MIN}, key=len)
        self._secrets = tuple(reversed(held))

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _BLOT)
        return text

    def parts(self, record: logging.LogRecord) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "time": format_instant(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.clean(_message(record)),
        }
        repeated = getattr(record, "repeated", 0)
        if repeated:
            parts["repeated"] = repeated
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            parts |= {str(k): self._field(v) for k, v in fields.items() if k not in parts}
        if record.exc_info:
            parts["error"] = self.clean(self.formatException(record.exc_info))
        return parts

    def _field(self, value: Any) -> Any:
        if isinstance(value, bool | int | float) or value is None:
            return value
        return self.clean(str(value))


class JsonLine(_Line):
    """A message as a JSON object: time, level, logger, message, its fields, the error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return encode_record(self.parts(record)).decode().rstrip("\n")


class TextLine(_Line):
    """A message as people read it; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and those of the traceback."""
        parts = self.parts(record)
        time, level, logger, message = (str(parts.pop(k)) for k in tuple(parts)[:4])
        error = parts.pop("error", "")
        repeated = parts.pop("repeated", 0)
        more = f" (and {repeated} more like it)" if repeated else ""
        fields = "".join(f"  {name}={_one_line(str(value))}" for name, value in parts.items())
        lines = [f"{time} {level:<7} {logger}: {_one_line(message)}{more}{fields}"]
        lines += [f"    {_one_line(line)}" for line in error.splitlines()]
        return "\n".join(lines)


def _message(record: logging.LogRecord) -> str:
    """Return the text; one that cannot be filled in is shown as it is."""
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} {record.args}"


def _one_line(text: str) -> str:
    # A text of an event must not look like another line of the log, nor steer a terminal.
    return _CONTROL.sub(lambda found: f"\\u{{{ord(found[0]):X}}}", text)
