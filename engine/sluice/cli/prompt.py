"""The prompt of `sluice query`: statements that end in `;`, a history, names that complete."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from sluice.cli import exits
from sluice.cli.answers import Form, picture, put_all, tell, terminal_width, written

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.shells import Desk

HISTORY_LINES_MAX = 1_000
_WORDS = (
    "SELECT FROM WHERE GROUP BY ORDER LIMIT COUNT DISTINCT JOIN USING HAVING AND OR NOT BETWEEN "
    "DESC DESCRIBE SHOW TABLES WITH CASE WHEN THEN ELSE END per_minute per_hour per_day per( "
    "during( timeline( events_of("
).split()
_FORMS = tuple(form for form in get_args(Form) if form != "parquet")
HELP = f"""\
A statement ends with ; and may take several lines.
  .tables          the tables and types of the lake
  .columns NAME    the columns of one
  .output FORM     {" ".join(_FORMS)}
  .plot            draw the next answers, or no more
  .quit            leave (so does Ctrl-D)
"""


class _Session:
    def __init__(self, desk: Desk, terminal: Terminal, form: str) -> None:
        self.desk, self.terminal = desk, terminal
        self.form, self.is_plot = form, False

    def ask(self, sql: str) -> None:
        """Answer a statement, or say why not."""
        from sluice.shells import QueryError

        try:
            answer = self.desk.ask(sql)
            if self.is_plot:
                put_all([picture(answer, terminal_width()).encode()])
            else:
                put_all(written(answer, self.form))
        except QueryError as error:
            tell(self.terminal, error)
        except KeyboardInterrupt:
            self.terminal.say("interrupted")

    def command(self, line: str) -> bool:
        """Do what a line with a dot asks for; False: leave."""
        word, _, rest = line.partition(" ")
        match word:
            case ".quit" | ".exit":
                return False
            case ".tables":
                put_all([f"{name}\n".encode() for name in self.desk.views])
            case ".columns" if rest.strip():
                self.ask(f'DESCRIBE "{rest.strip()}"')
            case ".output" if rest.strip() in _FORMS:
                self.form = rest.strip()
            case ".plot":
                self.is_plot = not self.is_plot
            case _:
                put_all([HELP.encode()])
        return True


def converse(desk: Desk, terminal: Terminal, form: str) -> int:
    """Answer statements from the terminal until it ends."""
    session = _Session(desk, terminal, form)
    with _history(desk):
        if not terminal.quiet:
            terminal.say("SQL that ends with ; or .help; Ctrl-D leaves")
        pending = ""
        while True:
            try:
                line = input("...> " if pending else "lake> ")
            except EOFError:
                terminal.say("")
                break
            except KeyboardInterrupt:
                terminal.say("")
                pending = ""
                continue
            if not pending and line.strip().startswith("."):
                if not session.command(line.strip()):
                    break
                continue
            pending = f"{pending}\n{line}" if pending else line
            if pending.rstrip().endswith(";"):
                session.ask(pending)
                pending = ""
            elif not pending.strip():
                pending = ""
    return exits.IO_FAILED if desk.troubles else exits.OK


@contextlib.contextmanager
def _history(desk: Desk) -> Iterator[None]:
    """Keep what is typed, and complete names, where the terminal can do that."""
    try:
        import readline
    except ImportError:
        yield
        return
    path = _history_file()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES_MAX)
    readline.set_completer_delims(" \t\n,()=<>+-*/;'")
    readline.set_completer(Completer(desk).complete)
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)


class Completer:
    """Completes words of SQL, tables, types, and columns of what the line names."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._columns: dict[str, list[str]] = {}
        self._found: list[str] = []

    def complete(self, text: str, state: int) -> str | None:
        """Return the completion of this number, None when there are no more."""
        if state == 0:
            self._found = self.candidates(text)
        return self._found[state] if state < len(self._found) else None

    def candidates(self, text: str, line: str | None = None) -> list[str]:
        """List what a word can become in a line."""
        if line is None:
            import readline

            line = readline.get_line_buffer()
        names = [_as_name(view) for view in self._desk.views]
        columns = [
            _as_name(column)
            for view in self._desk.views
            if re.search(rf"(?<!\w){re.escape(view)}(?!\w)", line)
            for column in self._of(view)
        ]
        bare = text.lower()
        pool = dict.fromkeys([*columns, *names, *_WORDS])
        return [word for word in pool if word.lower().lstrip('"').startswith(bare.lstrip('"'))]

    def _of(self, view: str) -> list[str]:
        if view not in self._columns:
            self._columns[view] = self._desk.columns(view)
        return self._columns[view]


def _as_name(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f'"{name}"'


def _history_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(Path.home(), ".local", "state")
    return Path(state) / "sluice" / "query_history"
