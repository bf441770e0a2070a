"""The waist between text and execution: what a rule set does, as frozen nodes."""

from sluice.plan import exprs, nodes
from sluice.plan.atoms import effect_exprs
from sluice.plan.bounds import horizon_ms, state_bound
from sluice.plan.explain import explain, explain_document
from sluice.plan.exprs import Agg, AliasField, Expr, walk
from sluice.plan.identity import fingerprint, version_of
from sluice.plan.limits import DEFAULT_LIMITS, Limits
from sluice.plan.lower import lower
from sluice.plan.nodes import (
    Absent,
    Aggregate,
    Atom,
    Cooldown,
    EffectPlan,
    EmitEffect,
    Entry,
    ExtractLine,
    ExtractPlan,
    Filter,
    Having,
    Item,
    KeyPart,
    ListValues,
    MitigateEffect,
    NoteEffect,
    Pattern,
    Plan,
    Repeat,
    RulePlan,
    Sequence,
    Silence,
    Step,
    TableRows,
    Text,
    Unseen,
    Window,
)  # fmt: skip
from sluice.plan.rewrite import rewrite
from sluice.plan.rewrites.prune_fields import field_uses, fields_used
from sluice.plan.rewrites.share_predicates import shared_conditions
from sluice.plan.text import text_of

__all__ = [
    "DEFAULT_LIMITS",
    "Absent",
    "Agg",
    "Aggregate",
    "AliasField",
    "Atom",
    "Cooldown",
    "EffectPlan",
    "EmitEffect",
    "Entry",
    "Expr",
    "ExtractLine",
    "ExtractPlan",
    "Filter",
    "Having",
    "Item",
    "KeyPart",
    "Limits",
    "ListValues",
    "MitigateEffect",
    "NoteEffect",
    "Pattern",
    "Plan",
    "Repeat",
    "RulePlan",
    "Sequence",
    "Silence",
    "Step",
    "TableRows",
    "Text",
    "Unseen",
    "Window",
    "effect_exprs",
    "explain",
    "explain_document",
    "exprs",
    "field_uses",
    "fields_used",
    "fingerprint",
    "horizon_ms",
    "lower",
    "nodes",
    "rewrite",
    "shared_conditions",
    "state_bound",
    "text_of",
    "version_of",
    "walk",
]  # fmt: skip
