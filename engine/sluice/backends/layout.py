"""The row of a rule set: one slot for each field that some rule reads, typed where uses agree.

A slot is `num` or `str` when every use of the field only asks for that: then the decoder checks
the type and conditions need not. A JSON value of another type is *missing* in such a slot, which
those uses cannot tell from a mismatch (both are unknown). Else the slot is `any`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sluice.lang import covers
from sluice.model import Type
from sluice.plan import ExtractPlan, Plan, RulePlan
from sluice.plan import exprs as x
from sluice.plan import nodes as p
from sluice.stream import rule_atoms

Path = tuple[str | int, ...]

#: Attributes that every row has as such: their names in the row.
OWN_ATTRIBUTES = {
    "@time": "time", "@type": "type", "@source": "source", "@partition": "partition",
    "@offset": "offset",
}  # fmt: skip

_NUMBERS = ("int", "float", "percent", "ratio")
_TEXTS = ("string", "enum", "ip")
#: Numbers of milliseconds that JSON may write as texts.
_WRITTEN = ("time", "duration")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a path lives.

    `name` is the row's slot for the path; kind `num`, `str` or `any`. A slot of kind `struct`
    is an object of which only `inner` fields are read, each with a slot of its own. A nested path
    whose root is read as a whole too is reached through `rest` by `get_path`. `null` says that
    some rule asks whether it is null, so missing and null are kept apart.
    """

    path: Path
    name: str
    kind: str
    rest: Path = ()
    null: bool = False
    inner: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """All slots by path; `roots` are the top-level fields of the row in order."""

    slots: dict[Path, Slot]
    roots: tuple[Slot, ...]

    def of(self, path: Path) -> Slot:
        """Return the slot of a path."""
        return self.slots[path]


@dataclass(slots=True)
class _Uses:
    kinds: set[str]
    null: bool = False


def layout_of(plan: Plan) -> Layout:
    """Lay out the row of a plan."""
    uses: dict[Path, _Uses] = {}
    for expr in plan_expressions(plan):
        _note(expr, 1, uses)
    for path in [path for path in uses if path[0] in OWN_ATTRIBUTES or path[0] == "@id"]:
        del uses[path]
    roots: dict[str | int, dict[Path, _Uses]] = {}
    for path, use in uses.items():
        roots.setdefault(path[0], {})[path] = use
    slots: dict[Path, Slot] = {}
    tops = []
    for number, name in enumerate(sorted(roots, key=str)):
        top = _root(f"f{number}", name, roots[name], slots)
        slots.setdefault(top.path, top)
        tops.append(top)
    return Layout(slots, tuple(tops))


def _root(name: str, root: str | int, uses: dict[Path, _Uses], slots: dict[Path, Slot]) -> Slot:
    """Lay out one top-level field and the paths below it."""
    nested = [path for path in uses if len(path) > 1]
    if nested and all(len(path) == 2 and isinstance(path[1], str) for path in uses):
        inner = []
        for number, path in enumerate(sorted(nested, key=str)):
            use = uses[path]
            slot = Slot(path, f"{name}.g{number}", _only(use.kinds), null=use.null)
            inner.append(slot)
            slots[path] = slot
        return Slot((root,), name, "struct", inner=tuple(inner))
    own = uses.get((root,), _Uses(set()))
    kinds = own.kinds | {"any"} if nested else own.kinds
    for path in nested:
        slots[path] = Slot(path, name, "any", path[1:], uses[path].null)
    return Slot((root,), name, _only(kinds), null=own.null)


def _only(kinds: set[str]) -> str:
    return next(iter(kinds)) if len(kinds) == 1 else "any"


def keys_read(plan: Plan, type_: str) -> frozenset[str]:
    """Return the keys that some rule or extract reads which looks at events of a type."""
    exprs: list[x.Expr] = []
    for rule in plan.rules:
        if any(covers(t, type_, False) for atom in rule_atoms(rule) for t in atom.types):
            exprs += rule_expressions(rule)
    for extract in plan.extracts:
        if covers(extract.source, type_, False):
            exprs += extract_expressions(extract)
    nodes = (node for expr in exprs for node in x.walk(expr))
    return frozenset(str(n.path[0]) for n in nodes if isinstance(n, x.Field | x.AliasField))


def plan_expressions(plan: Plan) -> Iterator[x.Expr]:
    """Yield every expression of a plan that is evaluated at run time."""
    for rule in plan.rules:
        yield from rule_expressions(rule)
    for extract in plan.extracts:
        yield from extract_expressions(extract)


def extract_expressions(extract: ExtractPlan) -> Iterator[x.Expr]:
    """Yield the expressions of an extract: its condition, then its lines."""
    if extract.where is not None:
        yield extract.where
    for line in extract.lines:
        yield line.path
        for _, value in line.fields:
            yield value


def rule_expressions(rule: RulePlan) -> Iterator[x.Expr]:
    """Yield the expressions of a rule: conditions first, then values."""
    for atom in rule_atoms(rule):
        if atom.where is not None:
            yield atom.where
        yield from atom.key
    if rule.having is not None:
        yield rule.having.condition
    if rule.unseen is not None:
        yield from rule.unseen.values
    yield from rule.excepts
    for _, value in rule.select:
        yield value
    for effect in rule.effects:
        yield from _effect_expressions(effect)


def _effect_expressions(effect: p.EffectPlan) -> Iterable[x.Expr]:
    match effect:
        case p.EmitEffect(fields=fields):
            return [value for _, value in fields]
        case p.MitigateEffect(args=args):
            return [value for _, value in args]
        case p.NoteEffect(title=title, body=body):
            parts = title.parts + (body.parts if body is not None else ())
            return [part for part in parts if not isinstance(part, str)]


def _note(node: x.Expr, sign: int, uses: dict[Path, _Uses]) -> None:
    """Record how an expression uses fields.

    `sign` is 1 where it only matters whether a condition is true, -1 where whether it is false,
    0 where both do.
    """
    match node:
        case x.Not(operand):
            _note(operand, -sign, uses)
        case x.And(items) | x.Or(items):
            for item in items:
                _note(item, sign, uses)
        case x.Cmp(op, left, right, fold):
            lenient = not fold and (op != "==" or sign == 1)
            _operand(left, _kind_of(right) if lenient else "any", uses)
            _operand(right, _kind_of(left) if lenient else "any", uses)
        case x.InValues(item, values, list_name, False) if sign == 1 and list_name is None:
            _operand(item, _kind_of_values(values), uses)
        case x.TextTest(left=left, patterns=patterns):
            _operand(left, "str", uses)
            for pattern in patterns:
                _operand(pattern, "str", uses)
        case x.Matches(left=left):
            _operand(left, "str", uses)
        case x.InNetworks(item=item):
            _operand(item, "str", uses)
        case x.IsNull(operand):
            _operand(operand, "any", uses, null=True)
        case _:
            for child in _operands(node):
                _operand(child, "num" if isinstance(node, x.Neg) else "any", uses)


def _operands(node: x.Expr) -> Iterator[x.Expr]:
    if isinstance(node, x.Field | x.AliasField):
        yield node
        return
    yield from x.children(node)


def _operand(node: x.Expr, kind: str, uses: dict[Path, _Uses], null: bool = False) -> None:
    if not isinstance(node, x.Field | x.AliasField):
        _note(node, 0, uses)
        return
    declared = _declared(node.type)
    use = uses.setdefault(node.path, _Uses(set()))
    use.kinds.add(declared or kind)
    use.null |= null


def _declared(type_: Type) -> str | None:
    if type_.kind in _NUMBERS:
        return "num"
    if type_.kind in _WRITTEN:
        return "any"
    return "str" if type_.kind in _TEXTS else None


def _kind_of_values(values: tuple[object, ...]) -> str:
    if all(isinstance(v, str) for v in values):
        return "str"
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return "num" if is_number else "any"


def _kind_of(node: x.Expr) -> str:
    """Say what the other side of a comparison asks of a field."""
    if isinstance(node, x.Const):
        value = node.value
        if isinstance(value, str):
            return "str"
        return "num" if isinstance(value, int | float) and not isinstance(value, bool) else "any"
    if isinstance(node, x.Field | x.AliasField):
        return "any"
    return _declared(node.type) or "any"
