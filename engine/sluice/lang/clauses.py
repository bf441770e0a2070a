"""Read the plain clauses of a rule: metadata of pack, rule and tunes, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from sluice.errors import Span
from sluice.lang.checked import Metadata, Overlap
from sluice.lang.declarations import (
    By,
    CallAction,
    Clause,
    Cooldown,
    Emit,
    Except,
    ExpectKeys,
    Having,
    Meta,
    Mitigate,
    NoteClause,
    Rule,
    Select,
    SetParam,
    Tune,
    Unseen,
    Until,
    When,
    Window,
    Within,
)  # fmt: skip
from sluice.lang.load import Unit


class Add(Protocol):
    """Records a finding."""

    def __call__(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Record it."""
        ...


Word = TypeVar("Word", bound=str)
Tunes = tuple[tuple[Unit, Tune], ...]

SEVERITIES = ("info", "low", "medium", "high", "critical")
STATUSES = ("experimental", "stable", "deprecated")
OVERLAPS: tuple[Overlap, ...] = ("none", "shared", "latest", "all")


def layers(unit: Unit, rule: Rule, tunes: Tunes) -> Iterator[Clause]:
    """Yield the clauses of the pack, the rule and its tunes: a later one replaces an earlier."""
    yield from unit.clauses
    yield from rule.clauses
    for _, tune in tunes:
        yield from tune.clauses


def metadata(unit: Unit, rule: Rule, tunes: Tunes, add: Add) -> Metadata:
    """Return what pack, rule and tunes say about the rule; tags and references add up."""
    meta = Metadata()
    for clause in layers(unit, rule, tunes):
        if isinstance(clause, Meta):
            meta = _with(meta, clause, add)
    return meta


def _with(meta: Metadata, clause: Meta, add: Add) -> Metadata:
    values = clause.values
    first = values[0] if values else ""
    match clause.name:
        case "severity":
            severity = _one_of(first, SEVERITIES, clause, add)
            return replace(meta, severity=severity or meta.severity)
        case "tags":
            return replace(meta, tags=tuple(dict.fromkeys((*meta.tags, *values))))
        case "doc":
            return replace(meta, doc=first)
        case "reference":
            found = tuple(dict.fromkeys((*meta.references, *values)))
            return replace(meta, references=found)
        case "status":
            status = _one_of(first, STATUSES, clause, add)
            return replace(meta, status=status or meta.status)
        case "disabled":
            return replace(meta, disabled=True)
        case "overlap":
            return replace(meta, overlap=_one_of(first, OVERLAPS, clause, add))
        case "priority":
            return replace(meta, priority=_priority(first, clause, add))
        case "unbounded":
            return replace(meta, unbounded=True)


def _one_of(word: str, words: tuple[Word, ...], clause: Meta, add: Add) -> Word | None:
    found = next((each for each in words if each == word), None)
    if found is None:
        add("SL0418", clause.span, f"`{clause.name}` is one of {', '.join(words)}", None)
    return found


def _priority(text: str, clause: Meta, add: Add) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        add("SL0418", clause.span, "`priority` is a number from 0.0 to 1.0", None)
        return 0.5
    return value


def once_name(clause: Clause) -> str | None:
    """Return the word of a clause that a rule has once, None for one that may repeat."""
    match clause:
        case Meta(name="reference") | Emit() | NoteClause() | Mitigate() | CallAction():
            return None
        case Except() | SetParam():
            return None
        case Meta(name=name):
            return name
        case (
            When() | By() | Within() | Window() | Having() | Unseen() | ExpectKeys() | Select()
            | Cooldown() | Until()
        ):  # fmt: skip
            return type(clause).__name__.removesuffix("Keys").lower()
