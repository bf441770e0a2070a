"""Choose an engine for a backtest, run it, and with `both` hold one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.catalog import Catalog
from sluice.codecs import CodecEntry
from sluice.errors import Unsupported
from sluice.io import encode_record
from sluice.plan import Plan, only_feeding
from sluice.shells.backtest.lake import is_lake, over_lake
from sluice.shells.backtest.request import (
    Chosen,
    Difference,
    EngineChoice,
    Job,
    NeedsStream,
    Read,
    Take,
    Taker,
)  # fmt: skip
from sluice.shells.backtest.sql import by_sql
from sluice.shells.backtest.stream import by_stream
from sluice.shells.backtest.tally import Tally
from sluice.shells.request import RunRequest

#: Why `auto` takes the stream engine for files: it decodes only the fields that rules read, and
#: DuckDB has to take lines apart as well.
FILES_REASON = "the stream engine reads files as quickly; SQL pays on a lake"

#: How many differences between the engines a report names.
DIFFERENCES_MAX = 10


@dataclass(slots=True)
class Backtest:
    """What a backtest found: counts, what was read, and which engine did it.

    `other` is what the other engine read with `both`, `differences` where it disagrees (the first
    of them; `difference_count` are all).
    """

    tally: Tally
    read: Read
    chosen: Chosen
    other: Read | None = None
    differences: tuple[Difference, ...] = ()
    difference_count: int = 0


def job_of(
    plan: Plan, catalog: Catalog, request: RunRequest, names: Iterable[str] = (),
    codecs: Mapping[str, CodecEntry] | None = None,
) -> Job:  # fmt: skip
    """Return the job of some rules of a plan (none named: all that are not disabled)."""
    chosen = list(names)
    if not chosen:
        reported = frozenset(rule.name for rule in plan.rules if not rule.disabled)
        return Job(plan, catalog, request, reported, codecs or {})
    parts = [only_feeding(plan, name) for name in chosen]
    kept = {rule.name: rule for part in parts for rule in part.rules}
    extracts = {id(each) for part in parts for each in part.extracts}
    cut = replace(
        plan,
        rules=tuple(kept[rule.name] for rule in plan.rules if rule.name in kept),
        extracts=tuple(each for each in plan.extracts if id(each) in extracts),
    )
    return Job(cut, catalog, request, frozenset(chosen), codecs or {})


def run_backtest(job: Job, engine: EngineChoice, take: Take | None = None) -> Backtest:
    """Run a job; `take` gets the record of each match, in the order in which they are decided.

    Unsupported when `sql` (or `both`) is asked for and SQL cannot promise the same answer.
    InputError and ConfigError are raised before anything was read.
    """
    tally = Tally(sorted(job.rules))
    taker = Taker(tally.add, take, is_by_day=True)
    if engine == "stream":
        return Backtest(tally, _by_stream(job, taker), Chosen("stream"))
    if engine == "both":
        return _both(job, tally, take)
    if engine == "auto" and not is_lake(job.request):
        return Backtest(tally, _by_stream(job, taker), Chosen("stream", FILES_REASON))
    try:
        return Backtest(tally, _by_sql(job, taker), Chosen("sql"))
    except NeedsStream as reason:
        if engine == "sql":
            raise _refused(reason) from None
        return Backtest(tally, _by_stream(job, taker), Chosen("stream", str(reason)))


def _by_stream(job: Job, taker: Taker) -> Read:
    if is_lake(job.request):
        return over_lake(job, [(job.plan, taker)], is_narrowed=False)
    return by_stream(job, taker)


def _by_sql(job: Job, taker: Taker) -> Read:
    plans = [(job.plan, taker)]
    if is_lake(job.request):
        return over_lake(job, plans, is_narrowed=True)
    return by_sql(job, plans)


def decide_all(job: Job, plans: Sequence[tuple[Plan, Taker]], engine: str) -> tuple[Read, Chosen]:
    """Let several plans decide the same events: in one pass with SQL, else one after the other."""
    if engine != "stream":
        try:
            if is_lake(job.request):
                return over_lake(job, plans, is_narrowed=True), Chosen("sql")
            return by_sql(job, plans), Chosen("sql")
        except NeedsStream as reason:
            if engine == "sql":
                raise _refused(reason) from None
            chosen = Chosen("stream", str(reason))
    else:
        chosen = Chosen("stream")
    if is_lake(job.request):
        return over_lake(job, plans, is_narrowed=False), chosen
    for plan, taker in plans:
        read = by_stream(replace(job, plan=plan), taker)
    return read, chosen


def _refused(reason: NeedsStream) -> Unsupported:
    return Unsupported(f"{reason}: take --engine stream, or auto")


def _both(job: Job, tally: Tally, take: Take | None) -> Backtest:
    """Run both engines and compare all that they say of each match."""
    expected = _Matches()

    def taken(record: Mapping[str, Any]) -> None:
        expected.add(record)
        if take is not None:
            take(record)

    read = _by_stream(job, Taker(tally.add, taken))
    actual = _Matches()
    try:
        other = _by_sql(job, Taker(take=actual.add))
    except NeedsStream as reason:
        raise _refused(reason) from None
    found = list(expected.unlike(actual, "only the stream engine reports it"))
    found += actual.unlike(expected, "only SQL reports it")
    found.sort(key=lambda each: (each.time, each.rule, each.id))
    return Backtest(tally, read, Chosen("sql"), other, tuple(found[:DIFFERENCES_MAX]), len(found))


class _Matches:
    """All matches that an engine reports, as their JSON lines, and how often each."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._named: dict[bytes, Difference] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a match in."""
        line = encode_record(record)
        self._lines[line] = self._lines.get(line, 0) + 1
        if line not in self._named:
            self._named[line] = Difference(record["rule"], record["id"], record["time"], "")

    def unlike(self, other: _Matches, what: str) -> Iterable[Difference]:
        """Yield the matches that the other has less often."""
        ids = {each.id for each in other._named.values()}
        for line, count in self._lines.items():
            if other._lines.get(line, 0) < count:
                named = self._named[line]
                is_other = named.id in ids
                yield replace(named, what=f"{what} with these values" if is_other else what)
