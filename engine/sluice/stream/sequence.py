"""Sequences: candidates that meet events until they match, section 4.4 of the language.

A candidate stands at a slot with the events it took. Candidates of a key meet an event in order
of their first events; then the event may start one. Nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sluice.model import Key, Row
from sluice.plan import Limits, Sequence, horizon_ms
from sluice.stream.candidate import Candidate, KeyState
from sluice.stream.code import RuleCode
from sluice.stream.evictions import CANDIDATES, KEYS, LONG_CANDIDATES
from sluice.stream.keyed import KeyedStates
from sluice.stream.pattern import END, Loops, Navigator, Option, Slot
from sluice.stream.report import Reporter
from sluice.stream.row import Nothing
from sluice.stream.timers import DEADLINE, Timers, no_call
from sluice.stream.unseen import Unseen
from sluice.timing import Instant

_NOTHING = Nothing()


class SequenceOperator:
    """Runs one sequence rule."""

    def __init__(self, code: RuleCode, reporter: Reporter, timers: Timers, limits: Limits) -> None:
        pattern = code.plan.pattern
        assert isinstance(pattern, Sequence)
        numbers = {id(atom): n for n, atom in enumerate(code.atoms)}
        self.code, self.reporter, self.timers, self.limits = code, reporter, timers, limits
        self.navigator = Navigator(pattern.items, numbers)
        self.slots = self.navigator.slots
        self.overlap = pattern.overlap
        self.within = pattern.within_ms
        self.keys: KeyedStates[KeyState] = KeyedStates(
            limits.keys_per_rule_max, horizon_ms(code.plan), reporter.evictions.at(KEYS)
        )
        self.unseen = Unseen(code, limits, reporter.evictions) if code.unseen else None
        self._number_absences(pattern, numbers)
        self._number_blocks()
        timers.register(code.rank, code.width, no_call, self.on_deadline)

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        for key, state in self.keys.chosen(keys):
            yield key, state.state()

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key, its timer included."""
        state = KeyState.restored(saved)
        self.keys.put(key, state)
        if state.armed is not None:
            self.timers.schedule(state.armed, DEADLINE, self.code.rank, key)

    def _number_absences(self, pattern: Sequence, numbers: dict[int, int]) -> None:
        until = self.code.plan.until
        self._until = -1 if until is None else numbers[id(until)]
        self._leading, self._leading_ms = -1, 0
        self._trailing, self._trailing_ms = -1, 0
        if pattern.leading is not None:
            self._leading = numbers[id(pattern.leading.atom)]
            self._leading_ms = pattern.leading.duration_ms
        if pattern.trailing is not None:
            self._trailing = numbers[id(pattern.trailing.atom)]
            self._trailing_ms = pattern.trailing.duration_ms

    def _number_blocks(self) -> None:
        """Collect which slots an event between closes, and what makes an event of interest."""
        self._immediate = 0
        blocks: dict[int, int] = {}
        for slot in self.slots:
            if slot.immediately:
                self._immediate |= 1 << slot.index
            for atom in slot.withouts:
                blocks[atom] = blocks.get(atom, 0) | 1 << slot.index
        self._blocks = tuple(blocks.items())
        self._block_atoms = sum(1 << atom for atom in blocks)
        self._start_atoms = 0
        for number, _ in self.navigator.starts:
            for atom in self.slots[number].atoms:
                self._start_atoms |= 1 << atom
        self._interest = self._start_atoms
        if self._leading >= 0:
            self._interest |= 1 << self._leading
        looked = {a for slot in self.slots for a in (*slot.atoms, *slot.withouts)}
        looked |= {a for a in (self._leading, self._trailing) if a >= 0}
        self._looked = sum(1 << atom for atom in looked)
        variants = self.code.variant
        self._variant_masks = [
            sum(1 << n for n, v in enumerate(variants) if v == variant)
            for variant in range(len(self.code.key_of))
        ]

    # ------------------------------------------------------------ events

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event whose type the atoms `named` name; `bits` of them hold on it alone."""
        if len(self._variant_masks) == 1:
            key = self.code.key_of[0](row)
            if key is not None:
                self._meet(row, bits, named, key)
            return
        masks: dict[Key, int] = {}
        for variant, mask in enumerate(self._variant_masks):
            if named & mask:
                key = self.code.key_of[variant](row)
                if key is not None:
                    masks[key] = masks.get(key, 0) | mask
        for key, mask in masks.items():
            self._meet(row, bits & mask, named & mask, key)

    def _meet(self, row: Row, bits: int, named: int, key: Key) -> None:
        state = self.keys.get(key)
        if state is None:
            if not bits & self._interest:
                return
            state = self.keys.enter(key, KeyState(row.time))
        used = False
        if state.open:
            if self._until >= 0 and self._holds(self._until, bits, row, _NOTHING):
                self._end_all(state, key, row.time)
            else:
                used = self._step_all(state, row, bits, named, key)
        if bits & self._start_atoms:
            self._try_start(state, row, bits, key, refused=used)
        if self._leading >= 0 and self._holds(self._leading, bits, row, _NOTHING):
            state.absent = row.time
            self.keys.touch(key, state, row.time)
        if self.overlap == "latest":
            self._keep_newest(state.open)
        self._arm(state, key)
        if not state.open and state.absent is None:
            self.keys.discard(key)

    def _holds(self, atom: int, bits: int, row: Row, taken: Any) -> bool:
        if not bits >> atom & 1:
            return False
        late = self.code.late[atom]
        return late is None or late(row, taken, row.time)

    def _step_all(self, state: KeyState, row: Row, bits: int, named: int, key: Key) -> bool:
        """Let all candidates meet the event; True when it ended a match under `none`."""
        before, state.open = state.open, []
        stays = state.open
        for candidate in before:
            if self.overlap == "all":
                ended = self._branch(candidate, row, bits, named, key, stays)
            else:
                ended = self._step(candidate, row, bits, named, key, stays)
            if ended and self.overlap == "none":
                state.open = []
                return ended == "by the event"
        if bits:
            self.keys.touch(key, state, row.time)
        return False

    def _step(
        self, candidate: Candidate, row: Row, bits: int, named: int, key: Key,
        stays: list[Candidate],
    ) -> str:  # fmt: skip
        """Let one candidate meet the event; say whether and how that made a match."""
        if self._is_over(candidate, row.time):
            return ""
        if candidate.ripe and self._trailing >= 0:
            if self._holds(self._trailing, bits, row, candidate):
                return ""
        if bits:
            for option in self._options(candidate):
                branch = self._fit(candidate, option, row, bits, key)
                if branch >= 0:
                    return self._take(candidate, option, branch, row, key, stays)
            branch = self._fit_same(candidate, row, bits, key)
            if branch >= 0:
                option = (candidate.slot, candidate.loops)
                return self._take(candidate, option, branch, row, key, stays)
        return self._pass(candidate, row, bits, named, key, stays)

    def _branch(
        self, candidate: Candidate, row: Row, bits: int, named: int, key: Key,
        stays: list[Candidate],
    ) -> str:  # fmt: skip
        """`overlap all`: an event that fits a next step is taken and also passed over."""
        if self._is_over(candidate, row.time):
            return ""
        if candidate.ripe and self._trailing >= 0:
            if self._holds(self._trailing, bits, row, candidate):
                return ""
        for option in self._options(candidate):
            branch = self._fit(candidate, option, row, bits, key)
            if branch >= 0:
                self._take(candidate.copy(), option, branch, row, key, stays)
        branch = self._fit_same(candidate, row, bits, key)
        if branch >= 0:
            option = (candidate.slot, candidate.loops)
            self._take(candidate, option, branch, row, key, stays)
        else:
            self._pass(candidate, row, bits, named, key, stays)
        return ""

    def _is_over(self, candidate: Candidate, now: Instant) -> bool:
        return (
            self.within is not None
            and not candidate.ripe
            and now - candidate.events[0].time > self.within
        )

    def _options(self, candidate: Candidate) -> list[Option]:
        """List the slots after the present one that may begin now, in the order written."""
        slot = self.slots[candidate.slot]
        if _taken(slot, candidate.count) < slot.minimum:
            return []
        nexts = self.navigator.nexts(candidate.slot, candidate.loops)
        return [option for option in nexts if option[0] != END]

    def _may_join(self, candidate: Candidate) -> bool:
        slot = self.slots[candidate.slot]
        return slot.maximum is None or _taken(slot, candidate.count) < slot.maximum

    def _fit_same(self, candidate: Candidate, row: Row, bits: int, key: Key) -> int:
        if not bits or not self._may_join(candidate):
            return -1
        return self._fit(candidate, (candidate.slot, candidate.loops), row, bits, key)

    def _fit(self, candidate: Candidate, option: Option, row: Row, bits: int, key: Key) -> int:
        """Return which branch of the slot takes the event, -1 for none."""
        slot, loops = option
        spec = self.slots[slot]
        if candidate.blocked >> slot & 1:
            return -1
        if candidate.events:
            if spec.gap_ms is not None and row.time - candidate.events[-1].time > spec.gap_ms:
                return -1
            if self.within is not None and row.time - candidate.events[0].time > self.within:
                return -1
        joins = slot == candidate.slot and loops == candidate.loops and candidate.count
        filled = candidate.count if joins and spec.kind == "all_of" else 0
        for branch, atom in enumerate(spec.atoms):
            if filled >> branch & 1 or not self._holds(atom, bits, row, candidate):
                continue
            if self.code.having is None or self._trailing >= 0:
                return branch
            count = _next_count(spec, candidate.count if joins else 0, branch)
            if not self._ends(spec, loops, count):
                return branch
            return branch if self._would_hold(candidate, spec, branch, row, key) else -1
        return -1

    def _would_hold(
        self, candidate: Candidate, spec: Slot, branch: int, row: Row, key: Key
    ) -> bool:
        """Judge `having` as if the event had been taken."""
        assert self.code.having is not None
        candidate.events.append(row)
        candidate.places.append(spec.positions[branch])
        held = self.code.having(candidate, key, row.time)
        candidate.events.pop()
        candidate.places.pop()
        return held

    def _ends(self, spec: Slot, loops: Loops, count: int) -> bool:
        """True when a candidate that stands so is complete and can take no more."""
        taken = _taken(spec, count)
        if taken < spec.minimum or spec.maximum is None or taken < spec.maximum:
            return False
        nexts = self.navigator.nexts(spec.index, loops)
        return len(nexts) == 1 and nexts[0][0] == END

    def _take(
        self, candidate: Candidate, option: Option, branch: int, row: Row, key: Key,
        stays: list[Candidate],
    ) -> str:  # fmt: skip
        """Give the event to the candidate; report the match when that completes it."""
        slot, loops = option
        spec = self.slots[slot]
        joins = slot == candidate.slot and loops == candidate.loops
        count = _next_count(spec, candidate.count if joins else 0, branch)
        candidate.slot, candidate.loops, candidate.count = slot, loops, count
        candidate.events.append(row)
        candidate.places.append(spec.positions[branch])
        candidate.blocked = 0
        if self._ends(spec, loops, count) and self._trailing < 0:
            self._report(candidate, len(candidate.events), key, row.time)
            return "by the event"
        if _taken(spec, count) >= spec.minimum:
            nexts = self.navigator.nexts(slot, loops)
            if any(option[0] == END for option in nexts):
                candidate.ripe = len(candidate.events)
        if len(candidate.events) > self.limits.events_per_key_max:
            self.reporter.evictions.add(LONG_CANDIDATES)
            return ""
        self._set_deadline(candidate)
        stays.append(candidate)
        return ""

    def _pass(
        self, candidate: Candidate, row: Row, bits: int, named: int, key: Key,
        stays: list[Candidate],
    ) -> str:  # fmt: skip
        """The event lies between: close what it closes; end what can take no more."""
        blocked = candidate.blocked
        if self._immediate and named & self._looked:
            blocked |= self._immediate
        if bits & self._block_atoms:
            for atom, slots in self._blocks:
                if self._holds(atom, bits, row, candidate):
                    blocked |= slots
        if blocked != candidate.blocked:
            candidate.blocked = blocked
            if not self._can_go_on(candidate):
                if not candidate.ripe:
                    return ""
                if self._trailing < 0:
                    return self._finish(candidate, key, row.time)
            self._set_deadline(candidate)
        stays.append(candidate)
        return ""

    def _can_go_on(self, candidate: Candidate) -> bool:
        if self._may_join(candidate) and not candidate.blocked >> candidate.slot & 1:
            return True
        return any(not candidate.blocked >> s & 1 for s, _ in self._options(candidate))

    # ------------------------------------------------------------ start and end

    def _try_start(self, state: KeyState, row: Row, bits: int, key: Key, refused: bool) -> None:
        for option in self.navigator.starts:
            started = Candidate(*option)
            branch = self._fit(started, option, row, bits, key)
            if branch >= 0:
                break
        else:
            return
        if self.unseen is not None and not self.unseen.test(key, row):
            refused = True
        if self._leading >= 0 and state.absent is not None:
            refused = refused or row.time - state.absent <= self._leading_ms
        if refused:
            return
        cap = self.limits.candidates_per_key_max
        if len(state.open) >= cap:
            self.reporter.evictions.add(CANDIDATES)
            if self.overlap == "none":
                return
            del state.open[0]
        self.keys.touch(key, state, row.time)
        ended = self._take(started, option, branch, row, key, state.open)
        if ended and self.overlap == "none":
            state.open.clear()

    def _end_all(self, state: KeyState, key: Key, now: Instant) -> None:
        """`until`: trailing steps become final, then everything of the key ends."""
        ending, state.open = state.open, []
        if self._trailing >= 0:
            return
        for candidate in ending:
            if candidate.ripe and self._finish(candidate, key, now) and self.overlap == "none":
                return

    def _finish(self, candidate: Candidate, key: Key, now: Instant) -> str:
        """Judge and report a candidate that can take no more."""
        del candidate.events[candidate.ripe :]
        del candidate.places[candidate.ripe :]
        having = self.code.having
        if having is not None and not having(candidate, key, now):
            return ""
        self._report(candidate, candidate.ripe, key, now)
        return "by its end"

    def _report(self, candidate: Candidate, count: int, key: Key, now: Instant) -> None:
        events = candidate.events
        end = now if self._trailing >= 0 else events[count - 1].time
        self.reporter.report(key, now, events[0].time, end, candidate)

    def _keep_newest(self, candidates: list[Candidate]) -> None:
        """`overlap latest`: of those at the same step and count keep the one that began last."""
        if len(candidates) < 2:
            return
        places: dict[tuple[int, Loops, int], Candidate] = {}
        for candidate in candidates:
            taken = _taken(self.slots[candidate.slot], candidate.count)
            place = (candidate.slot, candidate.loops, taken)
            places.pop(place, None)
            places[place] = candidate
        if len(places) < len(candidates):
            kept = {id(candidate) for candidate in places.values()}
            candidates[:] = [c for c in candidates if id(c) in kept]

    # ------------------------------------------------------------ time

    def _set_deadline(self, candidate: Candidate) -> None:
        """Say when time alone decides about a ripe candidate."""
        if not candidate.ripe:
            candidate.deadline = None
            return
        if self._trailing >= 0:
            candidate.deadline = candidate.events[candidate.ripe - 1].time + self._trailing_ms
            return
        slots = [s for s, _ in self._options(candidate)]
        if self._may_join(candidate):
            slots.append(candidate.slot)
        latest: Instant | None = candidate.events[-1].time
        for slot in slots:
            if not candidate.blocked >> slot & 1:
                limit = self._limit(candidate, self.slots[slot].gap_ms)
                latest = None if limit is None or latest is None else max(latest, limit)
        candidate.deadline = latest

    def _limit(self, candidate: Candidate, gap_ms: int | None) -> Instant | None:
        limits = []
        if self.within is not None:
            limits.append(candidate.events[0].time + self.within)
        if gap_ms is not None:
            limits.append(candidate.events[-1].time + gap_ms)
        return min(limits) if limits else None

    def _arm(self, state: KeyState, key: Key) -> None:
        """Keep one timer for the earliest deadline of the key."""
        due = min((c.deadline for c in state.open if c.deadline is not None), default=None)
        if due is not None and (state.armed is None or due < state.armed):
            state.armed = due
            self.timers.schedule(due, DEADLINE, self.code.rank, key)

    def on_deadline(self, key: Key, now: Instant) -> None:
        """Decide the candidates of a key whose time has come."""
        state = self.keys.get(key)
        if state is None or state.armed is None or state.armed > now:
            return
        state.armed = None
        before, state.open = state.open, []
        for place, candidate in enumerate(before):
            if candidate.deadline is None or candidate.deadline > now:
                state.open.append(candidate)
            elif self._finish(candidate, key, now) and self.overlap == "none":
                del before[place:]
                state.open = []
                break
        self._arm(state, key)
        if not state.open and state.absent is None:
            self.keys.discard(key)


def _taken(slot: Slot, count: int) -> int:
    return count.bit_count() if slot.kind == "all_of" else count


def _next_count(slot: Slot, count: int, branch: int) -> int:
    return count | 1 << branch if slot.kind == "all_of" else count + 1
