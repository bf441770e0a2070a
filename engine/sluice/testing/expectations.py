"""The output side of a rule test: what was expected against what came (language 8)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.lang import declarations as decl
from sluice.model import Clear, Event, Lasting, Match, Mitigation, Note, canonical_ip
from sluice.testing.script import Lookup, Share, value_of
from sluice.timing import Instant, format_duration, parse_instant

#: How many things are listed where many came.
SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold."""

    line: int
    expected: str
    actual: str
    nearest: str | None = None

    def record(self) -> dict[str, Any]:
        """Return the entry of a test's `failures`."""
        return {
            "line": self.line, "expected": self.expected, "actual": self.actual,
            "nearest": self.nearest,
        }  # fmt: skip


@dataclass(slots=True)
class Findings:
    """What the rule under test brought about."""

    start: Instant
    #: Says what came closest to a match; asked only where there is none.
    near_miss: Callable[[], str | None] = lambda: None
    matches: list[Match] = field(default_factory=list)
    clears: list[Clear] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    mitigations: list[Mitigation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pending: list[Match] = field(default_factory=list)
    suppressed: int = 0

    def at(self, time: Instant) -> str:
        """Write a time as the test does, from its start."""
        return format_duration(time - self.start)


def judge(
    expects: Sequence[decl.Expect], found: Findings, line: int, params: Lookup,
    source: Callable[[decl.Expect], str],
) -> list[Failure]:  # fmt: skip
    """Return every expectation that does not hold, in the order of the file.

    `line` is that of the test, for matches that nobody expected; `source` gives the text of an
    expectation.
    """
    judgement = _Judgement(found, params, source)
    failures = [f for e in expects if e.kind != "match" for f in judgement.plain(e)]
    wanted = [e for e in expects if e.kind == "match"]
    claimed, unmet = judgement.claims(wanted)
    failures += unmet
    # What is unmet tells of all matches already.
    if not unmet and all(e.kind not in ("count", "nothing") for e in expects):
        for place, match in enumerate(found.matches):
            if place not in claimed:
                what = f"a match {judgement.match_text(match)}"
                failures.append(Failure(line, "no match but those that are expected", what))
    return sorted(failures, key=lambda failure: failure.line)


@dataclass(frozen=True, slots=True)
class _Judgement:
    found: Findings
    params: Lookup
    source: Callable[[decl.Expect], str]

    def plain(self, expect: decl.Expect) -> list[Failure]:
        """Judge an expectation that claims nothing."""
        found = self.found
        match expect.kind:
            case "count" | "nothing":
                wanted = expect.number if expect.kind == "count" else 0
                fine, actual = len(found.matches) == wanted, self._matches_text()
            case "suppressed":
                fine = found.suppressed == expect.number
                actual = f"{found.suppressed} suppressed"
            case "pending":
                fine, actual = bool(found.pending), f"nothing pending; {self._matches_text()}"
            case "note":
                fine = any(_is_note(expect, note) for note in found.notes)
                actual = _listed("note", [f'{n.note} "{n.title}"' for n in found.notes])
            case "mitigation":
                fine = any(self._is_mitigation(expect, each) for each in found.mitigations)
                texts = [f"{m.action} {_object(m.args)}" for m in found.mitigations]
                actual = _listed("mitigation", texts)
            case _:
                events = [*self._derived(), *found.events]
                fine = any(self._is_event(expect, event) for event in events)
                mine = [e for e in events if e.type == expect.name]
                texts = [f"at {found.at(e.time)} {_object(e.fields)}" for e in mine]
                actual = _listed(f"event {expect.name}", texts)
        if fine:
            return []
        return [Failure(expect.span.line, self.source(expect), actual, self._nearest(expect))]

    def claims(self, wanted: Sequence[decl.Expect]) -> tuple[set[int], list[Failure]]:
        """Give each expected match another match; return the claimed ones and what is unmet.

        Claims are handed out so that as many expectations as possible are met, whatever their
        order: an expectation may pass its match on when another one would do.
        """
        matches = self.found.matches
        fits = [[self._differences(e, m) == [] for m in matches] for e in wanted]
        owner: dict[int, int] = {}

        def claim(number: int, tried: set[int]) -> bool:
            for place, fit in enumerate(fits[number]):
                if fit and place not in tried:
                    tried.add(place)
                    if place not in owner or claim(owner[place], tried):
                        owner[place] = number
                        return True
            return False

        unmet = []
        for number, expect in enumerate(wanted):
            if not claim(number, set()):
                line, text = expect.span.line, self.source(expect)
                unmet.append(Failure(line, text, self._matches_text(), self._nearest(expect)))
        return set(owner), unmet

    def match_text(self, match: Match) -> str:
        """Write a match as a test would expect it."""
        return f"at {self.found.at(match.time)} {_object({**match.key, **match.select})}"

    def _matches_text(self) -> str:
        found = self.found
        text = _listed("match", [self.match_text(m) for m in found.matches], "matches")
        return f"{text}, and {found.suppressed} suppressed" if found.suppressed else text

    def _differences(self, expect: decl.Expect, match: Match) -> list[str]:
        values: dict[str, Any] = {**match.key, **match.select}
        for name in ("id", "rule", "severity", "tags", "suppressed", "approximate"):
            values[f"@{name}"] = getattr(match, name)
        values["@time"], values["@started"] = match.time, match.start
        return self._different(expect, match.time, values)

    def _different(
        self, expect: decl.Expect, time: Instant, values: Mapping[str, Any]
    ) -> list[str]:
        out = []
        if expect.at is not None:
            wanted = self.found.start + value_of(expect.at, self.params)
            if wanted != time:
                out.append(f"it is at {self.found.at(time)}, not {self.found.at(wanted)}")
        for name, expr in expect.fields.fields if expect.fields is not None else ():
            wanted = value_of(expr, self.params)
            if name not in values and wanted is not None:
                out.append(f"{name} is missing")
            elif not same(wanted, values.get(name)):
                actual = values.get(name)
                out.append(f"{name} is {_shown(actual)}, not {_shown(_like(actual, wanted))}")
        return out

    def _nearest(self, expect: decl.Expect) -> str | None:
        """Say in a sentence what came closest."""
        found = self.found
        if expect.kind == "match" and found.matches:
            ranked = [(self._differences(expect, m), m) for m in found.matches]
            differences, match = min(ranked, key=lambda pair: len(pair[0]))
            if differences:
                return f"the match at {found.at(match.time)}: {'; '.join(differences)}"
            return f"the match at {found.at(match.time)} fits, but is claimed already"
        if expect.kind in ("match", "count") and found.pending:
            times = ", ".join(found.at(m.time) for m in found.pending[:SHOWN_MAX])
            return f"it would match at {times} if time ran on (`advance to` lets it)"
        if expect.kind in ("match", "count") and found.suppressed:
            return f"{found.suppressed} suppressed by `cooldown`"
        is_missed = expect.kind != "nothing" and not found.matches and not found.pending
        return found.near_miss() if is_missed else None

    def _is_mitigation(self, expect: decl.Expect, each: Mitigation) -> bool:
        if each.action != expect.name:
            return False
        ttl = None if each.ttl_ms is None else Lasting(each.ttl_ms)
        values = {**each.args, "@mode": each.mode, "@ttl": ttl, "@state": each.state}
        return not self._different(expect, each.time, values)

    def _is_event(self, expect: decl.Expect, event: Event) -> bool:
        if event.type != expect.name:
            return False
        attributes = {"@id": event.id, "@time": event.time, "@type": event.type}
        return not self._different(expect, event.time, {**event.fields, **attributes})

    def _derived(self) -> Iterable[Event]:
        """Return matches and clears as the events that other rules see."""
        for match in self.found.matches:
            fields = {**match.key, **match.select, "@severity": match.severity}
            fields |= {"@rule": match.rule, "@tags": list(match.tags), "@started": match.start}
            yield Event(f"match.{match.rule}", match.time, fields, id=match.id)
        for clear in self.found.clears:
            fields = {**clear.key, "match": clear.match, "lasted": Lasting(clear.lasted_ms)}
            yield Event(f"clear.{clear.rule}", clear.time, fields)


def same(expected: Any, actual: Any) -> bool:
    """True when a value is what a test says: 1 is 1.0 and no boolean, times are times."""
    if isinstance(expected, Share):
        return same(expected.percent, actual) or same(expected.percent / 100, actual)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return expected == actual or math.isclose(expected, actual, rel_tol=1e-9)
    if isinstance(expected, str):
        return expected == actual or _same_text(expected, actual)
    if isinstance(expected, list) and isinstance(actual, list | tuple):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(same(value, actual.get(name)) for name, value in expected.items())
    return bool(expected == actual)


def _same_text(expected: str, actual: Any) -> bool:
    """Compare texts that mean a time or an address by what they mean."""
    instant = parse_instant(expected)
    if instant is not None:
        return instant == (parse_instant(actual) if isinstance(actual, str) else actual)
    if not isinstance(actual, str):
        return False
    address = canonical_ip(expected)
    return address is not None and address == canonical_ip(actual)


def _is_note(expect: decl.Expect, note: Note) -> bool:
    return note.note == expect.name and expect.text in (None, note.title)


def _listed(what: str, texts: Sequence[str], plural: str | None = None) -> str:
    if not texts:
        return f"no {what}"
    more = f" and {len(texts) - SHOWN_MAX} more" if len(texts) > SHOWN_MAX else ""
    noun = what if len(texts) == 1 else plural or f"{what}s"
    return f"{len(texts)} {noun}: {'; '.join(texts[:SHOWN_MAX])}{more}"


def _object(values: Mapping[str, Any]) -> str:
    if not values:
        return "{}"
    return "{ " + ", ".join(f"{name}: {_shown(value)}" for name, value in values.items()) + " }"


def _shown(value: Any) -> str:
    if isinstance(value, Share):
        return f"{value.percent:g}%"
    if isinstance(value, Lasting):
        return format_duration(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "missing" if value is None else json.dumps(value, ensure_ascii=False)


def _like(actual: Any, wanted: Any) -> Any:
    """Return what is wanted in the place of a value, as a duration where the value is one."""
    if isinstance(actual, Lasting) and isinstance(wanted, int):
        return Lasting(wanted)
    if isinstance(actual, list) and actual and isinstance(wanted, list):
        return [_like(actual[0], item) for item in wanted]
    return wanted
