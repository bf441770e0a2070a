"""Check what a match leads to: `emit`, `note`, `mitigate`, `call`, and the texts in them."""

from __future__ import annotations

from sluice.catalog import Action
from sluice.errors import Span
from sluice.lang.checked import CheckedEffect, CheckedEmit, CheckedMitigate, CheckedNote, Mode
from sluice.lang.declarations import CallAction, Clause, Emit, Mitigate, NoteClause
from sluice.lang.infer import Inferrer
from sluice.lang.infer_calls import fit
from sluice.lang.meet import towards
from sluice.lang.scope import Scope, did_you_mean
from sluice.lang.syntax import Argument
from sluice.lang.texts import text_parts
from sluice.lang.typed import Typed
from sluice.lang.types import accepts, describe
from sluice.lang.views import Known

NOTE_KINDS = ("policy_violation", "sop_update", "anomaly_detected")
MODES: tuple[Mode, ...] = ("simulate", "ask", "auto")
RESERVED = ("match.", "clear.")


def check_effects(
    clauses: tuple[Clause, ...], inferrer: Inferrer, scope: Scope,
    schemas: Known,
) -> tuple[CheckedEffect, ...]:  # fmt: skip
    """Check the effects of a rule, in the order written."""
    out: list[CheckedEffect] = []
    for clause in clauses:
        match clause:
            case Emit():
                out.append(_emit(clause, inferrer, scope, schemas))
            case NoteClause():
                out.append(_note(clause, inferrer, scope))
            case Mitigate():
                out.append(_mitigate(clause, inferrer, scope))
            case CallAction(action=action, args=args, span=span):
                found = _arguments(action, args, span, (inferrer, scope))
                out.append(CheckedMitigate(action, found, is_call=True))
            case _:
                pass
    return tuple(out)


def _emit(clause: Emit, inferrer: Inferrer, scope: Scope, schemas: Known) -> CheckedEmit:
    add = inferrer.findings.add
    if clause.type.startswith(RESERVED):
        add("SL0214", clause.span, f"`{clause.type}` is what rules make by themselves",
            "emit a type of your own")  # fmt: skip
    schema = schemas.get(clause.type)
    declared = schema.fields if schema is not None else {}
    fields: dict[str, Typed] = {}
    for name, place, expr in clause.fields.named:
        value = inferrer.infer(expr, scope)
        if name in fields:
            add("SL0207", place, f"the field `{name}` is there twice")
        if schema is not None and name not in declared and clause.type not in schemas.soft:
            add("SL0201", place, f"`{clause.type}` has no field `{name}`",
                did_you_mean(name, declared))  # fmt: skip
        elif name in declared and clause.type not in schemas.soft:
            want = declared[name].type
            value = towards(inferrer, value, want)
            if not accepts(want, value.type) and not (
                value.type.kind == "null" and declared[name].optional
            ):
                add("SL0301", expr.span, f"`{name}` of `{clause.type}` is {describe(want)}, "
                    f"not {describe(value.type)}")  # fmt: skip
        fields[name] = value
    needed = [n for n, f in declared.items() if not f.optional and n not in fields]
    if needed and clause.type not in schemas.soft:
        names = ", ".join(f"`{name}`" for name in needed)
        add("SL0520", clause.span, f"`{clause.type}` needs {names}, which this `emit` leaves out",
            "give it a value, or declare it with `?`")  # fmt: skip
    return CheckedEmit(clause.type, tuple(fields.items()), clause.span)


def _note(clause: NoteClause, inferrer: Inferrer, scope: Scope) -> CheckedNote:
    if clause.kind not in NOTE_KINDS:
        inferrer.findings.add(
            "SL0418", clause.span, f"`{clause.kind}` is no kind of note",
            did_you_mean(clause.kind, NOTE_KINDS) or f"one of {', '.join(NOTE_KINDS)}",
        )  # fmt: skip
    title = text_parts(clause.title, inferrer, scope)
    body = text_parts(clause.body, inferrer, scope) if clause.body is not None else None
    return CheckedNote(clause.kind, title, body)


def _mitigate(clause: Mitigate, inferrer: Inferrer, scope: Scope) -> CheckedMitigate:
    args = _arguments(clause.action, clause.args, clause.span, (inferrer, scope))
    ttl = None
    if clause.duration is not None:
        ttl = inferrer.duration(clause.duration, Scope(scope.file))
    mode = next((each for each in MODES if each == (clause.mode or "ask")), None)
    if mode is None:
        inferrer.findings.add(
            "SL0418", clause.span, f"`{clause.mode}` is no mode", f"one of {', '.join(MODES)}"
        )
    if mode == "auto" and ttl is None:
        inferrer.findings.add(
            "SL0510", clause.span, "`auto` without `for`: nobody asked, and it never ends",
            f"bound it: `mitigate {clause.action}(…) for 15m auto`",
        )  # fmt: skip
    return CheckedMitigate(clause.action, args, ttl, mode or "ask")


def _arguments(
    name: str, args: tuple[Argument, ...], span: Span, where: tuple[Inferrer, Scope]
) -> tuple[tuple[str, Typed], ...]:
    """Return the arguments of an action by the names of its parameters."""
    inferrer, scope = where
    action = inferrer.catalog.actions.get(name)
    values = [(a, inferrer.infer(a.value, scope)) for a in args]
    if action is None:
        inferrer.findings.add(
            "SL0205", span, f"unknown action `{name}`",
            did_you_mean(name, inferrer.catalog.actions),
        )  # fmt: skip
        return ()
    return _named(action, values, span, inferrer)


def _named(
    action: Action, values: list[tuple[Argument, Typed]], span: Span, inferrer: Inferrer
) -> tuple[tuple[str, Typed], ...]:
    """Return the values by parameter; one that takes several is there once for each."""
    add = inferrer.findings.add
    params = {p.name: p for p in action.params}
    order = list(params)
    several = order[-1] if order and params[order[-1]].variadic else None
    found: dict[str, list[Typed]] = {}
    for place, (argument, value) in enumerate(values):
        name = argument.name or (order[place] if place < len(order) else several)
        if name is None:
            add("SL0303", value.span, f"`{action.name}` takes at most {len(order)} arguments",
                _usage(action))  # fmt: skip
        elif name not in params:
            add("SL0303", value.span, f"`{action.name}` has no parameter `{name}`",
                did_you_mean(name, params))  # fmt: skip
        elif name == argument.name == several:
            add("SL0303", value.span, f"`{name}` takes any number of values, and no name",
                _usage(action))  # fmt: skip
        elif name in found and name != several:
            add("SL0303", value.span, f"`{name}` is given twice")
        else:
            found.setdefault(name, []).append(fit(inferrer, value, params[name], action.name))
    missing = [p.name for p in action.params if not p.optional and p.name not in found]
    if missing:
        add("SL0303", span, f"`{action.name}` needs `{'`, `'.join(missing)}`", _usage(action))
    return tuple((name, value) for name in order for value in found.get(name, ()))


def _usage(action: Action) -> str:
    names = (f"{p.name}, …" if p.variadic else p.name for p in action.params)
    return f"{action.name}({', '.join(names)})"
