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
    from sluice.shells.brokers import brokers_of, inputs_of, names_of
    from sluice.shells.compile import Compiled, compile_rules
    from sluice.shells.demo import demo_events
    from sluice.shells.deploys import Deployments, Deploys
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
    from sluice.shells.stages.rulesets import RuleBundle
    from sluice.shells.webhook import WebhookFeed
    from sluice.shells.webhook_settings import WebhookRequest, secrets_of, webhook_request
    from sluice.shells.workers import run_workers

__all__ = [
    "RECORD_KINDS",
    "Answer",
    "Backtest",
    "Bounds",
    "Comparison",
    "Compiled",
    "Deployments",
    "Deploys",
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
    "RuleBundle",
    "RuleTally",
    "RunRequest",
    "RunSummary",
    "Score",
    "Sweep",
    "WebhookFeed",
    "WebhookRequest",
    "ask_why",
    "axis_of",
    "brokers_of",
    "compact_lake",
    "compare_rules",
    "compile_rules",
    "demo_events",
    "earlier_rules",
    "expire_lake",
    "expired",
    "forget_in_lake",
    "inputs_of",
    "job_of",
    "lake_secret",
    "names_of",
    "read_labels",
    "run_backtest",
    "run_local",
    "run_sweep",
    "run_workers",
    "secrets_of",
    "verify_lake",
    "webhook_request",
]


#: Which module each name comes from.
_HOMES = {
    "sluice.shells.backtest": (
        "Backtest Comparison Job Labels Read RuleTally Score Sweep axis_of "
        "compare_rules earlier_rules job_of read_labels run_backtest run_sweep"
    ),
    "sluice.shells.brokers": "brokers_of inputs_of names_of",
    "sluice.shells.compile": "Compiled compile_rules",
    "sluice.shells.demo": "demo_events",
    "sluice.shells.deploys": "Deployments Deploys",
    "sluice.shells.stages.rulesets": "RuleBundle",
    "sluice.shells.inquiry": "ask_why",
    "sluice.shells.kept": "Evidence KeptLake NoSuchMatch expired lake_secret",
    "sluice.shells.kept_inquiry": "KeptInquiry",
    "sluice.shells.lake": (
        "Answer Bounds Desk OpenLake QueryError compact_lake expire_lake forget_in_lake verify_lake"
    ),
    "sluice.shells.local": "run_local",
    "sluice.shells.webhook": "WebhookFeed",
    "sluice.shells.workers": "run_workers",
    "sluice.shells.webhook_settings": "WebhookRequest secrets_of webhook_request",
    "sluice.shells.request": "RECORD_KINDS Eviction RunRequest RunSummary",
}


def __getattr__(name: str) -> Any:
    import importlib

    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'sluice.shells' has no attribute '{name}'")
