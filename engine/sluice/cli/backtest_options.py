"""The options that only `sluice backtest` has."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Engine = Literal["auto", "stream", "sql", "both"]

TargetsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RULE|PATH]...", show_default=False, help="Rules (PACK.NAME), files, folders."
    ),
]
FromOption = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="INPUT", help="A lake, or files, folders, patterns."),
]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="What goes through the events; both compares the two.")
]
MatchesOption = Annotated[
    bool, typer.Option("--matches", help="Print the matches, as run does, not the report.")
]
ExpectOption = Annotated[
    list[str] | None,
    typer.Option("--expect", metavar="N|RULE=N", help="Exit 1 unless there are so many matches."),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep", metavar="NAME=VALUES", help="Try 3..20 or 1m,5m: a param, threshold, within."
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option("--against", metavar="REV|DIR", help="Compare with earlier rules."),
]
LabelsOption = Annotated[
    str | None,
    typer.Option("--labels", metavar="FILE", help="What really happened: key, from, to."),
]
