"""Text becomes checked rules: the door of the room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.lang import checked, declarations, syntax, typed
from sluice.lang.check import check
from sluice.lang.check_tests import given_values
from sluice.lang.checked import Checked, CheckedRule, CheckedTest
from sluice.lang.codes import CODES, Code
from sluice.lang.declarations import File, Parsed
from sluice.lang.load import Loader, RuleSet, Texts, Unit, load
from sluice.lang.parse import parse
from sluice.lang.suggest import suggest
from sluice.lang.views import covers

if TYPE_CHECKING:
    from sluice.lang.format import format as format_file
    from sluice.lang.format import short

__all__ = [
    "CODES",
    "Checked",
    "CheckedRule",
    "CheckedTest",
    "Code",
    "File",
    "Loader",
    "Parsed",
    "RuleSet",
    "Texts",
    "Unit",
    "check",
    "checked",
    "covers",
    "declarations",
    "format_file",
    "given_values",
    "load",
    "parse",
    "short",
    "suggest",
    "syntax",
    "typed",
]


def __getattr__(name: str) -> Any:
    # A run does not format: what only `fmt` needs is loaded when it is asked for.
    if name == "format_file":
        from sluice.lang.format import format

        return format
    if name == "short":
        from sluice.lang.format import short

        return short
    raise AttributeError(f"module 'sluice.lang' has no attribute '{name}'")
