"""`sluice init`: write a configuration, a first rule with its tests, and sample events."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli import exits
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

#: What is written, in the order in which it is told.
FILES = ("sluice.toml", "rules/example.sluice", "examples/events.jsonl")


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(init)


def init(
    ctx: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="[FOLDER]", show_default=False, help="Where to [default: .].")
    ] = ".",
    output: OutputOption = "text",
) -> int:
    """Write a configuration, a first rule with its tests, and sample events; overwrite nothing."""
    terminal: Terminal = ctx.find_root().obj
    root = Path(folder)
    there = [name for name in FILES if (root / name).exists()]
    if there:
        mark = terminal.paint("error:", "error", sys.stderr)
        for name in there:
            terminal.say(f"{mark} {root / name} is there already")
        terminal.say("Nothing was written. Choose another folder, or move these files away.")
        put_report(output, {"ok": False, "written": [], "there": there}, "")
        return exits.NO
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with open(root / name, "x", encoding="utf-8", newline="") as file:
            file.write(template(name))
    lines = [f"wrote {root / name}" for name in FILES]
    lines += ["", "Next:", *([f"  cd {folder}"] if folder != "." else [])]
    lines += ["  sluice test", f"  sluice run {FILES[2]}"]
    put_report(output, {"ok": True, "written": list(FILES), "there": []}, "\n".join(lines))
    return exits.OK


def template(name: str) -> str:
    """Return the text of a file that comes with the command line."""
    from importlib import resources

    path = resources.files("sluice.cli").joinpath("templates")
    for part in name.split("/"):
        path = path.joinpath(part)
    return path.read_text("utf-8")
