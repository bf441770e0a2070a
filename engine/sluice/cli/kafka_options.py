"""What the commands about Kafka share: settings, a client, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli.loading import given, settings_of
from sluice.cli.render import safe

if TYPE_CHECKING:
    from sluice.backends import Topology
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.io import Admin, Finding, PartitionLag

BrokersOption = Annotated[
    list[str] | None,
    typer.Option("--brokers", metavar="HOST:PORT", help="Brokers, instead of those set."),
]


def kafka_settings(terminal: Terminal, brokers: list[str] | None) -> Settings:
    """Return the settings, with brokers of the command line."""
    return settings_of(terminal, given({"kafka.brokers": brokers})).settings


def admin_of(settings: Settings) -> Admin:
    """Return a client that looks after topics and groups."""
    from sluice.io import Admin
    from sluice.shells import brokers_of

    return Admin(brokers_of(settings.kafka))


def topic_findings(admin: Admin, settings: Settings, topology: Topology) -> tuple[Finding, ...]:
    """Return how each topic that there is to be compares with the one that there is."""
    from sluice.io import Copies, find_drift

    there = admin.topics([spec.name for spec in topology.topics])
    copies = Copies(settings.kafka.replication, admin.broker_count())
    return find_drift(topology, there, copies)


def tell_missing(terminal: Terminal, admin: Admin, settings: Settings) -> None:
    """Warn of topics that are to be read and are not there, and where none is to be read."""
    named = settings.kafka.topics
    if not named:
        terminal.warn('no topic is read: name some in sluice.toml, as [kafka.topics."auth.events"]')
    for topic in sorted(named.keys() - admin.topics(named)):
        terminal.warn(f"there is no topic {topic}; see `sluice topics plan`")


def tell_beyond(terminal: Terminal, found: Iterable[PartitionLag]) -> None:
    """Warn of partitions that end before the place where their group stands."""
    for each in found:
        if each.is_beyond:
            terminal.warn(
                f"{each.topic}/{each.partition} ends at {each.end}, and the group {each.group} "
                f"stands at {each.committed}: has the topic been made anew?"
            )


def columns(rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()) -> list[str]:
    """Return rows as lines with their cells one below the other; numbers stand to the right."""
    right = frozenset(numbers)
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
