"""What tests reach, and which changes of the rules they notice: tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.testing import CoverageReport, Mutant, MutationReport, Portion

_TEXT_MAX = 60
#: A row of a table: name, share, remark.
_Row = tuple[str, "Portion", str]


def coverage_text(report: CoverageReport) -> str:
    """Write the share of each pack and of each rule that is not reached whole, then what is not."""
    rows: list[_Row] = []
    for pack, share in report.packs.items():
        rows.append((pack, share, ""))
        for rule in report.rules:
            mine = report.share_of(rule)
            if rule.rule.rpartition(".")[0] == pack and mine.part < mine.total:
                rows.append((f"  {rule.rule}", mine, "" if rule.tests else "no test"))
    lines = _table("what tests reach", rows)
    for rule in report.rules:
        if not rule.tests:
            lines.append(f"{rule.file}:{rule.line}: {rule.rule} has no test")
            continue
        for point, each in zip(rule.missing, report.missing(rule), strict=True):
            place = f"{each['file']}:{each['line']}:{each['column']}"
            whose = "" if rule.is_within(point) else f" ({rule.rule})"
            lines.append(f"{place}: `{_short(each['text'])}` {each['missing']}{whose}")
    return "\n".join(lines).rstrip("\n") + "\n"


def mutation_text(report: MutationReport) -> str:
    """Write the score of each pack and of each rule that falls short, then what nobody noticed."""
    rows: list[_Row] = []
    for pack, score in report.packs.items():
        rows.append((pack, score, ""))
        for rule in report.rules:
            if rule.rule.rpartition(".")[0] == pack and rule.score.part < rule.score.total:
                rows.append((f"  {rule.rule}", rule.score, "" if rule.tests else "no test"))
    if not report.mutants:
        return "\nthere is nothing to change\n"
    lines = _table("changes that tests notice", rows)
    # Tests of rules that are built on a rule can notice too.
    untested = {r.rule for r in report.rules if not r.tests and not r.score.part}
    for rule in report.rules:
        if rule.rule in untested and rule.score.total:
            lines.append(
                f"{rule.file}:{rule.line}: {rule.rule} has no test: "
                f"none of its {rule.score.total} changes is noticed"
            )
    lines += [_change(m) for m in report.unnoticed() if m.rule not in untested]
    if report.accepted:
        lines.append(f"{report.accepted} accepted by `# mutate: ok`")
    for remark in report.unneeded:
        lines.append(
            f"{remark.file}:{remark.line}: `# mutate: ok` is not needed: "
            "tests notice every change of this line"
        )
    for remark in report.unexplained:
        lines.append(f"{remark.file}:{remark.line}: `# mutate: ok` needs a reason behind it")
    return "\n".join(lines).rstrip("\n") + "\n"


def _change(mutant: Mutant) -> str:
    after = "taken away" if mutant.after is None else f"-> `{_short(mutant.after)}`"
    place = f"{mutant.file}:{mutant.line}:{mutant.column}"
    return f"{place}: `{_short(mutant.before)}` {after}: no test notices"


def _table(title: str, rows: Iterable[_Row]) -> list[str]:
    listed = [(title, "", ""), *((name, _share(share), remark) for name, share, remark in rows)]
    width = max(len(name) for name, _, _ in listed)
    lines = [f"{name:<{width}}  {share}  {remark}".rstrip() for name, share, remark in listed]
    return ["", *lines, ""]


def _share(share: Portion) -> str:
    return f"{share.percent:>3} %  {share.part:>4} of {share.total}"


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 2]} …"
