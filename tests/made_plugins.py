"""Make distributions with plugins for tests: a package, and what an installer writes beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

HEAD = """\
from sluice.plugins import (
    ANY, BOOL, DURATION, FLOAT, INT, IP, NETWORK, STRING, TIME, Accumulator, Action, Aggregate,
    Codec, CodecEntry, CodecOptions, ConfigError, Decoded, Event, Function, InputOptions,
    Parameter, Type, check_options, rejected,
)
"""

#: A function `NAME.twice(n)`.
TWICE = """
def functions(settings):
    return [
        Function(
            "{name}.twice", (Parameter("n", INT),), INT, lambda n: 2 * n, "Return twice as many.",
            ("{name}.twice(21)", "42"),
        )
    ]
"""


def make_plugin(
    folder: Path, name: str, code: str = TWICE, *, distribution: str | None = None,
    api: str | None = "sluice.plugins:API_1", kinds: Iterable[str] = ("functions",),
) -> str:  # fmt: skip
    """Write a distribution of version 1.0 below a folder of `sys.path`; return its module.

    `code` is the module behind what it needs to import; `{name}` in it is the plugin's name. Each
    kind is an entry point to the function of that name.
    """
    distribution = distribution or f"sluice-{name}"
    module = distribution.replace("-", "_")
    body = textwrap.dedent(code).replace("{name}", name)
    (folder / f"{module}.py").write_text(HEAD + body, "utf-8")
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8"
    )
    lines = [f"[sluice.api]\n{name} = {api}"] if api is not None else []
    lines += [f"[sluice.{kind}]\n{name} = {module}:{kind}" for kind in kinds]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return module


def function(name: str, body: str, result: str = "ANY") -> str:
    """Return the code of a plugin with one function of one argument `x`."""
    return (
        f"def work(x):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n\n"
        "def functions(settings):\n"
        f'    return [Function("{name}", (Parameter("x"),), {result}, work, "Do it.",\n'
        f'                     ("{name}(1)", "1"))]\n'
    )
