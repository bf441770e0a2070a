"""Ask a lake for what a command is about: a match by its id, or the events of a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.rule_names import named_rules

LakeInsteadOption = Annotated[
    str | None, typer.Option("--lake", metavar="DIR", help="Ask this lake, not an input.")
]

#: How much of an id must be given so that it can name a match.
ID_DIGITS_MIN = 6
_MATCH_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS_MIN},32}}\Z")

if TYPE_CHECKING:
    from sluice.model import Match
    from sluice.plan import RulePlan
    from sluice.shells import Compiled, KeptLake, RunRequest
    from sluice.why import Explanation


def is_match(text: str, compiled: Compiled) -> bool:
    """Say whether a text means a match, since it can be an id and no rule has the name."""
    names = {rule.name.rpartition(".")[2] for rule in compiled.plan.rules}
    return _MATCH_ID.match(text) is not None and text not in names


def lake_instead(root: str | None, request: RunRequest) -> KeptLake | None:
    """Open the lake that is named in place of inputs; None when none is."""
    if root is None:
        return None
    if request.inputs:
        raise typer.BadParameter("name a lake or inputs, not both", param_hint="--lake")
    from sluice.shells import KeptLake

    return KeptLake(root)


def kept_match(kept: KeptLake, text: str) -> Match:
    """Return the match that the command line names; wrong usage when there is none."""
    from sluice.shells import NoSuchMatch

    if _MATCH_ID.match(text) is None:
        message = f"'{text}' is no id of a match: these are 32 hex digits, of which the first "
        message += f"{ID_DIGITS_MIN} or more will do"
        raise typer.BadParameter(message, param_hint="MATCH_ID")
    try:
        return kept.match(text)
    except NoSuchMatch as error:
        raise typer.BadParameter(str(error), param_hint="MATCH_ID") from None


def file_of_rule(compiled: Compiled, match: Match) -> str:
    """Return the file of a match's rule; wrong usage when the rule is not among those loaded."""
    from sluice.lang import suggest

    names = [rule.name for rule in compiled.plan.rules]
    if match.rule in names:
        return next(r.file for r in compiled.checked.rules if r.name == match.rule)
    near = suggest(match.rule, names)
    hint = f" (was it renamed to {near}?)" if near else ""
    message = f"the rule {match.rule} of this match is not in these files{hint}; name its file"
    raise typer.BadParameter(message, param_hint="-r")


def ask_kept(
    kept: KeptLake, compiled: Compiled, request: RunRequest, asked: Mapping[str, Any],
    key_of: Callable[[RulePlan], Mapping[str, str] | None],
) -> Explanation:  # fmt: skip
    """Return why the match or rule `asked["rule"]` fired, or what stopped it."""
    from sluice.shells import KeptInquiry
    from sluice.why import Asked

    text, inquiry = asked["rule"], KeptInquiry(kept, compiled, request.limits)
    if is_match(text, compiled):
        match = kept_match(kept, text)
        file_of_rule(compiled, match)
        return inquiry.of_match(match)
    rule = named_rules(compiled.plan, [text])[0]
    question = Asked(key_of(rule), asked["at"], asked["limit"])
    return inquiry.of_rule(rule.name, question, request.since, request.until)
