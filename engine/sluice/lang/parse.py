"""Read a rule file: text becomes a tree, and all its syntax errors become diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import lark
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import IntParseTable, Reduce, Shift
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from sluice.errors import Diagnostic
from sluice.lang.actions_rules import ACTIONS
from sluice.lang.codes import CODES
from sluice.lang.declarations import Comment, Declaration, File, Lost, Parsed
from sluice.lang.lexing import Cell, Lexicon, Places, skip_blanks
from sluice.lang.literals import Flaw
from sluice.lang.situation import DECLARATION, Situation, is_declaration, lost_names
from sluice.lang.tables import START, fingerprint, flatten, load
from sluice.lang.trouble import examine

file_bytes_max = 8_000_000
nesting_max = 200
error_count_max = 200

_OPENING = ("LPAR", "LSQB", "LBRACE")
_CLOSING = ("RPAR", "RSQB", "RBRACE")


def parse(text: str, file: str) -> Parsed:
    """Parse a rule file; never raises.

    After a syntax error parsing resumes at the next declaration word in column 1, so all errors
    come at once. A declaration with an error that does not hide what follows is kept.
    """
    if len(text) > file_bytes_max or len(text.encode("utf-8", "replace")) > file_bytes_max:
        message = f"the file is larger than {file_bytes_max // 1_000_000} MB"
        span = Places(file, "").span(0, 0)
        hint = 'keep data in files of its own: `list bad_hosts from "bad_hosts.txt"`'
        return Parsed(File(file, ()), "", (Diagnostic("SL0109", "error", message, span, hint),))
    run = _Run(text, file)
    run.whole_file()
    tree = File(file, tuple(run.declarations), tuple(run.comments))
    found = tuple(sorted(run.diagnostics, key=lambda d: (d.span, d.code)))
    return Parsed(tree, text, found, tuple(run.lost))


def grammar_text() -> str:
    """Return the grammar that is shipped with the package."""
    return resources.files("sluice.lang").joinpath("grammar.lark").read_text("utf-8")


def shipped_tables() -> dict[str, Any]:
    """Return the tables that are shipped with the package, or nothing."""
    file = resources.files("sluice.lang").joinpath("tables.bin")
    return load(file.read_bytes()) if file.is_file() else {}


def build_tables(grammar: str, *, strict: bool = False) -> dict[str, Any]:
    """Build the parser tables of a grammar; `strict` refuses conflicts and colliding terminals."""
    parser = lark.Lark(
        grammar, start=START, parser="lalr", lexer="contextual", maybe_placeholders=True,
        strict=strict,
    )  # fmt: skip
    return flatten(parser, fingerprint(grammar, lark.__version__))


class _Production:
    """What Lark's parser wants to know of a grammar rule (origin and size), and what it builds."""

    __slots__ = ("builder", "expansion", "name", "origin", "picks")

    def __init__(
        self, origin: str, size: int, builder: str | None, picks: list[int | None]
    ) -> None:
        self.name = origin
        self.origin = self
        self.expansion = (None,) * size
        self.builder, self.picks = builder, picks


class _Grammar:
    """The tables, in the form in which Lark's parser reads them."""

    __slots__ = ("lexicon", "productions", "table")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.lexicon = Lexicon(data["terminals"])
        self.productions = [_Production(*fields) for fields in data["productions"]]
        reduces = [(Reduce, production) for production in self.productions]
        shifts = [(Shift, state) for state in range(len(data["rows"]))]
        rows = {
            state: {name: shifts[to] if to >= 0 else reduces[-1 - to] for name, to in row.items()}
            for state, row in enumerate(data["rows"])
        }
        start, end = ({START: data[each]} for each in ("start", "end"))
        # Lark gives its table no types.
        self.table: Any = IntParseTable(rows, start, end)  # type: ignore[no-untyped-call]


class _Callbacks(dict[_Production, Callable[[list[Cell]], Cell]]):
    """What to call for a production, made when it is first recognised: a short text needs few."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[_Production], Callable[[list[Cell]], Cell]]) -> None:
        super().__init__()
        self._make = make

    def __bool__(self) -> bool:
        # Lark asks whether there are any.
        return True

    def __missing__(self, production: _Production) -> Callable[[list[Cell]], Cell]:
        made = self[production] = self._make(production)
        return made


@cache
def _grammar() -> _Grammar:
    """Load the tables; build them when they belong to another grammar or version of Lark."""
    grammar = grammar_text()
    data = shipped_tables()
    if data.get("fingerprint") != fingerprint(grammar, lark.__version__):
        data = build_tables(grammar)
    return _Grammar(data)


class _TooDeep(Exception):
    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.start, self.end = start, end


class _Run:
    """One file on its way through the parser."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.places = text, Places(file, text)
        self.declarations: list[Declaration] = []
        self.comments: list[Comment] = []
        self.diagnostics: list[Diagnostic] = []
        self.lost: list[Lost] = []
        grammar = _grammar()
        self.lexicon, self.rows = grammar.lexicon, grammar.table.states
        callbacks: Any = _Callbacks(self._callback)
        self.conf: Any = ParseConf(grammar.table, callbacks, START)
        # A byte order mark is no part of the text.
        self._restart(1 if text.startswith("\ufeff") else 0)

    def _restart(self, at: int) -> None:
        """Begin a declaration, with nothing open."""
        # There is no lexer: tokens are fed one by one.
        self.state: Any = ParserState(self.conf, None)  # type: ignore[arg-type]
        self.at = self.begin = self.looked_at = at
        self.opened: list[Cell] = []
        self.before: Cell | None = None
        self.row_before: Mapping[str, Any] = {}
        self.is_flawed = False

    # ------------------------------------------------------------ the loop

    def whole_file(self) -> None:
        """Parse to the end, starting again after each error that hides what follows."""
        is_open = True
        while is_open and len(self.diagnostics) < error_count_max:
            try:
                is_open = self._advance()
            except _TooDeep as deep:
                message = f"nested deeper than {nesting_max} levels"
                self._report("SL0110", message, deep.start, deep.end, CODES["SL0110"].fix)
                is_open = self._resume(self.at)
        if is_open:
            message = f"more than {error_count_max} syntax errors; the rest is not listed"
            self._report("SL0117", message, self.at, self.at)
            self.lost += lost_names(self.text, self.begin, len(self.text), self.places)

    def _advance(self) -> bool:
        """Take one token; False at the end."""
        self.at = skip_blanks(self.text, self.at, self.places, self.comments)
        self.looked_at = self.at
        row = self.rows[self.state.state_stack[-1]]
        if self.at < len(self.text):
            cell = self.lexicon.token(self.text, self.at, row, self._accepts)
        else:
            cell = Cell("$END", "", self.at, self.at)
        if self._feed(cell, row):
            return cell.type != "$END"
        finding = examine(self._situation(cell))
        # An earlier error in the declaration may be the cause of one that stops it.
        if not self.is_flawed or finding.cell or finding.skip_to:
            self.diagnostics.append(finding.diagnostic)
        if finding.skip_to:
            self.is_flawed, self.at = True, finding.skip_to
            return True
        if finding.cell is None or not self._feed(finding.cell, row):
            return self._resume(cell.start)
        self.is_flawed = True
        return True

    def _feed(self, cell: Cell, row: Mapping[str, Any]) -> bool:
        """Give a token to the parser; False when it cannot stand here."""
        try:
            self.state.feed_token(cell, cell.type == "$END")
        except UnexpectedToken:
            return False
        self._count(cell)
        self.row_before, self.before, self.at = row, cell, cell.end
        return True

    def _count(self, cell: Cell) -> None:
        """Keep account of what is open; the parser itself checks that pairs fit."""
        if cell.type in _OPENING:
            self.opened.append(cell)
        elif cell.type in _CLOSING and self.opened:
            self.opened.pop()
        if len(self.opened) > nesting_max or len(self.state.state_stack) > 20 * nesting_max:
            raise _TooDeep(cell.start, cell.end)

    def _resume(self, at: int) -> bool:
        """Go on at the next declaration word in column 1; False when there is none."""
        is_kept = self._complete()
        line = max(self.text.rfind("\n", 0, at) + 1, self.begin + 1)
        found = DECLARATION.search(self.text, line)
        end = found.start() if found else len(self.text)
        self.lost += lost_names(self.text, at if is_kept else self.begin, end, self.places)
        self._restart(end)
        return found is not None

    def _complete(self) -> bool:
        """Keep the declaration when it could end here; tell whether it is kept."""
        if self.before is None or "$END" not in self._expected():
            return False
        # A declaration word that was taken for a name says that it could not.
        if is_declaration(self.text, self.before.start, self.begin):
            return False
        self.state.feed_token(Cell("$END", "", self.before.end, self.before.end), True)
        return True

    # ------------------------------------------------------------ errors

    def _situation(self, cell: Cell) -> Situation:
        return Situation(
            self.text, self.places, self.lexicon, cell, self._expected(), self.before,
            frozenset(self.row_before), tuple(self.opened), self.begin,
        )  # fmt: skip

    def _expected(self) -> frozenset[str]:
        """Return the terminals that the parser would really shift now."""
        row = self.rows[self.state.state_stack[-1]]
        return frozenset(name for name in row if not name.islower() and self._accepts(name))

    def _accepts(self, name: str) -> bool:
        """Tell whether a terminal can stand here; merged states of LALR promise too much."""
        stack = self.state.state_stack
        # Only the top of the stack is copied, when a reduction needs it.
        depth = len(stack)
        top: list[int] = []
        while True:
            state = top[-1] if top else stack[depth - 1]
            action, target = self.rows[state].get(name, (None, None))
            if action is not Reduce:
                return action is Shift
            for _ in target.expansion:
                if top:
                    top.pop()
                else:
                    depth -= 1
            state = top[-1] if top else stack[depth - 1]
            top.append(self.rows[state][target.name][1])
            if name == "$END" and top[-1] == self.conf.end_state:
                return True

    def _report(
        self, code: str, message: str, start: int, end: int, hint: str | None = None
    ) -> None:
        span = self.places.span(start, end)
        self.diagnostics.append(Diagnostic(code, "error", message, span, hint))

    # ------------------------------------------------------------ building nodes

    def _callback(self, production: _Production) -> Callable[[list[Cell]], Cell]:
        """Return what Lark calls with the children when it has recognised a production."""
        if production.builder is None:
            index = production.picks[0] or 0
            return lambda cells: cells[index]
        if production.builder == "":
            return lambda cells: _splice(production, cells)
        if production.name == "declaration":
            return self._declared
        return lambda cells: self._build(production, cells)

    def _declared(self, cells: list[Cell]) -> Cell:
        self.declarations.append(cells[0].value)
        # The token that ended this declaration begins the next.
        self.begin, self.is_flawed = self.looked_at, False
        return Cell("declaration", None, cells[0].start, cells[0].end)

    def _build(self, production: _Production, cells: list[Cell]) -> Cell:
        if not cells:
            return Cell(production.name, None, self.at, self.at)
        start, end = cells[0].start, cells[-1].end
        kids: list[Any] = []
        depth = 0
        for pick in production.picks:
            if pick is None:
                kids.append(None)
                continue
            cell = cells[pick if pick >= 0 else -1 - pick]
            depth = max(depth, cell.depth)
            if pick >= 0:
                kids.append(cell.value)
            else:
                kids += cell.value
        assert production.builder is not None
        try:
            value = ACTIONS[production.builder](kids, self.places.span(start, end))
        except Flaw as flaw:
            value = flaw.value
            self._flaw(flaw, start, end)
        # Parentheses and tuples of nodes are no level of the tree.
        depth += production.builder != "parenthesised" and not isinstance(value, tuple | str)
        if depth > nesting_max:
            raise _TooDeep(start, end)
        return Cell(production.name, value, start, end, depth)

    def _flaw(self, flaw: Flaw, start: int, end: int) -> None:
        if flaw.at:
            start, end = start + flaw.at[0], start + sum(flaw.at)
        span = flaw.place or self.places.span(start, end)
        self.diagnostics.append(Diagnostic(flaw.code, "error", flaw.message, span, flaw.hint))
        self.is_flawed = True


def _splice(production: _Production, cells: list[Cell]) -> Cell:
    """Collect the children of a repetition; they go to the parent one by one."""
    kids: list[Any] = []
    depth = 0
    for pick in production.picks:
        if pick is None:
            kids.append(None)
            continue
        cell = cells[pick if pick >= 0 else -1 - pick]
        depth = max(depth, cell.depth)
        if pick >= 0:
            kids.append(cell.value)
        elif kids:
            kids += cell.value
        else:
            # A repetition grows to the right; nobody else holds the list.
            kids = cell.value
    return Cell(production.name, kids, cells[0].start, cells[-1].end, depth)
