"""The answer for people: a time line of each match or near miss, and what would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.timing import Instant, format_duration
from sluice.why.explanation import (
    Candidate,
    Explanation,
    Fired,
    Measure,
    Moment,
    Obstacle,
    Rejection,
)  # fmt: skip
from sluice.why.facts import shown

#: Of a longer time line the first and the last events are told, of rejections the commonest.
MOMENTS_MAX, EDGE, REJECTIONS_MAX = 8, 3, 5


def story(explanation: Explanation) -> str:
    """Return the whole answer as lines of text."""
    told = _Teller(explanation.asked.clock)
    lines = [told.verdict(explanation), told.input(explanation)]
    if explanation.problem is not None:
        lines.append(explanation.problem.text)
    for number, fired in enumerate(explanation.fired, 1):
        of = f" {number} of {explanation.fired_count:,}" if explanation.fired_count > 1 else ""
        lines += ["", *told.fired(f"match{of}", fired)]
    for fired in explanation.suppressed:
        lines += ["", *told.fired("suppressed", fired)]
    for number, fired in enumerate(explanation.pending, 1):
        of = f" {number} of {explanation.pending_count:,}" if explanation.pending_count > 1 else ""
        lines += ["", *told.fired(f"pending{of}, if time ran on", fired)]
    for number, candidate in enumerate(explanation.nearest, 1):
        of = f" {number}" if len(explanation.nearest) > 1 else ""
        lines += ["", *told.candidate(f"near miss{of}", candidate)]
    if not explanation.has_fired and explanation.rejected_by:
        lines += ["", "kept out of its steps", *_rejections(explanation.rejected_by)]
    if explanation.remarks:
        lines += ["", *(f"note: {remark}" for remark in explanation.remarks)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def nearest_line(explanation: Explanation) -> str | None:
    """Return in a line what came closest, None when nothing did."""
    for each in explanation.nearest[:1]:
        parts = [f"{_pairs(each.key)}: {each.summary}" if each.key else each.summary]
        for obstacle in each.obstacles[:2]:
            parts.append(obstacle.text)
            if obstacle.is_enough and obstacle.remedy:
                parts.append(f"it would match {_would(obstacle)}")
        return "; ".join(parts)
    for rejection in explanation.rejected_by[:1]:
        return f"no event fits {rejection.step}: " + _rejected(rejection)
    return None


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells with times as a clock writes them."""

    clock: Callable[[Instant], str]

    def verdict(self, explanation: Explanation) -> str:
        title = f' "{explanation.title}"' if explanation.title else ""
        about = self._about(explanation)
        count = explanation.fired_count
        if count:
            times = "once" if count == 1 else f"{count:,} times"
            return f"{explanation.rule}{title} fired {times}{about}"
        if explanation.suppressed:
            return f"{explanation.rule}{title} matched{about}, and `cooldown` suppressed it"
        if explanation.pending_count:
            waiting = _count(explanation.pending_count, "match is", "matches are")
            return f"{explanation.rule}{title} did not fire{about}; {waiting} pending"
        return f"{explanation.rule}{title} did not fire{about}"

    def _about(self, explanation: Explanation) -> str:
        asked = explanation.asked
        key = f" for {_pairs(asked.key)}" if asked.key else ""
        return key + (f" at {self.clock(asked.at)}" if asked.at is not None else "")

    def input(self, explanation: Explanation) -> str:
        first, last = explanation.first, explanation.last
        if first is None or last is None:
            return "there was no event in the input"
        text = (
            f"{_count(explanation.events, 'event')} from {self.clock(first)} to {self.clock(last)}"
        )
        wanted = ", ".join(explanation.wanted_types)
        if not explanation.types:
            there = ", ".join(
                f"{name} {number:,}" for name, number in explanation.other_types.items()
            )
            return f"{text}; none is of a type that it looks at ({wanted})" + (
                f"; there are {there}" if there else ""
            )
        types = ", ".join(f"{name} {number:,}" for name, number in explanation.types.items())
        return f"{text}; of its types {types}; {explanation.entered:,} entered a step"

    def fired(self, head: str, fired: Fired) -> Iterator[str]:
        select = f"  {_pairs(fired.select)}" if fired.select else ""
        key = f"  {_pairs(fired.key)}" if fired.key else ""
        yield f"{head}  {self.clock(fired.time)}{key}{select}"
        yield from self._time_line(fired.moments, fired.event_count)
        yield from _measures(fired.measures)
        if fired.suppressed_until is not None:
            until = self.clock(fired.suppressed_until)
            yield f"  suppressed by `cooldown` up to {until}, begun by match {fired.suppressed_by}"

    def _time_line(self, moments: Sequence[Moment], count: int | None = None) -> Iterator[str]:
        """Tell events one a line: the first by its time, the others by how much later they came."""
        if not moments:
            return
        number = len(moments)
        hidden = max(0, (count or number) - number)
        cut = range(EDGE, number - EDGE) if number > MOMENTS_MAX else range(0)
        told = [self._columns(m, moments[0]) for m in moments]
        widths = [max(len(line[column]) for line in told) for column in range(3)]
        for place, (moment, columns) in enumerate(zip(moments, told, strict=True)):
            if place in cut:
                if place == cut.start:
                    yield f"    … {len(cut) + hidden:,} more"
                continue
            if hidden and not cut and place == number // 2:
                yield f"    … {hidden:,} more"
            mark = " " if moment.is_taken else "x"
            cells = [f"{cell:<{width}}" for cell, width in zip(columns, widths, strict=False)]
            yield "  ".join([f"  {mark} {cells[0]}", *(c for c in cells[1:] if c), columns[3]])

    def _columns(self, moment: Moment, first: Moment) -> tuple[str, str, str, str]:
        when = self.clock(moment.time)
        if moment is not first:
            away = moment.time - first.time
            when = f"{'+' if away >= 0 else ''}{format_duration(away)}"
        type_ = moment.type if moment.type != moment.step else ""
        return when, moment.step, type_, _pairs(moment.values)

    def candidate(self, head: str, candidate: Candidate) -> Iterator[str]:
        key = f"{_pairs(candidate.key)}: " if candidate.key else ""
        yield f"{head}  {key}{candidate.summary}"
        yield from self._time_line(candidate.moments, candidate.event_count)
        for obstacle in candidate.obstacles:
            yield from _obstacle(obstacle)


def _measures(measures: Iterable[Measure]) -> Iterator[str]:
    for measure in measures:
        word = {True: "true", False: "false", None: "unknown"}[measure.holds]
        value = f" ({shown(measure.value)})" if measure.value != measure.holds else ""
        yield f"  having  `{measure.text}` is {word}{value}"


def _obstacle(obstacle: Obstacle) -> Iterator[str]:
    yield f"  stopped   {obstacle.text}"
    if obstacle.remedy is None:
        return
    if obstacle.is_enough:
        yield f"  it would match {_would(obstacle)}"
    else:
        yield f"  not enough alone: {obstacle.remedy}"


def _would(obstacle: Obstacle) -> str:
    remedy = obstacle.remedy or ""
    return remedy if remedy.startswith(("with", "had ")) else f"with {remedy}"


def _rejections(rejections: Sequence[Rejection]) -> Iterator[str]:
    for rejection in rejections[:REJECTIONS_MAX]:
        yield f"  {rejection.step}  {_rejected(rejection)}"
    more = len(rejections) - REJECTIONS_MAX
    if more > 0:
        yield f"  … {more} more conditions"


def _rejected(rejection: Rejection) -> str:
    counts = []
    if rejection.false:
        counts.append(f"false of {_count(rejection.false, 'event')}")
    if rejection.unknown:
        counts.append(f"unknown of {_count(rejection.unknown, 'event')}")
    example = _pairs(rejection.sample.values) or rejection.because or ""
    is_odd = rejection.because and rejection.sample.values
    because = f" ({rejection.because})" if is_odd else ""
    is_several = rejection.parts > 1 and rejection.alone
    alone = f"; of {rejection.alone:,} all else was true" if is_several else ""
    shown_example = f"; for example {example}" if example else ""
    counted = " and ".join(counts)
    return f"`{rejection.condition}` is {counted}{alone}{shown_example}{because}"


def _pairs(values: Mapping[str, Any]) -> str:
    told = ((name, "null" if value is None else shown(value)) for name, value in values.items())
    return "  ".join(f"{name}={text}" for name, text in told)


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
