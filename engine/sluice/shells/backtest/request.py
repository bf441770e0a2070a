"""What a backtest is asked, and what it answers: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.catalog import Catalog
from sluice.codecs import CodecEntry
from sluice.plan import Plan
from sluice.shells.request import RunRequest
from sluice.timing import Instant

EngineChoice = Literal["auto", "stream", "sql", "both"]
EngineName = Literal["stream", "sql"]


class NeedsStream(Exception):
    """SQL cannot promise the same answer, or would not be quicker; the message says why."""


@dataclass(frozen=True, slots=True)
class Job:
    """Rules, the events to run them over, and how those are read.

    Of the rules of `plan` those named by `rules` are reported; the others feed them. `request`
    says how events are read (its `rules` are not looked at); `codecs` are those of plugins by
    name.
    """

    plan: Plan
    catalog: Catalog
    request: RunRequest
    rules: frozenset[str]
    codecs: Mapping[str, CodecEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which engine found the matches, and why not SQL (None: it was asked for, or is SQL)."""

    engine: EngineName
    reason: str | None = None


@dataclass(slots=True)
class Read:
    """What an engine read on its way: how many events, and what became of the others.

    `kept` is how many events SQL left to the operators, None where none were left out.
    """

    events: int = 0
    rejected: int = 0
    late: int = 0
    kept: int | None = None
    first: Instant | None = None
    last: Instant | None = None
    seconds: float = 0.0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A match that one engine reports and the other does not, or not in the same way."""

    rule: str
    id: str
    time: str
    what: str
