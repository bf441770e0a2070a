"""Bring the files of a rule set together: imports, packs, and what each file can name.

Nothing is read here: a `Loader` that the edge passes in does that.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sluice.errors import Diagnostic, Span
from sluice.lang.checked import ListEntries, TableEntries
from sluice.lang.declarations import (
    Clause,
    Declaration,
    Def,
    EventDecl,
    Extract,
    Import,
    Let,
    ListDecl,
    Lost,
    Pack,
    Param,
    Parsed,
    Rule,
    TableDecl,
    Test,
    Tune,
)  # fmt: skip
from sluice.lang.parse import parse
from sluice.lang.reference import read_list, read_table
from sluice.lang.scope import Declared, Findings
from sluice.lang.syntax import NOWHERE

D = TypeVar("D", bound=Declaration)


class Loader(Protocol):
    """What the edge gives: the text of a file, rule files, lists and tables alike."""

    def read(self, path: str) -> str:
        """Return the text; raise `OSError` (such as `FileNotFoundError`) when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Texts:
    """A loader over texts that are there already, by path."""

    texts: Mapping[str, str]

    def read(self, path: str) -> str:
        """Return the text of a path."""
        if path not in self.texts:
            raise FileNotFoundError(path)
        return self.texts[path]


@dataclass(frozen=True, slots=True)
class Unit:
    """One file of a rule set. `is_root` says that its rules run, not only its names count."""

    path: str
    parsed: Parsed
    pack: str
    clauses: tuple[Clause, ...] = ()
    names: Mapping[str, Declared] = field(default_factory=dict)
    is_root: bool = True

    def declared(self, kind: type[D]) -> list[D]:
        """Return the declarations of one kind, as written."""
        return [d for d in self.parsed.file.declarations if isinstance(d, kind)]

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.parsed.text


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All files that belong together, imported ones included, with what loading found."""

    units: Mapping[str, Unit]
    lists: Mapping[str, ListEntries] = field(default_factory=dict)
    tables: Mapping[str, TableEntries] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def roots(self) -> list[Unit]:
        """The files whose rules run."""
        return [unit for unit in self.units.values() if unit.is_root]


def load(paths: Iterable[str], loader: Loader) -> RuleSet:
    """Read and parse files and all that they import, and read their lists and tables."""
    loading = _Loading(loader)
    for path in paths:
        loading.file(posixpath.normpath(path), NOWHERE, ())
        loading.roots.add(posixpath.normpath(path))
    return loading.finish()


class _Loading:
    """The files so far."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.parsed: dict[str, Parsed] = {}
        self.imports: dict[str, list[str]] = {}
        self.roots: set[str] = set()
        self.findings = Findings()
        self.lists: dict[str, ListEntries] = {}
        self.tables: dict[str, TableEntries] = {}

    def file(self, path: str, at: Span, chain: tuple[str, ...]) -> bool:
        """Load one file with its imports; False when it cannot be read."""
        if path in chain:
            loop = " -> ".join([*chain[chain.index(path) :], path])
            self.findings.add("SL0602", at, f"these files import each other: {loop}",
                              "move what both need into a third file")  # fmt: skip
            return False
        if path in self.parsed:
            return True
        text = self._read(path, at, "SL0601", "file")
        if text is None:
            return False
        parsed = parse(text, path)
        self.parsed[path] = parsed
        self.imports[path] = found = []
        self.findings.items.extend(parsed.diagnostics)
        for decl in parsed.file.declarations:
            if isinstance(decl, Import):
                target = beside(path, decl.path)
                if self.file(target, decl.span, (*chain, path)):
                    found.append(target)
        return True

    def _read(self, path: str, at: Span, code: str, what: str) -> str | None:
        try:
            return self.loader.read(path).removeprefix("\ufeff")
        except (OSError, UnicodeDecodeError) as error:
            reason, hint = _unreadable(error, at != NOWHERE)
            place = at if at != NOWHERE else _bad_place(error, path)
            self.findings.add(code, place, f"the {what} `{path}` {reason}", hint)
            return None

    def finish(self) -> RuleSet:
        """Make units of the files, now that all are there."""
        own = {path: self._own_names(path) for path in self.parsed}
        units: dict[str, Unit] = {}
        for path, parsed in self.parsed.items():
            pack, clauses = self._pack(path)
            names = self._visible(path, own)
            units[path] = Unit(path, parsed, pack, clauses, names, path in self.roots)
            self._references(path, pack)
        self._check_full_names(own)
        return RuleSet(units, self.lists, self.tables, tuple(self.findings.items))

    def _pack(self, path: str) -> tuple[str, tuple[Clause, ...]]:
        declarations = self.parsed[path].file.declarations
        packs = [d for d in declarations if isinstance(d, Pack)]
        for extra in packs[1:]:
            self.findings.add("SL0610", extra.span, "a file belongs to one pack",
                              "keep the first `pack`, or split the file")  # fmt: skip
        if packs and declarations[0] is not packs[0]:
            self.findings.add("SL0610", packs[0].span, "`pack` comes first in a file")
        if packs:
            return packs[0].name, packs[0].clauses
        return posixpath.basename(path).removesuffix(".sluice") or path, ()

    def _own_names(self, path: str) -> dict[str, Declared]:
        pack, _ = self._pack(path)
        parsed = self.parsed[path]
        names: dict[str, Declared] = {}
        for decl in parsed.file.declarations:
            if isinstance(decl, Let | Def | Param | ListDecl | TableDecl):
                # What a declaration with an error means is a guess: nobody is to build on it.
                is_flawed = any(_holds(decl.span, found) for found in parsed.diagnostics)
                known = Lost("name", decl.name, decl.span) if is_flawed else decl
                before = names.setdefault(decl.name, Declared(known, path, pack))
                if before.decl is not known:
                    self._twice(decl.name, decl.span, before.decl.span)
        for lost in parsed.lost:
            if lost.kind == "name":
                names.setdefault(lost.name, Declared(lost, path, pack))
        return names

    def _twice(self, name: str, at: Span, before: Span) -> None:
        self.findings.add("SL0207", at, f"`{name}` is declared twice",
                          f"the first is in {before.file}:{before.line}")  # fmt: skip

    def _visible(self, path: str, own: Mapping[str, dict[str, Declared]]) -> dict[str, Declared]:
        """Return the names of a file and of all that it imports, directly or not."""
        names = dict(own[path])
        seen, todo = {path}, list(self.imports[path])
        while todo:
            other = todo.pop(0)
            if other in seen or other not in own:
                continue
            seen.add(other)
            todo += self.imports[other]
            for name, declared in own[other].items():
                before = names.setdefault(name, declared)
                is_lost = isinstance(before.decl, Lost) or isinstance(declared.decl, Lost)
                if before is not declared and not is_lost:
                    where = f"{before.file}:{before.decl.span.line}"
                    self.findings.add(
                        "SL0603", self._import_span(path, other),
                        f"`{name}` of `{other}` clashes with {where}", "rename one of them",
                    )  # fmt: skip
        return names

    def _import_span(self, path: str, other: str) -> Span:
        imports = [d for d in self.parsed[path].file.declarations if isinstance(d, Import)]
        direct = [d.span for d in imports if beside(path, d.path) == other]
        return (direct or [d.span for d in imports])[0]

    def _references(self, path: str, pack: str) -> None:
        for decl in self.parsed[path].file.declarations:
            match decl:
                case ListDecl(name=name, path=str() as source):
                    text = self._read(beside(path, source), decl.span, "SL0605", "list")
                    self.lists[f"{pack}.{name}"] = read_list(decl, text or "", self.findings)
                case TableDecl(name=name, path=source):
                    text = self._read(beside(path, source), decl.span, "SL0605", "table")
                    rows = read_table(decl, text, self.findings)
                    self.tables[f"{pack}.{name}"] = rows
                case _:
                    pass

    def _check_full_names(self, own: Mapping[str, dict[str, Declared]]) -> None:
        """Two files of one pack cannot give one name to two params, lists or tables."""
        seen: dict[str, Declared] = {}
        for names in own.values():
            for declared in names.values():
                if isinstance(declared.decl, Let | Def | Lost):
                    continue
                before = seen.setdefault(declared.full_name, declared)
                if before is not declared:
                    self._twice(declared.full_name, declared.decl.span, before.decl.span)


def _unreadable(error: OSError | UnicodeDecodeError, is_named: bool) -> tuple[str, str | None]:
    """Return why a file could not be read, and what to do; `is_named`: by another file."""
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        reason = f"is not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}"
        return reason, "save it as UTF-8"
    if isinstance(error, FileNotFoundError):
        hint = "paths are relative to the file that names them" if is_named else None
        return "does not exist", hint
    return f"cannot be read: {error.strerror or error}", None


def _bad_place(error: OSError | UnicodeDecodeError, path: str) -> Span:
    """Return where a file cannot be read: at the byte, or at its beginning."""
    if not isinstance(error, UnicodeDecodeError):
        return Span(path, 1, 1, 1, 1)
    *lines, last = error.object[: error.start].split(b"\n")
    line, column = len(lines) + 1, len(last.decode("utf-8", "replace")) + 1
    return Span(path, line, column, line, column + 1)


def beside(path: str, other: str) -> str:
    """Return the path of a file that another one names, relative to it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), other))


def declared_events(rules: RuleSet, report: Callable[[str, Span, str, str | None], None]) -> (
    dict[str, EventDecl]
):  # fmt: skip
    """Return the `event` declarations by type; two that differ are a finding."""
    found: dict[str, EventDecl] = {}
    for unit in rules.units.values():
        for decl in unit.declared(EventDecl):
            before = found.setdefault(decl.name, decl)
            if before is not decl and (before != decl or before.span.file == decl.span.file):
                where = f"{before.span.file}:{before.span.line}"
                report("SL0609", decl.span, f"the event `{decl.name}` is declared twice",
                       f"the other one is in {where}")  # fmt: skip
    return found


def all_extracts(rules: RuleSet) -> list[tuple[Unit, Extract]]:
    """Return all extracts with their files; one that several files import is one."""
    return [(unit, e) for unit in rules.units.values() for e in unit.declared(Extract)]


def all_rules(rules: RuleSet) -> list[tuple[Unit, Rule]]:
    """Return the rules that run, with their files."""
    return [(unit, rule) for unit in rules.roots for rule in unit.declared(Rule)]


def all_tunes(rules: RuleSet) -> list[tuple[Unit, Tune]]:
    """Return the tunes, with their files."""
    return [(unit, tune) for unit in rules.roots for tune in unit.declared(Tune)]


def lost_rules(rules: RuleSet) -> dict[str, Lost]:
    """Return the rules that errors of syntax hide, by full name."""
    return {
        f"{unit.pack}.{lost.name}": lost
        for unit in rules.roots for lost in unit.parsed.lost if lost.kind == "rule"
    }  # fmt: skip


def lost_events(rules: RuleSet) -> set[str]:
    """Return the types of events that errors of syntax hide."""
    units = rules.units.values()
    return {lost.name for u in units for lost in u.parsed.lost if lost.kind == "event"}


def lost_tests(rules: RuleSet) -> set[str]:
    """Return what the tests that errors of syntax hide may have tested: full names of rules."""
    lost = [(u, x.name) for u in rules.roots for x in u.parsed.lost if x.kind == "test"]
    return {name for unit, rule in lost for name in (rule, f"{unit.pack}.{rule}")}


def blamed(rules: RuleSet, found: Diagnostic) -> str | None:
    """Return the full name of the rule in whose text a finding stands."""
    unit = rules.units.get(found.span.file)
    if unit is None or not unit.is_root:
        return None
    named = [(rule.name, rule.span) for rule in unit.declared(Rule)]
    named += [(lost.name, lost.span) for lost in unit.parsed.lost if lost.kind == "rule"]
    for name, span in named:
        if _holds(span, found):
            return f"{unit.pack}.{name}"
    return None


def _holds(span: Span, found: Diagnostic) -> bool:
    """True when a finding begins within a stretch, or right behind it."""
    place = (found.span.line, found.span.column)
    return (span.line, span.column) <= place <= (span.end_line, span.end_column)


def all_tests(rules: RuleSet) -> list[tuple[Unit, Test]]:
    """Return the tests, with their files."""
    return [(unit, test) for unit in rules.roots for test in unit.declared(Test)]
