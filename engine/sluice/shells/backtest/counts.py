"""Matches that are counted without their events: SQL counts them, or finds the times that do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import duckdb

from sluice.backends import Counting, Counts, Folding, Needed
from sluice.model import Counted, key_part, part_value
from sluice.plan import RulePlan
from sluice.shells.backtest.request import Count, Taker
from sluice.shells.backtest.session import FETCH_ROWS
from sluice.timing import DAY_MS, Instant

#: How many lists of times are fetched at once; a list may have many.
FETCH_LISTS = 20


def count_matches(
    connection: duckdb.DuckDBPyConnection, counts: Counts, end: Instant | None, taker: Taker
) -> None:
    """Tell the taker of the matches of rules that need no event to be fetched.

    `end` is the last instant, None when time runs on to the end of all deadlines.
    """
    assert taker.count is not None
    for counting in counts.countings:
        _count(_rows(connection, counting.sql, FETCH_ROWS), counting, taker.count)
    for folding in counts.foldings:
        _fold(_rows(connection, folding.sql, FETCH_LISTS), folding, end, taker.count)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, size: int) -> Iterator[tuple[Any, ...]]:
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(size):
        yield from rows


def _count(rows: Iterable[tuple[Any, ...]], counting: Counting, count: Count) -> None:
    width = len(counting.rules)
    for day, *held in rows:
        for rule, number in zip(counting.rules, held[-width:], strict=True):
            if number:
                count(Counted(rule.name, _key(rule, held[:-width]), day * DAY_MS, count=number))


def _key(rule: RulePlan, parts: Iterable[Any]) -> dict[str, Any]:
    named = zip(rule.keys, parts, strict=True)
    return {part.name: part_value(key_part(value, True)) for part, value in named}


class _Key:
    """What counts the matches of one key, by their times."""

    def __init__(self, rule: RulePlan, key: dict[str, Any], count: Count) -> None:
        self._rule, self._key, self._count = rule, key, count
        cooldown = rule.cooldown
        self._cooldown_ms = 0 if cooldown is None else cooldown.duration_ms
        self._reported: Instant | None = None
        self._suppressed = 0

    def add(self, times: Iterable[Instant]) -> None:
        """Count matches, but those that cool down."""
        for time in times:
            if self._reported is not None and time < self._reported + self._cooldown_ms:
                self._suppressed += 1
                continue
            self._count(Counted(self._rule.name, self._key, time, self._suppressed))
            self._reported, self._suppressed = time, 0


def _fold(
    rows: Iterable[tuple[Any, ...]], folding: Folding, end: Instant | None, count: Count
) -> None:
    """Find the matches of one key after the other, as the operators do, on times alone."""
    rule, needed = folding.rule, folding.needed
    follow = _silences if needed.is_silence else _gathered
    for own, held in groupby(rows, key=lambda row: row[:-1]):
        key = _Key(rule, _key(rule, own), count)
        key.add(follow((time for row in held for time in row[-1]), needed, end))


def _gathered(times: Iterable[Instant], needed: Needed, end: Instant | None) -> Iterator[Instant]:
    """Yield the times at which there are enough events; none of them counts for another match."""
    taken: deque[Instant] = deque()
    count, within_ms = needed.count, needed.within_ms
    for time in times:
        if within_ms is not None:
            oldest = time - within_ms
            while taken and taken[0] < oldest:
                taken.popleft()
        taken.append(time)
        if len(taken) == count:
            taken.clear()
            yield time


def _silences(times: Iterable[Instant], needed: Needed, end: Instant | None) -> Iterator[Instant]:
    """Yield the deadlines that passed without an event, up to and including the end."""
    within_ms, due = needed.within_ms, None
    assert within_ms is not None
    for time in times:
        if due is not None and time > due:
            yield due
        due = time + within_ms
    if due is not None and (end is None or due <= end):
        yield due
