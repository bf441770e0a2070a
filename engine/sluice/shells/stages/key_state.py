"""Show what rules remember of a key, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.model import Row, key_part
from sluice.stream import Pipeline, Program, Shard
from sluice.timing import format_instant


def state_of_key(
    shards: Mapping[int, Shard], rule: str, key: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what one of the shards (by partition) holds of a key, as JSON can have it.

    None when no shard holds anything of it, KeyError when none has the rule.
    """
    found = [number for number, shard in shards.items() if _place(shard.pipeline, rule) is not None]
    if not found:
        raise KeyError(rule)
    for number in found:
        held = dict(_held(shards[number].pipeline, rule, key))
        if held:
            return {"partition": number, **held}
    return None


def _place(pipeline: Pipeline, rule: str) -> int | None:
    names = [operator.code.plan.name for operator in pipeline.operators]
    return names.index(rule) if rule in names else None


def _held(pipeline: Pipeline, rule: str, named: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    place = _place(pipeline, rule)
    assert place is not None
    operator, reporter = pipeline.operators[place], pipeline.reporters[place]
    plan, program = operator.code.plan, pipeline.program
    if {part.name for part in plan.keys} != named.keys():
        return
    parts = tuple(key_part(named[part.name], part.nullable) for part in plan.keys)
    key = parts[0] if len(parts) == 1 else parts
    if hasattr(operator, "keys"):
        for _, state in operator.save([key]):
            yield "version", plan.version
            yield "holds", _shown(state, program)
    if operator.unseen is not None:
        for _, state in operator.unseen.save([key]):
            yield "has_shown", _shown(state, program)
    if reporter.cooling is not None:
        for _, state in reporter.save_cooling([key]):
            yield "cools_down", _shown(state, program)


def _shown(value: Any, program: Program) -> Any:
    if isinstance(value, Row):
        time, type_, id_, source, partition, offset, fields, _ = program.row_state(value)
        place = f"{source}:{partition}:{offset}"
        own = {"@time": format_instant(time), "@type": type_, "@id": id_ or place}
        return {**own, **{name: _shown(field, program) for name, field in fields.items()}}
    if isinstance(value, Mapping):
        return {str(name): _shown(each, program) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(each, program) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
