"""Programs: what brings rules, inputs and outputs together; names load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.shells.compile import Compiled, compile_rules
    from sluice.shells.local import run_local
    from sluice.shells.request import RECORD_KINDS, RunRequest, RunSummary

__all__ = [
    "RECORD_KINDS",
    "Compiled",
    "RunRequest",
    "RunSummary",
    "compile_rules",
    "run_local",
]


def __getattr__(name: str) -> Any:
    match name:
        case "Compiled" | "compile_rules":
            from sluice.shells import compile as module
        case "run_local":
            from sluice.shells import local as module  # type: ignore[no-redef]
        case "RECORD_KINDS" | "RunRequest" | "RunSummary":
            from sluice.shells import request as module  # type: ignore[no-redef]
        case _:
            raise AttributeError(f"module 'sluice.shells' has no attribute '{name}'")
    return getattr(module, name)
