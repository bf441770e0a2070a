"""Check `extract` declarations: text that becomes events."""

from __future__ import annotations

from dataclasses import replace

from sluice.catalog import compile_regex
from sluice.lang.checked import CheckedExtract, CheckedExtractLine
from sluice.lang.declarations import Extract, ExtractLine
from sluice.lang.infer import Inferrer
from sluice.lang.meet import towards
from sluice.lang.regexes import refusal
from sluice.lang.scope import Scope, did_you_mean
from sluice.lang.typed import Typed
from sluice.lang.types import accepts, describe, unify
from sluice.lang.views import Known, schema_view
from sluice.model import STRING, EventSchema, Field, Type

RESERVED = ("match.", "clear.")


def check_extract(extract: Extract, file: str, inferrer: Inferrer, known: Known) -> CheckedExtract:
    """Check an extract against the schemas of its source and its type."""
    before = inferrer.findings.error_count()
    if extract.type.startswith(RESERVED):
        inferrer.findings.add(
            "SL0214", extract.span, f"`{extract.type}` is what rules make by themselves",
            "extract a type of your own",
        )  # fmt: skip
    view = schema_view((extract.source,), known)
    scope = Scope(file, "event", view)
    where = inferrer.condition(extract.where, scope) if extract.where is not None else None
    schema = known.get(extract.type) if extract.type not in known.soft else None
    lines = tuple(_line(line, extract, (inferrer, scope), schema) for line in extract.lines)
    broken = inferrer.findings.error_count() > before
    return CheckedExtract(extract.type, extract.source, where, lines, broken)


def _line(
    line: ExtractLine, extract: Extract, where: tuple[Inferrer, Scope], schema: EventSchema | None
) -> CheckedExtractLine:
    inferrer, scope = where
    add = inferrer.findings.add
    path = inferrer.infer(line.path, scope)
    if path.type.kind not in ("string", "enum", "any"):
        add("SL0301", line.path.span, f"text is needed here, this is {describe(path.type)}")
    pattern = line.regex.pattern
    compiled = compile_regex(pattern, line.regex.flags)
    refused = refusal(pattern, line.regex.flags) if isinstance(compiled, str) else None
    if refused is not None:
        add(refused.code, refused.span(line.regex.span, pattern), refused.message, refused.hint)
    groups: dict[str, Type] = {}
    for name in () if isinstance(compiled, str) else compiled.group_names:
        groups[name] = _field_type(name, schema)
        if schema is not None and name not in schema.fields:
            add("SL0201", line.regex.span, f"`{extract.type}` has no field `{name}`",
                did_you_mean(name, schema.fields))  # fmt: skip
    inner = replace(scope, groups=groups)
    fields: list[tuple[str, Typed]] = []
    for name, place, expr in line.fields.named if line.fields is not None else ():
        value = inferrer.infer(expr, inner)
        if schema is not None and name not in schema.fields:
            add("SL0201", place, f"`{extract.type}` has no field `{name}`",
                did_you_mean(name, schema.fields))  # fmt: skip
        elif schema is not None:
            want = schema.fields[name].type
            value = towards(inferrer, value, want)
            if not accepts(want, value.type):
                add("SL0301", expr.span, f"`{name}` of `{extract.type}` is {describe(want)}, "
                    f"not {describe(value.type)}")  # fmt: skip
        fields.append((name, value))
    return CheckedExtractLine(
        path, line.regex.pattern, line.regex.flags, tuple(fields), tuple(groups)
    )


def _field_type(name: str, schema: EventSchema | None) -> Type:
    if schema is None or name not in schema.fields:
        return STRING
    return schema.fields[name].type


def extract_schema(extract: CheckedExtract) -> EventSchema:
    """Return what an extract offers where nothing declares its type."""
    kinds: dict[str, list[Type]] = {}
    for line in extract.lines:
        own = {name: typed.type for name, typed in line.fields}
        groups = dict.fromkeys(line.groups, STRING)
        for name, kind in {**groups, **own}.items():
            kinds.setdefault(name, []).append(kind)
    return EventSchema(extract.type, {n: Field(unify(k), True) for n, k in kinds.items()})
