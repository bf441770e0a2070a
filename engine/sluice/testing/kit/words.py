"""What people read of an entry: its name, its doc, its parameters, its example."""

from __future__ import annotations

import re
from typing import Any

from sluice.catalog import Action, Aggregate, Catalog, Function, Parameter
from sluice.lang import Texts, check, load

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_PATH = "example.sluice"


def check_words(entry: Function | Aggregate | Action, plugin: str | None) -> list[str]:
    """Return what is wrong with the name, the doc and the parameters of an entry."""
    found = []
    if not _NAME.match(entry.name):
        found.append("the name is not made of small letters, digits and _, with dots between")
    if plugin is not None and not entry.name.startswith(f"{plugin}."):
        found.append(f"the name does not begin with '{plugin}.'")
    found += check_doc(entry.doc)
    found += _check_params(entry.params)
    example = entry.example if isinstance(entry, Action) else entry.example[0]
    if f"{entry.name}(" not in example:
        found.append(f"the example does not call it: {example}")
    return found


def check_doc(doc: str) -> list[str]:
    """Return what is wrong with a doc, which is one or more sentences on one line."""
    if not doc.strip():
        return ["the doc is empty"]
    if not doc[0].isupper() or not doc.endswith(".") or "\n" in doc:
        return ["the doc is not made of whole sentences on one line"]
    return []


def _check_params(params: tuple[Parameter, ...]) -> list[str]:
    found = []
    names = [param.name for param in params]
    optional = [param.optional or param.variadic for param in params]
    if len(set(names)) < len(names):
        found.append("two parameters have one name")
    if sorted(optional) != optional:
        found.append("a parameter that can be left out stands before one that cannot")
    if any(param.variadic for param in params[:-1]):
        found.append("a parameter that takes many is not the last")
    return found


def check_action(entry: Action, catalog: Catalog) -> list[str]:
    """Return what the language has against the example of an action."""
    return errors_in(f"rule example {{ when sample\n{entry.example}\n}}", catalog)


def errors_in(text: str, catalog: Catalog) -> list[str]:
    """Return the errors of a rule that an example was made into."""
    checked = check(load([_PATH], Texts({_PATH: text})), catalog)
    errors: list[Any] = [each for each in checked.diagnostics if each.severity == "error"]
    return [f"the example is no rule text: {each.code} {each.message}" for each in errors]
