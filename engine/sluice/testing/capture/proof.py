"""Run captured tests where they are to stand, before they are written there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath

from sluice.catalog import Catalog
from sluice.lang import Loader, check, load
from sluice.plan import lower
from sluice.testing.capture.literals import NotCaptured
from sluice.testing.rules import Suite


@dataclass(frozen=True, slots=True)
class _Overlay:
    """Rule files, of which one is to be another."""

    below: Loader
    path: str
    text: str

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return self.text if path == self.path else self.below.read(path)


@dataclass(frozen=True, slots=True)
class Draft:
    """A file of rules as it is to be, and the others that belong to it, with what reads them."""

    path: str
    text: str
    others: Sequence[str]
    loader: Loader


def prove(
    draft: Draft, catalog: Catalog, overrides: Mapping[str, str], rule: str,
    claims: Collection[str],
) -> None:  # fmt: skip
    """Run the tests of these claims as they are to be; `overrides` are params by full name.

    NotCaptured says what does not pass, or that the file would have errors.
    """
    path = normpath(draft.path)
    ruleset = load([*draft.others, path], _Overlay(draft.loader, path, draft.text))
    checked = check(ruleset, catalog, dict(overrides))
    if not checked.is_ok:
        first = next(d for d in checked.diagnostics if d.severity == "error")
        raise NotCaptured(
            f"{path} would have an error in line {first.span.line}: {first.code} {first.message}"
        )
    suite = Suite(ruleset, catalog, checked, lower(checked, catalog))
    for test in checked.tests:
        if test.rule == rule and test.test.claim in claims:
            for failure in suite.result(test).failures:
                raise NotCaptured(
                    f'the test "{test.test.claim}" would not pass: expected {failure.expected}, '
                    f"and there is {failure.actual}"
                )
