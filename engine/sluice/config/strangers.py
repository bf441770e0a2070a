"""Find variables that look like settings and set nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from sluice.config.sections import ENV_PREFIX, SECTIONS

#: What is read by its own name; the last two by the tests.
_OWN = frozenset(ENV_PREFIX + name for name in ("CONFIG", "TEST_KAFKA", "TEST_KAFKA_VERSION"))

#: Kubernetes sets these for each service, here one whose name begins with `sluice`.
_PLATFORM = re.compile(
    rf"{ENV_PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_[A-Z]+)?)?)\Z"
)


def is_of_platform(variable: str) -> bool:
    """True for a variable that a platform sets by itself."""
    return _PLATFORM.match(variable.upper()) is not None


def find_strangers(variables: Iterable[str]) -> Mapping[str, str | None]:
    """Return the variables with our prefix that belong to no section, with the one meant.

    They are no error: the prefix is a word of English, and other programs may use it.
    """
    found: dict[str, str | None] = {}
    for variable in sorted(variables):
        name = variable.upper()
        section = name.removeprefix(ENV_PREFIX).partition("_")[0].lower()
        is_ours = section in SECTIONS or name in _OWN or is_of_platform(name)
        if name.startswith(ENV_PREFIX) and not is_ours:
            found[variable] = _meant(name)
    return found


def _meant(name: str) -> str | None:
    known = [
        f"{ENV_PREFIX}{section.upper()}__{each.upper()}"
        for section, names in SECTIONS.items()
        for each in names
    ]
    # Most often the section is left out.
    by_tail = {each.partition("__")[2]: each for each in reversed(known)}
    near = difflib.get_close_matches(name.removeprefix(ENV_PREFIX), by_tail, n=1, cutoff=0.8)
    if near:
        return by_tail[near[0]]
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), None)


def tell_stranger(variable: str, meant: str | None) -> str:
    """Return the sentence that says so."""
    remedy = "`sluice config show --resolved` lists what can be set"
    return f"{variable} sets nothing: {f'did you mean {meant}?' if meant else remedy}"
