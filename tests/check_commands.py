"""The commands of `testdata/check` and `testdata/plan/lower_*`: rule texts in, findings or a plan
out.

A line `== PATH` begins a further file; the first one is `a.sluice`. `check` is silent about rules
without a test unless it is told `all`; `set=pack.name:VALUE` replaces a param.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from sluice.catalog import builtins
from sluice.errors import picture
from sluice.lang import Checked, Texts, check, load
from sluice.model import Type
from sluice.plan import lower
from sluice.testing.datadriven import Args, Command


def read_files(text: str) -> dict[str, str]:
    """Split an input into its files."""
    files: dict[str, list[str]] = {"a.sluice": []}
    current = files["a.sluice"]
    for line in text.split("\n"):
        if line.startswith("== "):
            current = files.setdefault(line[3:].strip(), [])
        else:
            current.append(line)
    return {path: "\n".join(lines) for path, lines in files.items()}


def checked(args: Args, text: str) -> Checked:
    """Load and check the files of an input; only the first one and those named `root=` run."""
    files = read_files(text)
    roots = ["a.sluice", *args.named.get("root", "").split(",")]
    overrides = dict(o.split(":", 1) for o in args.named.get("set", "").split(",") if o)
    silence = () if "all" in args.words else ("SL0511",)
    retention = args.named.get("retention")
    return check(
        load([r for r in roots if r], Texts(files)), builtins(), overrides, silence=silence,
        retention_ms=None if retention is None else int(retention),
    )  # fmt: skip


def pictures(found: Checked) -> str:
    """Draw all findings."""
    drawn = [picture(d, found.texts.get(d.span.file)) for d in found.diagnostics]
    return "\n".join(drawn) or "no findings"


def _check(args: Args, text: str) -> str:
    return pictures(checked(args, text))


def _lower(args: Args, text: str) -> str:
    found = checked(args, text)
    if not found.is_ok:
        return pictures(found)
    plan = lower(found, builtins())
    out = [show(rule) for rule in plan.rules] + [show(extract) for extract in plan.extracts]
    if "schemas" in args.words:
        for schema in plan.schemas.values():
            row = [f"{n}: {f.type}{'?' * f.optional}" for n, f in schema.fields.items()]
            out.append(f"{schema.name} {{ {'  '.join(row)} }}")
    if "lists" in args.words:
        named = (*plan.lists.items(), *plan.tables.items())
        out += [f"{name} {show(entries)}" for name, entries in named]
    return "\n".join(out)


#: What `version_of` makes of a rule is pinned elsewhere.
HIDDEN = ("version",)


def show(node: Any) -> str:
    """Write a node of a plan; what has its default value is left out."""
    match node:
        case Type():
            return str(node)
        case tuple():
            return f"[{' '.join(show(each) for each in node)}]"
        case Mapping():
            return "{" + ", ".join(f"{k}: {show(v)}" for k, v in node.items()) + "}"
        case str():
            return repr(node)
    if not is_dataclass(node):
        return str(node)
    parts = []
    for each in fields(node):
        value = getattr(node, each.name)
        if each.name in HIDDEN or (each.default is not MISSING and value == each.default):
            continue
        word = "" if each.default is MISSING else f"{each.name}="
        parts.append(f"{word}{show(value)}")
    return f"({' '.join([type(node).__name__, *parts])})"


COMMANDS: Mapping[str, Command] = {"check": _check, "lower": _lower}
