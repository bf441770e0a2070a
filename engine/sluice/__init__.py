"""Sluice: rules in text files find patterns in streams of events.

The map of the house, from the ground up; each room imports from lower ones only:

    errors machine timing       the ground
    model protocols             nouns: Event, Match, Note, Mitigation; coordination machines
    catalog codecs security     what words mean; bytes become events; envelopes
    lang                        text -> checked rules
    plan                        checked rules -> Plan, the waist between text and execution
    stream response             what a plan does over time; what matches lead to
    backends                    Plan -> Pipeline
    io plugins config           the edge of the world: files, sinks, settings
    shells testing              programs; rule tests and `simulate`, public
    cli                         one module per command

This is the public door. Its names load on first use, so that `sluice --help` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.backends import BuildOptions, build
    from sluice.catalog import Action, Aggregate, Catalog, Function, builtins
    from sluice.config import Settings, load_settings
    from sluice.errors import (
        ConfigError,
        Diagnostic,
        InputError,
        RuleError,
        SluiceError,
        Unsupported,
    )
    from sluice.model import Clear, Event, Match, Mitigation, Note, Rejected
    from sluice.plan import Limits, Plan
    from sluice.testing import run_tests, simulate

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Aggregate",
    "BuildOptions",
    "Catalog",
    "Clear",
    "ConfigError",
    "Diagnostic",
    "Event",
    "Function",
    "InputError",
    "Limits",
    "Match",
    "Mitigation",
    "Note",
    "Plan",
    "Rejected",
    "RuleError",
    "Settings",
    "SluiceError",
    "Unsupported",
    "__version__",
    "build",
    "builtins",
    "check",
    "explain",
    "load",
    "load_settings",
    "lower",
    "parse",
    "run_tests",
    "simulate",
]

_ROOMS = {
    "backends": "BuildOptions build",
    "catalog": "Action Aggregate Catalog Function builtins",
    "config": "Settings load_settings",
    "errors": "ConfigError Diagnostic InputError RuleError SluiceError Unsupported",
    "lang": "check load parse",
    "model": "Clear Event Match Mitigation Note Rejected",
    "plan": "Limits Plan explain lower",
    "testing": "simulate run_tests",
}


def __getattr__(name: str) -> Any:
    # `check load parse explain lower` are typed Any: type checkers take them for the modules of
    # the same names behind the doors.
    import importlib

    for room, names in _ROOMS.items():
        if name in names.split():
            return getattr(importlib.import_module(f"sluice.{room}"), name)
    raise AttributeError(f"module 'sluice' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
