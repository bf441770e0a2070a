"""`sluice plugins`: what installed plugins bring, and the beginning of a new one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice import __version__
from sluice.cli import exits
from sluice.cli.loading import plugins_of, settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.plugins import Surveyed

#: The files of a new plugin and the templates that they are made from.
FILES = {
    "pyproject.toml": "pyproject.toml.in",
    "README.md": "README.md.in",
    ".gitignore": "gitignore.in",
    "src/%PACKAGE%/__init__.py": "src/package/__init__.py.in",
    "src/%PACKAGE%/py.typed": "src/package/py.typed.in",
    "rules/%NAME%.sluice": "rules/plugin.sluice.in",
    "tests/test_%NAME%.py": "tests/test_plugin.py.in",
}

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(list=list_, new=new)


def list_(ctx: typer.Context, output: OutputOption = "text") -> None:
    """List the installed plugins: what each brings, and why one is left out."""
    terminal: Terminal = ctx.find_root().obj
    plugins = plugins_of(settings_of(terminal, {}), terminal)
    found = plugins.survey()
    text = "\n".join(_lines(found)) or "no plugins are installed"
    put_report(output, {"plugins": [_document(each) for each in found]}, text)


def _lines(found: Iterable[Surveyed]) -> Iterable[str]:
    for each in found:
        plugin = each.plugin
        yield f"{plugin.name}  ({plugin.distribution} {plugin.version})  {each.state}"
        for kind, names in each.names.items():
            if names:
                yield f"  {kind:<11} {' '.join(sorted(names))}"
        for trouble in each.troubles:
            yield from (f"  {line}" for line in trouble.split("\n"))


def _document(each: Surveyed) -> dict[str, Any]:
    plugin = each.plugin
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "api": plugin.api,
        "state": each.state,
        "brings": {kind: sorted(each.names.get(kind, ())) for kind in plugin.points},
        "troubles": list(each.troubles),
    }


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as geo, for sluice-geo.")],
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="[FOLDER]", show_default=False, help="Where to [default: sluice-NAME]."
        ),
    ] = None,
    output: OutputOption = "text",
) -> int:
    """Write the beginning of a plugin: a function, an action, rules, and tests for all of it."""
    terminal: Terminal = ctx.find_root().obj
    if not _NAME.match(name):
        plain = re.sub(r"\W+", "_", name.lower().removeprefix("sluice-")).strip("_0123456789")
        hint = f", such as {plain}" if _NAME.match(plain) else ""
        message = f"'{name}' must be small letters, digits and _, a letter first{hint}"
        raise typer.BadParameter(message, param_hint="NAME")
    words = {
        "%NAME%": name,
        "%DISTRIBUTION%": f"sluice-{name.replace('_', '-')}",
        "%PACKAGE%": f"sluice_{name}",
        "%SLUICE%": ".".join(__version__.split(".")[:2]),
    }
    root = Path(folder or words["%DISTRIBUTION%"])
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        mark = terminal.paint("error:", "error", sys.stderr)
        terminal.say(f"{mark} {root} is there already; nothing was written")
        put_report(output, {"ok": False, "folder": str(root), "written": []}, "")
        return exits.NO
    written = [_filled(path, words) for path in FILES]
    for path, template in zip(written, FILES.values(), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(_filled(_template(template), words), "utf-8", newline="")
    lines = [f"wrote {root / path}" for path in written]
    lines += ["", "Next:", f"  cd {root}", "  pip install -e '.[test]'", "  pytest"]
    put_report(output, {"ok": True, "folder": str(root), "written": written}, "\n".join(lines))
    return exits.OK


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _template(name: str) -> str:
    from importlib import resources

    path = resources.files("sluice.cli").joinpath("templates").joinpath("plugin")
    for part in name.split("/"):
        path = path.joinpath(part)
    return path.read_text("utf-8")
