"""Programs: what brings rules, inputs and outputs together; names load on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.shells.backtest import (
        Backtest,
        Comparison,
        Job,
        Labels,
        Read,
        RuleTally,
        Score,
        Sweep,
        axis_of,
        compare_rules,
        earlier_rules,
        job_of,
        read_labels,
        run_backtest,
        run_sweep,
    )
    from sluice.shells.compile import Compiled, compile_rules
    from sluice.shells.demo import demo_events
    from sluice.shells.inquiry import ask_why
    from sluice.shells.kept import (
        Evidence,
        KeptLake,
        NoSuchMatch,
        expired,
        lake_secret,
    )
    from sluice.shells.kept_inquiry import KeptInquiry
    from sluice.shells.lake import (
        Answer,
        Bounds,
        Desk,
        OpenLake,
        QueryError,
        compact_lake,
        expire_lake,
        forget_in_lake,
        verify_lake,
    )
    from sluice.shells.local import run_local
    from sluice.shells.request import RECORD_KINDS, Eviction, RunRequest, RunSummary

__all__ = [
    "RECORD_KINDS",
    "Answer",
    "Backtest",
    "Bounds",
    "Comparison",
    "Compiled",
    "Desk",
    "Eviction",
    "Evidence",
    "Job",
    "KeptInquiry",
    "KeptLake",
    "Labels",
    "NoSuchMatch",
    "OpenLake",
    "QueryError",
    "Read",
    "RuleTally",
    "RunRequest",
    "RunSummary",
    "Score",
    "Sweep",
    "ask_why",
    "axis_of",
    "compact_lake",
    "compare_rules",
    "compile_rules",
    "demo_events",
    "earlier_rules",
    "expire_lake",
    "expired",
    "forget_in_lake",
    "job_of",
    "lake_secret",
    "read_labels",
    "run_backtest",
    "run_local",
    "run_sweep",
    "verify_lake",
]


def __getattr__(name: str) -> Any:
    match name:
        case "Compiled" | "compile_rules":
            from sluice.shells import compile as module
        case (
            "Backtest" | "Comparison" | "Job" | "Labels" | "Read" | "RuleTally" | "Score"
            | "Sweep" | "axis_of" | "compare_rules" | "earlier_rules" | "job_of" | "read_labels"
            | "run_backtest" | "run_sweep"
        ):  # fmt: skip
            from sluice.shells import backtest as module  # type: ignore[no-redef]
        case "demo_events":
            from sluice.shells import demo as module  # type: ignore[no-redef]
        case "ask_why":
            from sluice.shells import inquiry as module  # type: ignore[no-redef]
        case "Answer" | "Bounds" | "Desk" | "OpenLake" | "QueryError":
            from sluice.shells import lake as module  # type: ignore[no-redef]
        case "compact_lake" | "expire_lake" | "forget_in_lake" | "verify_lake":
            from sluice.shells import lake as module  # type: ignore[no-redef]
        case (
            "Evidence" | "KeptLake" | "NoSuchMatch" | "expired" | "lake_secret"
        ):  # fmt: skip
            from sluice.shells import kept as module  # type: ignore[no-redef]
        case "KeptInquiry":
            from sluice.shells import kept_inquiry as module  # type: ignore[no-redef]
        case "run_local":
            from sluice.shells import local as module  # type: ignore[no-redef]
        case "RECORD_KINDS" | "Eviction" | "RunRequest" | "RunSummary":
            from sluice.shells import request as module  # type: ignore[no-redef]
        case _:
            raise AttributeError(f"module 'sluice.shells' has no attribute '{name}'")
    return getattr(module, name)
