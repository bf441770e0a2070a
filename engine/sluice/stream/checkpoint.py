"""Checkpoints: the state of a pipeline as bytes, a header and one record a key.

A rule is known by its name and version: the state of a rule that did not change is taken over,
that of a changed or removed one is left out. Rows are written by the names of their fields, so
other rules may read other fields without harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import msgspec

from sluice.errors import CheckpointError
from sluice.model import INT_MAX, INT_MIN, Key, Row
from sluice.stream.keyed import KeyedStates, LeanStates, as_key
from sluice.stream.report import Cooling, Reporter
from sluice.stream.silence import SilenceOperator

#: The layout of the bytes, and those that can be read. Format 1 had no clocks of sweeps, and
#: counted what was dropped without its cap, so its count is not taken over.
FORMAT, READABLE = 2, (1, 2)

#: Extension values: a row; an integer of more than 64 bits.
_ROW, _INTEGER = 1, 2


class Keeper(Protocol):
    """An operator, as far as its state is concerned."""

    def save(self, keys: Iterable[Key] | None = None) -> Iterator[tuple[Key, list[Any]]]:
        """Yield the state of each key, or of some."""
        ...

    def load(self, key: Key, saved: list[Any]) -> None:
        """Take the state of a key."""
        ...


class Rows(Protocol):
    """What writes rows as plain data and reads them again."""

    def row_state(self, row: Any) -> list[Any]:
        """Return a row as plain data."""
        ...

    def row_from(self, state: list[Any]) -> Row:
        """Return the row that plain data stand for."""
        ...


class Records:
    """Writes and reads the records of a checkpoint: length before each, msgpack inside."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ext_hook=self._row)

    def _row(self, code: int, text: memoryview) -> Row | int:
        if code == _INTEGER:
            return int(bytes(text))
        return self._rows.row_from(self._decoder.decode(text))

    def write(self, record: Any) -> bytes:
        """Return a record as bytes."""
        body = self._encoder.encode(self._plain(record))
        return len(body).to_bytes(4, "big") + body

    def _plain(self, value: Any) -> Any:
        """Replace rows, which msgpack would write as maps, by extension values."""
        if isinstance(value, list | tuple):
            return [self._plain(v) for v in value]
        if isinstance(value, dict):
            return {k: self._plain(v) for k, v in value.items()}
        if isinstance(value, msgspec.Struct):
            return msgspec.msgpack.Ext(
                _ROW, self._encoder.encode(self._plain(self._rows.row_state(value)))
            )
        if value.__class__ is int and not INT_MIN <= value <= INT_MAX:
            return msgspec.msgpack.Ext(_INTEGER, str(value).encode())
        return value

    def read(self, text: bytes) -> Iterator[Any]:
        """Yield the records of a checkpoint; CheckpointError when it is cut short or foreign."""
        at = 0
        while at < len(text):
            size = int.from_bytes(text[at : at + 4], "big")
            body = text[at + 4 : at + 4 + size]
            at += 4 + size
            if len(body) != size:
                raise CheckpointError("the checkpoint is cut short; remove it to start anew")
            try:
                yield self._decoder.decode(body)
            except (msgspec.DecodeError, ValueError, TypeError) as error:
                raise CheckpointError(f"the checkpoint cannot be read: {error}") from error


def save_rules(
    records: Records, reporters: list[Reporter], operators: list[Any]
) -> Iterator[bytes]:
    """Yield the records of all rules: one for the rule, one for each of its keys."""
    for reporter, operator in zip(reporters, operators, strict=True):
        yield records.write(rule_record(reporter, operator))
        for key, state in operator.save():
            yield records.write(["key", key, state])
        if operator.unseen is not None:
            for key, state in operator.unseen.save():
                yield records.write(["seen", key, state])
        for key, state in reporter.save_cooling():
            yield records.write(["cool", key, state])


def rule_record(reporter: Reporter, operator: Any) -> list[Any]:
    """Return what is kept of a rule beside its keys."""
    plan = reporter.code.plan
    counts = [
        reporter.matches, reporter.suppressed, reporter.evictions.state(),
        dict(sorted(reporter.incomplete.items())),
    ]  # fmt: skip
    clocks = [states.next_sweep for states in _swept(reporter, operator)]
    is_armed = getattr(operator, "is_armed", True)
    return ["rule", plan.name, plan.version, counts, is_armed, clocks]


def load_rule(record: list[Any], reporter: Reporter, operator: Any) -> None:
    """Give the record of a rule back to it: its counts, and when it sweeps again."""
    reporter.matches, reporter.suppressed, dropped, *incomplete = record[3]
    reporter.incomplete.update(*incomplete)
    if isinstance(dropped, list):
        reporter.evictions.restore(dropped)
    if isinstance(operator, SilenceOperator) and record[4]:
        operator.is_armed = True
    clocks = record[5] if len(record) > 5 else ()
    for states, clock in zip(_swept(reporter, operator), clocks, strict=False):
        states.next_sweep = clock


def load_record(record: list[Any], reporter: Reporter, operator: Any) -> None:
    """Give one record of a rule back to it."""
    kind, key = record[0], as_key(record[1])
    if kind == "key":
        operator.load(key, record[2])
    elif kind == "seen" and operator.unseen is not None:
        operator.unseen.load(key, record[2])
    elif kind == "cool" and reporter.cooling is not None:
        _load_cooling(reporter.cooling, key, record[2])


def _load_cooling(cooling: KeyedStates[Cooling], key: Key, saved: list[Any]) -> None:
    state = Cooling(saved[0])
    state.suppressed = saved[1]
    cooling.put(key, state)


def _swept(reporter: Reporter, operator: Any) -> list[LeanStates[Any]]:
    """List the mappings of a rule from which idle keys are swept."""
    owners = (operator, operator.unseen)
    found = [owner.keys for owner in owners if hasattr(owner, "keys")]
    return found if reporter.cooling is None else [*found, reporter.cooling]
