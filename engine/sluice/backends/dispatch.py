"""One function per event type: all conditions on the event, shared ones once, then the rules.

The function reads the fields in use, tests the conditions of all atoms that name the type as a
tree (rules that begin with the same condition stand under one `if`), and calls the operators of
the rules concerned in the order of their rank.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sluice.backends import operations as ops
from sluice.backends.conditions import truth
from sluice.backends.emit import Emitter, View
from sluice.backends.fit import fit_lines
from sluice.backends.layout import OWN_ATTRIBUTES, Path, Slot
from sluice.backends.mismatches import (
    Classes,
    EventCounter,
    Misfits,
    NestedCounter,
    compared,
    comparison_counter,
)  # fmt: skip
from sluice.backends.rules import split
from sluice.backends.tree import Entry, Tree
from sluice.lang import covers
from sluice.plan import EmitEffect, Filter, Plan
from sluice.plan import exprs as x
from sluice.stream import Mismatches, RuleCode, has_immediately

#: A string literal as `repr` writes it, or (group 1) a name that is no attribute.
_TOKEN = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<![\w.])([A-Za-z_]\w*)""")


@dataclass(slots=True)
class Concern:
    """A rule that looks at a type: bits of the atoms that name it, and how to call it."""

    code: RuleCode
    named: int
    tests: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    conditions: list[x.Expr] = field(default_factory=list)
    excepts: str = ""
    always: bool = False
    is_counted: bool = False

    @property
    def is_plain(self) -> bool:
        """True for a filter of one branch: that it holds is all there is to know."""
        is_filter = isinstance(self.code.plan.pattern, Filter)
        return is_filter and len(self.code.atoms) == 1 and not self.excepts


def is_own(code: RuleCode, type_: str, is_derived: bool) -> bool:
    """True when events of the type come from the rule itself."""
    name = code.plan.name
    if type_ in (f"match.{name}", f"clear.{name}"):
        return True
    emits = (e.type for e in code.plan.effects if isinstance(e, EmitEffect))
    return is_derived and type_ in emits


def is_stateless(code: RuleCode) -> bool:
    """True for rules that may see an event on arrival: one plain step, nothing remembered."""
    return isinstance(code.plan.pattern, Filter) and code.plan.cooldown is None


class TypeCompiler:
    """Compiles the functions of event types for one rule set."""

    def __init__(
        self, plan: Plan, codes: tuple[RuleCode, ...], out: Emitter, mismatches: Mismatches,
        misfits: Misfits,
    ) -> None:  # fmt: skip
        self.plan, self.codes, self.out = plan, codes, out
        self._mismatches, self._misfits = mismatches, misfits
        self._operators: dict[int, Callable[..., None]] = {}
        self._counted: frozenset[int] = frozenset()
        slots = [s for root in out.layout.roots for s in (root.inner or (root,))]
        self._locals = {s.name: "v" + s.name[1:].replace(".g", "_") for s in slots}
        self._locals |= {f"{v} address": "a" + v[1:] for v in list(self._locals.values())}
        self._hashable = frozenset(
            self._locals[s.name] for s in slots if s.kind in ("str", "num") and not s.null
        )

    def bind(self, operators: dict[int, Callable[..., None]], counted: Iterable[int]) -> None:
        """Take the operators that the functions call, by rank, and who is only counted."""
        self._operators.update(operators)
        self._counted = frozenset(counted)

    def source(self, type_: str, is_derived: bool, part: str) -> str | None:
        """Return the source of the function `on`, None when no rule looks at the type.

        `part` says which rules: `stateless` ones that need no order of time, the other ones
        (`stateful`), or `all`.
        """
        concerns = self._concerns(type_, is_derived, part, View(now="e.time", slots=self._locals))
        if not concerns:
            return None
        body = "\n".join([*self._tests(concerns), *self._calls(concerns)])
        counts = self._counts(concerns)
        reads = self._reads(names_in("\n".join([*counts, body])))
        lines = [*fit_lines(type_, self.plan, self.out, self._misfits), *reads, *counts]
        source = "\n".join(["def on(e):", *("    " + line for line in lines), body, ""])
        held = {line.partition(" = ")[0] for line in reads}
        # What is looked at once is read where it stands.
        once = {local: f"e.{name}" for name, local in self._locals.items() if local not in held}
        return renamed(source, once)

    def _counts(self, concerns: list[Concern]) -> list[str]:
        """Write what counts values of another type than conditions compare them with.

        A slot that is typed holds none: they were counted when the row was made.
        """
        alike: dict[tuple[Path, Classes], list[str]] = {}
        for concern in concerns:
            asked: dict[Path, Classes] = {}
            for condition in concern.conditions:
                for path, classes in compared(condition, self.plan):
                    asked[path] = asked.get(path, frozenset()) | classes
            for path, classes in asked.items():
                alike.setdefault((path, classes), []).append(concern.code.plan.name)
        lines: list[str] = []
        nested: dict[str, NestedCounter] = {}
        for (path, classes), rules in alike.items():
            if path[0] in OWN_ATTRIBUTES or path[0] == "@id":
                continue
            slot = self.out.layout.of(path)
            if slot.rest:
                counter = nested.setdefault(slot.name, NestedCounter(self._mismatches))
                counter.asked[path, classes] = (slot.rest, rules)
            elif slot.kind == "any":
                lines.append(self._count_line(slot, classes, rules))
        for name, counter in nested.items():
            local, count = self._locals[name], self.out.name("odd", counter, counter.same)
            lines.append(f"if {local}.__class__ is dict: {count}(e.type, {local})")
        return lines

    def _count_line(self, slot: Slot, classes: Classes, rules: list[str]) -> str:
        counter = EventCounter(self._mismatches, tuple(rules), slot.path)
        count = self.out.name("odd", counter, (slot.path, *rules))
        local = self._locals[slot.name]
        tests = [f"{local}.__class__ is not {each}" for each in sorted(classes)]
        test = " and ".join([*tests, f"{local} is not None"])
        return f"if {test}: {count}(e.type, {local})"

    def _tally(self, rule: str) -> Callable[[x.Expr], str | None]:
        """Return what counts the comparisons of a rule that are not of a field alone."""
        return lambda operand: (
            None
            if isinstance(operand, x.Field)
            else comparison_counter(self.out, self._mismatches, rule, operand)
        )

    def _concerns(self, type_: str, is_derived: bool, part: str, view: View) -> list[Concern]:
        concerns = []
        for code in self.codes:
            if part != "all" and is_stateless(code) != (part == "stateless"):
                continue
            if is_own(code, type_, is_derived):
                continue
            atoms = [
                (number, atom)
                for number, atom in enumerate(code.atoms)
                if any(covers(t, type_, is_derived) for t in atom.types)
            ]
            if not atoms:
                continue
            concern = Concern(code, sum(1 << number for number, _ in atoms))
            own = view.at(tally=self._tally(code.plan.name))
            concern.conditions += code.plan.excepts
            for number, atom in atoms:
                early, _ = split(atom.where)
                concern.conditions += (early,) if early is not None else ()
                concern.tests.append((1 << number, self._conjuncts(early, own)))
            concern.excepts = " or ".join(truth(e, own, self.out) for e in code.plan.excepts)
            concern.always = has_immediately(code.plan)
            # Nobody reads what the rule finds: it is counted on the spot.
            concern.is_counted = code.rank in self._counted and not is_derived
            concerns.append(concern)
        return concerns

    def _conjuncts(self, where: x.Expr | None, view: View) -> tuple[str, ...]:
        if where is None:
            return ()
        items = where.items if isinstance(where, x.And) else (where,)
        return tuple(dict.fromkeys(truth(item, view, self.out) for item in items))

    def _tests(self, concerns: list[Concern]) -> list[str]:
        """Write the tree of conditions, which says which rules are concerned and how."""
        entries: list[Entry] = []
        is_listed = any(c.is_plain and not c.is_counted for c in concerns)
        lines = ["    h = None"] if is_listed else []
        for concern in concerns:
            rank, fixed = concern.code.rank, 0
            if concern.is_plain:
                action = f"h = [{rank}] if h is None else h + [{rank}]"
                if concern.is_counted:
                    action = f"n{rank}.matches += 1"
                entries.append(Entry(concern.tests[0][1], action))
                continue
            for bit, tests in concern.tests:
                if tests:
                    entries.append(Entry(tests, f"b{rank} |= {bit}"))
                else:
                    fixed |= bit
            lines.append(f"    b{rank} = {fixed}")
        tree = Tree(lambda table: self.out.name("switch", table.get), self._hashable)
        return [*lines, *tree.write(entries)]

    def _calls(self, concerns: list[Concern]) -> list[str]:
        """Write the calls of operators in order of rank."""
        lines = []
        plain = [c for c in concerns if c.is_plain and not c.is_counted]
        others = [c for c in concerns if not c.is_plain]
        if plain:
            states = "".join(
                f"({c.code.rank}, {self._condition(c) or 'True'}, b{c.code.rank}, {c.named}), "
                for c in others
            )
            calls = self.out.name("calls", self._operators, "calls")
            fire = self.out.name("fire", ops.fire, "fire")
            lines.append(f"    if h is not None: return {fire}({calls}, e, h, ({states}))")
        for concern in others:
            rank, condition = concern.code.rank, self._condition(concern)
            call = f"o{rank}(e, b{rank}, {concern.named})"
            lines.append(f"    if {condition}: {call}" if condition else f"    {call}")
        return lines

    def _condition(self, concern: Concern) -> str:
        tests = [] if concern.always else [f"b{concern.code.rank}"]
        if concern.excepts:
            tests.append(f"not ({concern.excepts})")
        return " and ".join(tests)

    def _reads(self, used: Counter[str]) -> list[str]:
        """Read the fields that are looked at more than once, and the addresses, into locals."""
        lines = []
        for name, local in self._locals.items():
            if " " in name:
                continue
            address = self._locals[f"{local} address"]
            if used[address] or used[local] > 1:
                lines.append(f"{local} = e.{name}")
            if used[address]:
                memo = self.out.name("addresses", ops.Addresses(), "addresses")
                lines.append(f"{address} = {memo}[{local}]")
        return lines


def names_in(source: str) -> Counter[str]:
    """Count the names in generated code; what stands in its literals is none."""
    return Counter(found[1] for found in _TOKEN.finditer(source) if found[1])


def renamed(source: str, names: Mapping[str, str]) -> str:
    """Replace names in generated code, but not in its literals."""
    return _TOKEN.sub(lambda m: names.get(m[1], m[0]) if m[1] else m[0], source)
