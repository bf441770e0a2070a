"""Rule files become a plan: read, check, lower."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sluice.catalog import Catalog
from sluice.errors import Diagnostic, RuleError
from sluice.io import RuleFiles, find_rule_files
from sluice.lang import Checked, RuleSet, check, load
from sluice.plan import Plan, lower


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of rule files: findings, the checked rules, and the plan.

    The plan is empty unless `is_ok`. `skipped` names the rules that were left out because they
    have errors (by place where an error is in no rule that could be read); those errors are
    warnings then.
    """

    diagnostics: tuple[Diagnostic, ...]
    checked: Checked
    ruleset: RuleSet
    plan: Plan = field(default_factory=Plan)
    skipped: tuple[str, ...] = ()

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
) -> Compiled:
    """Compile rule files and all rule files of directories.

    `overrides` replace params by full name (`pack.name`), as text. InputError when a path is
    missing; whatever is wrong with the rules themselves is a finding.
    """
    ruleset = load(find_rule_files(paths), RuleFiles())
    checked = check(ruleset, catalog, dict(overrides or {}), silence=silence)
    compiled = Compiled(checked.diagnostics, checked, ruleset)
    if skip_broken and not compiled.is_ok:
        compiled = _without_broken(compiled)
    if not compiled.is_ok:
        return compiled
    return replace(compiled, plan=lower(compiled.checked, catalog))


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
    skipped = dict.fromkeys(broken)
    for each in compiled.diagnostics:
        if each.severity == "error" and each.rule is None:
            skipped[f"at {each.span.file}:{each.span.line}"] = None
    return replace(compiled, diagnostics=softened, checked=kept, skipped=tuple(skipped))
