"""`sluice offsets`: where workers stand in topics, and how to let them stand elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sluice.cli import exits
from sluice.cli.kafka_options import (
    BrokersOption,
    admin_of,
    columns,
    kafka_settings,
    tell_beyond,
    tell_missing,
)
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report
from sluice.errors import SluiceError
from sluice.timing import parse_instant

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.io import Admin, PartitionLag

GroupOption = Annotated[
    str | None,
    typer.Option("--group", metavar="NAME", help="Another group than that of the workers."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would move.")]


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(show=show, reset=reset)


def show(
    ctx: typer.Context, group: GroupOption = None, brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Show where a group stands in each partition, and who reads as this group now."""
    from sluice.io import group_lag

    terminal: Terminal = ctx.find_root().obj
    settings = kafka_settings(terminal, brokers)
    name = group or settings.kafka.group
    with admin_of(settings) as admin:
        tell_missing(terminal, admin, settings)
        state = admin.group(name)
        found = group_lag(admin, name, _topics(settings, name))
    tell_beyond(terminal, found)
    document = {
        "group": name, "state": state.state, "members": list(state.members),
        "partitions": [_document(each) for each in found],
    }  # fmt: skip
    who = ", ".join(state.members) or "nobody reads as this group"
    lines = [f"group {name}: {state.state.lower()}, {who}"]
    if found:
        lines += columns([_HEAD, *map(_row, found)], numbers=range(1, 5))
    else:
        lines.append("it has been nowhere")
    put_report(output, document, "\n".join(lines))
    return exits.OK


def reset(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="PLACE", show_default=False,
            help="earliest, latest, an offset, or a time such as 2026-01-31T08:00:00Z.",
        ),
    ],
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="NAME", help="This topic only; may be given again."),
    ] = None,
    group: GroupOption = None,
    yes: YesOption = False,
    brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Let a group go on elsewhere in its topics; first say what that means. Workers must be off."""
    from sluice.io import Mark, group_lag

    _place(to)  # what is no place is wrong usage, whatever brokers say
    terminal: Terminal = ctx.find_root().obj
    settings = kafka_settings(terminal, brokers)
    name = group or settings.kafka.group
    with admin_of(settings) as admin:
        state = admin.group(name)
        if state.is_active:
            who = ", ".join(state.members) or state.state.lower()
            terminal.fail(f"the group {name} is in use ({who}); stop its workers first")
            return exits.NO
        chosen = _chosen(group_lag(admin, name, _topics(settings, name)), topic, settings)
        moves = _moves(admin, chosen, to)
        if yes:
            admin.put_marks(name, {place: Mark(each.new) for place, each in moves.items()})
    document = {
        "done": yes, "group": name,
        "moves": [
            {"topic": topic, "partition": partition, "from": each.committed, "to": each.new}
            for (topic, partition), each in moves.items()
        ],
    }  # fmt: skip
    put_report(output, document, _told(moves, yes))
    return exits.OK


_HEAD = ("topic", "partition", "committed", "end", "lag", "note")


@dataclass(frozen=True, slots=True)
class Move:
    """Where a group has committed to stand in a partition, what it would read, what it will."""

    committed: int | None
    old: int
    new: int


Moves = Mapping[tuple[str, int], Move]


def _topics(settings: Settings, group: str) -> Sequence[str]:
    """Return the topics that a group reads even where it has not been yet."""
    return tuple(settings.kafka.topics) if group == settings.kafka.group else ()


def _place(to: str) -> tuple[Literal["earliest", "latest", "offset", "time"], int]:
    """Read `--to`: what is meant, and the offset or the instant (ms)."""
    if to == "earliest":
        return "earliest", 0
    if to == "latest":
        return "latest", 0
    if to.isascii() and to.isdigit():
        return "offset", int(to)
    instant = parse_instant(to)
    if instant is None:
        message = f"'{to}' is none of earliest, latest, an offset, a time (2026-01-31T08:00:00Z)"
        raise typer.BadParameter(message, param_hint="--to")
    return "time", instant


def _chosen(
    found: Iterable[PartitionLag], topics: list[str] | None, settings: Settings
) -> list[PartitionLag]:
    """Return the partitions to move; those whose place is kept with the state stay."""
    keyed = f"{settings.kafka.prefix}.keyed"
    there = [each for each in found if each.end is not None]
    for topic in topics or ():
        if topic == keyed:
            raise SluiceError(
                f"{keyed}: what rules remember says where in it each key stands; "
                "its offsets stay as they are"
            )
        if not any(each.topic == topic for each in there):
            names = ", ".join(sorted({each.topic for each in there} - {keyed})) or "none"
            raise SluiceError(f"the group reads no topic {topic}; there are {names}")
    return [
        each for each in there if each.topic != keyed and each.topic in (topics or [each.topic])
    ]


def _moves(admin: Admin, chosen: Sequence[PartitionLag], to: str) -> Moves:
    """Return where each partition stands, and where it would stand, within what there is."""
    places = [(each.topic, each.partition) for each in chosen]
    how, value = _place(to)
    if how == "offset":
        new = dict.fromkeys(places, value)
    else:
        new = admin.offsets(places, value if how == "time" else how)
    return {
        (each.topic, each.partition): Move(
            each.committed,
            each.next or 0,
            min(max(new[each.topic, each.partition], each.start or 0), each.end or 0),
        )
        for each in chosen
    }


def _told(moves: Moves, done: bool) -> str:
    if not moves:
        return "nothing to move: the group has been nowhere"
    rows = []
    for (topic, partition), each in moves.items():
        step = each.new - each.old
        what = f"{step:,} skipped" if step > 0 else f"{-step:,} again" if step else "stays"
        old = "-" if each.committed is None else str(each.committed)
        rows.append((topic, str(partition), old, "→", str(each.new), what))
    lines = columns(rows, numbers=(1, 2, 4))
    verb = "moved" if done else "would move; --yes moves them"
    return "\n".join([*lines, f"{len(moves)} partitions {verb}"])


def _row(each: PartitionLag) -> tuple[str, ...]:
    numbers = (each.partition, each.committed, each.end, each.lag)
    return (each.topic, *("-" if n is None else str(n) for n in numbers), each.note or "-")


def _document(each: PartitionLag) -> dict[str, Any]:
    return {
        "topic": each.topic, "partition": each.partition, "committed": each.committed,
        "start": each.start, "end": each.end, "lag": each.lag, "note": each.note,
    }  # fmt: skip
