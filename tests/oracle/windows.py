"""Aggregate rules (language.md 4.5), each window recomputed from all that entered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import spec
from .evaluate import Entry, Scope, is_true, value_of
from .heads import KeyOf, first_heads, fits, key_of, may_start
from .outcome import Cleared, Due, Found, Outcome
from .spec import Event, Rule

# Orders within phase 3 of one rule and key: `for` acts before expiry (section 11:
# "a match at 10 s: the window holds F@0 up to and including 10 s").
FOR, EXPIRY = 0, 1


@dataclass
class Edge:
    """Since when `having` has been true without a break, and the match it brought."""

    since: int | None = None
    match: Found | None = None


class Windows:
    """One aggregate rule over everything that it has been shown."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        assert rule.window is not None
        self.window: spec.Window = rule.window
        self.history: list[Event] = []
        self.entered: dict[KeyOf, list[Entry]] = {}
        self.known_since: dict[KeyOf, int] = {}
        self.done: set[tuple[KeyOf, int]] = set()
        self.edges: dict[KeyOf, Edge] = {}

    def arm(self, time: int) -> None:
        """Nothing: `expect` belongs to absences."""

    def meet(self, event: Event) -> list[Outcome]:
        """Show the rule the next event of the total order."""
        self.history.append(event)
        found = self._until(event)
        for head in first_heads(self.rule):
            if not fits(self.rule, head, event):
                continue
            # `any of`: the first branch, as written, that fits.
            key = key_of(self.rule, head, event)
            assert key is not None
            if may_start(self.rule, event, key, self.history[:-1]):
                self.entered.setdefault(key, []).append((event, head.alias))
                self.known_since.setdefault(key, event.time)
                if self.window.kind in ("sliding", "last"):
                    held = self._held(key, event.time)
                    found += self._judge(key, event.time, held, is_event=True)
            break
        return found

    def due(self) -> Iterator[Due]:
        """Window ends (phase 1), session ends, expiries and `for` (phase 3)."""
        for key, entries in self.entered.items():
            for time in sorted(set(self._ends(entries))):
                if (key, time) not in self.done:
                    phase = 1 if self.window.kind in ("tumbling", "hopping") else 3
                    yield Due(time, phase, key, (EXPIRY, 0))
        for key, edge in self.edges.items():
            having = self.rule.having
            if having and having.for_ms is not None:
                if edge.since is not None and edge.match is None:
                    yield Due(edge.since + having.for_ms, 3, key, (FOR, 0))

    def fire(self, due: Due) -> list[Outcome]:
        """Let an end, an expiry or a `for` act."""
        if due.order[0] == FOR:
            match = self._match(due.key, due.time, self._held(due.key, due.time))
            self.edges[due.key].match = match
            return [match]
        self.done.add((due.key, due.time))
        if self.window.kind == "sliding":
            return self._judge(due.key, due.time, self._held(due.key, due.time))
        return self._judge_once(due.key, due.time)

    # --- what a window holds ----------------------------------------------------------

    def _held(self, key: KeyOf, time: int) -> list[Entry]:
        """`sliding` and `last` at an instant."""
        entries = self.entered.get(key, [])
        if self.window.kind == "last":
            return entries[-self.window.count :]
        # "events from t - D to t, inclusive", until the expiry at t + D has acted (4.3.6).
        return [
            (e, alias)
            for e, alias in entries
            if e.time >= time - self.window.ms and (key, e.time + self.window.ms) not in self.done
        ]

    def _ends(self, entries: Sequence[Entry]) -> Iterator[int]:
        """When the windows of these events end or lose one."""
        match self.window.kind:
            case "sliding":
                yield from (e.time + self.window.ms for e, _ in entries)
            case "tumbling" | "hopping":
                for e, _ in entries:
                    yield from (start + self.window.ms for start in self._starts(e.time))
            case "session":
                yield from (self._session_end(s) for s in self._sessions(entries))

    def _every(self) -> int:
        return self.window.every_ms if self.window.kind == "hopping" else self.window.ms

    def _starts(self, time: int) -> list[int]:
        """The starts of all `[start, end)` that hold an instant, aligned to epoch + offset."""
        every = self._every()
        start = (time - self.window.offset_ms) // every * every + self.window.offset_ms
        starts = []
        while start + self.window.ms > time:
            starts.append(start)
            start -= every
        return starts

    def _between(self, key: KeyOf, start: int) -> list[Entry]:
        end = start + self.window.ms
        return [(e, a) for e, a in self.entered.get(key, []) if start <= e.time < end]

    def _sessions(self, entries: Sequence[Entry]) -> list[list[Entry]]:
        """Events <= G apart, first to last <= M."""
        sessions: list[list[Entry]] = []
        for e, alias in entries:
            if sessions and e.time <= self._session_end(sessions[-1]):
                sessions[-1].append((e, alias))
            else:
                sessions.append([(e, alias)])
        return sessions

    def _session_end(self, session: Sequence[Entry]) -> int:
        """min(last + G, first + M)."""
        end = session[-1][0].time + self.window.ms
        if self.window.max_ms is None:
            return end
        return min(end, session[0][0].time + self.window.max_ms)

    # --- judging ----------------------------------------------------------------------

    def _judge_once(self, key: KeyOf, time: int) -> list[Outcome]:
        if self.window.kind == "session":
            sessions = self._sessions(self.entered[key])
            held = sessions[0]
            assert self._session_end(held) == time
            # A session that was judged takes no more, also not later in this instant.
            self.entered[key] = self.entered[key][len(held) :]
            bounds = (held[0][0].time, held[-1][0].time)
        else:
            bounds = (time - self.window.ms, time)
            held = self._between(key, bounds[0])
        if not held or not self._holds(self._scope(key, held, bounds[0])):
            return []
        return [self._match(key, time, held, bounds)]

    def _judge(
        self, key: KeyOf, time: int, held: Sequence[Entry], is_event: bool = False
    ) -> list[Outcome]:
        """`sliding` and `last`: on the edge, or with `each` at every event while true."""
        # Section 11: a window without events is not judged, `having` counts as unknown.
        truth = bool(held) and self._holds(self._scope(key, held))
        having = self.rule.having
        if having and having.is_each:
            return [self._match(key, time, held)] if truth and is_event else []
        edge = self.edges.setdefault(key, Edge())
        if truth and edge.since is None:
            edge.since = time
            if having is None or having.for_ms is None:
                edge.match = self._match(key, time, held)
                return [edge.match]
        if not truth:
            match = edge.match
            self.edges[key] = Edge()
            return [Cleared(key, time, match)] if match else []
        return []

    def _holds(self, scope: Scope) -> bool:
        return self.rule.having is None or is_true(self.rule.having.cond, scope)

    def _match(
        self,
        key: KeyOf,
        time: int,
        held: Sequence[Entry],
        bounds: tuple[int, int] | None = None,
    ) -> Found:
        start, end = bounds or (held[0][0].time, held[-1][0].time)
        scope = self._scope(key, held, start)
        return Found(key, time, start, end, [(e, 0) for e, _ in held], scope)

    def _scope(self, key: KeyOf, held: Sequence[Entry], start: int = 0) -> Scope:
        """4.5: outside aggregates only keys and `select` names are seen."""
        names: dict[str, Any] = dict(zip((k.name for k in self.rule.by), key.values, strict=True))

        def past(n: int) -> list[list[Entry]] | None:
            first = self._starts(self.known_since[key])[0]
            begins = [start - i * self.window.ms for i in range(n, 0, -1)]
            # Section 11: unknown until the key is n windows old.
            return None if begins[0] < first else [self._between(key, b) for b in begins]

        scope = Scope(names=names, window=held, past=past)
        for name, e in self.rule.select:
            names[name] = value_of(e, scope)
        return scope

    # --- until ------------------------------------------------------------------------

    def _until(self, event: Event) -> list[Outcome]:
        """`until` empties the window of its key; open windows stay unjudged (section 11)."""
        until = self.rule.until
        if until is None or not fits(self.rule, until, event):
            return []
        key = key_of(self.rule, until, event)
        assert key is not None
        if key not in self.entered:
            return []
        if self.window.kind == "tumbling":
            # Events of windows that have ended stay: later windows may look back at them.
            ended = self._starts(event.time)[0]
            self.entered[key] = [(e, a) for e, a in self.entered[key] if e.time < ended]
        else:
            self.entered[key] = []
        if self.window.kind in ("sliding", "last"):
            return self._judge(key, event.time, [])
        return []
