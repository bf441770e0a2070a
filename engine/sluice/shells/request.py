"""What a run is asked to do, and what it says at the end: plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sluice.plan import DEFAULT_LIMITS, Limits
from sluice.timing import Duration, Instant, format_instant

Output = Literal["text", "json", "none"]

#: Every kind of record that `--show` can name, and those that it names by default.
RECORD_KINDS = ("match", "clear", "note", "mitigation", "pending", "event", "late", "rejected")
DEFAULT_SHOW = frozenset(RECORD_KINDS[:5])


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything that the options of `sluice run` say, resolved.

    `inputs` are files, directories, globs or `-`; none means stdin. `since` and `until` are
    instants, both inclusive. An input that was silent for `idle_timeout_ms` of real time no longer
    holds the others back. `set` holds `pack.name` with the value as text. `rejected`,
    `stats`, `checkpoint` and `output_file` are paths, `lake` is a directory. `output_file` takes
    the records as JSON Lines, each once by its identity, whatever `output` says about stdout.
    """

    rules: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    codec: str = "json"
    type_field: str | None = None
    time_field: str | None = None
    id_field: str | None = None
    type: str | None = None
    time_unit: Literal["s", "ms", "us", "ns"] = "ms"
    strict_input: bool = False
    source: str | None = None
    lateness_ms: Duration = 0
    sort: bool = False
    sort_events_max: int = 5_000_000
    since: Instant | None = None
    until: Instant | None = None
    close: bool = False
    set: Mapping[str, str] = field(default_factory=dict)
    follow: bool = False
    idle_timeout_ms: Duration = 10_000
    checkpoint: str | None = None
    show: frozenset[str] = DEFAULT_SHOW
    with_events: bool = False
    rejected: str | None = None
    stats: str | None = None
    lake: str | None = None
    output: Output = "text"
    output_file: str | None = None
    fail_on: frozenset[str] = frozenset()
    skip_broken_rules: bool = False
    silence: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    progress: bool = False


@dataclass(frozen=True, slots=True)
class SettledFields:
    """Which plain fields of a source were taken as type and time; None: none was needed."""

    source: str
    type_field: str | None = None
    time_field: str | None = None


@dataclass(frozen=True, slots=True)
class Eviction:
    """How many pieces of `what` a rule has dropped at a cap of `[limits]`, and how high that is."""

    rule: str
    what: str
    count: int
    cap: str
    cap_value: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Of the `events` those before a checkpoint are `resumed_events`, and `met_before`
    counts what `--fail-on` names. `rejected` counts by reason,
    `matches` by rule (rules without a match are there with 0).
    `first` and `last` are the times of the first and last event in event time.
    `late_inputs` counts late events by input; `late_behind` of them came when their input had
    ended, or was silent, while others went on.
    `zone_assumed_for` is the codec that took times without a zone as UTC because no option says
    more; None when there were none.
    `lateness_needed_ms` is the `--lateness` that would have made no event late, None when none
    was. `unextracted` counts by source type the events that no line of an `extract` fitted.
    `mismatches` counts by rule and field the values of another type than the rule asks for.
    `evictions` say what the caps of `[limits]` made rules drop.
    `incomplete` counts by rule and `action(argument)` the mitigations that were left out because an
    argument that they need was missing.
    `plugin_failures` counts failed calls by what a plugin brought (`geo.country`).
    `lost` says in sentences what of an input was never read, because it was rotated away.
    `was_stopped` says that a signal ended the run. `warnings` are sentences for people;
    `failures` say what could not be read or written half way (exit 74).
    """

    events: int = 0
    resumed_events: int = 0
    met_before: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    matches: Mapping[str, int] = field(default_factory=dict)
    suppressed: int = 0
    pending: int = 0
    late: int = 0
    late_inputs: Mapping[str, int] = field(default_factory=dict)
    late_behind: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    first: Instant | None = None
    last: Instant | None = None
    settled: tuple[SettledFields, ...] = ()
    zone_assumed_for: str | None = None
    lateness_needed_ms: Duration | None = None
    unextracted: Mapping[str, int] = field(default_factory=dict)
    mismatches: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    evictions: tuple[Eviction, ...] = ()
    plugin_failures: Mapping[str, int] = field(default_factory=dict)
    incomplete: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    was_stopped: bool = False
    warnings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def evicted(self) -> int:
        """How many pieces of state were dropped at a cap."""
        return sum(eviction.count for eviction in self.evictions)

    def record(self) -> dict[str, Any]:
        """Return the document of `--stats`, with its keys in the order of the contract."""
        return {
            "events": self.events,
            "matches": dict(self.matches),
            "suppressed": self.suppressed,
            "pending": self.pending,
            "late": self.late,
            "rejected": sum(self.rejected.values()),
            "evicted": self.evicted,
            "first": None if self.first is None else format_instant(self.first),
            "last": None if self.last is None else format_instant(self.last),
            "seconds": round(self.seconds, 3),
            "late_inputs": dict(self.late_inputs),
            "lost": len(self.lost),
            "incomplete": {rule: dict(held) for rule, held in self.incomplete.items()},
            "plugin_failures": dict(self.plugin_failures),
            "evictions": [asdict(eviction) for eviction in self.evictions],
            "type_mismatches": {rule: dict(held) for rule, held in self.mismatches.items()},
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind of `--fail-on` there were."""
        return {
            "match": sum(self.matches.values()),
            "rejected": sum(self.rejected.values()),
            "late": self.late,
        }

    def met(self, fail_on: frozenset[str]) -> tuple[str, ...]:
        """Return which of the kinds of `--fail-on` this run met, after the checkpoint."""
        return tuple(
            kind
            for kind, count in self.counts.items()
            if kind in fail_on and count > self.met_before.get(kind, 0)
        )
