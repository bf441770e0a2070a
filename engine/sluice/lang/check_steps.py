"""Check what a step is about: event types, `let`, conditions, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sluice.lang.syntax as tree
from sluice.errors import Span
from sluice.lang.checked import CheckedAtom
from sluice.lang.declarations import KeyPart, Let, Lost
from sluice.lang.infer import Inferrer
from sluice.lang.macros import check_arity
from sluice.lang.presence import asks_for
from sluice.lang.scope import AliasView, Declared, Findings, Scope, did_you_mean
from sluice.lang.suggest import suggest
from sluice.lang.syntax import AllOf, AnyOf, EventHead, Expr, Group, Step
from sluice.lang.typed import FieldRef, Typed, conjunction, disjunction
from sluice.lang.views import EventView, Known, schema_view

#: What rules make by themselves; nobody declares or emits these.
RESERVED = ("match.", "clear.")


@dataclass(slots=True)
class StepCheck:
    """Checks the steps of one rule; `types` collects the event types that it looks at."""

    inferrer: Inferrer
    schemas: Known
    file: str
    by: tuple[KeyPart, ...] = ()
    types: dict[str, Span] = field(default_factory=dict)
    _keyless: list[tuple[Span, str]] = field(default_factory=list)
    _some_has_key: bool = False

    def add(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Record a finding."""
        self.inferrer.findings.add(code, span, message, hint)

    def view(self, head: EventHead | AnyOf | AllOf) -> EventView:
        """Return what an event of this head offers."""
        return schema_view(self.types_of(head, self.file), self.schemas)

    def types_of(
        self, head: EventHead | AnyOf | AllOf | Group, file: str, seen: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Return the event types of a head, `let`s followed."""
        match head:
            case EventHead(name=name):
                declared = self._let(name, file)
                if declared is None:
                    if head.args is None:
                        self._check_type(name, head.span)
                    self.types.setdefault(name, head.span)
                    return (name,)
                if declared.full_name in seen:
                    loop = " -> ".join([*seen, declared.full_name])
                    self.add("SL0212", head.span, f"`{name}` uses itself: {loop}")
                    return ("any",)
                assert isinstance(declared.decl, Let)
                inner = declared.decl.step.head
                return self.types_of(inner, declared.file, (*seen, declared.full_name))
            case AnyOf(branches=branches) | AllOf(branches=branches) | Group(sequence=branches):
                found = [t for b in branches for t in self.types_of(b.head, file, seen)]
                return tuple(dict.fromkeys(found))

    def _let(self, name: str, file: str) -> Declared | None:
        found = self.inferrer.declared(Scope(file), name)
        return found if found is not None and isinstance(found.decl, Let) else None

    def _check_type(self, name: str, span: Span) -> None:
        """Say when a type looks like a slip of the pen, or cannot be."""
        known = self.schemas
        if name == "any" or name in known:
            return
        if name.endswith(".*"):
            if name.startswith(RESERVED) and not any(k.startswith(name[:-1]) for k in known):
                self.add("SL0516", span, f"no other rule reports `{name}`")
            return
        if name in known.made:
            return
        rule = name.partition(".")[2]
        if name.startswith(RESERVED) and rule in known.lost:
            self.add("SL0206", span, f"the rule `{rule}` has an error: it reports nothing",
                     "mend that rule first")  # fmt: skip
            return
        if name.startswith(RESERVED):
            matches = [k for k in known if k.startswith(RESERVED)]
            self.add("SL0206", span, f"no rule reports `{name}`", did_you_mean(name, matches))
            return
        other = self.inferrer.declared(Scope(self.file), name)
        if other is not None and isinstance(other.decl, Lost):
            return
        if other is not None:
            kind = type(other.decl).__name__.lower().removesuffix("decl")
            self.add("SL0516", span, f"`{name}` is a {kind}, here it is read as an event type")
            return
        names = self.inferrer.names.get(self.file, {})
        lets = [n for n, d in names.items() if isinstance(d.decl, Let)]
        near = suggest(name, lets) or known.near(name)
        if near is not None:
            self.add("SL0516", span, f"nothing declares the event type `{name}`",
                     f"did you mean `{near}`?")  # fmt: skip

    # ------------------------------------------------------------ conditions

    def tests(self, head: EventHead | AnyOf, scope: Scope) -> list[Typed]:
        """Return the conditions that the `let`s of a head bring."""
        if isinstance(head, AnyOf):
            return self._alternatives(head.branches, scope)
        declared = self._let(head.name, scope.file)
        if declared is None:
            if head.args is not None:
                self._unknown_macro(head, scope)
            return []
        let = declared.decl
        assert isinstance(let, Let)
        if declared.full_name in scope.expanding:
            return []
        args = head.args or ()
        if not check_arity(self.inferrer, head, let.params, len(args)):
            return []
        check_let(let, self.inferrer.findings)
        values = [self.inferrer.reference(arg, scope) for arg in args]
        bound = dict(zip(let.params or (), values, strict=True))
        inner = scope.inside(declared.file, declared.full_name, bound)
        inner = replace(inner, own=None)
        out: list[Typed] = []
        if isinstance(let.step.head, EventHead | AnyOf):
            out = self.tests(let.step.head, inner)
        if let.step.where is not None:
            out.append(self.inferrer.condition(let.step.where, inner))
        return out

    def _unknown_macro(self, head: EventHead, scope: Scope) -> None:
        names = self.inferrer.names.get(scope.file, {})
        if head.name in names and isinstance(names[head.name].decl, Lost):
            return
        lets = [n for n, d in names.items() if isinstance(d.decl, Let)]
        hint = did_you_mean(head.name, lets)
        self.add("SL0202", head.span, f"there is no `let {head.name}(…)`", hint)

    def _alternatives(self, branches: tuple[Step, ...], scope: Scope) -> list[Typed]:
        """Return the one condition of an `any of` in a `let`: each branch with its types."""
        out: list[Typed] = []
        for branch in branches:
            if not isinstance(branch.head, EventHead):
                self.add("SL0402", branch.span, "a branch is one event")
                continue
            types = self.types_of(branch.head, scope.file)
            inner = replace(scope, event=schema_view(types, self.schemas))
            tests = self.tests(branch.head, inner)
            if branch.where is not None:
                tests.append(self.inferrer.condition(branch.where, inner))
            out.append(conjunction([self._type_test(types, branch.span, inner), *tests]))
        return [disjunction(out)] if out else []

    def _type_test(self, types: tuple[str, ...], span: Span, scope: Scope) -> Typed:
        kind = tree.Name("@type", span=span)
        exact = [tree.String(t, span=span) for t in types if not t.endswith(".*") and t != "any"]
        tests: list[Expr] = []
        if "any" in types:
            tests.append(tree.Presence("exists", kind, span=span))
        if exact:
            tests.append(tree.In(kind, tree.ListLiteral(tuple(exact), span=span), span=span))
        for name in types:
            if name.endswith(".*"):
                start = tree.String(name[:-1], span=span)
                tests.append(tree.StringTest("starts with", kind, start, span=span))
        return disjunction([self.inferrer.condition(t, scope) for t in tests])

    # ------------------------------------------------------------ atoms

    def atom(
        self, step: Step, position: int, aliases: Mapping[str, AliasView], outer: Step | None = None
    ) -> CheckedAtom:
        """Check a step of one event; `outer` is the `any of` or `all of` around it."""
        head = step.head
        if not isinstance(head, EventHead):  # there is a finding about that already
            return CheckedAtom(position, ("any",), span=step.span)
        view = self.view(head)
        scope = Scope(self.file, "event", view, aliases=aliases)
        tests = self.tests(head, scope)
        for where in (step.where, outer.where if outer is not None else None):
            if where is not None:
                tests.append(self.inferrer.condition(where, scope))
        on = step.on if step.on is not None else outer.on if outer is not None else None
        alias = step.alias or (outer.alias if outer is not None else None)
        key = self.key(on, view, step.span, head.name)
        for part, typed in zip(self.by, key, strict=False):
            self._check_nullable(part, typed, view, tests)
        return CheckedAtom(
            position, view.types, conjunction(tests) if tests else None, key, alias, step.span
        )

    def key(
        self, on: tuple[Expr, ...] | None, view: EventView, span: Span, name: str
    ) -> tuple[Typed, ...]:
        """Return the parts of the rule's key as a step names them."""
        if on is not None and not self.by:
            self.add("SL0406", on[0].span, "`on` says what `by` is called here, and there is no "
                     "`by`", "add `by …` to the rule")  # fmt: skip
            return ()
        if on is not None and len(on) != len(self.by):
            self.add("SL0406", on[0].span, f"`on` has {len(on)} parts, `by` has {len(self.by)}",
                     "name each part of `by` in its order: `on (actor, net)`")  # fmt: skip
            return ()
        exprs = on if on is not None else tuple(part.expr for part in self.by)
        scope = Scope(self.file, "event", view)
        before = len(self.inferrer.findings.items)
        key = tuple(self.inferrer.infer(expr, scope) for expr in exprs)
        new = self.inferrer.findings.items[before:]
        if on is None and any(d.code == "SL0201" for d in new):
            self._keyless.append((span, name))
        else:
            self._some_has_key = True
        return key

    def tell_keyless(self) -> None:
        """Tell of the steps that call the key otherwise; where none has it, `by` is wrong."""
        for span, name in self._keyless if self._some_has_key else ():
            self.add("SL0201", span, f"`{name}` does not have the key of the rule",
                     f"say what the key is called here: `{name} on …`")  # fmt: skip

    def _check_nullable(
        self, part: KeyPart, typed: Typed, view: EventView, tests: list[Typed]
    ) -> None:
        """Warn of a key that can be missing, unless the step's conditions ask for it."""
        if part.nullable or not isinstance(typed.bound, FieldRef):
            return
        functions = self.inferrer.catalog.functions
        if any(asks_for(test, typed.bound.path, functions) for test in tests):
            return
        root = str(typed.bound.path[0])
        soft = self.schemas.soft
        declared = [
            s.name for s in view.schemas
            if root in s.fields and s.name not in soft and not s.name.startswith(RESERVED)
        ]  # fmt: skip
        if typed.bound.optional and declared:
            field = ".".join(map(str, typed.bound.path))
            self.add(
                "SL0506", typed.span,
                f"`{field}` of `{declared[0]}` can be missing: such events never correlate",
                f"write `by {part.name or field}?` to keep them together, "
                f"or `where exists {field}`",
            )  # fmt: skip


def check_let(let: Let, findings: Findings) -> None:
    """A `let` is a predicate on one event."""
    step = let.step
    parts = {
        "quantifier": step.quantifier, "`as`": step.alias, "`on`": step.on,
        "`without`": step.withouts or None,
    }  # fmt: skip
    for what, part in parts.items():
        if part is not None:
            findings.add("SL0414", step.span, f"`let {let.name}` describes one event: no {what}",
                         "say it where the name is used")  # fmt: skip
    if isinstance(step.head, AllOf | Group):
        findings.add("SL0414", step.span, f"`let {let.name}` describes one event, not several")
