"""`sluice topics`: the topics that rules and settings need, and those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.kafka_options import BrokersOption, admin_of, columns, topic_findings
from sluice.cli.loading import given, loaded_rules, settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report

if TYPE_CHECKING:
    from sluice.backends import Topology
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.io import Admin, Finding

RulesOption = Annotated[
    list[str] | None,
    typer.Option("-r", "--rules", metavar="PATH", help="Where the rules are [default: rules]."),
]


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(plan=plan, apply=apply, check=check)


def plan(
    ctx: typer.Context, rules: RulesOption = None, brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Say which topics would be made or changed, and what is in the way. Changes nothing."""
    found = _found(ctx, rules, brokers)
    _put(output, found, done=False)
    return exits.NO if _is_blocked(found) else exits.OK


def apply(
    ctx: typer.Context, rules: RulesOption = None, brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Make and change topics as `plan` says; nothing at all while something is in the way."""
    terminal: Terminal = ctx.find_root().obj
    settings, topology = _wanted(terminal, rules, brokers)
    with admin_of(settings) as admin:
        found = topic_findings(admin, settings, topology)
        if _is_blocked(found):
            _put(output, found, done=False)
            return exits.NO
        _carry_out(admin, found)
    _put(output, found, done=True)
    return exits.OK


def check(
    ctx: typer.Context, rules: RulesOption = None, brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Say whether the topics are as they are to be; exit code 1 when one is not."""
    found = _found(ctx, rules, brokers)
    _put(output, found, done=False)
    return exits.OK if all(each.verdict == "ok" for each in found) else exits.NO


def _found(
    ctx: typer.Context, rules: list[str] | None, brokers: list[str] | None
) -> Sequence[Finding]:
    """Compare the topics that there are with those that are wanted."""
    settings, topology = _wanted(ctx.find_root().obj, rules, brokers)
    with admin_of(settings) as admin:
        return topic_findings(admin, settings, topology)


def _wanted(
    terminal: Terminal, rules: list[str] | None, brokers: list[str] | None
) -> tuple[Settings, Topology]:
    from sluice.backends import topology_of
    from sluice.shells import inputs_of, names_of

    flags = given({"rules.paths": rules, "kafka.brokers": brokers})
    resolved = settings_of(terminal, flags)
    kafka = resolved.settings.kafka
    plan = loaded_rules(resolved, terminal).plan
    return resolved.settings, topology_of(plan, inputs_of(kafka), names_of(kafka))


def _is_blocked(found: Sequence[Finding]) -> bool:
    return any(each.verdict == "blocked" for each in found)


def _carry_out(admin: Admin, found: Sequence[Finding]) -> None:
    from sluice.io import TopicState

    admin.make([
        TopicState(each.topic.name, each.partitions, each.replication, each.settings)
        for each in found if each.verdict == "make"
    ])  # fmt: skip
    for each in found:
        if each.grows:
            admin.grow(each.topic.name, each.partitions)
        if each.verdict == "change" and each.settings:
            admin.change(each.topic.name, each.settings)


def _put(output: str, found: Sequence[Finding], *, done: bool) -> None:
    document = {
        "ok": all(each.verdict == "ok" for each in found) or done,
        "done": done,
        "topics": [_document(each) for each in found],
    }
    put_report(output, document, _text(found, done=done))


def _document(found: Finding) -> dict[str, Any]:
    return {
        "topic": found.topic.name, "kind": found.topic.kind, "verdict": found.verdict,
        "partitions": found.partitions, "replication": found.replication,
        "settings": dict(found.settings), "purpose": found.topic.purpose,
        "detail": found.detail or None, "remedy": found.remedy or None,
    }  # fmt: skip


def _text(found: Sequence[Finding], *, done: bool) -> str:
    words = {"make": "made", "change": "changed"} if done else {}
    rows = [
        (words.get(each.verdict, each.verdict), each.topic.name, _size(each),
         each.detail or each.topic.purpose)
        for each in found
    ]  # fmt: skip
    lines: list[str] = []
    following = [*(each.remedy for each in found[1:]), ""]
    for each, line, after in zip(found, columns(rows), following, strict=True):
        lines.append(line)
        if each.remedy and each.remedy != after:  # several in a row have the same
            lines.append(f"         {each.remedy}")
    counts = {v: sum(each.verdict == v for each in found) for v in ("make", "change", "blocked")}
    told = [
        f"{counts['make']} made" if done else f"{counts['make']} to make",
        f"{counts['change']} changed" if done else f"{counts['change']} to change",
        *([f"{counts['blocked']} in the way"] if counts["blocked"] else []),
    ]
    is_still = not any(counts.values())
    summary = "all as they are to be" if is_still else ", ".join(told)
    return "\n".join([*lines, f"{len(found)} topics: {summary}"])


def _size(found: Finding) -> str:
    if not found.partitions:
        return "-"
    partitions = f"{found.partitions} partition{'s' * (found.partitions > 1)}"
    return f"{partitions}, {found.replication} cop{'ies' if found.replication > 1 else 'y'}"
