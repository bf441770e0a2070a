"""`sluice lag`: how far workers are behind, by topic and partition."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

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
from sluice.cli.offsets import GroupOption
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_bytes, put_report
from sluice.io import BrokerAway, encode_record
from sluice.timing import format_duration, format_instant

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.io import Admin, PartitionLag

WATCH_SECONDS = 2.0

#: What sinks add to the name of the workers' group.
SINKS = ("lake", "webhook")


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(lag)


def lag(
    ctx: typer.Context,
    watch: Annotated[
        bool, typer.Option("--watch", help="Say it again every two seconds, until Ctrl-C.")
    ] = False,
    group: GroupOption = None,
    brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:
    """Say how many records wait for the workers and their sinks, and how old the oldest is.

    The age is that of the time that Kafka has of a record, which is seldom the event's own.
    """
    terminal: Terminal = ctx.find_root().obj
    settings = kafka_settings(terminal, brokers)
    with admin_of(settings) as admin:
        tell_missing(terminal, admin, settings)
        if not watch:
            _once(terminal, admin, settings, group, output)
            return exits.OK
        while True:
            try:
                _once(terminal, admin, settings, group, "lines" if output == "json" else output)
            except BrokerAway as error:
                terminal.fail(str(error))  # who watches wants to see when it comes back
            time.sleep(WATCH_SECONDS)


def _once(
    terminal: Terminal, admin: Admin, settings: Settings, group: str | None, form: str
) -> None:
    """Say how it stands now, in a form: text, json, lines (of JSON), none."""
    found = _lags(admin, settings, group)
    tell_beyond(terminal, found)
    now = int(time.time() * 1000)
    document = {
        "time": format_instant(now),
        "lag": _total(found),
        "partitions": [_document(each, now) for each in found],
    }
    if form == "lines":
        put_bytes(encode_record(document))
    else:
        put_report(form, document, _text(found, now))


def _lags(admin: Admin, settings: Settings, group: str | None) -> list[PartitionLag]:
    """Return where the workers stand, and those of the sinks that have ever been somewhere."""
    from sluice.io import group_lag, with_ages

    kafka = settings.kafka
    names = [group] if group else [kafka.group, *(f"{kafka.group}.{sink}" for sink in SINKS)]
    found: list[PartitionLag] = []
    for name in names:
        topics = tuple(kafka.topics) if name == kafka.group else ()
        found += with_ages(admin, group_lag(admin, name, topics))
    return found


def _text(found: Sequence[PartitionLag], now: int) -> str:
    if not found:
        return "nothing to read"
    head = ("group", "topic", "partition", "committed", "end", "lag", "oldest unread")
    lines = columns([head, *(_row(each, now) for each in found)], numbers=range(2, 7))
    return "\n".join([*lines, f"{_total(found):,} records behind"])


def _row(each: PartitionLag, now: int) -> tuple[str, ...]:
    numbers = (each.partition, each.committed, each.end, each.lag)
    age = _age(each, now)
    old = "-" if age is None else f"{format_duration(age - age % 1000 if age > 1000 else age)} ago"
    return (each.group, each.topic, *("-" if n is None else str(n) for n in numbers), old)


def _document(each: PartitionLag, now: int) -> dict[str, Any]:
    return {
        "group": each.group, "topic": each.topic, "partition": each.partition,
        "committed": each.committed, "start": each.start, "end": each.end, "lag": each.lag,
        "oldest": None if each.oldest is None else format_instant(each.oldest),
        "age_ms": _age(each, now),
    }  # fmt: skip


def _age(each: PartitionLag, now: int) -> int | None:
    return None if each.oldest is None else max(0, now - each.oldest)


def _total(found: Sequence[PartitionLag]) -> int:
    return sum(each.lag or 0 for each in found)
