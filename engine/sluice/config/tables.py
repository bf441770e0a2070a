"""Settings in tables of a section: `[kafka.security]`, `[kafka.topics.NAME]`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sluice.config.sections import ENV_PREFIX, SECRETS, TABLES

Table = dict[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def laid_over(low: Table, high: Table) -> Table:
    """Return one layer of settings over another; who sets one of a table leaves the others."""
    found = dict(low)
    for name, value in high.items():
        below = found.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            found[name] = laid_over(below, value)
        else:
            found[name] = value
    return found


def leaf_keys(table: Table, above: str = "") -> Iterator[str]:
    """Yield the keys of all values of a document, as `key_lines` writes them."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaf_keys(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def shown_leaves(key: str, part: Table) -> Iterator[tuple[str, Any]]:
    """Yield the settings of a section, those of its tables too, by their keys as TOML has them.

    What the table of a topic leaves open is left out.
    """
    for name, value in part.items():
        full = f"{key}.{name if _BARE.match(name) else json.dumps(name)}"
        if full in TABLES:
            yield from shown_leaves(full, value)
        elif f"{full}.*" in TABLES:
            yield from ((f"{full}", {}),) if not value else shown_leaves(full, value)
        elif f"{key}.*" in TABLES:
            given = {n: v for n, v in value.items() if v is not None}
            yield from shown_leaves(full, given) if given else ((full, {}),)
        else:
            yield full, value


def secrets_in(document: Table) -> Iterator[tuple[str, str]]:
    """Yield the keys of secrets that stand in a document, and what to do instead."""
    for key in leaf_keys(document):
        if key in SECRETS:
            variable = ENV_PREFIX + key.upper().replace(".", "__")
            instead = SECRETS[key].rpartition(".")[2]
            yield key, f"{key}: a secret does not stand here; name its {instead}, or set {variable}"
