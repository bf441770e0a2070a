"""Rules over sequences and absences (language.md 4.4), candidate by candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .candidates import Candidate, Place, Shape, Taken, members, trail_of
from .evaluate import Scope, is_true
from .heads import KeyOf, fits, key_of, may_start, names_type
from .outcome import Due, Found, Outcome
from .spec import Event, Head, Rule
from .values import plain, rank


class Sequences:
    """One rule over everything that it has been shown."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.shape = Shape(rule.pattern)
        self.trail = trail_of(rule.pattern)
        # Section 4: a whole-pattern absence is `overlap latest`.
        self.overlap = "latest" if rule.pattern.whole else rule.overlap or "none"
        self.history: list[Event] = []
        self.open: list[Candidate] = []

    # --- what moves it ----------------------------------------------------------------

    def arm(self, time: int) -> None:
        """Section 11: `expect` arms from the time of the first event of the partition."""
        for value in self.rule.expect:
            key = KeyOf((rank(value),), (plain(value),))
            self.open.append(Candidate(key, armed_ms=time))

    def meet(self, event: Event) -> list[Outcome]:
        """Show the rule the next event of the total order."""
        self.history.append(event)
        found = self._until(event)
        met, barred = self._meet_open(event)
        found += met
        self._start(event, barred, found)
        if self.overlap == "latest":
            self._replace_older()
        return found

    def due(self) -> Iterator[Due]:
        """The deadlines of all candidates."""
        for i, c in enumerate(self.open):
            time = self._deadline(c)
            if time is not None:
                yield Due(time, 3, c.key, (c.first_order(), i))

    def fire(self, due: Due) -> list[Outcome]:
        """Let a deadline act."""
        c = self.open.pop(due.order[1])
        return self._decide(c, due.time)

    # --- 4.4 --------------------------------------------------------------------------

    def _until(self, event: Event) -> list[Outcome]:
        """`until`: e makes trailing steps final, then ends all candidates of its key."""
        until = self.rule.until
        if until is None or not fits(self.rule, until, event):
            return []
        key = key_of(self.rule, until, event)
        ending = [c for c in self.open if c.key == key]
        self.open = [c for c in self.open if c.key != key]
        found: list[Outcome] = []
        for c in ending:
            # A wait for an absence is no trailing step: it ends without a match.
            if not self.trail and not (found and self.overlap == "none"):
                found += self._decide(c, event.time)
        return found

    def _meet_open(self, event: Event) -> tuple[list[Outcome], set[KeyOf]]:
        """Candidates meet the event in order of their first events."""
        found: list[Outcome] = []
        kept: list[Candidate] = []
        ended: set[KeyOf] = set()
        barred: set[KeyOf] = set()
        for c in sorted(self.open, key=Candidate.first_order):
            if c.key in ended:
                continue
            for after in self._advance(c, event):
                took = bool(after.taken) and after.taken[-1].event is event
                if not self._is_final(after, event.time):
                    kept.append(after)
                    continue
                match = self._finish(after, event.time)
                found += match
                if match and self.overlap == "none":
                    # `none`: all open candidates of the key end, the last event starts none.
                    ended.add(c.key)
                    if took:
                        barred.add(c.key)
        self.open = [c for c in kept if c.key not in ended]
        return found, barred

    def _advance(self, c: Candidate, event: Event) -> list[Candidate]:
        """Rules 1 to 3: what becomes of one candidate that meets one event."""
        aliases = self.shape.aliases(c.taken)
        if self._waits(c) and self.trail:
            if fits(self.rule, self.trail.head, event, c.key, aliases):
                # Section 4: b ends all that wait for it, also when it fits a step (section 11).
                return []
        if not c.taken:
            return [c]
        moved = []
        for place in self.shape.next_steps(c):
            after = self._take(c, place, event)
            if after is not None:
                moved.append(after)
                if self.overlap != "all":
                    return moved
        joined = None
        if self.shape.may_join(c):
            joined = self._take(c, c.taken[-1].place, event)
        # `all`: taken and also passed over, but a repeat of one step is never passed over.
        return [*moved, c if joined is None else joined]

    def _start(self, event: Event, barred: set[KeyOf], found: list[Outcome]) -> None:
        """An event that satisfies the first step starts a candidate."""
        place = self.shape.entry()
        for branch, head in enumerate(self.shape.atom(place).heads):
            if not fits(self.rule, head, event):
                continue
            key = key_of(self.rule, head, event)
            assert key is not None
            if key in barred or not may_start(self.rule, event, key, self.history[:-1]):
                return
            c = Candidate(key, (self._taken(place, branch, event),))
            if self._is_refused(c):
                continue
            if not self._is_final(c, event.time):
                self.open.append(c)
                return
            match = self._finish(c, event.time)
            found += match
            if match and self.overlap == "none":
                self.open = [o for o in self.open if o.key != key]
            return

    def _replace_older(self) -> None:
        """`latest`: a candidate replaces an older one at the same step and count."""
        newest: dict[tuple[KeyOf, Place | None, int], Candidate] = {}
        for c in self.open:
            place = c.taken[-1].place if c.taken else None
            newest[(c.key, place, self.shape.count(c) if c.taken else 0)] = c
        self.open = [c for c in self.open if any(c is n for n in newest.values())]

    # --- taking an event --------------------------------------------------------------

    def _taken(self, place: Place, branch: int, event: Event) -> Taken:
        return Taken(event, place, branch, len(self.history) - 1)

    def _take(self, c: Candidate, place: Place, event: Event) -> Candidate | None:
        """The candidate with the event at a place, if the event fits there."""
        within = self.rule.within_ms
        if within is not None and event.time - c.first_ms() > within:
            return None
        if any(event.time - c.last_ms() > gap for gap in self.shape.gaps(place)):
            return None
        if self._is_barred(c, place, self.history[c.taken[-1].order + 1 : -1]):
            return None
        aliases = self.shape.aliases(c.taken)
        for branch in self.shape.open_branches(c, place):
            head = self.shape.atom(place).heads[branch]
            if fits(self.rule, head, event, c.key, aliases):
                after = c.with_taken(self._taken(place, branch, event))
                if not self._is_refused(after):
                    return after
        return None

    def _is_refused(self, c: Candidate) -> bool:
        """4.4: for the last step "fits" includes `having`, where the event completes it."""
        return not self.trail and self.shape.is_full(c) and not self._having(c.taken, c)

    def _is_barred(self, c: Candidate, place: Place, between: Sequence[Event]) -> bool:
        """`without` and `immediately`, over the events since the last one taken."""
        aliases = self.shape.aliases(c.taken)
        for w in self.shape.withouts(place):
            if any(fits(self.rule, w, x, c.key, aliases) for x in between):
                return True
        return self.shape.is_immediate(place) and any(self._looks_at(x, c.key) for x in between)

    def _looks_at(self, event: Event, key: KeyOf) -> bool:
        """An event of the key, of a type that a step, `without` or absence names."""
        return any(
            names_type(h.type, event, self.rule.name) and key_of(self.rule, h, event) == key
            for h in self._heads()
        )

    def _heads(self) -> Iterator[Head]:
        pattern = self.rule.pattern
        for absence in (pattern.lead, pattern.trail, pattern.whole):
            if absence:
                yield absence.head
        for element in self.shape.elements:
            yield from element.withouts
            for atom in members(element):
                yield from atom.heads
                yield from atom.withouts

    # --- when it is over --------------------------------------------------------------

    def _waits(self, c: Candidate) -> bool:
        return self.trail is not None and self.shape.complete_part(c) is not None

    def _ways_on(self, c: Candidate) -> list[Place]:
        """The steps that could still take an event, as far as what lies between allows."""
        places = list(self.shape.next_steps(c))
        if self.shape.may_join(c):
            places.append(c.taken[-1].place)
        between = self.history[c.taken[-1].order + 1 :]
        return [p for p in places if not self._is_barred(c, p, between)]

    def _is_final(self, c: Candidate, now: int) -> bool:
        """A candidate that can take no more; one that waits for an absence goes on waiting."""
        if self._waits(c) or not c.taken:
            return False
        chances = [self._chance(c, place) for place in self._ways_on(c)]
        return not any(chance is None or chance >= now for chance in chances)

    def _deadline(self, c: Candidate) -> int | None:
        part = self.shape.complete_part(c)
        if part is None:
            return None
        if self.trail:
            # Section 11: the wait runs from the last event taken, of complete iterations.
            begin = part[-1].event.time if part else c.armed_ms
            assert begin is not None
            return begin + self.trail.ms
        return self._last_chance(c)

    def _chance(self, c: Candidate, place: Place) -> int | None:
        """Gap or `within` over: the last instant at which a step may take an event."""
        ends = [c.last_ms() + gap for gap in self.shape.gaps(place)]
        if self.rule.within_ms is not None:
            ends.append(c.first_ms() + self.rule.within_ms)
        return min(ends) if ends else None

    def _last_chance(self, c: Candidate) -> int | None:
        """The instant after which no step can take more; None where nothing bounds it."""
        chances = [self._chance(c, place) for place in self._ways_on(c)]
        return None if None in chances else max(t for t in chances if t is not None)

    def _decide(self, c: Candidate, time: int) -> list[Outcome]:
        """End a candidate; a match where it is complete and `having` holds."""
        found = self._finish(c, time)
        if found and self.overlap == "none":
            self.open = [o for o in self.open if o.key != c.key]
        return found

    def _finish(self, c: Candidate, time: int) -> list[Outcome]:
        part = self.shape.complete_part(c)
        if part is None or not self._having(part, c):
            return []
        start = part[0].event.time if part else c.armed_ms
        assert start is not None
        end = time if self.trail else part[-1].event.time
        events = [(t.event, self.shape.position(t.place, t.branch)) for t in part]
        return [Found(c.key, time, start, end, events, self._scope(part, c))]

    def _having(self, part: Sequence[Taken], c: Candidate) -> bool:
        having = self.rule.having
        return having is None or is_true(having.cond, self._scope(part, c))

    def _scope(self, part: Sequence[Taken], c: Candidate) -> Scope:
        names = dict(zip((k.name for k in self.rule.by), c.key.values, strict=True))
        return Scope(aliases=self.shape.aliases(part), names=names)
