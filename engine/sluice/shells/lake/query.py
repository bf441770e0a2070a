"""Ask a lake with SQL: reads only, within limits, and nothing but the lake."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from sluice.codecs import did_you_mean
from sluice.errors import InputError, SluiceError
from sluice.io import put_in_place
from sluice.shells.lake.failures import DAMAGE, first_line, is_damage
from sluice.shells.lake.macros import MACROS
from sluice.shells.lake.reader import OpenLake
from sluice.shells.lake.tables import name as quoted
from sluice.shells.lake.tables import text

T = TypeVar("T")

#: How many rows are fetched at once.
ROWS_AT_ONCE = 1_000
#: How often a query begins anew because a segment was replaced while it ran.
ATTEMPTS = 3

_READS = frozenset({"SELECT", "EXPLAIN", "CREATE", "DROP"})
_EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+)?(?:\([^()]*\)\s*)?", re.IGNORECASE)
_ALL_VIEWS = re.compile(r"\b(show|describe|information_schema|duckdb_\w+)\b", re.IGNORECASE)
_NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist')
_CREATED = re.compile(
    r"\s*create\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?(table|view|macro|function|type)\b",
    re.IGNORECASE,
)


class QueryError(SluiceError):
    """SQL that cannot be answered; `is_wrong` when it is wrong itself, not too much."""

    def __init__(self, message: str, is_wrong: bool = True) -> None:
        super().__init__(message)
        self.is_wrong = is_wrong


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a query may use. `memory` is a size such as `1GB`, `timeout_ms` 0 for no end.

    `is_open` lets it read and write whatever this process can.
    """

    memory: str = "1GB"
    timeout_ms: int = 0
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer with their types, and its rows as they come."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class Desk:
    """Answers statements about a lake, one after the other; a context manager.

    ConfigError and InputError when there is no lake to ask.
    """

    def __init__(self, root: str, bounds: Bounds) -> None:
        self._root, self._bounds = root, bounds
        self._scratch = tempfile.mkdtemp(prefix="sluice-query-")
        self._made: list[str] = []
        try:
            self._open()
        except BaseException:
            shutil.rmtree(self._scratch, ignore_errors=True)
            raise

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self._lake.con.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def troubles(self) -> list[str]:
        """What of the lake was left out, and why."""
        return self._lake.troubles

    @property
    def views(self) -> list[str]:
        """The names that can be asked for."""
        return self._lake.views

    def columns(self, view: str) -> list[str]:
        """Return the names of the columns of a table or type."""
        try:
            self._lake.name_types(quoted(view) if view not in self._lake.views else view)
        except InputError:
            return []
        rows = self._lake.con.execute(f"DESCRIBE {quoted(view)}").fetchall()
        return [row[0] for row in rows]

    def ask(self, sql: str) -> Answer:
        """Run statements and return the answer of the last one. QueryError: it cannot be."""
        statements = self._checked(sql)
        for attempt in range(ATTEMPTS):
            try:
                return self._bounded(lambda: self._answer(statements))
            except InputError as error:
                raise QueryError(str(error), is_wrong=False) from None
            except duckdb.IOException as error:
                if attempt == ATTEMPTS - 1 or "No such file" not in str(error):
                    raise QueryError(first_line(error), is_wrong=False) from None
                self._reopen()
        raise AssertionError("the last attempt answers or raises")

    def save(self, sql: str, path: str) -> int:
        """Write the answer of one query as a Parquet file; return how many rows it has."""
        statements = self._checked(sql)
        if len(statements) != 1 or not _is_of(statements[0], "SELECT"):
            raise QueryError("one SELECT is needed to write a Parquet file")
        beside = os.path.join(self._scratch, "answer.parquet")
        con = self._lake.con
        self._name(statements[0].query)
        query = statements[0].query.rstrip().rstrip(";")
        copy = f"COPY ({query}\n) TO {text(beside)} (FORMAT parquet, COMPRESSION zstd)"
        row = self._bounded(lambda: con.execute(copy).fetchone())
        target = f"{path}.new"
        shutil.copyfile(beside, target)
        put_in_place(target, path)
        os.unlink(beside)
        return int(row[0]) if row is not None else 0

    def _open(self) -> None:
        con = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": self._bounds.memory, "temp_directory": self._scratch,
                "autoinstall_known_extensions": False, "autoload_known_extensions": False,
            },
        )  # fmt: skip
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")
        self._lake = OpenLake(self._root, con)
        self._macros = list(MACROS)
        if self._bounds.is_open:
            return
        # The views go on reading these; nothing else can be opened, and nobody can change that.
        paths = [*self._lake.files.paths(), os.path.join(self._scratch, "answer.parquet")]
        con.execute(f"SET allowed_paths = [{', '.join(map(text, paths))}]")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")

    def _reopen(self) -> None:
        """Look at the lake again: a segment was replaced after it was looked at."""
        self._lake.con.close()
        self._open()
        for statement in self._made:
            self._name(statement)
            self._lake.con.execute(statement)

    def _name(self, query: str) -> None:
        """Make the views and macros that a statement names: each looks at all its files."""
        is_about_all = _ALL_VIEWS.search(query) is not None
        self._lake.name_types(None if is_about_all else query)
        for macro in list(self._macros):
            if is_about_all or macro.name in query.lower():
                self._macros.remove(macro)
                self._lake.con.execute(f"CREATE MACRO {macro.signature} AS {macro.body}")

    def _checked(self, sql: str) -> list[Any]:
        """Return the statements; QueryError for one that does more than read."""
        try:
            statements = self._lake.con.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryError(told(error)) from None
        if not statements:
            raise QueryError("there is no SQL; name what you want: SELECT … FROM matches")
        for statement in statements if not self._bounds.is_open else ():
            kind = statement.type.name
            if kind not in _READS or not self._is_reading(statement, kind):
                word = _word(statement.query)
                raise QueryError(
                    f"{word} is refused: a query reads the lake and nothing else; "
                    "--allow-external lifts that"
                )
        return list(statements)

    def _is_reading(self, statement: Any, kind: str) -> bool:
        if kind == "CREATE":
            return _CREATED.match(statement.query) is not None
        if kind != "EXPLAIN":
            return True
        found = _EXPLAIN.match(statement.query)
        if found is None:
            return False
        inner = self._lake.con.extract_statements(statement.query[found.end() :])
        return len(inner) == 1 and _is_of(inner[0], "SELECT")

    def _answer(self, statements: list[Any]) -> Answer:
        con = self._lake.con
        for statement in statements:
            query = statement.query
            self._name(query)
            if _is_of(statement, "SELECT"):
                query = self._with_plain_times(query)
            con.execute(query)
            if _is_of(statement, "CREATE"):
                self._made.append(query)
        described = con.description or []
        names = _distinct([each[0] for each in described])
        kinds = tuple(str(each[1]) for each in described)
        first = con.fetchmany(ROWS_AT_ONCE)
        return Answer(names, kinds, self._rows(first))

    def _with_plain_times(self, query: str) -> str:
        """Cast times with a zone, which are UTC here, to plain ones."""
        con = self._lake.con
        if "timestamptz" not in query.lower() and "now(" not in query.lower():
            if "with time zone" not in query.lower() and "current_" not in query.lower():
                return query
        columns = con.execute(f"DESCRIBE {query}").fetchall()
        zoned = [name for name, kind, *_ in columns if kind == "TIMESTAMP WITH TIME ZONE"]
        if not zoned:
            return query
        casts = ", ".join(f"{quoted(name)}::TIMESTAMP AS {quoted(name)}" for name in zoned)
        return f"SELECT * REPLACE ({casts}) FROM ({query.rstrip().rstrip(';')}\n)"

    def _rows(self, first: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        rows = first
        while rows:
            yield from rows
            rows = self._bounded(lambda: self._lake.con.fetchmany(ROWS_AT_ONCE))

    def _bounded(self, act: Callable[[], T]) -> T:
        """Do something that takes its time beside this thread, which hears of an interrupt."""
        outcome: list[T] = []
        failure: list[BaseException] = []
        done = threading.Event()

        def run() -> None:
            try:
                outcome.append(act())
            except BaseException as error:
                failure.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name="query", daemon=True).start()
        is_late = self._waited(done)
        if not failure:
            return outcome[0]
        if (hint := self._near(failure[0])) is not None:
            raise hint from None
        raise _refusal(failure[0], is_late) from None

    def _near(self, error: BaseException) -> QueryError | None:
        """Return what to say of a table that there is not, where one of the lake is alike.

        DuckDB looks among its own tables, and among the types that were asked for.
        """
        found = isinstance(error, duckdb.CatalogException) and _NO_TABLE.match(first_line(error))
        if not found:
            return None
        lines = [line for line in str(error).splitlines()[1:] if not line.startswith("Did you")]
        name = found[1]
        if "/" in name:
            hint = ": a query reads the lake, and no other file; --allow-external lifts that"
        elif name in self.views:
            hint = f'; write it in double quotes: "{name}"'
        else:
            hint = did_you_mean(name, [*self.views, *self._lake.aliases])
            hint = (hint or "; SHOW TABLES lists those that there are").replace(":", ",", 1)
        return QueryError("\n".join([f"there is no table {name}{hint}", *filter(None, lines)]))

    def _waited(self, done: threading.Event) -> bool:
        """Wait for a query; interrupt it when it takes too long (True), or when somebody asks."""
        limit = self._bounds.timeout_ms / 1000
        end = time.monotonic() + limit if limit else None
        is_late = False
        try:
            while not done.wait(0.1):
                if end is not None and time.monotonic() > end:
                    is_late = True
                    self._lake.con.interrupt()
        except KeyboardInterrupt:
            while not done.wait(0.1):
                self._lake.con.interrupt()
            raise
        return is_late


def _refusal(error: BaseException, is_late: bool) -> BaseException:
    """Return what to raise for a failure of a query."""
    if isinstance(error, duckdb.InterruptException) and is_late:
        message = "the query took longer than it may; narrow it, or raise --timeout"
        return QueryError(message, is_wrong=False)
    if isinstance(error, duckdb.OutOfMemoryException):
        message = f"the query needs more memory than it may have ({first_line(error)})"
        return QueryError(f"{message}; narrow it, or raise --memory", is_wrong=False)
    if is_damage(error):
        return QueryError(DAMAGE, is_wrong=False)
    if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.IOException):
        return QueryError(told(error))
    return error


def told(error: Exception) -> str:
    """Return what an error of DuckDB says, with its picture of the place."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    if isinstance(error, duckdb.PermissionException):
        return "a query reads the lake and nothing else; --allow-external lifts that\n" + "\n".join(
            [first_line(error), *lines[1:]]
        )
    return "\n".join([first_line(error), *lines[1:]])


def _word(query: str) -> str:
    bare = re.sub(r"/\*.*?\*/|--[^\n]*", " ", query, flags=re.DOTALL).split()
    return bare[0].upper() if bare else "this"


def _is_of(statement: Any, kind: str) -> bool:
    return bool(statement.type.name == kind)


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Return names of columns, of which each is there once."""
    found: dict[str, None] = {}
    for name in names:
        number, unique = 1, name
        while unique in found:
            number += 1
            unique = f"{name}_{number}"
        found[unique] = None
    return tuple(found)
