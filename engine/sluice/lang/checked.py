"""What checking gives: rules, extracts and schemas with every name resolved and every type known.

The shapes follow the plan, with `Typed` where the plan has expressions; `plan.lower` goes from
one to the other. Positions are counted as the plan counts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.errors import Diagnostic, Span
from sluice.lang.declarations import Test
from sluice.lang.syntax import NOWHERE
from sluice.lang.typed import Typed
from sluice.model import ANY, EventSchema, Type

Mode = Literal["simulate", "ask", "auto"]
Overlap = Literal["none", "shared", "latest", "all"]


@dataclass(frozen=True, slots=True)
class CheckedAtom:
    """One test of one event."""

    position: int
    types: tuple[str, ...]
    where: Typed | None = None
    key: tuple[Typed, ...] = ()
    alias: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """What holds between an event of a step and the one before it."""

    immediately: bool = False
    gap_ms: int | None = None
    withouts: tuple[CheckedAtom, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A place of the pattern."""

    kind: Literal["one", "any_of", "all_of"]
    atoms: tuple[CheckedAtom, ...]
    minimum: int = 1
    maximum: int | None = 1
    reluctant: bool = False
    entry: CheckedEntry = CheckedEntry()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CheckedGroup:
    """A group that repeats."""

    items: tuple[CheckedItem, ...]
    minimum: int = 1
    maximum: int | None = 1
    reluctant: bool = False
    entry: CheckedEntry = CheckedEntry()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


CheckedItem = CheckedStep | CheckedGroup


@dataclass(frozen=True, slots=True)
class CheckedAbsence:
    """No event that fits the atom for so long."""

    atom: CheckedAtom
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CheckedPattern:
    """Steps with an absence before or after, or `whole`."""

    items: tuple[CheckedItem, ...] = ()
    leading: CheckedAbsence | None = None
    trailing: CheckedAbsence | None = None
    whole: CheckedAbsence | None = None


@dataclass(frozen=True, slots=True)
class CheckedWindow:
    """A window: sizes in ms, for `last` a count."""

    kind: Literal["tumbling", "hopping", "sliding", "session", "last"]
    size: int
    every: int = 0
    offset: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """A named part of the key."""

    name: str
    type: Type = ANY
    nullable: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CheckedHaving:
    """The condition on the match or window."""

    condition: Typed
    for_ms: int | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class CheckedUnseen:
    """First-seen."""

    values: tuple[Typed, ...]
    duration_ms: int
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedExpect:
    """Key values that are armed from the start: constants, or a list by name."""

    values: tuple[Any, ...] = ()
    list_name: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedEmit:
    """`emit`."""

    type: str
    fields: tuple[tuple[str, Typed], ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CheckedNote:
    """`note`; texts are strings and expressions in turn."""

    kind: str
    title: tuple[str | Typed, ...]
    body: tuple[str | Typed, ...] | None


@dataclass(frozen=True, slots=True)
class CheckedMitigate:
    """`mitigate` or `call`, arguments by name."""

    action: str
    args: tuple[tuple[str, Typed], ...]
    ttl_ms: int | None = None
    mode: Mode = "ask"
    is_call: bool = False


CheckedEffect = CheckedEmit | CheckedNote | CheckedMitigate


@dataclass(frozen=True, slots=True)
class CheckedCooldown:
    """`cooldown`; `per` are places of `select` values, `per_keys` of key parts."""

    duration_ms: int
    per: tuple[int, ...] | None = None
    per_keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a rule says about itself, pack defaults and tunes included."""

    severity: str = "medium"
    tags: tuple[str, ...] = ()
    doc: str | None = None
    references: tuple[str, ...] = ()
    status: str = "stable"
    disabled: bool = False
    priority: float = 0.5
    overlap: Overlap | None = None
    unbounded: bool = False


@dataclass(frozen=True, slots=True)
class CheckedRule:
    """One rule, ready to lower unless `is_broken`."""

    name: str
    title: str | None
    file: str
    span: Span
    pattern: CheckedPattern = CheckedPattern()
    keys: tuple[CheckedKey, ...] = ()
    window: CheckedWindow | None = None
    within_ms: int | None = None
    having: CheckedHaving | None = None
    unseen: CheckedUnseen | None = None
    until: CheckedAtom | None = None
    expect: CheckedExpect | None = None
    excepts: tuple[Typed, ...] = ()
    select: tuple[tuple[str, Typed], ...] = ()
    effects: tuple[CheckedEffect, ...] = ()
    cooldown: CheckedCooldown | None = None
    meta: Metadata = Metadata()
    is_broken: bool = False
    within_span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def priority(self) -> float:
        """What orders rules on one event, high first."""
        return self.meta.priority


@dataclass(frozen=True, slots=True)
class CheckedExtractLine:
    """One line of an `extract`."""

    path: Typed
    pattern: str
    flags: str
    fields: tuple[tuple[str, Typed], ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedExtract:
    """An `extract`, ready to lower unless `is_broken`."""

    type: str
    source: str
    where: Typed | None
    lines: tuple[CheckedExtractLine, ...]
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class ListEntries:
    """A `list` that a file holds: strings, ints, networks as text, (pattern, flags) pairs."""

    kind: Literal["string", "int", "cidr", "regex"]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableEntries:
    """A `table`: rows by the value of the first column."""

    columns: tuple[str, ...]
    types: tuple[Type, ...]
    rows: Mapping[Any, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class CheckedTest:
    """A test as written, with the full name of its rule and the file whose names it sees."""

    rule: str
    test: Test
    file: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole rule set after checking. `texts` are the files by path, for pictures."""

    diagnostics: tuple[Diagnostic, ...] = ()
    rules: tuple[CheckedRule, ...] = ()
    extracts: tuple[CheckedExtract, ...] = ()
    schemas: Mapping[str, EventSchema] = field(default_factory=dict)
    lists: Mapping[str, ListEntries] = field(default_factory=dict)
    tables: Mapping[str, TableEntries] = field(default_factory=dict)
    tests: tuple[CheckedTest, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """True when nothing is an error."""
        return all(d.severity != "error" for d in self.diagnostics)
