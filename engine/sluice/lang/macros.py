"""Check how macros are used."""

from __future__ import annotations

import sluice.lang.syntax as tree
from sluice.lang.scope import Inference


def check_arity(
    inference: Inference, expr: tree.Call | tree.EventHead, params: tuple[str, ...] | None,
    given: int,
) -> bool:  # fmt: skip
    """Say when a macro gets too few or too many arguments; True when it is right."""
    want = len(params or ())
    if params is None and given == 0 and not isinstance(expr, tree.Call):
        return True
    if params is None:
        inference.findings.add(
            "SL0213", expr.span, f"`{expr.name}` takes no arguments", f"write `{expr.name}`"
        )
        return False
    if want != given:
        signature = f"{expr.name}({', '.join(params)})"
        inference.findings.add(
            "SL0213", expr.span, f"`{signature}` takes {want}, not {given}",
        )  # fmt: skip
        return False
    return True
