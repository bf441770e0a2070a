"""Plans become things that run: Python functions in a pipeline, later SQL and topologies."""

from sluice.backends.decode import LineDecoder, Settling
from sluice.backends.program import BuildOptions, build, generated_source

__all__ = ["BuildOptions", "LineDecoder", "Settling", "build", "generated_source"]
