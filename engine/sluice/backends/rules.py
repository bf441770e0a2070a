"""Compile a rule: every callable that its operator needs, from generated source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sluice.backends import operations as ops
from sluice.backends.conditions import truth
from sluice.backends.emit import Emitter, View
from sluice.backends.mismatches import comparison_counter
from sluice.backends.values import value
from sluice.model import ANY, Type, key_part, part_value
from sluice.plan import EmitEffect, MitigateEffect, NoteEffect, RulePlan, Text
from sluice.plan import exprs as x
from sluice.plan import nodes as p
from sluice.stream import History, Mismatches, RuleCode, rule_atoms
from sluice.timing import format_duration, format_instant


@dataclass(slots=True)
class Source:
    """Generated functions of one rule, compiled together."""

    out: Emitter
    lines: list[str] = field(default_factory=list)

    def function(self, name: str, args: str, body: list[str]) -> None:
        """Add a function; `body` are its lines without indentation."""
        self.lines.append(f"def {name}({args}):")
        self.lines += ["    " + line for line in body]
        self.lines.append("")

    @property
    def text(self) -> str:
        """All of it, as Python."""
        return "\n".join(self.lines)


def split(where: x.Expr | None) -> tuple[x.Expr | None, x.Expr | None]:
    """Split a condition into what looks at one event only and what looks at aliases too."""
    if where is None:
        return None, None
    items = where.items if isinstance(where, x.And) else (where,)
    early = tuple(item for item in items if not looks_back(item))
    late = tuple(item for item in items if looks_back(item))
    return _joined(early), _joined(late)


def looks_back(node: x.Expr) -> bool:
    """True when an expression looks at events that the match has taken."""
    return any(isinstance(n, x.AliasField | x.Agg) for n in x.walk(node))


def _joined(items: tuple[x.Expr, ...]) -> x.Expr | None:
    if not items:
        return None
    return items[0] if len(items) == 1 else x.And(items)


class RuleCompiler:
    """Builds the `RuleCode` of one rule."""

    def __init__(self, rule: RulePlan, rank: int, out: Emitter, mismatches: Mismatches) -> None:
        self.rule, self.rank, self._mismatches = rule, rank, mismatches
        self.out = out
        self.out.names["WIDTH"] = len(rule.keys)
        self.source = Source(out)
        self.atoms = rule_atoms(rule)
        self.aggregates: list[x.Agg] = []
        self.histories: list[History] = []

    def compile(self) -> tuple[RuleCode, str]:
        """Return the code of the rule and its source."""
        keys, variant = self._keys()
        having = self._having()
        self._select()
        self._fills()
        inputs = self._inputs()
        if self.rule.unseen is not None:
            self._tuple_of("unseen", self.rule.unseen.values)
        late = self._late()
        namespace = self.out.names
        exec(compile(self.source.text, f"<rule {self.rule.name}>", "exec"), namespace)
        rule = self.rule
        code = RuleCode(
            plan=rule, rank=self.rank, atoms=self.atoms,
            key_of=tuple(namespace[f"key_{n}"] for n in range(len(keys))), variant=variant,
            late=tuple(namespace[f"late_{n}"] if n in late else None
                       for n in range(len(self.atoms))),
            having=namespace["having"] if having else None,
            select=namespace["select"],
            select_json=_select_json(rule), key_json=_key_json(rule),
            fills=tuple(namespace[f"fill_{n}"]
                        for n in range(len(rule.effects))),
            unseen=namespace["unseen"] if rule.unseen is not None else None,
            inputs=namespace["inputs"] if inputs else None,
            accumulators=tuple(self._maker(agg) for agg in self.aggregates),
            histories=tuple(self.histories),
            expected=self._expected(),
            aliases={a.position: a.alias for a in self.atoms if a.alias is not None},
            required=self._required(),
        )  # fmt: skip
        return code, self.source.text

    # ------------------------------------------------------------ keys

    def _keys(self) -> tuple[list[tuple[x.Expr, ...]], tuple[int, ...]]:
        variants: list[tuple[x.Expr, ...]] = []
        variant = []
        for atom in self.atoms:
            if atom.key not in variants:
                variants.append(atom.key)
            variant.append(variants.index(atom.key))
        if not variants:
            variants.append(())
        for number, parts in enumerate(variants):
            self._key(number, parts)
        return variants, tuple(variant)

    def _key(self, number: int, parts: tuple[x.Expr, ...]) -> None:
        part_of = self.out.name("key_part", key_part, "key_part")
        body, names = [], []
        for index, part in enumerate(parts):
            nullable = self.rule.keys[index].nullable
            name = f"k{index}"
            body.append(f"{name} = {value(part, View(now='e.time'), self.out)}")
            body.append(f"if {name}.__class__ is not str:")
            body.append(f"    {name} = {part_of}({name}, {nullable})")
            body.append(f"    if {name} is None: return None")
            names.append(name)
        result = "()" if not names else names[0] if len(names) == 1 else f"({', '.join(names)})"
        self.source.function(f"key_{number}", "e", [*body, f"return {result}"])

    def _expected(self) -> tuple[Any, ...]:
        pattern = self.rule.pattern
        if not isinstance(pattern, p.Silence):
            return ()
        values = pattern.expected
        if pattern.expected_list is not None:
            values = self.out.plan.lists[pattern.expected_list].values
        return tuple(dict.fromkeys(key_part(v) for v in values))

    # ------------------------------------------------------------ conditions

    def _view(self) -> View:
        return View(
            event=None, aggregate=self._aggregate, selected=self._inlined, tally=self._tally
        )

    def _tally(self, operand: x.Expr) -> str:
        """Return the name of what counts comparisons of an expression across types."""
        return comparison_counter(self.out, self._mismatches, self.rule.name, operand)

    def _inlined(self, index: int) -> str:
        return value(self.rule.select[index][1], self._view(), self.out)

    def _late(self) -> set[int]:
        found = set()
        for number, atom in enumerate(self.atoms):
            _, late = split(atom.where)
            if late is not None:
                found.add(number)
                test = truth(late, View(tally=self._tally), self.out)
                self.source.function(f"late_{number}", "e, m, n", [f"return {test}"])
        return found

    def _having(self) -> bool:
        if self.rule.having is None:
            return False
        test = truth(self.rule.having.condition, self._view(), self.out)
        self.source.function("having", "m, k, n", [f"return {test}"])
        return True

    def _select(self) -> None:
        body = []
        view = self._view().at(selected=lambda index: f"s{index}")
        for index, (_, expr) in enumerate(self.rule.select):
            body.append(f"s{index} = {value(expr, view, self.out)}")
        names = "".join(f"s{i}, " for i in range(len(self.rule.select)))
        self.source.function("select", "m, k, n", [*body, f"return ({names})"])

    # ------------------------------------------------------------ aggregates

    def _aggregate(self, node: x.Agg) -> str:
        """Return how a window gives an aggregate, registering it."""
        if node.inner is None:
            return f"m.value({self._number(node)})"
        number = self._number(node.inner)
        entry = self.out.catalog.aggregates[node.inner.name]
        empty_is_zero = entry.name in ("count", "sum", "rate")
        history = History(node.name, number, node.history, empty_is_zero)
        if history not in self.histories:
            self.histories.append(history)
        past = f"m.history({self.histories.index(history)})"
        if node.name == "baseline":
            return f"{self.out.name('baseline', ops.baseline, 'baseline')}({past})"
        return f"{self.out.name('zscore', ops.zscore, 'zscore')}(m.value({number}), {past})"

    def _number(self, node: x.Agg) -> int:
        if node not in self.aggregates:
            self.aggregates.append(node)
        return self.aggregates.index(node)

    def _maker(self, node: x.Agg) -> Callable[[], Any]:
        entry = self.out.catalog.aggregates[node.name]
        assert isinstance(self.rule.pattern, p.Aggregate)
        window = self.rule.pattern.window
        # The last N events and a session have no length of their own: a rate is unknown there.
        size = 0 if window.kind in ("last", "session") else window.size
        argument = node.argument.type if node.argument is not None else ANY
        return ops.maker(entry, argument, node.params, size)

    def _inputs(self) -> bool:
        """Write what each aggregate takes from an event that enters by a branch."""
        if not self.aggregates:
            return False
        assert isinstance(self.rule.pattern, p.Aggregate)
        places = [atom.position for atom in self.rule.pattern.step.atoms]
        view = View(now="e.time", tally=self._tally)
        parts = []
        for node in self.aggregates:
            conditions = []
            if node.positions is not None and set(node.positions) != set(places):
                branches = tuple(i for i, place in enumerate(places) if place in node.positions)
                conditions.append(f"b in {branches!r}")
            if node.where is not None:
                conditions.append(truth(node.where, view, self.out))
            taken = "True"
            if node.argument is not None:
                entry = self.out.catalog.aggregates[node.name]
                write = truth if entry.argument == "condition" else value
                taken = write(node.argument, view, self.out)
            test = " and ".join(conditions)
            parts.append(f"(({taken}) if {test} else None)" if test else f"({taken})")
        self.source.function("inputs", "e, b", [f"return ({', '.join(parts)},)"])
        return True

    def _tuple_of(self, name: str, parts: tuple[x.Expr, ...]) -> None:
        """Write a function that gives the normal forms of some values, None when one is missing."""
        part_of = self.out.name("key_part", key_part, "key_part")
        body, names = [], []
        for index, part in enumerate(parts):
            text = value(part, View(now="e.time"), self.out)
            body.append(f"u{index} = {part_of}({text})")
            body.append(f"if u{index} is None: return None")
            names.append(f"u{index}, ")
        self.source.function(name, "e", [*body, f"return ({''.join(names)})"])

    # ------------------------------------------------------------ effects

    def _fills(self) -> None:
        view = self._view().at(selected=lambda index: f"s[{index}]")
        for number, effect in enumerate(self.rule.effects):
            match effect:
                case EmitEffect(fields=fields):
                    text = self._object(fields, view)
                case MitigateEffect():
                    text = self._arguments(effect, view)
                case NoteEffect(title=title, body=body):
                    filled = f"'body': {self._text(body, view)}, " if body is not None else ""
                    text = "{'title': " + self._text(title, view) + ", " + filled + "}"
            self.source.function(f"fill_{number}", "m, k, s, n", [f"return {text}"])

    def _required(self) -> dict[int, tuple[str, ...]]:
        actions = self.out.catalog.actions
        return {
            number: tuple(p.name for p in actions[effect.action].params if not p.optional)
            for number, effect in enumerate(self.rule.effects)
            if isinstance(effect, MitigateEffect) and effect.action in actions
        }

    def _arguments(self, effect: MitigateEffect, view: View) -> str:
        """Write the arguments of an action; a parameter that takes several values is a list."""
        action = self.out.catalog.actions.get(effect.action)
        last = action.params[-1] if action is not None and action.params else None
        if last is None or not last.variadic:
            return self._object(effect.args, view)
        plain = tuple(pair for pair in effect.args if pair[0] != last.name)
        several = [self._json(expr, view) for name, expr in effect.args if name == last.name]
        if not several:
            return self._object(plain, view)
        own = f"{last.name!r}: [{', '.join(several)}]"
        return "{" + "".join(f"{p}, " for p in self._pairs(plain, view)) + own + "}"

    def _object(self, fields: tuple[tuple[str, x.Expr], ...], view: View) -> str:
        return "{" + ", ".join(self._pairs(fields, view)) + "}"

    def _pairs(self, fields: tuple[tuple[str, x.Expr], ...], view: View) -> list[str]:
        return [f"{name!r}: {self._json(expr, view)}" for name, expr in fields]

    def _json(self, expr: x.Expr, view: View) -> str:
        convert = self.out.name("json", json_of(expr.type), f"json {expr.type}")
        return f"{convert}({value(expr, view, self.out)})"

    def _text(self, text: Text, view: View) -> str:
        parts = []
        for part in text.parts:
            if isinstance(part, str):
                parts.append(repr(part))
            else:
                show = self.out.name("shown", shown(part.type), f"shown {part.type}")
                parts.append(f"{show}({value(part, view, self.out)})")
        return "''.join((" + "".join(f"{part}, " for part in parts) + "))"


def json_of(type_: Type) -> Callable[[Any], Any]:
    """Return what turns a run-time value of a type into the JSON value of records and events."""
    if type_.kind == "time":
        return lambda value: None if value is None else format_instant(value)
    if type_.kind == "list" and type_.item is not None and type_.item.kind == "time":
        return lambda value: None if value is None else [format_instant(v) for v in value]
    return lambda value: value


def shown(type_: Type) -> Callable[[Any], str]:
    """Return what writes a value of a type into a text for people; missing is `-`."""
    if type_.kind == "time":
        return lambda value: "-" if value is None else format_instant(value)
    if type_.kind == "duration":
        return lambda value: "-" if value is None else format_duration(value)
    if type_.item is not None:
        each = shown(type_.item)
        return lambda value: ", ".join(map(each, value)) if isinstance(value, list) else "-"
    return _shown


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is list:
        return ", ".join(_shown(v) for v in value)
    if value.__class__ is float and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _select_json(rule: RulePlan) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    parts = tuple((name, json_of(expr.type)) for name, expr in rule.select)
    return lambda values: {
        name: convert(value) for (name, convert), value in zip(parts, values, strict=True)
    }


def _key_json(rule: RulePlan) -> Callable[[Any], dict[str, Any]]:
    names = tuple((part.name, json_of(part.type)) for part in rule.keys)
    if not names:
        return lambda key: {}
    if len(names) == 1:
        name, convert = names[0]
        return lambda key: {name: convert(part_value(key))}
    return lambda key: {
        name: convert(part_value(part)) for (name, convert), part in zip(names, key, strict=True)
    }
