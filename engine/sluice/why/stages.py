"""The stages of a sequence: the pattern cut off after each event that it asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from sluice.plan import Atom, Entry, Item, Repeat, RulePlan, Sequence, Step, nodes
from sluice.timing import Duration, Instant

#: Of a step that asks for more events than this not every number is a stage.
COUNT_MAX = 2_000

#: An `all of` with more choices of so many members than this has no stage for that number.
VARIANTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Stage:
    """A pattern up to one required event: the `count`-th of `of` that `step` asks for.

    `variants` are the ways to get there: of an `all of` some members, whichever they are. `entry`
    is what must hold before that event, groups included. `parts` are the required events up to
    here.
    """

    variants: tuple[tuple[Item, ...], ...]
    step: Step
    entry: Entry
    count: int
    of: int
    parts: int

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """The branches that the event may take."""
        return self.step.atoms

    @property
    def position(self) -> int:
        """The position of the step's first branch."""
        return self.step.atoms[0].position

    def deadline(self, within_ms: Duration | None, start: Instant, last: Instant) -> Instant | None:
        """Return until when its event is in time for a candidate with these first and last
        events, None for ever."""
        limits = [] if within_ms is None else [start + within_ms]
        if self.entry.gap_ms is not None:
            limits.append(last + self.entry.gap_ms)
        return min(limits, default=None)


def stages_of(items: tuple[Item, ...]) -> tuple[Stage, ...]:
    """Return the stages of a pattern in order; the last one is the whole of it.

    A step that may be empty is no stage. A group is unrolled as often as it must repeat.
    """
    found: list[Stage] = []
    parts = 0
    for stage in _stages((), items, Entry()):
        parts += stage.parts
        found.append(replace(stage, parts=parts))
    if found:
        # As written: more repeats may come than must.
        found[-1] = replace(found[-1], variants=(items,))
    return tuple(found)


def cuts(rule: RulePlan, number: int, overlap: nodes.Overlap) -> list[RulePlan]:
    """Return the rule up to a stage: without `having`, and without an absence at its end.

    There is one for each variant of the stage.
    """
    pattern = rule.pattern
    assert isinstance(pattern, Sequence)
    stages = stages_of(pattern.items)
    found = []
    for variant in stages[number].variants:
        items = variant if number + 1 < len(stages) else _ending_at_once(variant)
        shorter = replace(pattern, items=items, overlap=overlap, trailing=None)
        found.append(replace(rule, pattern=shorter, having=None, select=()))
    return found


def _ending_at_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Let the last step, and the groups around it, end as soon as they may."""
    last = items[-1]
    if isinstance(last, Repeat):
        last = replace(last, items=_ending_at_once(last.items))
    return (*items[:-1], replace(last, maximum=last.minimum, reluctant=False))


def _stages(before: tuple[Item, ...], items: tuple[Item, ...], outer: Entry) -> Iterator[Stage]:
    """Yield stages with their own number of parts, after what has been passed `before`."""
    for item in items:
        inner = replace(item, entry=joined(outer, item.entry))
        if isinstance(inner, Step):
            yield from _step_stages(before, inner)
        else:
            yield from _group_stages(before, inner)
        before = (*before, inner)


def _step_stages(before: tuple[Item, ...], step: Step) -> Iterator[Stage]:
    if step.kind == "all_of":
        yield from _member_stages(before, step)
        return
    last = 0
    for count in _counts(step.minimum):
        shorter = replace(step, minimum=count, maximum=count, reluctant=False)
        items = ((*before, shorter),)
        yield Stage(items, step, step.entry, count, step.minimum, count - last)
        last = count


def _member_stages(before: tuple[Item, ...], step: Step) -> Iterator[Stage]:
    """Yield a stage for each number of members of an `all of`."""
    size, last = len(step.atoms), 0
    for count in range(1, size + 1):
        if math.comb(size, count) > VARIANTS_MAX:
            continue
        chosen = (replace(step, atoms=atoms) for atoms in combinations(step.atoms, count))
        variants = tuple((*before, fewer) for fewer in chosen)
        yield Stage(variants, step, step.entry, count, size, count - last)
        last = count


def _group_stages(before: tuple[Item, ...], group: Repeat) -> Iterator[Stage]:
    for done in range(min(group.minimum, COUNT_MAX)):
        whole = replace(group, minimum=done, maximum=done, reluctant=False)
        yield from _stages((*before, whole) if done else before, group.items, group.entry)


def _counts(minimum: int) -> Iterator[int]:
    stride = max(1, minimum // COUNT_MAX)
    yield from range(stride, minimum, stride)
    if minimum:
        yield minimum


def joined(outer: Entry, inner: Entry) -> Entry:
    """Return what holds before an event of a step in a group: what both ask for."""
    gaps = [gap for gap in (outer.gap_ms, inner.gap_ms) if gap is not None]
    return Entry(
        outer.immediately or inner.immediately,
        min(gaps) if gaps else None,
        (*outer.withouts, *inner.withouts),
    )
