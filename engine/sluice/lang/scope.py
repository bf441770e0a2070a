"""What a name can mean at one place of a rule file, and how findings are collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from sluice.catalog import Catalog
from sluice.errors import Diagnostic, Span
from sluice.lang.codes import CODES
from sluice.lang.declarations import Def, Let, ListDecl, Lost, Param, TableDecl
from sluice.lang.suggest import suggest
from sluice.lang.syntax import Expr
from sluice.lang.typed import ListRef, Typed
from sluice.lang.views import EventView
from sluice.model import Type

Named = Let | Def | Param | ListDecl | TableDecl | Lost


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration with the file whose names it sees and the pack it belongs to."""

    decl: Named
    file: str
    pack: str

    @property
    def full_name(self) -> str:
        """The name from outside, `pack.name`."""
        return f"{self.pack}.{self.decl.name}"


@dataclass(frozen=True, slots=True)
class AliasView:
    """What an alias names: places of the pattern, and the events that come there.

    `is_single`: at most one event. `is_absent`: an absent step, which has none. `taken`: in
    the condition of the step itself it names the event at hand, or those taken so far.
    """

    name: str
    positions: tuple[int, ...]
    event: EventView
    is_single: bool = True
    is_absent: bool = False
    span: Span | None = None
    taken: Literal["", "now", "so far"] = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Every name that can be used at one place, in the order of look-up (language 10.8).

    `place` says what kind of place it is, for messages and for what aggregates range over:
    `event` judges one event, `match` a match of a sequence, `window` an aggregate rule,
    `constant` nothing. `subject` is the one step that bare fields mean in a rule of one step.
    `looked_at` is any event of the rule, for messages.
    """

    file: str
    place: Literal["event", "match", "window", "constant"] = "constant"
    event: EventView | None = None
    locals: Mapping[str, Typed] = field(default_factory=dict)
    aliases: Mapping[str, AliasView] = field(default_factory=dict)
    keys: Mapping[str, tuple[int, Type]] = field(default_factory=dict)
    selects: Mapping[str, tuple[int, Type]] = field(default_factory=dict)
    groups: Mapping[str, Type] = field(default_factory=dict)
    subject: AliasView | None = None
    window: EventView | None = None
    looked_at: EventView | None = None
    window_positions: tuple[int, ...] = ()
    own: str | None = None
    variables: frozenset[str] = frozenset()
    expanding: tuple[str, ...] = ()
    can_aggregate: bool = False
    windows_before: bool = False

    def inside(self, file: str, name: str, locals_: Mapping[str, Typed]) -> Scope:
        """Return the scope of a macro's body: the names of its file and its own parameters."""
        bare: Mapping[str, AliasView] = {}
        return replace(
            self, file=file, locals=locals_, aliases=bare, keys={}, selects={}, groups={},
            expanding=(*self.expanding, name),
        )  # fmt: skip


@dataclass(slots=True)
class Findings:
    """The findings so far, each once; `rule` is the rule at work."""

    items: list[Diagnostic] = field(default_factory=list)
    rule: str | None = None
    _seen: set[tuple[str, Span, str]] = field(default_factory=set)
    _errors: int = 0
    _counted: int = 0

    def add(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Record a finding with the severity that the table of codes gives it."""
        key = (code, span, message)
        if key in self._seen:
            return
        self._seen.add(key)
        severity = CODES[code].severity
        self.items.append(Diagnostic(code, severity, message, span, hint, self.rule))

    def add_known(self) -> None:
        """Count an error that was said already, where it does harm once more."""
        self._errors += 1

    def error_count(self) -> int:
        """Return how many errors there are; items are only ever added, and counted once."""
        self._errors += sum(1 for d in self.items[self._counted :] if d.severity == "error")
        self._counted = len(self.items)
        return self._errors


class Inference(Protocol):
    """What the parts of inference need of the whole."""

    catalog: Catalog
    findings: Findings
    names: Mapping[str, Mapping[str, Declared]]
    lists: Mapping[str, ListRef]
    tables: Mapping[str, Type]
    aliases_used: set[tuple[str | None, str]]

    def infer(self, expr: Expr, scope: Scope) -> Typed:
        """Return the expression with names resolved and types known."""
        ...

    def condition(self, expr: Expr, scope: Scope) -> Typed:
        """Return the expression as a condition."""
        ...

    def reference(self, expr: Expr, scope: Scope) -> Typed:
        """Like `infer`, but an alias may stand for its event."""
        ...

    def constant(self, declared: Declared) -> Typed:
        """Return the value of a param as it is now."""
        ...

    def declared(self, scope: Scope, name: str) -> Declared | None:
        """Return what the file of the scope calls so."""
        ...


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return the hint `did you mean "…"?`, or None when nothing is near."""
    near = suggest(word, candidates)
    return f"did you mean `{near}`?" if near else None
