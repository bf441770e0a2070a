"""`sluice lake`: keep a lake small and sound, and take out of it what must go."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli import exits
from sluice.cli.loading import given, settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report
from sluice.cli.query import LakeOption, lake_of
from sluice.timing import parse_duration

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\Z", re.IGNORECASE)

YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go.")]


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(compact=compact, expire=expire, check=check, forget=forget)


def compact(ctx: typer.Context, lake: LakeOption = None, output: OutputOption = "text") -> int:
    """Put small files together, and make the fields of events columns of their own."""
    from sluice.shells import compact_lake

    done = compact_lake(_root(ctx, lake))
    document = {
        "folders": done.folders, "files_before": done.files_before,
        "files_after": done.files_after, "bytes_before": done.bytes_before,
        "bytes_after": done.bytes_after, "busy": done.busy,
    }  # fmt: skip
    text = (
        f"{done.files_before} files became {done.files_after} in {done.folders} folders, "
        f"{size_text(done.bytes_before)} became {size_text(done.bytes_after)}"
        if done.folders
        else "nothing to put together"
    )
    if done.busy:
        text += f"\n{done.busy} folders were written to meanwhile: run it again for them"
    put_report(output, document, text)
    return exits.OK


def expire(
    ctx: typer.Context,
    lake: LakeOption = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="DURATION", help="Days that ended before, such as 90d."
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="The oldest days beyond it, such as 50GB."),
    ] = None,
    yes: YesOption = False,
    output: OutputOption = "text",
) -> int:
    """Take away old days, by the time of events; first say which."""
    from sluice.shells import expire_lake

    age = None if older_than is None else parse_duration(older_than)
    if older_than is not None and age is None:
        message = f"'{older_than}' is no duration; write 90d or 12h"
        raise typer.BadParameter(message, param_hint="--older-than")
    size = None if max_size is None else _size(max_size)
    if age is None and size is None:
        raise typer.BadParameter("or --max-size is needed", param_hint="--older-than")
    old = expire_lake(_root(ctx, lake), _now(), age, size, yes)
    total = sum(each.bytes for each in old)
    document = {
        "done": yes, "bytes": total,
        "folders": [
            {"folder": each.folder, "day": each.day.isoformat(), "files": each.files,
             "bytes": each.bytes}
            for each in old
        ],
    }  # fmt: skip
    lines = [f"{each.folder}  {each.files} files, {size_text(each.bytes)}" for each in old]
    verb = "went" if yes else "would go; --yes takes them away"
    lines.append(f"{len(old)} folders, {size_text(total)} {verb}" if old else "nothing is that old")
    put_report(output, document, "\n".join(lines))
    return exits.OK


def check(ctx: typer.Context, lake: LakeOption = None, output: OutputOption = "text") -> int:
    """Read every file; find torn and foreign ones, rows in the wrong place, rows twice."""
    from sluice.shells import verify_lake

    found = verify_lake(_root(ctx, lake))
    document = {
        "ok": found.is_ok, "files": found.files, "rows": found.rows, "bytes": found.bytes,
        "findings": found.findings,
    }  # fmt: skip
    count = f"{found.files} files, {found.rows:,} rows, {size_text(found.bytes)}"
    verdict = "all is well" if found.is_ok else f"{len(found.findings)} findings"
    put_report(output, document, "\n".join([*found.findings, f"{count}: {verdict}"]))
    return exits.OK if found.is_ok else exits.NO


def forget(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="FIELD=VALUE", help="The field, or an attribute, and its value."),
    ],
    lake: LakeOption = None,
    yes: YesOption = False,
    output: OutputOption = "text",
) -> int:
    """Take away events with a value, and what came from them; keep a record that they went."""
    from sluice.shells import forget_in_lake

    field, equals, value = what.partition("=")
    if not (equals and field.strip() and value):
        raise typer.BadParameter(f"'{what}' is not FIELD=VALUE", param_hint="FIELD=VALUE")
    found = forget_in_lake(_root(ctx, lake), field.strip(), value, _now(), yes)
    counts = ", ".join(f"{table} {count:,}" for table, count in found.rows.items())
    verb = "went" if yes else "would go; --yes takes them away"
    text = f"{counts}: {found.total:,} rows {verb}" if found.total else f"nothing has {what}"
    put_report(output, {"done": yes, "rows": found.rows}, text)
    return exits.OK


def size_text(count: int) -> str:
    """Return a number of bytes for people."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def _root(ctx: typer.Context, lake: str | None) -> str:
    terminal: Terminal = ctx.find_root().obj
    return lake_of(settings_of(terminal, given({"run.lake": lake})).settings)


def _size(text: str) -> int:
    found = _SIZE.match(text.strip())
    if found is None:
        message = f"'{text}' is no size; write 500MB or 20GB"
        raise typer.BadParameter(message, param_hint="--max-size")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _now() -> int:
    return int(time.time() * 1000)
