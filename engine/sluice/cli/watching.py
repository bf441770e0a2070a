"""Do something again whenever files change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence

from sluice.cli import exits
from sluice.cli.terminal import Terminal, show_failure
from sluice.errors import SluiceError

#: Changes that come together are one: editors write a file in several steps.
DEBOUNCE_MS = 300

_SHOWN_MAX = 3


def repeat(paths: Sequence[str], once: Callable[[], int], terminal: Terminal) -> int:
    """Call `once` now, and again after each change below the paths, until Ctrl-C.

    A first call that fails for want of a file ends it; later ones say what is wrong and wait on.
    """
    from watchfiles import watch

    once_more(once, terminal, is_first=True)
    folders = watched_folders(paths)
    where = ", ".join(folders)
    terminal.say(f"watching {where}; Ctrl-C ends")
    # KeyboardInterrupt comes out of it, as out of anything else.
    for changes in watch(*folders, debounce=DEBOUNCE_MS, step=50):
        terminal.say(f"\n{changed_text(sorted({path for _, path in changes}))}")
        once_more(once, terminal)
        terminal.say(f"watching {where}; Ctrl-C ends")
    return exits.OK


async def changes_below(
    paths: Sequence[str], files: Sequence[str], stop: asyncio.Event
) -> AsyncGenerator[tuple[list[str], str]]:
    """Yield the files that have changed below the paths or among the files, and a text about it.

    Of files elsewhere nothing but themselves is watched: what is beside them may be anything.
    """
    from watchfiles import awatch

    folders = watched_folders(paths)
    inside = tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)
    single = [f for f in files if os.path.exists(f) and not os.path.abspath(f).startswith(inside)]
    watched = [*folders, *single]
    async for changes in awatch(*watched, debounce=DEBOUNCE_MS, step=50, stop_event=stop):
        changed = sorted({path for _, path in changes})
        yield changed, changed_text(changed)


def once_more(once: Callable[[], int], terminal: Terminal, *, is_first: bool = False) -> None:
    """Call it; a failure that a change of a file can mend is told, and no reason to end."""
    try:
        once()
    except (SluiceError, OSError) as error:
        code = exits.exit_code(error)
        if is_first and code == exits.NO_INPUT:
            raise
        show_failure(error, code, terminal)


def watched_folders(paths: Sequence[str]) -> list[str]:
    """Return the folders to watch: that of a file, since editors put a new file in its place."""
    folders = (path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths)
    return list(dict.fromkeys(folders))


def changed_text(paths: Sequence[str]) -> str:
    """Say which files changed, relative to the working directory where they lie below it."""
    here = os.getcwd()
    names = [os.path.relpath(path) if path.startswith(here + os.sep) else path for path in paths]
    more = f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else ""
    return f"changed: {', '.join(names[:_SHOWN_MAX])}{more}"
