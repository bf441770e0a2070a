"""Read several inputs as one stream: always the one whose event time is furthest behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from sluice.backends import LineDecoder, Tap, tapped
from sluice.codecs import Chunk, Codec, InputOptions, JsonCodec, decode_chunk
from sluice.io import END, STDIN, FileSource, Position, ReadFailure, total_bytes
from sluice.model import Event, Rejected
from sluice.shells.request import RunRequest
from sluice.stream import Pipeline
from sluice.timing import INSTANT_MAX, INSTANT_MIN

#: How long to wait when no followed file has anything new, in seconds.
POLL_SECONDS = 0.1


class InputTap(Tap, Protocol):
    """Sees what an input brings, and how far it was read."""

    def begin(self, piece: Chunk | Rejected) -> None:
        """See the next piece before it is decoded."""
        ...

    def end(self, line: int) -> None:
        """Learn that everything before a line was seen."""
        ...


class Feed:
    """One input on its way into the pipeline."""

    def __init__(
        self, source: FileSource, codec: Codec, request: RunRequest, tap: InputTap | None = None
    ) -> None:
        self.source, self.codec, self._tap = source, codec, tap
        self.name = source.name
        self.is_idle = False
        self.silent_since: float | None = None
        #: Where to go on instead of behind a half line that could not be read.
        self.before_torn: Position | None = None
        self._decoder: LineDecoder | None = None
        low = INSTANT_MIN if request.since is None else request.since
        high = INSTANT_MAX if request.until is None else request.until
        self._between = None if request.since is None and request.until is None else (low, high)

    @property
    def position(self) -> Position:
        """Where a later run goes on."""
        return self.before_torn or self.source.position

    def open(self, pipeline: Pipeline, options: InputOptions) -> None:
        """Announce the input to the pipeline and choose how it is decoded."""
        pipeline.open(self.name)
        if isinstance(self.codec, JsonCodec):
            self.codec.read_only(pipeline.program.reads)
        if isinstance(self.codec, JsonCodec) and self._between is None:
            tap = self._tap
            self._decoder = LineDecoder(pipeline, self.codec, options, self.name, tap)

    def begin(self, piece: Chunk | Rejected) -> None:
        """Show the next piece to whoever keeps what comes."""
        if self._tap is not None:
            self._tap.begin(piece)

    def end(self) -> None:
        """Say that the last piece is in the pipeline."""
        if self._tap is not None:
            self._tap.end(self.position.line)

    def take(self, piece: Chunk | Rejected, pipeline: Pipeline) -> None:
        """Let the pipeline take a piece of the input."""
        if isinstance(piece, Rejected):
            pipeline.reject(piece)
        elif self._decoder is not None:
            self._decoder.feed(piece)
        else:
            events = decode_chunk(self.codec, piece, self.name)
            kept = events if self._between is None else filter(self._is_between, events)
            pipeline.feed(kept if self._tap is None else tapped(kept, self._tap), self.name)

    def _is_between(self, event: Event | Rejected) -> bool:
        assert self._between is not None
        low, high = self._between
        return isinstance(event, Rejected) or low <= event.time <= high


class Feeds:
    """All inputs of a run; one that was silent for `idle_ms` holds the others back no longer."""

    def __init__(
        self, feeds: list[Feed], pipeline: Pipeline, options: InputOptions, idle_ms: int
    ) -> None:
        self.open, self._pipeline, self._idle_seconds = feeds, pipeline, idle_ms / 1_000
        self.names = [feed.name for feed in feeds]
        self._positions: dict[str, Position] = {}
        self.failures: list[str] = []
        self._total = total_bytes([feed.source.path for feed in feeds])
        for feed in feeds:
            feed.open(pipeline, options)
        for source, partition in pipeline.watermarks.live_besides(self.names):
            # Of an earlier run: it would hold back everything, for ever.
            pipeline.end(source, partition)

    @property
    def positions(self) -> dict[str, Position]:
        """Where each input stands, also of those that have ended."""
        now = {feed.source.path: feed.position for feed in self.open}
        return {**self._positions, **now}

    @property
    def progress(self) -> tuple[int, int | None]:
        """How many bytes are read, and of how many (None when nobody knows)."""
        done = sum(position.offset for position in self.positions.values())
        return done, self._total

    def step(self, wait: Callable[[float], None] = time.sleep) -> bool:
        """Read one piece of one input; False when all have ended."""
        if not self.open:
            return False
        ready = [feed for feed in self.open if feed.silent_since is None]
        if not ready:
            # Reading a pipe waits by itself, and no longer than there is something to read.
            if all(feed.source.path != STDIN for feed in self.open):
                wait(POLL_SECONDS)
            ready = self.open
        feed = ready[0] if len(ready) == 1 else min(ready, key=self._behind)
        before = feed.source.position
        piece = feed.source.read()
        if piece is None:
            self._note_silence(feed)
            return True
        self._note_sound(feed)
        if piece is END or isinstance(piece, ReadFailure):
            self._end(feed, piece if isinstance(piece, ReadFailure) else None)
            return True
        refused = sum(self._pipeline.stats.rejected.values())
        feed.begin(piece)
        feed.take(piece, self._pipeline)
        if isinstance(piece, Chunk) and piece.torn:
            # The rest of the line may come, and a later run then reads it whole.
            is_refused = sum(self._pipeline.stats.rejected.values()) > refused
            feed.before_torn = before if is_refused else None
        feed.end()
        return True

    def _behind(self, feed: Feed) -> tuple[int, str]:
        return self._pipeline.watermarks.watermark((feed.name, 0)), feed.name

    def _note_silence(self, feed: Feed) -> None:
        now = time.monotonic()
        if feed.silent_since is None:
            feed.silent_since = now
        elif not feed.is_idle and now - feed.silent_since > self._idle_seconds:
            feed.is_idle = True
            self._pipeline.end(feed.name)
        if all(other.silent_since is not None for other in self.open):
            # Look at each in turn, so that one that speaks again is heard.
            self.open.append(self.open.pop(self.open.index(feed)))

    def _note_sound(self, feed: Feed) -> None:
        feed.silent_since = None
        if feed.is_idle:
            feed.is_idle = False
            self._pipeline.watermarks.wake((feed.name, 0))

    def _end(self, feed: Feed, failure: ReadFailure | None) -> None:
        self.open.remove(feed)
        self._positions[feed.source.path] = feed.position
        feed.source.close()
        if self.open:
            # The last one ends with the run, after a checkpoint that knows of no end.
            self._pipeline.end(feed.name)
        if failure is not None:
            self.failures.append(f"{failure.path}, line {failure.line}: {failure.message}")
