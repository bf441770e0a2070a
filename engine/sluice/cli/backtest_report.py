"""The report of a backtest, as text and as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sluice.cli.render import pairs, safe
from sluice.shells import Backtest, Labels, Read, RuleTally, Score
from sluice.timing import format_instant

_BARS = "▁▂▃▄▅▆▇█"
#: How many labels that nothing was found of are named.
MISSED_SHOWN = 10

#: How many bars a sparkline has at most; beyond, one bar is several days.
_BARS_MAX = 40


@dataclass(frozen=True, slots=True)
class Expectation:
    """What `--expect` said of a rule (None: of all together), and what there was."""

    rule: str | None
    expected: int
    actual: int

    @property
    def is_held(self) -> bool:
        """True when there were as many matches as expected."""
        return self.expected == self.actual


def expectations(found: Backtest, expected: Mapping[str | None, int]) -> list[Expectation]:
    """Hold what was expected to what was found."""
    rules = found.tally.rules
    return [
        Expectation(rule, count, found.tally.matches if rule is None else rules[rule].matches)
        for rule, count in expected.items()
    ]


# ---------------------------------------------------------------- for programs


def document(
    found: Backtest, held: list[Expectation], labels: Labels | None, asked: str
) -> dict[str, Any]:
    """Return the report as a JSON document."""
    read = found.read
    out: dict[str, Any] = {
        "ok": all(each.is_held for each in held) and not found.difference_count,
        "engine": {"asked": asked, "used": found.chosen.engine, "why_not_sql": found.chosen.reason},
        **read_document(read),
        "matches": found.tally.matches,
        "rules": [_rule_document(name, each) for name, each in found.tally.rules.items()],
        "expected": [
            {"rule": e.rule, "expected": e.expected, "actual": e.actual, "ok": e.is_held}
            for e in held
        ],
    }
    if found.other is not None:
        out["sql"] = read_document(found.other)
        out["difference_count"] = found.difference_count
        out["differences"] = [
            {"rule": d.rule, "id": d.id, "time": d.time, "what": d.what} for d in found.differences
        ]
    if labels is not None:
        out["labels"] = [_score_document(each) for each in labels.scores(list(found.tally.rules))]
        out["labels_missed"] = [label.line for label in labels.missed]
    return out


def _score_document(score: Score) -> dict[str, Any]:
    return {
        "rule": score.rule or None, "matches": score.matches, "right": score.right,
        "labels": score.labels, "found": score.found, "precision": score.precision,
        "recall": score.recall,
    }  # fmt: skip


def read_document(read: Read) -> dict[str, Any]:
    """Return what was read: counts, times as RFC 3339, seconds."""
    return {
        "events": read.events,
        "kept": read.kept,
        "counted": read.counted,
        "rejected": read.rejected,
        "late": read.late,
        "first": None if read.first is None else format_instant(read.first),
        "last": None if read.last is None else format_instant(read.last),
        "seconds": round(read.seconds, 3),
    }


def _rule_document(name: str, tally: RuleTally) -> dict[str, Any]:
    return {
        "rule": name,
        "matches": tally.matches,
        "suppressed": tally.suppressed,
        "days": dict(sorted(tally.days.items())),
        "top": [{"key": key, "matches": count} for key, count in tally.top()],
    }


# ---------------------------------------------------------------- for people


def report(found: Backtest, held: list[Expectation], labels: Labels | None, asked: str) -> str:
    """Return the report as text."""
    lines = [read_line(found.read), _engine_line(found, asked), ""]
    first, last = _days(found)
    width = max(map(len, found.tally.rules), default=0)
    silent = []
    for name, tally in found.tally.rules.items():
        if not tally.matches:
            silent.append(name)
            continue
        lines.append(f"{name:{width}}  {tally.matches:>7,}  {sparkline(tally.days, first, last)}")
        lines += _below(tally, width)
    if silent:
        lines.append(f"no match: {', '.join(silent)}")
    if labels is not None:
        lines += _label_lines(labels, list(found.tally.rules), width)
    lines += _difference_lines(found)
    for each in held:
        if not each.is_held:
            of = "" if each.rule is None else f" of {each.rule}"
            lines.append(f"expected {_count(each.expected, 'match')}{of}, found {each.actual:,}")
    return safe("\n".join(lines)) + "\n"


def _label_lines(labels: Labels, rules: list[str], width: int) -> list[str]:
    lines = ["", f"{'by the labels':{width}}  precision            recall"]
    for score in labels.scores(rules):
        if score.matches or not score.rule:
            right = f"{_share(score.precision)} ({score.right:,} of {score.matches:,})"
            found = f"{_share(score.recall)} ({score.found:,} of {score.labels:,})"
            lines.append(f"{score.rule or 'all together':{width}}  {right:20} {found}")
    for label in labels.missed[:MISSED_SHOWN]:
        key = " ".join(f"{n}={v}" if n is not None else v for n, v in label.key.items())
        span = f"{format_instant(label.low)} to {format_instant(label.high)}"
        lines.append(f"no match is about the label in line {label.line}: {key}, {span}")
    more = len(labels.missed) - MISSED_SHOWN
    return [*lines, f"and about {more:,} more"] if more > 0 else lines


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _below(tally: RuleTally, width: int) -> list[str]:
    top = [f"{pairs(key, ' ')} ({count:,})" for key, count in tally.top()]
    lines = [f"{'':{width}}           most: {', '.join(top)}"] if top else []
    if tally.suppressed:
        lines.append(f"{'':{width}}           {tally.suppressed:,} more were cooled down")
    return lines


def read_line(read: Read) -> str:
    """Return what was read as one line for people."""
    span = ""
    if read.first is not None and read.last is not None:
        span = f", {format_instant(read.first)} to {format_instant(read.last)}"
    speed = f" ({read.events / read.seconds:,.0f} a second)" if read.seconds >= 0.1 else ""
    text = f"{_count(read.events, 'event')} in {read.seconds:.2f} s{speed}{span}"
    extra = [(read.rejected, "rejected"), (read.late, "too late for rules with state")]
    more = [f"{count:,} {what}" for count, what in extra if count]
    return "; ".join([text, *more])


def _engine_line(found: Backtest, asked: str) -> str:
    if found.other is not None:
        told = "differ" if found.difference_count else "say the same"
        return (
            f"engines: stream and SQL {told}; SQL took {found.other.seconds:.2f} s and left "
            f"{_count(found.other.kept or 0, 'event')} to decide on"
        )
    if found.chosen.engine == "sql":
        return f"engine: SQL, which {_done(found)}"
    why = f" (not SQL: {found.chosen.reason})" if found.chosen.reason and asked == "auto" else ""
    return f"engine: stream{why}"


def _done(found: Backtest) -> str:
    """Return what SQL did by itself, and what it left to the operators."""
    read, total = found.read, len(found.tally.rules)
    left = f"left {_count(read.kept or 0, 'event')} to decide on"
    if not read.counted:
        return left
    if read.counted == total:
        return "counted the matches by itself"
    return f"counted the matches of {read.counted} of {_count(total, 'rule')} by itself and {left}"


def _difference_lines(found: Backtest) -> list[str]:
    if not found.difference_count:
        return []
    lines = [f"{_count(found.difference_count, 'difference')} between the engines, first:"]
    return lines + [f"  {d.time}  {d.rule}  {d.id}: {d.what}" for d in found.differences]


def _days(found: Backtest) -> tuple[date, date]:
    """Return the first and the last day of the sparklines: those of the events."""
    days = [day for tally in found.tally.rules.values() for day in tally.days]
    for instant in (found.read.first, found.read.last):
        if instant is not None:
            days.append(format_instant(instant)[:10])
    if not days:
        return date.min, date.min
    return date.fromisoformat(min(days)), date.fromisoformat(max(days))


def sparkline(days: Mapping[str, int], first: date, last: date) -> str:
    """Draw counts by day as bars, the highest the tallest; a day without any is a blank."""
    total = (last - first).days + 1
    per_bar = -(-total // _BARS_MAX)
    counts = [
        sum(days.get((first + timedelta(days=at)).isoformat(), 0) for at in range(start, end))
        for start in range(0, total, per_bar)
        for end in [min(start + per_bar, total)]
    ]
    most = max(counts)
    bars = "".join(_BARS[-(-n * len(_BARS) // most) - 1] if n else " " for n in counts)
    unit = "a day" if per_bar == 1 else f"in {per_bar} days"
    return f"|{bars}| {most:,} {unit} at most" if total > 1 else f"on {first.isoformat()}"


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("ch") else "s")
    return f"{number:,} {noun if number == 1 else plural}"
