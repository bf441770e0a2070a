"""`sluice functions`: what rules can call, and what it gives."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.loading import plugins_of, settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.catalog import Description
    from sluice.cli.terminal import Terminal
    from sluice.plugins import Plugins

_NEAR_MAX, _NEAR_MIN = 3, 0.7
_ASIDE = re.compile(r" \([^()]*\)")
#: A colon after a few words belongs to what they say.
_END = re.compile(r"[.;] |(?<=.{24}): ")


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(functions)


def functions(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", show_default=False, help="A name, or that of a group."),
    ] = None,
    output: OutputOption = "text",
) -> None:
    """Look up functions, aggregates and actions: what they take and give, with an example."""
    from sluice.catalog import builtins, describe

    terminal: Terminal = ctx.find_root().obj
    plugins = plugins_of(settings_of(terminal, {}), terminal)
    entries = describe(plugins.complete(builtins()))
    in_full = [each for each in entries if each.name == name]
    listed = [each for each in entries if name in (None, each.group)]
    if not in_full and not listed:
        raise typer.BadParameter(_unknown(str(name), entries, plugins), param_hint="NAME")
    text = "\n\n".join(map(_in_full, in_full)) if in_full else "\n".join(_list(listed))
    document = {"functions": [_document(each) for each in in_full or listed]}
    put_report(output, document, text)


def _unknown(name: str, entries: Iterable[Description], plugins: Plugins) -> str:
    known = {word for each in entries for word in (each.name, each.group)}
    near = difflib.get_close_matches(name, sorted(known), n=_NEAR_MAX, cutoff=_NEAR_MIN)
    is_left_out = name.partition(".")[0] in plugins.left_out
    is_plugins = is_left_out or ("." in name and not near)
    if is_plugins and (reason := plugins.why_not(name)):
        return f"there is no function, aggregate or action '{name}': {reason}"
    hint = f", did you mean {' or '.join(near)}?" if near else "; `sluice functions` lists them all"
    return f"there is no function, aggregate or action '{name}'{hint}"


def _list(entries: Iterable[Description]) -> Iterator[str]:
    """Yield groups, and a line for each entry: its name and what it does."""
    for number, (group, members) in enumerate(groupby(entries, key=lambda each: each.group)):
        if number:
            yield ""
        yield group
        for each in members:
            yield f"  {each.name:<17} {_in_short(each.doc)}"


def _in_short(doc: str) -> str:
    """Return the first statement of a text, without what it says in detail."""
    text = _ASIDE.sub("", " ".join(doc.split()))
    return _END.split(text, maxsplit=1)[0].rstrip(".")


def _in_full(entry: Description) -> str:
    result = f": {entry.result}" if entry.result else ""
    value = f"  is  {entry.value}" if entry.value is not None else ""
    kind = entry.kind if entry.kind != "function" else f"function of the group {entry.group}"
    return (
        f"{entry.signature}{result}\n  {kind}\n\n{' '.join(entry.doc.split())}\n\n"
        f"  {entry.example}{value}"
    )


def _document(entry: Description) -> dict[str, Any]:
    return {
        "name": entry.name, "kind": entry.kind, "group": entry.group, "signature": entry.signature,
        "result": entry.result, "doc": entry.doc, "example": entry.example, "value": entry.value,
    }  # fmt: skip
