"""The kinds of values that settings have: how each is written in a file and in a variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_settings import NoDecode

from sluice.timing import format_duration, parse_duration


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        found = parse_duration(value.strip())
        if found is None:
            raise ValueError(f"'{value}' is no duration; write 5s, 90m or 1h30m")
        return found
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    raise ValueError('a duration is a text with units, such as "5s" or "1h30m"')


def _words(value: Any) -> Any:
    """Split what an environment variable brings: `match,note`."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def flat_pairs(value: Any) -> Any:
    """Split what an environment variable brings: `auth.max=5,auth.zone=UTC`; values to text."""
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        if any(not equals for _, equals, _ in parts):
            raise ValueError(f"'{value}' is not PACK.NAME=VALUE,PACK.NAME=VALUE")
        return {name.strip(): text.strip() for name, _, text in parts}
    if isinstance(value, dict):
        return {name: _plain_text(each) for name, each in _flat(value)}
    return value


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    # In TOML `auth.max = 5` is a table in a table; a param's name has the dot in it.
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _flat(each, f"{before}{name}.")
        else:
            yield f"{before}{name}", each


def _plain_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Milliseconds = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+(w|d|h|ms|m|s))+$", "examples": ["5s"]}),
]
Kind = Literal["match", "clear", "note", "mitigation", "pending", "event", "late", "rejected"]
Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]
Kinds = Annotated[list[Kind], NoDecode, BeforeValidator(_words)]
FailKinds = Annotated[list[Literal["match", "rejected", "late"]], NoDecode, BeforeValidator(_words)]
AlertKinds = Annotated[list[Literal["match", "clear", "note"]], NoDecode, BeforeValidator(_words)]
Stage = Literal["filter", "match", "lake", "webhook"]
Stages = Annotated[list[Stage], NoDecode, BeforeValidator(_words)]
Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(flat_pairs)]
Cap = Annotated[int, Field(ge=1)]
