"""What is changed: declarations of rule files, with the rules that each of them has a part in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from sluice.lang import RuleSet
from sluice.lang import declarations as decl
from sluice.lang import syntax as tree
from sluice.plan import Plan, only_feeding
from sluice.testing.part import part_of, with_declarations


@dataclass(frozen=True, slots=True)
class Target:
    """A declaration that is changed; `rules` are those whose tests may notice, nearest first."""

    file: str
    place: int
    item: decl.Declaration
    pack: str
    rules: tuple[str, ...]
    #: The rule that is changed, None for what several may share.
    rule: str | None


@dataclass(frozen=True, slots=True)
class Bench:
    """The part of a rule set that a target matters to, in which it can be replaced."""

    target: Target
    ruleset: RuleSet
    #: Where the declaration stands in the part.
    place: int

    def changed(self, new: decl.Declaration) -> RuleSet:
        """Return the part with the declaration replaced, wherever it is seen."""
        old, file = self.target.item, self.target.file
        units = dict(self.ruleset.units)
        unit = units[file]
        items = list(unit.parsed.file.declarations)
        items[self.place] = new
        units[file] = with_declarations(unit, tuple(items))
        if isinstance(new, decl.Let | decl.Def | decl.Param | decl.ListDecl):
            for path, each in units.items():
                names = {
                    name: replace(known, decl=new) if known.decl is old else known
                    for name, known in each.names.items()
                }
                units[path] = replace(each, names=names)
        return replace(self.ruleset, units=units)


def bench_of(target: Target, ruleset: RuleSet, plan: Plan) -> Bench:
    """Cut a rule set down to what a target matters to."""
    names: dict[str, None] = {}
    types: dict[str, None] = {}
    for rule in target.rules:
        feeding = only_feeding(plan, rule)
        names |= dict.fromkeys(each.name for each in feeding.rules)
        types |= dict.fromkeys(each.type for each in feeding.extracts)
    rules = tuple(rule for rule in plan.rules if rule.name in names)
    extracts = tuple(each for each in plan.extracts if each.type in types)
    part = part_of(ruleset, replace(plan, rules=rules, extracts=extracts))
    items = part.units[target.file].parsed.file.declarations
    place = next(n for n, item in enumerate(items) if item is target.item)
    return Bench(target, part, place)


def targets_of(ruleset: RuleSet, plan: Plan) -> list[Target]:
    """Return everything that can be changed, in the order of the files."""
    known = {rule.name for rule in plan.rules}
    feeding = {name: only_feeding(plan, name) for name in sorted(known)}
    words = _words_of(ruleset)
    found = []
    for path, unit in ruleset.units.items():
        for place, item in enumerate(unit.parsed.file.declarations):
            rule = f"{unit.pack}.{item.name}" if isinstance(item, decl.Rule) else None
            match item:
                case decl.Rule():
                    fed = [n for n, part in feeding.items() if rule in {r.name for r in part.rules}]
                    rules = sorted(fed, key=lambda name: (name != rule, name))
                case decl.Extract(type=type_):
                    rules = [
                        n for n, part in feeding.items() if type_ in {e.type for e in part.extracts}
                    ]
                case decl.Tune(target=aim):
                    pack = aim.removesuffix("*")
                    rules = sorted(
                        n for n in known if n == aim or n.rpartition(".")[0] + "." == pack
                    )
                case decl.Let() | decl.Def() | decl.Param() | decl.ListDecl():
                    rules = sorted(n for n, used in words.items() if id(item) in used)
                case _:
                    continue
            mine = tuple(name for name in rules if name in known)
            if unit.is_root or mine:
                found.append(Target(path, place, item, unit.pack, mine, rule))
    return found


def _words_of(ruleset: RuleSet) -> Mapping[str, set[int]]:
    """Return by rule which declarations it names, directly or not (by identity)."""
    used: dict[str, set[int]] = {}
    for path, unit in ruleset.units.items():
        for rule in unit.declared(decl.Rule):
            mine = used.setdefault(f"{unit.pack}.{rule.name}", set())
            todo = [(path, word) for word in _names(rule)]
            # What its tunes say belongs to it too.
            for other in ruleset.units.values():
                for tune in other.declared(decl.Tune):
                    if tune.target in (f"{unit.pack}.{rule.name}", f"{unit.pack}.*"):
                        todo += [(other.path, word) for word in _names(tune)]
            while todo:
                file, word = todo.pop()
                known = ruleset.units[file].names.get(word)
                if known is not None and id(known.decl) not in mine:
                    mine.add(id(known.decl))
                    todo += [(known.file, each) for each in _names(known.decl)]
    return used


def _names(node: Any) -> Iterator[str]:
    """Yield every word below a node that could name something declared."""
    match node:
        case tree.Name(name=name) | tree.Member(name=name) | tree.EventHead(name=name):
            yield name.rpartition(".")[2]
        case tree.Call(name=name):
            yield name
        case tree.String(value=text) if "{" in text:
            # The texts of notes name params and selected values.
            yield from (part.partition("}")[0].strip() for part in text.split("{")[1:])
        case _:
            pass
    for spec in fields(node):
        value = getattr(node, spec.name)
        for item in value if isinstance(value, tuple) else (value,):
            below = item[1] if isinstance(item, tuple) and len(item) == 2 else item
            if is_dataclass(below) and not isinstance(below, type):
                yield from _names(below)
