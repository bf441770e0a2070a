"""What a backtest is asked, and what it answers: plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.catalog import Catalog
from sluice.codecs import CodecEntry
from sluice.model import Counted, Match
from sluice.plan import Plan
from sluice.shells.request import RunRequest
from sluice.timing import Instant

EngineChoice = Literal["auto", "stream", "sql", "both"]
EngineName = Literal["stream", "sql"]

#: Takes the record of each match, in the order in which they are decided.
Take = Callable[[Mapping[str, Any]], None]

#: Takes each match, of which it asks rule, key, time and how many were suppressed.
Count = Callable[[Match | Counted], None]


@dataclass(frozen=True, slots=True)
class Taker:
    """Who is told of matches: without `take` no record, id or event of a match is made.

    `is_by_day`: for `count` it is enough to know of the matches of a day how many there are.
    """

    count: Count | None = None
    take: Take | None = None
    is_by_day: bool = False


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

    `kept` is how many events SQL left to the operators, None where none were left out; of
    `counted` rules it counted the matches itself.
    """

    events: int = 0
    rejected: int = 0
    late: int = 0
    kept: int | None = None
    counted: int = 0
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
