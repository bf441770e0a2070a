"""Draw a graph as SVG: Graphviz does it, from the extra `[graph]` or as the program `dot`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

from sluice.errors import ConfigError


def draw_svg(dot: str) -> bytes:
    """Return the picture of a graph in the language of Graphviz.

    ConfigError when there is no Graphviz, or when it fails.
    """
    command = _command()
    if command is None:
        raise ConfigError(
            "a picture needs Graphviz: `pip install 'sluice[graph]'`, or the program `dot` "
            "(apt install graphviz); `--format mermaid` and `--format dot` need neither"
        )
    # In a process of its own: what the library says does not mix with what we say, Ctrl-C ends
    # it, and a crash in it is not ours.
    done = subprocess.run(command, input=dot.encode(), capture_output=True, check=False)
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ConfigError(f"Graphviz cannot draw this: {said[-1] if said else 'it says nothing'}")
    return done.stdout


def _command() -> list[str] | None:
    """Return the command that turns the language of Graphviz into SVG, from stdin to stdout."""
    if importlib.util.find_spec("pygraphviz") is not None:
        # -P: a file of the current folder does not come before the library of the same name.
        return [sys.executable, "-P", "-m", "sluice.cli.drawing"]
    program = shutil.which("dot")
    return None if program is None else [program, "-Tsvg"]


def _draw_stdin() -> None:
    import pygraphviz

    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(graph.draw(format="svg", prog="dot"))


if __name__ == "__main__":
    _draw_stdin()
