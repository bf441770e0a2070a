"""Ask why a rule fired or not: inputs are read once, as a run reads them, by an investigation."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import replace

from sluice.catalog import builtins
from sluice.codecs import CodecEntry, InputOptions, make_codec
from sluice.errors import ConfigError
from sluice.io import STDIN, FileSource, expand_inputs
from sluice.shells.compile import Compiled
from sluice.shells.local import GC_THRESHOLD, SORT_LATENESS
from sluice.shells.reading import Feed, Feeds
from sluice.shells.request import RunRequest
from sluice.stream import Pipeline
from sluice.why import Asked, Census, Explanation, Investigation


def ask_why(
    request: RunRequest, compiled: Compiled, rule: str, asked: Asked,
    codecs: Mapping[str, CodecEntry] | None = None,
) -> tuple[Explanation, tuple[str, ...]]:  # fmt: skip
    """Return why a rule of a compiled set fired or not, and what could not be read.

    `codecs` are those of plugins by name. InputError and ConfigError are raised before anything
    was read.
    """
    paths = expand_inputs(request.inputs or (STDIN,), False)
    if request.source is not None and len(paths) > 1:
        raise ConfigError(
            f"--source names one input, and there are {len(paths)}: their events would share ids"
        )
    investigation = Investigation(
        compiled.plan, compiled.catalog, rule, asked, limits=request.limits,
        lateness=SORT_LATENESS if request.sort else request.lateness_ms,
    )  # fmt: skip
    threshold = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *threshold[1:])
    try:
        failures = _read(
            request, paths, investigation.pipeline, codecs or {}, investigation.collect
        )
        investigation.finish()
        explanation = investigation.explain()
        if not explanation.types and explanation.events and STDIN not in paths:
            census = Census(builtins())
            _read(request, paths, census.pipeline, codecs or {}, lambda: None)
            ordered = sorted(census.counts.items(), key=lambda item: (-item[1], item[0]))
            explanation = replace(explanation, other_types=dict(ordered))
    finally:
        gc.set_threshold(*threshold)
    return explanation, tuple(failures)


def _read(
    request: RunRequest, paths: list[str], pipeline: Pipeline,
    codecs: Mapping[str, CodecEntry], collect: Callable[[], None],
) -> list[str]:  # fmt: skip
    """Read inputs to their end; return what failed half way."""
    options = InputOptions(
        request.type_field, request.time_field, request.id_field, request.type,
        request.time_unit, request.strict_input,
    )  # fmt: skip
    codec = make_codec(request.codec, options, codecs)
    sources = [FileSource(p, codec.framing, request.source, p == STDIN) for p in paths]
    inputs = [Feed(source, codec, request) for source in sources]
    feeds = Feeds(inputs, pipeline, options, request.idle_timeout_ms)
    while not feeds.failures and feeds.step():
        collect()
    return feeds.failures
