"""Where a candidate stands in a pattern and where it may go: steps flattened, groups as loops.

A pattern is a tree of steps and groups. Its steps are numbered as *slots* in the order written.
Where a candidate stands is (slot, events taken there, loops), with loops the number of finished
iterations of each group around it. `Navigator.nexts` lists the slots that may take the next
event, in the order in which the language tries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sluice.plan import Aggregate as AggregatePlan
from sluice.plan import Atom, Entry, Item, Repeat, RulePlan, Sequence, Silence, Step
from sluice.plan import Filter as FilterPlan

Loops = tuple[int, ...]

#: A slot and the loops with which it takes an event.
Option = tuple[int, Loops]

#: Stands for the end of the pattern among the slots of `nexts`.
END = -1


@dataclass(slots=True)
class Slot:
    """One step, ready to run: `atoms` and `withouts` are numbers of atoms of the rule."""

    index: int
    kind: str
    atoms: tuple[int, ...]
    positions: tuple[int, ...]
    minimum: int
    maximum: int | None
    gap_ms: int | None
    immediately: bool
    withouts: tuple[int, ...]
    step: Step = field(repr=False)


def rule_atoms(rule: RulePlan) -> tuple[Atom, ...]:
    """List the atoms of a rule: of steps and their `without` as written, absences, until."""
    out: list[Atom] = []
    match rule.pattern:
        case FilterPlan(step) | AggregatePlan(step):
            _collect(step, out)
        case Sequence(items=items, leading=leading, trailing=trailing):
            if leading is not None:
                out.append(leading.atom)
            for item in items:
                _collect(item, out)
            if trailing is not None:
                out.append(trailing.atom)
        case Silence(absent):
            out.append(absent.atom)
    if rule.until is not None:
        out.append(rule.until)
    return tuple(out)


def _collect(item: Item, out: list[Atom]) -> None:
    out += item.entry.withouts
    if isinstance(item, Repeat):
        for inner in item.items:
            _collect(inner, out)
    else:
        out.extend(item.atoms)


@dataclass(slots=True)
class _Node:
    """A step (`slot`) or a group (`repeat`, `group` its number) with its place in the tree."""

    slot: Slot | None = None
    repeat: Repeat | None = None
    group: int = 0
    children: list[_Node] = field(default_factory=list)
    parent: _Node | None = None
    place: int = 0

    @property
    def may_be_empty(self) -> bool:
        """True when the pattern may pass it without an event."""
        if self.slot is not None:
            return self.slot.minimum == 0
        assert self.repeat is not None
        return self.repeat.minimum == 0 or all(c.may_be_empty for c in self.children)


class Navigator:
    """The ways through one pattern."""

    def __init__(self, items: tuple[Item, ...], numbers: dict[int, int]) -> None:
        """Flatten `items`; `numbers` gives the number of an atom by its identity."""
        self.slots: list[Slot] = []
        self.group_count = 0
        self._numbers = numbers
        self._leaves: list[_Node] = []
        self._root = _Node()
        self._grow(self._root, items, ())
        self._memo: dict[tuple[int, Loops], tuple[tuple[int, Loops], ...]] = {}
        self.starts = tuple(self._enter(self._root.children[0], (0,) * self.group_count))

    def nexts(self, slot: int, loops: Loops) -> tuple[tuple[int, Loops], ...]:
        """List (slot, loops) of what may follow a finished slot; (END, …) when it may end."""
        known = self._memo.get((slot, loops))
        if known is None:
            if len(self._memo) > 100_000:
                self._memo.clear()
            known = tuple(self._after(self._leaves[slot], loops))
            self._memo[slot, loops] = known
        return known

    def _grow(self, parent: _Node, items: tuple[Item, ...], entries: tuple[Entry, ...]) -> None:
        for item in items:
            inner = (*entries, item.entry)
            node = _Node(parent=parent, place=len(parent.children))
            parent.children.append(node)
            if isinstance(item, Repeat):
                node.repeat, node.group = item, self.group_count
                self.group_count += 1
                self._grow(node, item.items, inner)
            else:
                node.slot = self._slot(item, inner)
                self.slots.append(node.slot)
                self._leaves.append(node)

    def _slot(self, step: Step, entries: tuple[Entry, ...]) -> Slot:
        gaps = [e.gap_ms for e in entries if e.gap_ms is not None]
        size = len(step.atoms) if step.kind == "all_of" else None
        maximum = step.minimum if step.reluctant else step.maximum
        return Slot(
            index=len(self.slots),
            kind=step.kind,
            atoms=tuple(self._numbers[id(a)] for a in step.atoms),
            positions=tuple(a.position for a in step.atoms),
            minimum=size or step.minimum,
            maximum=size or maximum,
            gap_ms=min(gaps) if gaps else None,
            immediately=any(e.immediately for e in entries),
            withouts=tuple(self._numbers[id(atom)] for e in entries for atom in e.withouts),
            step=step,
        )

    def _enter(self, node: _Node, loops: Loops) -> Iterator[tuple[int, Loops]]:
        """Yield where a match may go on when it stands before `node`, which it does not skip."""
        if node.slot is not None:
            if node.slot.maximum != 0:
                yield node.slot.index, loops
            return
        loops = _with(loops, node.group, 0)
        for child in node.children:
            yield from self._enter(child, loops)
            if not child.may_be_empty:
                return

    def _after(self, node: _Node, loops: Loops) -> Iterator[tuple[int, Loops]]:
        """Yield where a match may go on when `node` is finished."""
        parent = node.parent
        assert parent is not None
        for sibling in parent.children[node.place + 1 :]:
            yield from self._enter(sibling, loops)
            if not sibling.may_be_empty:
                return
        repeat = parent.repeat
        if repeat is None:
            yield END, loops
            return
        done = loops[parent.group] + 1
        maximum = repeat.minimum if repeat.reluctant else repeat.maximum
        if done >= repeat.minimum:
            # Outside the group its iterations no longer matter.
            yield from self._after(parent, _with(loops, parent.group, 0))
        if maximum is None or done < maximum:
            again = _with(loops, parent.group, done)
            for child in parent.children:
                yield from self._enter(child, again)
                if not child.may_be_empty:
                    return


def _with(loops: Loops, group: int, count: int) -> Loops:
    return (*loops[:group], count, *loops[group + 1 :])


def has_immediately(rule: RulePlan) -> bool:
    """Return whether events matter to a rule that fit none of its tests."""
    pattern = rule.pattern
    if not isinstance(pattern, Sequence):
        return False

    def inside(item: Item) -> bool:
        if item.entry.immediately:
            return True
        return isinstance(item, Repeat) and any(map(inside, item.items))

    return any(map(inside, pattern.items))
