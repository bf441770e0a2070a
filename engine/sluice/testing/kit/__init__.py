"""Hold what a plugin brings against what Sluice expects of it: the conformance kit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sluice.catalog import Action, Aggregate, Catalog, Function, builtins
from sluice.model import Type
from sluice.plugins import guarded
from sluice.testing.kit.aggregates import check_aggregate
from sluice.testing.kit.codecs import check_codec
from sluice.testing.kit.functions import check_function
from sluice.testing.kit.watched import Watched
from sluice.testing.kit.words import check_action, check_words

Entry = Function | Aggregate | Action


def check_entries(entries: Iterable[Entry], plugin: str | None = None) -> list[str]:
    """Return what is wrong with functions, aggregates and actions, a sentence each.

    It looks at names, docs and parameters, computes the examples with the engine, and calls what
    can be called with many values, odd ones among them. `plugin` is the name with which theirs
    begin. It takes some tenths of a second for each entry, and calls nothing for longer than a
    second.
    """
    given = [*entries]
    watched = Watched()
    catalog = builtins().with_entries(guarded(entry, "", watched.guards) for entry in given)
    found: list[str] = []
    with watched.watching():
        for entry in given:
            watched.begin(entry.name)
            wrong = check_words(entry, plugin) + _computed(entry, catalog, watched, plugin)
            found += [f"{entry.name}: {each}" for each in (*wrong, *watched.findings)]
    counts = Counter((type(entry), entry.name) for entry in given)
    found += [
        f"{name}: it is there {count} times" for (_, name), count in counts.items() if count > 1
    ]
    return found


def _computed(entry: Entry, catalog: Catalog, watched: Watched, plugin: str | None) -> list[str]:
    """Return what is wrong with what an entry does."""
    if isinstance(entry, Action):
        return check_action(entry, catalog)
    if plugin is not None and not isinstance(entry.result, Type):
        return ["the result must be a Type (ANY where it can be anything)"]
    if isinstance(entry, Aggregate):
        return check_aggregate(entry, catalog, watched)
    return check_function(entry, catalog, watched)


__all__ = ["check_codec", "check_entries"]
