"""The lake's side of a run: what it brings is handed to a thread that makes segments of it."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sluice.errors import ConfigError
from sluice.io import Claims
from sluice.shells.lake.failures import failure
from sluice.shells.lake.inputs import LakeInput
from sluice.shells.lake.layout import (
    EVENTS,
    TABLES,
    Lake,
    claim_number,
    made_lake,
    parse_segment,
    stream_name,
)  # fmt: skip
from sluice.shells.lake.manifest import read_folder
from sluice.shells.lake.records import RECORD_TABLES, Kept, Parts, RunRow
from sluice.shells.lake.segments import Rule, Writer
from sluice.shells.lake.staging import make_staging
from sluice.shells.lake.streams import EventStream, RecordStream

#: So many things are handed to the thread at once: to wake it for each would stop the run.
TOGETHER = 32
#: So many hand-overs may wait for the thread; then reading waits too.
HAND_OVERS_MAX = 16


class LakeWriter:
    """Writes what a run reads and decides; `flush` and `end` return when it is durable.

    `stream` names the records of the run. `numbers` say how many of each table a checkpoint knows
    of. ConfigError when another process writes the
    same events; OSError where the disk fails.
    """

    def __init__(self, root: str, stream: str, numbers: Mapping[str, int] | None = None) -> None:
        self.lake, self.stream = made_lake(root), stream
        self._claims = Claims(self.lake.path("writers.lock"))
        try:
            self._claim(self.stream, "the same run")
        except ConfigError:
            self._claims.close()
            raise
        self._staging = make_staging(self.lake)
        self._writer = Writer(self.lake, self._staging.con)
        self._index = index_of(self.lake)
        self._events: dict[str, EventStream] = {}
        self.kept = Kept(self, dict(numbers or {}))
        self._records = {
            table: RecordStream(
                table, self.stream, self.lake.segment_offsets, self.kept.numbers.get(table, 0),
                (self._staging, self._writer), self._folders(table, self.stream),
            )
            for table in RECORD_TABLES
        }  # fmt: skip
        self._emitted = self._event_stream(self.stream, "", "replace")
        self._emitted.low = self._emitted.high = self.kept.numbers.get(EVENTS, 0)
        self._pump = _Pump()

    def input(self, source: str, is_json: bool) -> LakeInput:
        """Return what sees the pieces of an input; ConfigError when another process has it."""
        name = stream_name("s", source)
        self._claim(name, f"'{source}'")
        plain = self._event_stream(name, source, "append")
        self._event_stream(stream_name("x", source), source, "merge")
        return LakeInput(self, plain, is_json, is_known=bool(self._folders(EVENTS, name)))

    def extracted(self, source: str, events: Sequence[Parts]) -> None:
        """Hand over events that were extracted from those of a source."""
        name = stream_name("x", source)
        stream = self._events.get(name) or self._event_stream(name, source, "merge")
        self._pump.send(stream.add_events, events)

    def emitted(self, events: Sequence[Parts]) -> None:
        """Hand over events that rules have made."""
        numbers = [meta["n"] for meta, _ in events]
        self._pump.send(self._emitted.add_events, events)
        self._pump.send(self._emitted.reach, numbers[0], numbers[-1] + 1)

    def record(
        self, table: str, lines: Sequence[bytes], evidence: Sequence[tuple[int, list[bytes]]]
    ) -> None:
        """Hand over records of a table, and by their numbers the evidence that they do not list."""
        self._pump.send(self._records[table].add, lines, evidence)

    def send(self, act: Callable[..., None], *args: Any) -> None:
        """Let the thread do something with what was gathered; it fails here when that failed."""
        self._pump.send(act, *args)

    def check(self) -> None:
        """Wait for what was handed over, so that conflicts with the lake show."""
        self._pump.wait(self._flush_inputs)

    def spill(self) -> None:
        """Bring what was handed over into segments some time soon, so that readers see it."""
        self._pump.send(self._flush)
        self._pump.hand_over()

    def flush(self) -> None:
        """Return when everything that was handed over is durable."""
        self._pump.wait(self._flush)

    def begin(self, row: RunRow) -> None:
        """Note that a run has begun."""
        self._pump.send(self._put_run, row)
        self._pump.hand_over()

    def end(self, row: RunRow, is_complete: bool) -> None:
        """Return when everything is durable, the row of the run too; `is_complete`: its inputs
        were read to their end, so what is not there now is not to be there."""
        self._pump.wait(lambda: self._end(row, is_complete))

    def close(self) -> None:
        """Stop the thread, and let everything go."""
        self._pump.stop()
        self._staging.close()
        self._claims.close()

    def _claim(self, stream: str, what: str) -> None:
        if not self._claims.claim(claim_number(stream)):
            raise ConfigError(
                f"--lake {self.lake.root}: another process is writing the events of {what} there; "
                "wait for it, or name another lake"
            )

    def _event_stream(self, name: str, source: str, rule: Rule) -> EventStream:
        stream = self._events[name] = EventStream(
            name, source, rule, self.lake.segment_offsets, (self._staging, self._writer),
            self._folders(EVENTS, name),
        )  # fmt: skip
        return stream

    def _folders(self, table: str, stream: str) -> dict[int, list[str]]:
        """Return where blocks of a stream lie already."""
        found: dict[int, list[str]] = {}
        tables = (table, "evidence") if table == "matches" else (table,)
        for folder, blocks in self._index.get(stream, {}).items():
            if folder.split(os.sep)[0] in tables:
                for first in blocks:
                    found.setdefault(first, []).append(folder)
        return found

    def _flush_inputs(self) -> None:
        with self._writer.together():
            for stream in list(self._events.values()):
                stream.flush()

    def _flush(self) -> None:
        with self._writer.together():
            self._flush_inputs()
            for records in self._records.values():
                records.flush()
        self._writer.sync()

    def _end(self, row: RunRow, is_complete: bool) -> None:
        with self._writer.together():
            for stream in self._events.values():
                stream.end(is_complete)
            for records in self._records.values():
                records.end(is_complete)
            self._put_run(row)
        self._writer.sync()

    def _put_run(self, row: RunRow) -> None:
        row.put(self._staging, self._writer)


class _Pump:
    """A thread that does things in order; the first failure ends it and shows at the next call.

    Both queues are of C: with locks taken in Python, the two threads wait for each other's turn at
    the interpreter.
    """

    def __init__(self) -> None:
        self._gathered: list[Callable[[], None]] = []
        self._handed: queue.SimpleQueue[list[Callable[[], None]] | None] = queue.SimpleQueue()
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(HAND_OVERS_MAX):
            self._room.put(None)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lake", daemon=True)
        self._thread.start()

    def send(self, act: Callable[..., None], *args: Any) -> None:
        """Have something done some time; wait when too much waits already."""
        self._raise()
        self._gathered.append(partial(act, *args))
        if len(self._gathered) >= TOGETHER:
            self.hand_over()

    def hand_over(self) -> None:
        """Have what was gathered done now."""
        gathered, self._gathered = self._gathered, []
        self._room.get()
        self._handed.put(gathered)

    def wait(self, act: Callable[[], None]) -> None:
        """Have something done, and everything before it."""
        self.send(act)
        self._settle()
        self._raise()

    def stop(self) -> None:
        """End the thread when it has done what waits."""
        self.hand_over()
        self._handed.put(None)
        self._thread.join()

    def _settle(self) -> None:
        """Return when everything that was sent is done."""
        self.hand_over()
        for _ in range(HAND_OVERS_MAX):
            self._room.get()
        for _ in range(HAND_OVERS_MAX):
            self._room.put(None)

    def _run(self) -> None:
        while (acts := self._handed.get()) is not None:
            for act in acts:
                if self._error is None:
                    self._do(act)
            self._room.put(None)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise failure(self._error)


def index_of(lake: Lake) -> dict[str, dict[str, list[int]]]:
    """Return by stream the folders where it has segments, and which blocks."""
    found: dict[str, dict[str, list[int]]] = {}
    size = lake.segment_offsets
    for table in TABLES:
        for folder in lake.folders(table):
            with contextlib.suppress(ValueError):
                seen = read_folder(lake, folder)
                for name in seen.segments:
                    segment = parse_segment(name)
                    assert segment is not None
                    stream, first = segment
                    found.setdefault(stream, {}).setdefault(folder, []).append(first)
                for each in seen.manifest.files.values():
                    for stream, (low, high) in each.streams.items():
                        blocks = range(low // size * size, high + 1, size)
                        found.setdefault(stream, {}).setdefault(folder, []).extend(blocks)
    return found
