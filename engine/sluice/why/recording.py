"""What is kept of a run for the analysis: the events of the rule's types, bounded."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Any

from sluice.backends import Judge, Probe, Refusal
from sluice.model import ANY, Key, Row, Type, part_value
from sluice.plan import Expr, KeyPart
from sluice.stream import RuleCode
from sluice.timing import Instant, format_duration, format_instant, parse_duration, parse_instant
from sluice.why.trial import Entry

#: What becomes an entry, behind its place in the order in which it came.
Numbered = tuple[int, Row, Key, int, int]

#: How many events without a key, and how many that an `except` hides, are kept as examples.
EXAMPLES_MAX = 1_000


@dataclass(slots=True)
class Hidden:
    """Events that an `except` hides from the rule."""

    condition: Expr
    judge: Judge
    count: int = 0
    row: Row | None = None


class KeyChoice:
    """Which keys are asked about; a key part is compared with the text of its value."""

    def __init__(self, parts: tuple[KeyPart, ...], wanted: Mapping[str, str] | None) -> None:
        self._wanted = wanted
        self._parts = parts
        self._known: dict[Key, bool] = {}

    def __call__(self, key: Key) -> bool:
        """Say whether a key is asked about."""
        if self._wanted is None:
            return True
        found = self._known.get(key)
        if found is None:
            held = key if len(self._parts) > 1 else (key,)
            found = all(
                _is_text_of(self._wanted[part.name], value, part.type)
                for part, value in zip(self._parts, held, strict=True)
                if part.name in self._wanted
            )
            self._known[key] = found
        return found


def _is_text_of(text: str, part: Any, kind: Type) -> bool:
    value = part_value(part)
    if kind.kind == "duration" and parse_duration(text) is not None:
        return bool(value == parse_duration(text))
    if kind.kind == "time" and parse_instant(text) is not None:
        return bool(value == parse_instant(text))
    return text == key_text(part)


def key_text(part: Any, kind: Type = ANY) -> str:
    """Return a part of a key as somebody would write it on a command line."""
    value = part_value(part)
    if isinstance(value, int) and kind.kind in ("duration", "time"):
        return format_duration(value) if kind.kind == "duration" else format_instant(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of a run: which stretch of time, how many events, and of which atoms also
    those events that failed one part of their condition alone (`telling`, a bit set; -1: any
    event of the rule's types)."""

    since: Instant | None
    until: Instant | None
    rows_max: int
    telling: int


class _Kind:
    """A type of event, as the atoms `named` name it: how many came, and what counts refusals."""

    __slots__ = ("count", "named", "refuse")

    def __init__(self, named: int, refuse: Callable[[Row], int]) -> None:
        self.count, self.named, self.refuse = 0, named, refuse


class Recorder:
    """Stands in for the operator of a witness and keeps what it is told.

    `keyless` are events that no key was found for.
    """

    def __init__(
        self, code: RuleCode, probe: Probe, excepts: tuple[Expr, ...], choice: KeyChoice,
        keeping: Keeping,
    ) -> None:  # fmt: skip
        self.code, self._probe, self._is_asked, self._keeping = code, probe, choice, keeping
        self.rows_max = keeping.rows_max
        self.keyless: list[Entry] = []
        self.keyless_count = self.entered = self.dropped = 0
        self.hidden = [Hidden(e, probe.judge(e)) for e in excepts]
        self.refusals: dict[int, tuple[Refusal, ...]] = {}
        self._refuse: dict[int, Callable[[Row], int]] = {}
        self._kinds: dict[tuple[str, int], _Kind] = {}
        self._latest: dict[str, _Kind] = {}
        self._telling, self._tells_all = keeping.telling, keeping.telling < 0
        self._entered: list[Numbered] = []
        self._refused: deque[Numbered] = deque(maxlen=max(1, self.rows_max // 2))
        self._sorted: list[Entry] | None = None
        self._number = 0
        self._open: set[Key] = set()
        masks: dict[int, int] = {}
        for number, variant in enumerate(code.variant):
            masks[variant] = masks.get(variant, 0) | 1 << number
        self._variants = tuple((code.key_of[v], mask) for v, mask in masks.items())

    @property
    def counts(self) -> dict[str, int]:
        """How many events of each of the rule's types there were."""
        found: Counter[str] = Counter()
        for (type_, _), kind in self._kinds.items():
            found[type_] += kind.count
        return dict(sorted(found.items()))

    @property
    def keys(self) -> set[Key]:
        """The keys that are asked about and entered a step."""
        return self._open

    @property
    def entries(self) -> list[Entry]:
        """The events kept, in order, once the input is over.

        Of keys that are not asked about only those are there that entered a step.
        """
        if self._sorted is None:
            ordered = merge(self._entered, self._refused, key=_number)
            self._sorted = [Entry(*entry) for _, *entry in ordered]
        return self._sorted

    def on_event(self, row: Row, bits: int, named: int) -> None:
        """Take an event of the rule's types; `bits` of the atoms hold on it."""
        kind = self._latest.get(row.type)
        if kind is None or kind.named != named:
            kind = self._latest[row.type] = self._kind(row.type, named)
        kind.count += 1
        if not bits:
            alone = kind.refuse(row)
            if not alone & self._telling and not self._tells_all:
                return
        elif self.hidden and self._is_hidden(row):
            return
        else:
            self.entered += 1
        keeping = self._keeping
        if keeping.since is not None and row.time < keeping.since:
            return
        if keeping.until is not None and row.time > keeping.until:
            return
        for key_of, mask in self._variants:
            if named & mask:
                self._keep(row, key_of(row), bits & mask, named & mask)

    def _keep(self, row: Row, key: Key | None, bits: int, named: int) -> None:
        self._number += 1
        if not bits:
            if key in self._open:
                self.dropped += len(self._refused) == self._refused.maxlen
                self._refused.append((self._number, row, key, 0, named))
            return
        if key is None:
            self.keyless_count += 1
            if len(self.keyless) < EXAMPLES_MAX:
                self.keyless.append(Entry(row, None, bits, named))
            return
        if self._is_asked(key):
            self._open.add(key)
        self._entered.append((self._number, row, key, bits, named))
        if len(self._entered) >= self.rows_max:
            self._compact()

    def _is_hidden(self, row: Row) -> bool:
        for hidden in self.hidden:
            if hidden.judge(row, NOTHING, None, row.time) is True:
                hidden.count += 1
                hidden.row = row
                return True
        return False

    def _kind(self, type_: str, named: int) -> _Kind:
        kind = self._kinds.get((type_, named))
        if kind is None:
            atoms = [(n, atom) for n, atom in enumerate(self.code.atoms) if named >> n & 1]
            if named not in self._refuse:
                self._refuse[named], self.refusals[named] = self._probe.refusals(atoms)
            kind = self._kinds[type_, named] = _Kind(named, self._refuse[named])
        return kind

    def _compact(self) -> None:
        """Keep the half of the keys that came furthest: most atoms, then most events."""
        seen: dict[Key, int] = {}
        sizes: Counter[Key] = Counter()
        for _, _, key, bits, _ in self._entered:
            seen[key] = seen.get(key, 0) | bits
            sizes[key] += 1
        ranked = sorted(
            seen, key=lambda key: (self._is_asked(key), seen[key].bit_count(), sizes[key])
        )
        half = self.rows_max // 2
        kept, room = set(), half
        while ranked and room > 0:
            key = ranked.pop()
            kept.add(key)
            room -= sizes[key]
        before = len(self._entered)
        self._entered = [held for held in self._entered if held[2] in kept]
        if len(self._entered) > half:
            # The last key alone is too much: its newest events stay.
            del self._entered[: len(self._entered) - half]
        self.dropped += before - len(self._entered)


def _number(held: Numbered) -> int:
    return held[0]


class Held:
    """Events taken by a match, as expressions look at them."""

    __slots__ = ("events", "places")

    def __init__(self, events: list[Row], places: list[int]) -> None:
        self.events, self.places = events, places


NOTHING = Held([], [])
