"""A run and its lake: what makes the run the same as another, its row, and when it is durable."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sluice import __version__
from sluice.io import STDIN
from sluice.model import digest
from sluice.shells.lake.inputs import LakeInput
from sluice.shells.lake.layout import stream_name
from sluice.shells.lake.records import Decision, RunRow
from sluice.shells.lake.writer import LakeWriter
from sluice.shells.request import RunRequest
from sluice.stream import Pipeline

#: After so many seconds a reader sees what has come, also of a block that is not full.
SHOWN_SECONDS = 10.0

#: What of a request decides which records a run brings about.
_TELLING = (
    "codec", "type_field", "time_field", "id_field", "type", "time_unit", "strict_input",
    "lateness_ms", "sort", "since", "until", "close",
)  # fmt: skip


class RunLake:
    """The lake of one run; `saved` is what `state` gave to the checkpoint that it goes on from.

    ConfigError when the lake cannot be written, or another process writes the same to it.
    """

    def __init__(
        self, request: RunRequest, pipeline: Pipeline, inputs: Sequence[str],
        saved: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        assert request.lake is not None
        self.root = request.lake
        self._is_live = request.follow or STDIN in inputs
        self._is_json = request.codec.partition(":")[0].strip() == "json"
        self._pipeline, self._inputs = pipeline, list(inputs)
        self._rules = {
            reporter.code.plan.name: reporter.code.plan.version for reporter in pipeline.reporters
        }
        self._resumed = pipeline.stats.events
        self._stream = str((saved or {}).get("stream") or self._identity(request))
        self._writer = LakeWriter(request.lake, self._stream, (saved or {}).get("numbers"))
        self._started, self._shown_at = _now(), time.monotonic()
        self._writer.begin(self._row("running"))

    def input(self, source: str) -> LakeInput:
        """Return what sees the pieces of an input."""
        return self._writer.input(source, self._is_json)

    def without_extracted(self, decided: Sequence[Decision]) -> list[Decision]:
        """Gather extracted events, which go nowhere else, and return what else was decided."""
        return self._writer.kept.without_extracted(decided)

    def take(
        self, decided: Sequence[Decision], made: Sequence[Mapping[str, Any]], lines: Sequence[bytes]
    ) -> None:
        """Take what was decided and the extracted events before it; `made` are the records of
        what was decided, `lines` their text."""
        self._writer.kept.take(decided, made, lines)

    def tick(self) -> None:
        """Let readers see what has come, some seconds after it came, of inputs that go on."""
        if self._is_live and time.monotonic() - self._shown_at >= SHOWN_SECONDS:
            self._shown_at = time.monotonic()
            self._writer.spill()

    def flush(self) -> None:
        """Return when everything is durable; OSError where the disk fails."""
        self._writer.flush()

    def finish(self, how: str) -> None:
        """Return when everything is durable, and that the run has ended."""
        self._writer.end(self._row(how), is_complete=how == "done")

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"stream": self._stream, "numbers": dict(self._writer.kept.numbers)}

    def close(self) -> None:
        """Let the lake go."""
        self._writer.close()

    def _identity(self, request: RunRequest) -> str:
        told = [getattr(request, name) for name in _TELLING]
        # Without the numbers of those before, records count from 0: another stream of them.
        resumed = [self._resumed, self._pipeline.now] if self._resumed else []
        return stream_name("r", repr([sorted(self._rules.items()), self._inputs, told, resumed]))

    def _row(self, how: str) -> RunRow:
        stats = self._pipeline.stats
        is_running = how == "running"
        return RunRow(
            id=digest([self._stream, self._started], 32), started=self._started,
            ended=None if is_running else _now(), how=how, version=__version__, rules=self._rules,
            inputs=self._inputs, resumed_events=self._resumed, events=stats.events,
            matches=sum(reporter.matches for reporter in self._pipeline.reporters),
            late=stats.late, rejected=sum(stats.rejected.values()), stream=self._stream,
        )  # fmt: skip


def _now() -> int:
    return int(time.time() * 1000)
