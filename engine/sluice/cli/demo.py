"""`sluice demo`: a day of events, rules, what they find, and a picture, in one command."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli import exits
from sluice.cli.init import template
from sluice.cli.options import new_app
from sluice.cli.output import put_bytes
from sluice.errors import ConfigError

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

RULES, EVENTS, LAKE = "rules/shop.sluice", "events.jsonl", "lake"
#: What is asked of the lake.
_FOUND = (
    "SELECT rule, severity, count(*) AS matches, min(time) AS first, max(time) AS last "
    "FROM matches GROUP BY ALL ORDER BY first"
)
_WORST = "SELECT id FROM matches WHERE severity = 'critical' ORDER BY time LIMIT 1"
_PICTURE = (
    'SELECT per_hour("@time") AS hour, count_if(status >= 500) AS failed '
    "FROM shop_request GROUP BY ALL ORDER BY hour"
)

#: What is said before a command, and the command.
Step = tuple[str, tuple[str, ...]]

_FIRST_STEPS: tuple[Step, ...] = (
    ("The tests run on a virtual clock.", ("test", "rules")),
    (
        "The rules read the day; what they see and find goes into a lake.",
        ("run", "-r", "rules", "--lake", LAKE, "--show", "match", EVENTS),
    ),
    ("The lake answers SQL.", ("query", "--lake", LAKE, _FOUND)),
)
_LAST_STEP: Step = (
    "Requests that failed, by hour: the outage stands out.",
    ("query", "--lake", LAKE, "--plot", _PICTURE),
)


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(demo)


def demo(
    ctx: typer.Context,
    folder: Annotated[
        str | None,
        typer.Option("--folder", metavar="DIR", help="Keep rules, events and lake here."),
    ] = None,
) -> int:
    """Show what Sluice does: make a day of events, run rules over it, ask what they found."""
    terminal: Terminal = ctx.find_root().obj
    with _place(folder) as root, contextlib.chdir(root):
        return _Show(terminal, folder).play()


@contextlib.contextmanager
def _place(folder: str | None) -> Iterator[str]:
    """Make the folder; without a name one that goes away again. ConfigError: it is in use."""
    if folder is None:
        made = tempfile.mkdtemp(prefix="sluice-demo-")
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    root = Path(folder)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ConfigError(f"--folder {folder}: it is there already and not empty; name another one")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--folder {folder}: it cannot be made: {error.strerror}") from None
    yield folder


class _Show:
    """The steps, each with the command that does it."""

    def __init__(self, terminal: Terminal, folder: str | None) -> None:
        self._terminal, self._folder = terminal, folder

    def play(self) -> int:
        """Do all steps; the exit code of the first that fails."""
        count = _write_files()
        if self._folder is not None:
            self._shell("cd", self._folder)
        self._say(
            f"{EVENTS} holds a day of a small shop: {count:,} events. {RULES} holds three rules "
            "with their tests."
        )
        if code := self._steps(_FIRST_STEPS):
            return code
        match = self._worst()
        why: Step = (
            "Why did the worst of them fire?",
            ("why", match, "-r", "rules", "--lake", LAKE),
        )
        if code := self._steps((why, _LAST_STEP)):
            return code
        self._farewell(match)
        return exits.OK

    def _steps(self, steps: Sequence[Step]) -> int:
        """Do some steps; the exit code of the first that fails."""
        from sluice.cli.app import execute

        for about, argv in steps:
            self._say(about)
            self._shell("sluice", *argv)
            code = execute([*argv, "--color", self._terminal.color])
            if code:
                return code
        return exits.OK

    def _worst(self) -> str:
        """Return the id of the match to be explained."""
        from sluice.shells import Bounds, Desk

        with Desk(LAKE, Bounds()) as desk:
            ((found,),) = desk.ask(_WORST).rows
        return str(found)[:12]

    def _farewell(self, match: str) -> None:
        if self._folder is None:
            self._say(
                "All of this was in a folder that is gone now. To keep it, and go on:\n"
                "  sluice demo --folder demo"
            )
            return
        self._say(
            f"Go on in {self._folder}: change a rule and run it again, or make the match a test:\n"
            f"  sluice capture {match} -r rules --lake {LAKE}"
        )

    def _shell(self, *words: str) -> None:
        line = self._terminal.paint(f"$ {shlex.join(words)}", "bold", sys.stdout)
        put_bytes(f"{line}\n".encode())

    def _say(self, text: str) -> None:
        put_bytes(f"\n{text}\n".encode())


def _write_files() -> int:
    """Write rules and events; return how many events there are."""
    from sluice.shells import demo_events

    Path(RULES).parent.mkdir(exist_ok=True)
    Path(RULES).write_text(template(f"demo/{RULES}"), "utf-8", newline="")
    count = 0
    with open(EVENTS, "xb") as file:
        for line in demo_events():
            file.write(line)
            count += 1
    return count
