"""An investigation: a run of one rule and what feeds it, recorded, and the answer at its end."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from sluice.backends import BuildOptions, Probe, build
from sluice.catalog import Catalog
from sluice.model import Key, Match, Row
from sluice.plan import (
    DEFAULT_LIMITS,
    Aggregate,
    EmitEffect,
    Filter,
    Limits,
    Plan,
    RulePlan,
    Sequence,
    Silence,
    atoms_of,
    conjuncts,
    horizon_ms,
    names_of,
    only_feeding,
    text_of,
)  # fmt: skip
from sluice.plan import exprs as x
from sluice.stream import Pipeline
from sluice.timing import Duration, Instant, format_duration
from sluice.why.case import Case
from sluice.why.explanation import Asked, Candidate, Explanation, Fired, Problem, Rejection
from sluice.why.facts import Facts
from sluice.why.filters import FilterStudy
from sluice.why.fired import MatchStudy
from sluice.why.recording import Keeping, KeyChoice, Recorder, key_text
from sluice.why.sequences import SequenceStudy
from sluice.why.silences import SilenceStudy
from sluice.why.trial import Lab, Span
from sluice.why.windows import WindowStudy
from sluice.why.witness import rule_named, telling_bits, with_witness

#: How many matches are kept to be told of; all are counted.
MATCHES_MAX = 10_000
#: How many keys are named where none is like the one that is asked for.
KEYS_SHOWN_MAX = 3


class Investigation:
    """Runs one rule over events that are fed to its `pipeline`, and says why it fired or not.

    Feed the pipeline as for a run, call `collect` now and then, `finish` at the end of the input,
    then `explain`.
    """

    def __init__(
        self, plan: Plan, catalog: Catalog, name: str, asked: Asked | None = None, *,
        limits: Limits = DEFAULT_LIMITS, lateness: Duration = 0,
    ) -> None:  # fmt: skip
        self.asked = asked or Asked()
        self._whole, self.rule = plan, rule_named(plan, name)
        mine = with_witness(only_feeding(plan, name), name)
        options = BuildOptions(
            frozenset({"match", "pending"}), limits, lateness_ms=lateness, in_order=True
        )
        self.pipeline: Pipeline = build(mine, catalog, options)
        # It is the last in rank.
        code = self.pipeline.program.codes[-1]
        self._probe = Probe(self.pipeline.program, len(self.rule.keys))
        self._choice = KeyChoice(self.rule.keys, self.asked.key)
        self._recorder = Recorder(
            code, self._probe, self.rule.excepts, self._choice,
            Keeping(*self._between(), self.asked.rows_max, telling_bits(self.rule)),
        )  # fmt: skip
        self.pipeline.program.bind({code.rank: self._recorder.on_event}, {})
        made = {e.type for e in mine.extracts}
        made |= {e.type for r in mine.rules for e in r.effects if isinstance(e, EmitEffect)}
        self._lab = (mine, catalog, limits, frozenset(made))
        self._matches: list[Match] = []
        self._pending: list[Match] = []
        self._reported: list[Match] = []
        self._counts = {"match": 0, "pending": 0}
        self._waiting: set[tuple[str, Instant]] = set()
        self._end: Instant | None = None

    def _between(self) -> tuple[Instant | None, Instant | None]:
        """Return what part of the input can matter to what was alive at an instant."""
        horizon = horizon_ms(self.rule)
        if self.asked.at is None or horizon is None:
            return None, None
        return self.asked.at - 3 * horizon, self.asked.at + 3 * horizon

    def collect(self) -> None:
        """Take what the pipeline has decided so far."""
        for record in self.pipeline.drain():
            if isinstance(record, Match) and record.rule == self.rule.name:
                self._take(record)

    def _take(self, match: Match) -> None:
        if match.kind == "match" and len(self._reported) < MATCHES_MAX:
            self._reported.append(match)
        at, wanted = self.asked.at, self.asked.key
        if at is not None and not match.start <= at <= match.time:
            return
        if wanted is not None and any(_text(match.key.get(n)) != t for n, t in wanted.items()):
            return
        self._counts[match.kind] += 1
        if match.kind == "pending" and len(self._waiting) < MATCHES_MAX:
            self._waiting.add((repr(match.key), match.start))
        kept = self._matches if match.kind == "match" else self._pending
        if len(kept) < self.asked.limit:
            kept.append(match)

    def finish(self) -> None:
        """The input has ended: complete its last instant, then see what time would still bring."""
        self.pipeline.finish()
        self.collect()
        self._end = self.pipeline.now
        # What time brings now is no part of the input.
        self.pipeline.program.bind({self._recorder.code.rank: _look_away}, {})
        self.pipeline.pending()
        self.collect()

    # ------------------------------------------------------------ the answer

    def explain(self) -> Explanation:
        """Return the answer; the input has been fed and `finish` called."""
        rule, recorder, stats = self.rule, self._recorder, self.pipeline.stats
        problem = self._problem()
        case = self._case()
        fired: list[Fired] = []
        pending: list[Fired] = []
        suppressed: list[Fired] = []
        nearest: list[Candidate] = []
        if case is not None and problem is None:
            study = MatchStudy(case)
            fired = [study.fired(match) for match in self._matches]
            pending = [study.fired(match) for match in self._pending]
            if rule.cooldown is not None and (not fired or self.asked.key or self.asked.at):
                suppressed = [s for s in study.suppressed(self._reported) if self._is_asked(s)]
            if not fired and not suppressed:
                nearest = [c for c in _candidates(case) if not self._is_pending(c)]
        limit = self.asked.limit
        return Explanation(
            rule.name, rule.title, rule.disabled, self.asked, stats.events, stats.first,
            stats.last, recorder.counts, recorder.entered, tuple(fired),
            self._counts["match"], tuple(suppressed[:limit]), self._suppressed_count(suppressed),
            tuple(pending), self._counts["pending"], tuple(nearest[:limit]),
            tuple(self._rejections(case)), stats.late, tuple(self._remarks()),
            {}, problem, tuple(dict.fromkeys(t for a in atoms_of(rule) for t in a.types)),
        )  # fmt: skip

    def _is_pending(self, candidate: Candidate) -> bool:
        """Say whether a candidate was only cut off by the end of the input, and is pending."""
        is_cut_off = all(obstacle.kind == "ended" for obstacle in candidate.obstacles)
        return is_cut_off and (repr(candidate.key), candidate.start) in self._waiting

    def _is_asked(self, fired: Fired) -> bool:
        wanted = self.asked.key
        return wanted is None or all(_text(fired.key.get(n)) == t for n, t in wanted.items())

    def _suppressed_count(self, found: list[Fired]) -> int:
        if found:
            return len(found)
        return next(
            r.suppressed for r in self.pipeline.reporters if r.code.plan.name == self.rule.name
        )

    def _case(self) -> Case | None:
        stats = self.pipeline.stats
        if stats.first is None or self._end is None:
            return None
        mine, catalog, limits, made = self._lab
        lab = Lab(mine, catalog, limits, Span(stats.first, self._end), made)
        facts = Facts(self.rule, self.pipeline.program, self._probe)
        rule = rule_named(mine, self.rule.name)
        return Case(
            rule, lab, facts, self._recorder, self._choice, self.asked, bool(self._reported)
        )

    # ------------------------------------------------------------ what else there is to say

    def _problem(self) -> Problem | None:
        """Say what was asked that the input has nothing of."""
        stats, asked, keys = self.pipeline.stats, self.asked, self._recorder.keys
        if asked.at is not None and stats.first is not None and stats.last is not None:
            if not stats.first <= asked.at <= stats.last:
                text = (
                    f"{asked.clock(asked.at)} is not in the input, which goes from "
                    f"{asked.clock(stats.first)} to {asked.clock(stats.last)}"
                )
                return Problem("--at", text)
        if asked.key is None or keys or not self._recorder.entries:
            return None
        wanted = _key_words(asked.key)
        # Only the values are compared: the names of a key make every other one look near.
        others = {
            ",".join(parts[name] for name in asked.key if name in parts): _key_words(parts)
            for parts in (self._parts(entry.key) for entry in self._recorder.entries)
        }
        near = difflib.get_close_matches(",".join(asked.key.values()), others, n=3, cutoff=0.4)
        close = [others[text] for text in near]
        if close:
            also = f" ({', '.join(close[1:])})" if len(close) > 1 else ""
            hint = f", did you mean {close[0]}?{also}"
        else:
            first = [*others.values()][:KEYS_SHOWN_MAX]
            hint = f"; there are {', '.join([*first, '…'] if len(others) > len(first) else first)}"
        when = " around that time" if asked.at is not None else ""
        return Problem("--key", f"no event that enters the rule{when} has the key {wanted}{hint}")

    def _parts(self, key: Key) -> dict[str, str]:
        parts = self.rule.keys
        held = key if len(parts) > 1 else (key,)
        pairs = zip(parts, held, strict=bool(parts))
        return {part.name: key_text(value, part.type) for part, value in pairs}

    def _rejections(self, case: Case | None) -> Iterator[Rejection]:
        if case is None:
            return
        found = [r for held in self._recorder.refusals.values() for r in held if r.last is not None]
        found.sort(key=lambda r: -(r.false + r.unknown))
        for refusal in found:
            atom = case.atoms[refusal.atom]
            row = refusal.close[-1] if refusal.close else refusal.last
            assert row is not None and refusal.first is not None and refusal.last is not None
            is_unknown = case.facts.verdict(refusal.condition, row) is None
            yield Rejection(
                case.label(atom), case.facts.text(refusal.condition), refusal.false,
                refusal.unknown, refusal.alone, refusal.first.time, refusal.last.time,
                len(conjuncts(atom.where)), case.facts.sample(row, atom),
                case.facts.because(refusal.condition, row) if is_unknown else None,
            )  # fmt: skip

    def _remarks(self) -> Iterator[str]:
        rule, recorder, stats = self.rule, self._recorder, self.pipeline.stats
        if rule.disabled:
            yield "the rule is disabled: `sluice run` leaves it out"
        if stats.late:
            needed = self.pipeline.watermarks.lateness + stats.late_by_ms
            yield (
                f"{_events(stats.late)} came too late for rules with state: --sort or --lateness "
                f"{format_duration(needed)} would have taken them"
            )
        if stats.rejected:
            reasons = ", ".join(f"{name} {number:,}" for name, number in stats.rejected.items())
            yield f"not all of the input became events; rejected: {reasons}"
        if recorder.keyless_count:
            names = ", ".join(f"`{part.name}`" for part in rule.keys)
            yield (
                f"{_events(recorder.keyless_count)} left out of all matches for want of a key: "
                f"{names} is missing or null"
            )
        for hidden in recorder.hidden:
            if hidden.count:
                text = _condition(rule, hidden.condition)
                yield f"`except where {text}` hid {_events(hidden.count)} from the rule"
        yield from self._unfed()
        if recorder.dropped:
            yield (
                f"{_events(recorder.dropped)} were too many to be kept ({recorder.rows_max:,}): "
                "--key, --at or --since and --until look at a part closely"
            )

    def _unfed(self) -> Iterator[str]:
        """Say which rules and extracts, whose events this rule reads, made none."""
        for type_, number in self.pipeline.program.unfit.items():
            yield f"{_events(number)} of {type_} fitted no line of an extract"
        wanted = {t for atom in atoms_of(self.rule) for t in atom.types}
        for reporter in self.pipeline.reporters:
            name = reporter.code.plan.name
            if reporter.matches or name == self.rule.name:
                continue
            if any(_names(type_, f"match.{name}") for type_ in wanted):
                yield f"{name}, whose matches it reads, did not fire: ask `sluice why {name}`"


def _candidates(case: Case) -> list[Candidate]:
    match case.rule.pattern:
        case Filter():
            return FilterStudy(case).candidates()
        case Sequence():
            return SequenceStudy(case).candidates()
        case Silence():
            return SilenceStudy(case).candidates()
        case Aggregate():
            return WindowStudy(case).candidates()


def _look_away(row: Row, bits: int, named: int) -> None:
    """Stand in for a witness that has seen enough."""


def _names(pattern: str, type_: str) -> bool:
    is_prefix = pattern.endswith(".*") and type_.startswith(pattern[:-1])
    return pattern == type_ or is_prefix


def _condition(rule: RulePlan, condition: x.Expr) -> str:
    return text_of(condition, names_of(rule))


def _text(value: object) -> str:
    """Return a JSON value of a key as somebody would write it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _events(number: int) -> str:
    return f"{number:,} event" + "s" * (number != 1)


def _key_words(key: Mapping[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in key.items())
