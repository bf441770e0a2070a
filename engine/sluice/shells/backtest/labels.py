"""Labels: what really happened, by key and time; how many matches it explains, how many it lacks.

A file of JSON lines (`{"key": …, "from": …, "to": …}`) or CSV with these columns. The key is an
object, or for a key of one part its value; in CSV `name=value` pairs with blanks between, or the
value. With `rule` a label is about that rule alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import ConfigError, InputError
from sluice.timing import Instant, parse_instant


@dataclass(slots=True)
class Label:
    """A key (None as a name: the only part), a time (bounds inclusive), and who found it."""

    line: int
    key: dict[str | None, str]
    low: Instant
    high: Instant
    rule: str | None = None
    found_by: set[str] = field(default_factory=set)

    def fits(self, record: Mapping[str, Any], start: Instant, end: Instant) -> bool:
        """Say whether a match is about this label: same key, and their times meet."""
        if self.rule is not None and self.rule not in (
            record["rule"], record["rule"].rpartition(".")[2]
        ):  # fmt: skip
            return False
        if start > self.high or end < self.low:
            return False
        key = record["key"]
        if set(self.key) == {None}:
            return len(key) == 1 and _text(next(iter(key.values()))) == self.key[None]
        return all(name in key and _text(key[name]) == held for name, held in self.key.items())


@dataclass(frozen=True, slots=True)
class Score:
    """How a rule did: its matches, those that a label explains, labels and those it found."""

    rule: str
    matches: int
    right: int
    labels: int
    found: int

    @property
    def precision(self) -> float | None:
        """The share of matches that a label explains; None without matches."""
        return self.right / self.matches if self.matches else None

    @property
    def recall(self) -> float | None:
        """The share of labels that it found; None without labels."""
        return self.found / self.labels if self.labels else None


class Labels:
    """The labels of a file, held to matches as they come."""

    def __init__(self, labels: list[Label]) -> None:
        self.labels = labels
        self._matches: dict[str, list[int]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a match in."""
        start, end = parse_instant(record["start"]), parse_instant(record["time"])
        assert start is not None and end is not None
        counts = self._matches.setdefault(record["rule"], [0, 0])
        counts[0] += 1
        hits = [label for label in self.labels if label.fits(record, min(start, end), end)]
        counts[1] += bool(hits)
        for label in hits:
            label.found_by.add(record["rule"])

    def scores(self, rules: list[str]) -> list[Score]:
        """Return how each rule did, and all together under the name ""."""
        found = [self._score(rule) for rule in rules]
        total = Score(
            "", sum(s.matches for s in found), sum(s.right for s in found), len(self.labels),
            sum(bool(label.found_by) for label in self.labels),
        )  # fmt: skip
        return [*found, total]

    @property
    def missed(self) -> list[Label]:
        """The labels that no match is about."""
        return [label for label in self.labels if not label.found_by]

    def _score(self, rule: str) -> Score:
        matches, right = self._matches.get(rule, (0, 0))
        own = [
            label for label in self.labels if label.rule in (None, rule, rule.rpartition(".")[2])
        ]
        return Score(rule, matches, right, len(own), sum(rule in label.found_by for label in own))


def read_labels(path: str) -> Labels:
    """Read a file of labels; InputError and ConfigError say where it is wrong."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    is_json = text.lstrip()[:1] == "{"
    labels = _from_json(path, text) if is_json else _from_csv(path, text)
    if not labels:
        raise ConfigError(f"{path} holds no labels")
    return Labels(labels)


def _from_json(path: str, text: str) -> list[Label]:
    labels = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{path}, line {number}: not JSON: {error}") from None
        if not isinstance(held, dict):
            raise ConfigError(f"{path}, line {number}: a label is an object")
        labels.append(_label(path, number, held))
    return labels


def _from_csv(path: str, text: str) -> list[Label]:
    rows = csv.DictReader(text.splitlines())
    lacking = {"key", "from", "to"} - set(rows.fieldnames or ())
    if lacking:
        raise ConfigError(f"{path}: the first line names no column {', '.join(sorted(lacking))}")
    return [_label(path, rows.line_num, row) for row in rows]


def _label(path: str, line: int, held: Mapping[str, Any]) -> Label:
    where = f"{path}, line {line}"
    times = []
    for name in ("from", "to"):
        value = held.get(name)
        at = parse_instant(value) if isinstance(value, str) else value
        if not isinstance(at, int) or isinstance(at, bool):
            raise ConfigError(f"{where}: {name} is no time: {value!r}")
        times.append(at)
    if times[0] > times[1]:
        raise ConfigError(f"{where}: from is after to")
    key = held.get("key")
    if key is None or key == "":
        raise ConfigError(f"{where}: there is no key")
    return Label(line, _key(key), times[0], times[1], held.get("rule") or None)


def _key(held: Any) -> dict[str | None, str]:
    if isinstance(held, dict):
        return {name: _text(value) for name, value in held.items()}
    text = _text(held)
    pairs = [part.partition("=") for part in text.split()]
    if all(name and equals for name, equals, _ in pairs):
        return {name: value for name, _, value in pairs}
    return {None: text}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
