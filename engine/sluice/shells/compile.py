"""Rule files become a plan: read, check, lower."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sluice.catalog import Catalog
from sluice.errors import Diagnostic, RuleError
from sluice.io import RuleFiles, find_rule_files
from sluice.lang import Checked, RuleSet, check, load
from sluice.plan import Plan, lower
from sluice.plugins import Plugins
from sluice.shells.collecting import seldom_collected

#: Codes of names that a plugin could have brought, and how they quote such a name.
_UNKNOWN = frozenset({"SL0203", "SL0205", "SL0704"})
_DOTTED = re.compile(r"`([A-Za-z_]\w*\.[\w.]+)`")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was left out with its errors; `rule` is None for an error outside of rules.

    A rule without errors of its own stands on something that has them.
    """

    rule: str | None
    errors: tuple[Diagnostic, ...]

    @property
    def reason(self) -> str:
        """Place, code and message of the first error, and how many more there are."""
        if not self.errors:
            return "what it is built on has errors"
        first, more = self.errors[0], len(self.errors) - 1
        place = f"{first.span.file}:{first.span.line}:{first.span.column}"
        rest = f" (and {more} more error{'s' * (more > 1)})" if more else ""
        return f"{place}: {first.code} {first.message}{rest}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of rule files: findings, the checked rules, and the plan.

    The plan is empty unless `is_ok`. `skipped` says what was left out because it has errors;
    those errors are warnings then. `catalog` is the one they were checked with, what plugins
    bring included.
    """

    diagnostics: tuple[Diagnostic, ...]
    checked: Checked
    ruleset: RuleSet
    catalog: Catalog
    plan: Plan = field(default_factory=Plan)
    skipped: tuple[Skipped, ...] = ()

    @property
    def is_ok(self) -> bool:
        """True when nothing is an error."""
        return all(d.severity != "error" for d in self.diagnostics)

    @property
    def texts(self) -> Mapping[str, str]:
        """The files by path, for pictures."""
        return self.checked.texts

    def raise_errors(self) -> None:
        """Raise RuleError with all findings when one is an error."""
        if not self.is_ok:
            raise RuleError(self.diagnostics)


def compile_rules(
    paths: Sequence[str],
    *,
    catalog: Catalog,
    overrides: Mapping[str, str] | None = None,
    silence: Collection[str] = (),
    skip_broken: bool = False,
    plugins: Plugins | None = None,
) -> Compiled:
    """Compile rule files and all rule files of directories.

    `overrides` replace params by full name (`pack.name`), as text. `plugins` add to the catalog
    what the rules call. InputError when a path is missing; whatever is wrong with the rules
    themselves is a finding.
    """
    with seldom_collected():
        ruleset = load(find_rule_files(paths), RuleFiles())
    return compile_set(
        ruleset, catalog=catalog, overrides=overrides, silence=silence, skip_broken=skip_broken,
        plugins=plugins,
    )  # fmt: skip


def compile_set(
    ruleset: RuleSet,
    *,
    catalog: Catalog,
    overrides: Mapping[str, str] | None = None,
    silence: Collection[str] = (),
    skip_broken: bool = False,
    plugins: Plugins | None = None,
) -> Compiled:
    """Compile rule files that were read; as `compile_rules` otherwise."""
    with seldom_collected():
        if plugins is not None:
            catalog = plugins.extended(catalog, (unit.text for unit in ruleset.units.values()))
        checked = check(ruleset, catalog, dict(overrides or {}), silence=silence)
    if plugins is not None and not checked.is_ok:
        checked = _with_reasons(checked, plugins)
    compiled = Compiled(checked.diagnostics, checked, ruleset, catalog)
    if skip_broken and not compiled.is_ok:
        compiled = _without_broken(compiled)
    if not compiled.is_ok:
        return compiled
    return replace(compiled, plan=lower(compiled.checked, catalog))


def _with_reasons(checked: Checked, plugins: Plugins) -> Checked:
    """Say of unknown names with a dot why no plugin has brought them."""
    return replace(
        checked,
        diagnostics=tuple(
            replace(each, hint=_reason(each, plugins) or each.hint)
            if each.code in _UNKNOWN
            else each
            for each in checked.diagnostics
        ),
    )


def _reason(diagnostic: Diagnostic, plugins: Plugins) -> str | None:
    name = _DOTTED.search(diagnostic.message)
    return plugins.why_not(name[1]) if name is not None else None


def _without_broken(compiled: Compiled) -> Compiled:
    """Leave out what has errors, and turn those errors into warnings.

    Errors of the command line stay errors: no rule is to blame for them.
    """
    checked = compiled.checked
    blamed = {d.rule for d in compiled.diagnostics if d.severity == "error" and d.rule}
    broken = tuple(r.name for r in checked.rules if r.is_broken or r.name in blamed)
    softened = tuple(
        replace(d, severity="warning")
        if d.severity == "error" and d.span.file in checked.texts
        else d
        for d in compiled.diagnostics
    )
    kept = replace(
        checked,
        diagnostics=softened,
        rules=tuple(r for r in checked.rules if r.name not in broken),
        extracts=tuple(e for e in checked.extracts if not e.is_broken),
        tests=tuple(t for t in checked.tests if t.rule not in broken),
    )
    if not kept.rules:
        return compiled
    errors: dict[str | None, list[Diagnostic]] = {name: [] for name in broken}
    for each in compiled.diagnostics:
        if each.severity == "error":
            errors.setdefault(each.rule, []).append(each)
    nowhere = errors.pop(None, [])
    skipped = (
        *(Skipped(name, tuple(found)) for name, found in errors.items()),
        *(Skipped(None, (found,)) for found in nowhere),
    )
    return replace(compiled, diagnostics=softened, checked=kept, skipped=skipped)
