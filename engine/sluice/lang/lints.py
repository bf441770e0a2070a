"""Warn about rules that are allowed but rarely meant (language 7)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sluice.errors import Span
from sluice.lang.check_pattern import all_items, all_steps
from sluice.lang.checked import (
    CheckedAbsence,
    CheckedAtom,
    CheckedItem,
    CheckedPattern,
    CheckedRule,
    CheckedStep,
    CheckedTest,
)  # fmt: skip
from sluice.lang.declarations import Except, Pack, Rule
from sluice.lang.infer import Inferrer
from sluice.lang.lint_conditions import always, lint_condition
from sluice.lang.lint_names import lint_names
from sluice.lang.lint_near import lint_aliases, lint_sources
from sluice.lang.lint_values import conditions_of, expressions_of, lint_value
from sluice.lang.load import RuleSet, all_tunes, lost_tests
from sluice.lang.views import Known
from sluice.timing import format_duration

Add = Callable[[str, Span, str, str | None], None]

_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def lint(
    ruleset: RuleSet, rules: tuple[CheckedRule, ...], tests: tuple[CheckedTest, ...],
    inferrer: Inferrer, known: Known, retention_ms: int | None = None,
) -> None:  # fmt: skip
    """Add the warnings for a whole rule set; broken rules have other worries."""
    sound = [rule for rule in rules if not rule.is_broken]
    tested = {test.rule for test in tests} | lost_tests(ruleset)
    add = inferrer.findings.add
    for rule in sound:
        inferrer.findings.rule = rule.name
        _shape(rule, add)
        _bound(rule, add)
        for condition in conditions_of(rule):
            lint_condition(condition, add)
        for typed in expressions_of(rule):
            lint_value(typed, add)
        if rule.name not in tested:
            add("SL0511", rule.span, f"`{rule.name}` has no test",
                f'`test {rule.name.partition(".")[2]} "…" {{ … }}`')  # fmt: skip
        if retention_ms is not None:
            _retention(rule, retention_ms, add)
        inferrer.findings.rule = None
    _duplicates(sound, inferrer)
    _tunes(ruleset, add)
    _packs(ruleset, add)
    lint_names(ruleset, inferrer)
    lint_aliases(ruleset, sound, inferrer, known)
    lint_sources(ruleset, inferrer, known)


# ---------------------------------------------------------------- shape


def _shape(rule: CheckedRule, add: Add) -> None:
    for step in all_steps(rule.pattern.items):
        _branches(step, add)
        for atom in step.atoms:
            if atom.where is not None and always(atom.where) is False:
                add("SL0501", atom.span, "this step can never be taken: its condition is "
                    "always false", None)  # fmt: skip
    _open_end(rule, add)
    items = rule.pattern.items
    single = len(items) == 1 and isinstance(items[0], CheckedStep) and items[0].kind != "all_of"
    if single and items[0].maximum == 1 and rule.within_ms is not None and rule.window is None:
        if rule.pattern.leading is None and rule.pattern.trailing is None:
            add("SL0517", rule.within_span, "`within` bounds nothing: the pattern is one event",
                "leave it out, or count: `having count() >= 5`")  # fmt: skip


def _branches(step: CheckedStep, add: Add) -> None:
    """A branch of `any of` is lost behind one that takes all its events."""
    if step.kind != "any_of":
        return
    taken: list[CheckedAtom] = []
    for atom in step.atoms:
        for before in taken:
            everything = before.where is None or before.where == atom.where
            if everything and set(atom.types) <= set(before.types):
                add("SL0501", atom.span, "this branch is never taken: the one before it takes "
                    "all its events", "put the narrower branch first")  # fmt: skip
                break
        taken.append(atom)


def _open_end(rule: CheckedRule, add: Add) -> None:
    pattern = rule.pattern
    if not pattern.items or pattern.trailing is not None or rule.window is not None:
        return
    last = pattern.items[-1]
    if last.reluctant or last.maximum == last.minimum:
        return
    least = last.minimum
    add("SL0513", last.span,
        "the last step waits for more events: the match is reported when none can come",
        f"`{{{least}}}` or `{{{least},}}?` reports at once")  # fmt: skip


# ---------------------------------------------------------------- bounds


def _bound(rule: CheckedRule, add: Add) -> None:
    if rule.meta.unbounded or not needs_bound(rule) or is_bounded(rule):
        return
    add("SL0504", rule.span, "this rule has no bound in time",
        "add `within 10m` or gaps (`then within 5s …`), or say `unbounded`")  # fmt: skip


def needs_bound(rule: CheckedRule) -> bool:
    """True when a rule keeps candidates that something must end."""
    items = rule.pattern.items
    if rule.window is not None or not items:
        return False
    first = items[0]
    plain = isinstance(first, CheckedStep) and first.kind != "all_of" and first.maximum == 1
    return len(items) > 1 or not plain


def is_bounded(rule: CheckedRule) -> bool:
    """True when `within`, or gaps on all steps with bounded quantifiers, end every candidate."""
    if rule.within_ms is not None:
        return True
    items = all_items(rule.pattern.items)
    first = rule.pattern.items[0]
    if any(item.maximum is None for item in items):
        return False
    if any(isinstance(item, CheckedStep) and item.kind == "all_of" for item in items):
        return False
    return first.maximum == 1 and all(_has_gap(item, first) for item in rule.pattern.items)


def _has_gap(item: CheckedItem, first: CheckedItem) -> bool:
    return item is first or item.entry.gap_ms is not None


def _retention(rule: CheckedRule, retention_ms: int, add: Add) -> None:
    for span_ms in _spans(rule):
        if span_ms > retention_ms:
            add("SL0512", rule.span,
                f"the rule looks back {format_duration(span_ms)}, events are kept for "
                f"{format_duration(retention_ms)}", None)  # fmt: skip
            return


def _spans(rule: CheckedRule) -> list[int]:
    out = [rule.within_ms or 0]
    if rule.window is not None and rule.window.kind != "last":
        out.append(rule.window.maximum or rule.window.size)
    if rule.unseen is not None:
        out.append(rule.unseen.duration_ms)
    out += [a.duration_ms for a in _absences(rule.pattern)]
    return out


def _absences(pattern: CheckedPattern) -> list[CheckedAbsence]:
    return [a for a in (pattern.leading, pattern.trailing, pattern.whole) if a is not None]


# ---------------------------------------------------------------- rule sets


def _duplicates(rules: list[CheckedRule], inferrer: Inferrer) -> None:
    seen: dict[object, CheckedRule] = {}
    for rule in sorted(rules, key=lambda r: (r.span.file, r.span.line, r.span.column)):
        decides = (
            rule.pattern, rule.keys, rule.window, rule.within_ms, rule.having, rule.unseen,
            rule.until, rule.expect, rule.excepts, rule.meta.overlap or "none",
        )  # fmt: skip
        before = seen.setdefault(decides, rule)
        if before is not rule:
            inferrer.findings.rule = rule.name
            inferrer.findings.add(
                "SL0509", rule.span, f"`{rule.name}` matches the same as `{before.name}`",
                f"the other one is in {before.span.file}:{before.span.line}",
            )  # fmt: skip
            inferrer.findings.rule = None


def _tunes(ruleset: RuleSet, add: Add) -> None:
    for _, tune in all_tunes(ruleset):
        for clause in tune.clauses:
            if isinstance(clause, Except) and clause.why is None:
                add("SL0515", clause.span, "this exception does not say why",
                    'add the reason: `except where … "why"`')  # fmt: skip


def _packs(ruleset: RuleSet, add: Add) -> None:
    """A pack that has its name from its file may have one that nobody can write plainly."""
    for unit in ruleset.roots:
        rules = unit.declared(Rule)
        if not rules or unit.declared(Pack) or _PLAIN_NAME.match(unit.pack):
            continue
        proposed = re.sub(r"\W+", "_", unit.pack, flags=re.ASCII).strip("_")
        proposed = f"_{proposed}" if proposed[:1].isdigit() else proposed or "local"
        add("SL0611", Span(unit.path, 1, 1, 1, 1),
            f"the name of the file makes `{unit.pack}` the pack, which is no plain name: other "
            "rules must write it in backticks",
            f"begin the file with `pack {proposed}`")  # fmt: skip
