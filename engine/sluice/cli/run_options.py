"""The options of `sluice run`, and which setting each of them is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any

import typer

InputsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[INPUT]...", show_default=False, help="Files, folders, patterns; - is stdin."
    ),
]
InputOption = Annotated[
    list[str] | None, typer.Option("--input", metavar="INPUT", help="Another spelling of INPUT.")
]
RulesOption = Annotated[
    list[str] | None,
    typer.Option("-r", "--rules", metavar="PATH", help="Rule files and folders [default: rules]."),
]
CodecOption = Annotated[
    str | None, typer.Option("--codec", metavar="NAME[:KEY=VALUE,…]", help="How events are read.")
]
TypeFieldOption = Annotated[
    str | None, typer.Option("--type-field", metavar="FIELD", help="The field with the type.")
]
TimeFieldOption = Annotated[
    str | None, typer.Option("--time-field", metavar="FIELD", help="The field with the time.")
]
IdFieldOption = Annotated[
    str | None, typer.Option("--id-field", metavar="FIELD", help="The field with the id.")
]
TypeOption = Annotated[
    str | None, typer.Option("--type", metavar="NAME", help="The type of events that bring none.")
]
TimeUnitOption = Annotated[
    str | None, typer.Option("--time-unit", metavar="s|ms|us|ns", help="The unit of whole times.")
]
StrictInputOption = Annotated[
    bool | None,
    typer.Option("--strict-input/--no-strict-input", help="Check fields that no rule reads too."),
]
SourceOption = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="@source instead of the path.")
]
LatenessOption = Annotated[
    str | None,
    typer.Option("--lateness", metavar="DURATION", help="How late events may come, such as 5s."),
]
SortOption = Annotated[
    bool | None, typer.Option("--sort/--no-sort", help="Read inputs whole and sort by time first.")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only events from then on.")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only events up to then.")
]
CloseOption = Annotated[
    bool | None, typer.Option("--close/--no-close", help="Let time run on past the last event.")
]
FollowOption = Annotated[
    bool | None, typer.Option("--follow/--no-follow", help="Go on as inputs grow, until stopped.")
]
CheckpointOption = Annotated[
    str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep here where the run is.")
]
ShowOption = Annotated[
    list[str] | None,
    typer.Option("--show", metavar="KIND,…", help="match clear note mitigation pending event …"),
]
WithEventsOption = Annotated[
    bool | None,
    typer.Option("--with-events/--no-with-events", help="Print the whole events of a match."),
]
RejectedOption = Annotated[
    str | None, typer.Option("--rejected", metavar="FILE", help="Write what is no event here.")
]
StatsOption = Annotated[
    str | None, typer.Option("--stats", metavar="FILE", help="Write the counts here at the end.")
]
LakeOption = Annotated[
    str | None, typer.Option("--lake", metavar="DIR", help="Keep events, matches and more here.")
]
OutputFormOption = Annotated[
    str | None,
    typer.Option("-o", "--output", "--format", metavar="text|json|none", help="Form of records."),
]
OutputFileOption = Annotated[
    str | None,
    typer.Option("--output-file", metavar="FILE", help="Append the records here too, each once."),
]
FailOnOption = Annotated[
    list[str] | None,
    typer.Option("--fail-on", metavar="match|rejected|late", help="Exit 1 when there is one."),
]
SkipBrokenOption = Annotated[
    bool | None,
    typer.Option(
        "--skip-broken-rules/--no-skip-broken-rules", help="Leave out rules that have errors."
    ),
]
ProgressOption = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="A progress line on a terminal.")
]

#: Which setting a flag is, where it is one of the section `run` under another or its own name.
SETTINGS = {
    "rules": "rules.paths", "set_": "rules.set", "silence": "rules.silence",
    "skip_broken_rules": "rules.skip_broken", "codec": "input.codec",
    "type_field": "input.type_field", "time_field": "input.time_field",
    "id_field": "input.id_field", "type_": "input.type", "time_unit": "input.time_unit",
    "strict_input": "input.strict", "source": "input.source", "lateness": "run.lateness",
    "sort": "run.sort", "close": "run.close", "follow": "run.follow",
    "checkpoint": "run.checkpoint", "show": "run.show", "with_events": "run.with_events",
    "rejected": "run.rejected", "stats": "run.stats", "output": "run.output",
    "output_file": "run.output_file", "fail_on": "run.fail_on", "progress": "run.progress",
    "lake": "run.lake",
}  # fmt: skip

#: How inputs are read, by the name of the option: what every command that reads events takes.
Reading = Mapping[str, Any]

_READING = {
    "codec": CodecOption, "type_field": TypeFieldOption, "time_field": TimeFieldOption,
    "id_field": IdFieldOption, "type_": TypeOption, "time_unit": TimeUnitOption,
    "strict_input": StrictInputOption, "source": SourceOption, "lateness": LatenessOption,
    "sort": SortOption, "since": SinceOption, "until": UntilOption,
}  # fmt: skip


def reads_events(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of reading in place of its parameter `reading`."""
    own = inspect.signature(command, eval_str=True)
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in _READING.items()
    ]
    shown: list[Parameter] = []
    for parameter in own.parameters.values():
        is_place = parameter.name == "reading"
        shown += options if is_place else [parameter.replace(kind=Parameter.KEYWORD_ONLY)]

    @wraps(command)
    def expanded(**values: Any) -> int:
        reading: Reading = {name: values.pop(name) for name in _READING}
        return command(reading=reading, **values)

    made: Any = expanded
    # What typer makes options of.
    made.__signature__ = own.replace(parameters=shown)
    return expanded


def settings_in(values: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    """Return those parameters of a command that are settings."""
    return {name: value for name, value in {**values, **reading}.items() if name in SETTINGS}
