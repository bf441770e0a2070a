"""Hold rules to an earlier state of them: which matches are new, gone, or the same."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from sluice.errors import ConfigError
from sluice.model import Counted, Match
from sluice.plan import Plan
from sluice.shells.backtest.engine import decide_all
from sluice.shells.backtest.request import Chosen, Job, Read, Taker
from sluice.timing import format_instant

#: How many matches of a rule are named, new ones and gone ones each.
NAMED_MAX = 5

#: What makes two matches the same whatever the rule's version: (time, key as JSON).
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the matches of a rule; `new` and `gone` name the first of them."""

    rule: str
    same: int
    new_count: int
    gone_count: int
    new: tuple[Name, ...]
    gone: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How rules differ from an earlier state of them, rule by rule."""

    changes: tuple[Change, ...]
    read: Read
    chosen: Chosen


@contextmanager
def earlier_rules(state: str, paths: Sequence[str]) -> Iterator[list[str]]:
    """Give the rule files of an earlier state: a folder, or a revision of git.

    ConfigError when it is neither.
    """
    if os.path.isdir(state):
        yield [state]
        return
    with tempfile.TemporaryDirectory(prefix="sluice-against-") as folder:
        yield [_checked_out(state, path, folder) for path in paths]


def _checked_out(revision: str, path: str, folder: str) -> str:
    """Put a path as it was at a revision, with the folder it lies in, below another folder."""
    around = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    top = _git(around, revision, "rev-parse", "--show-toplevel").decode().strip()
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(top))
    wanted = os.path.relpath(os.path.realpath(around), os.path.realpath(top))
    _git(top, revision, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    packed = _git(top, revision, "archive", "--format=tar", revision, "--", wanted)
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:  # Python 3.11.0 to 3.11.3 have no filters; what git packs itself needs none.
            archive.extractall(folder)
    found = os.path.join(folder, inside)
    if not os.path.exists(found):
        raise ConfigError(f"--against {revision}: {path} was not there")
    return found


def _git(folder: str, revision: str, *words: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"--against {revision}: git cannot be asked: {error}") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = told[0] if told else "there is no such folder or revision"
        raise ConfigError(f"--against {revision}: {reason}")
    return done.stdout


def compare_rules(job: Job, earlier: Plan, engine: str, *, is_whole: bool = True) -> Comparison:
    """Decide the events of a job by its rules and by earlier ones, in one pass where SQL can.

    Rules that there are no more are looked at too, if the job `is_whole`.
    """
    now, before = _Named(), _Named()
    gone = {rule.name for rule in earlier.rules if not rule.disabled} if is_whole else set()
    names = job.rules | gone
    plans = [(job.plan, Taker(now.add)), (earlier, Taker(before.add))]
    read, chosen = decide_all(Job(job.plan, job.catalog, job.request, names, job.codecs), plans,
                              engine)  # fmt: skip
    changes = tuple(_change(name, now.of(name), before.of(name)) for name in sorted(names))
    return Comparison(changes, read, chosen)


class _Named:
    """The matches of each rule by time and key."""

    def __init__(self) -> None:
        self._rules: dict[str, Counter[Name]] = {}

    def add(self, found: Match | Counted) -> None:
        """Take a match in."""
        name = format_instant(found.time), json.dumps(found.key, ensure_ascii=False)
        self._rules.setdefault(found.rule, Counter())[name] += 1

    def of(self, rule: str) -> Counter[Name]:
        """Return the matches of a rule."""
        return self._rules.get(rule, Counter())


def _change(rule: str, now: Counter[Name], before: Counter[Name]) -> Change:
    new, gone = sorted((now - before).elements()), sorted((before - now).elements())
    same = (now & before).total()
    return Change(rule, same, len(new), len(gone), tuple(new[:NAMED_MAX]), tuple(gone[:NAMED_MAX]))
