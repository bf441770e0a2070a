"""`sluice rules`: put a rule set in force on all workers of a group, see which it is, go back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli.kafka_options import BrokersOption, admin_of, columns, topic_findings
from sluice.cli.loading import given, plugins_of, settings_of
from sluice.cli.options import OutputOption, SetOption, new_app, set_pairs
from sluice.cli.output import put_report
from sluice.errors import ConfigError, SluiceError
from sluice.timing import format_instant

if TYPE_CHECKING:
    from sluice.backends import StageRules
    from sluice.cli.terminal import Terminal
    from sluice.config import Settings
    from sluice.plan import Plan
    from sluice.shells import Deployments, Deploys, RuleBundle

#: So many deployments are shown, the newest first.
SHOWN_MAX = 10

RulesOption = Annotated[
    list[str] | None,
    typer.Option("-r", "--rules", metavar="PATH", help="Where the rules are [default: rules]."),
]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; `status` shows it.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]

#: What becomes of rules, in the order in which it is told, and what that means.
_FATES = {
    "added": "",
    "removed": "",
    "changed": "begins without state",
    "moved": "goes to other partitions and begins without state",
    "edited": "keeps its state",
}


def commands() -> typer.Typer:
    """Return the commands."""
    return new_app(deploy=deploy, status=status, rollback=rollback)


def deploy(
    ctx: typer.Context, rules: RulesOption = None, note: NoteOption = "",
    dry_run: DryOption = False, set_: SetOption = None, brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Put the rules of these files in force on all workers; rules that stay keep their state."""
    flags = {"rules.paths": rules, "rules.set": set_pairs(set_) or None, "kafka.brokers": brokers}
    settings, deploys = _opened(ctx.find_root().obj, flags)
    bundle = deploys.compiler.bundle(settings.rules.paths, settings.rules.set)
    # As workers compile it: from the texts alone.
    found = deploys.compiler.rules(bundle, 0)
    _check_topics(settings, found.plan)
    step = _Step(deploys.history(), bundle, found)
    number = deploys.deploy(bundle, note) if step.is_needed and not dry_run else None
    if step.is_needed:
        done = "would be deployed" if number is None else f"deployed as {number}"
    else:
        done = "nothing to deploy: these rules are in force"
    step.tell(output, number, done)
    return exits.OK


def rollback(
    ctx: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUMBER]", show_default=False,
            help="The deployment to go back to [default: the one before].",
        ),
    ] = None,
    note: NoteOption = "",
    dry_run: DryOption = False,
    brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Deploy an earlier rule set again; a rule that differs begins without state."""
    settings, deploys = _opened(ctx.find_root().obj, {"kafka.brokers": brokers})
    history = _history(settings, deploys)
    chosen = _earlier(history, number)
    bundle, found = history.bundles[chosen], history.rules(chosen)
    if isinstance(found, str):
        raise ConfigError(f"deployment {chosen} does not compile here: {found}")
    _check_topics(settings, found.plan)
    step = _Step(history, bundle, found, chosen)
    made = deploys.deploy(bundle, note, chosen) if step.is_needed and not dry_run else None
    if step.is_needed:
        done = f"{chosen} would be deployed again" if made is None else f"{chosen} again, as {made}"
    else:
        done = f"nothing to deploy: the rules of {chosen} are in force"
    step.tell(output, made, done)
    return exits.OK


def status(
    ctx: typer.Context,
    worker: Annotated[
        list[str] | None,
        typer.Option("--worker", metavar="URL", help="A worker to ask what it runs; again: more."),
    ] = None,
    brokers: BrokersOption = None,
    output: OutputOption = "text",
) -> int:  # fmt: skip
    """Show what was deployed, and what is in force; exit code 1 when a worker runs another set."""
    settings, deploys = _opened(ctx.find_root().obj, {"kafka.brokers": brokers})
    history = _history(settings, deploys)
    top = history.in_force
    shown = sorted(history.bundles, reverse=True)[:SHOWN_MAX]
    documents = [_deployment(history, number) for number in shown]
    workers = [_asked(each, top) for each in worker or ()]
    document = {"in_force": top or None, "deployments": documents, "workers": workers}
    if documents:
        lines = [*_table(documents), *_told(workers)]
    else:
        lines = ["nothing is deployed; the first worker deploys its own rules", *_told(workers)]
    put_report(output, document, "\n".join(lines))
    return exits.OK if all(each["is_current"] for each in workers) else exits.NO


# ---------------------------------------------------------------- what is asked


def _opened(terminal: Terminal, flags: dict[str, Any]) -> tuple[Settings, Deploys]:
    from sluice.shells import Deploys

    resolved = settings_of(terminal, given(flags))
    return resolved.settings, Deploys(resolved.settings, plugins_of(resolved, terminal))


def _check_topics(settings: Settings, plan: Plan) -> None:
    """Refuse what has no place to run: ConfigError names topics that are missing or do not fit."""
    from sluice.backends import topology_of
    from sluice.shells import inputs_of, names_of

    topology = topology_of(plan, inputs_of(settings.kafka), names_of(settings.kafka))
    with admin_of(settings) as admin:
        found = topic_findings(admin, settings, topology)
    blocked = [f"topic {f.topic.name}: {f.detail}; {f.remedy}" for f in found if f.remedy]
    missing = [each.topic.name for each in found if each.verdict == "make"]
    if missing:
        blocked.append(f"there is no topic {', '.join(missing)}: `sluice topics apply` makes them")
    if blocked:
        raise ConfigError("\n".join(blocked))


def _history(settings: Settings, deploys: Deploys) -> Deployments:
    """Return what was deployed; ConfigError when there is no topic for it."""
    from sluice.shells import names_of

    topic = names_of(settings.kafka).of("rules")
    with admin_of(settings) as admin:
        if not admin.topics([topic]):
            raise ConfigError(f"there is no topic {topic}: `sluice topics apply` makes it")
    return deploys.history()


def _earlier(history: Deployments, number: int | None) -> int:
    """Return the deployment to go back to."""
    if number is None:
        found = history.earlier
        if not found:
            raise SluiceError("there is no deployment before the one in force")
        return found
    if number not in history.bundles:
        there = ", ".join(map(str, sorted(history.bundles)[-SHOWN_MAX:])) or "none"
        raise SluiceError(f"there is no deployment {number}; there are {there}")
    return number


def _asked(worker: str, top: int) -> dict[str, Any]:
    """Return what a worker says that it runs."""
    from sluice.io import ask_version

    try:
        said = ask_version(worker)
    except ConnectionError as error:
        return {"worker": worker, "is_current": False, "error": str(error)}
    told = {name: said.get(name) for name in ("version", "rules", "rules_number")}
    return {"worker": worker, "is_current": said.get("rules_number") == top, **told, "error": None}


# ---------------------------------------------------------------- what is told


@dataclass(frozen=True, slots=True)
class _Step:
    """From the rule set in force to another one."""

    history: Deployments
    bundle: RuleBundle
    rules: StageRules
    back_to: int | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the texts are others than those in force."""
        top = self.history.in_force
        return not top or self.history.bundles[top].version != self.bundle.version

    def tell(self, output: str, number: int | None, done: str) -> None:
        """Write what was done, and what it changes."""
        changes = self.history.changes_to(self.rules)
        top = self.history.in_force
        before = {"number": top, "version": self.history.bundles[top].version} if top else None
        document = {
            "deployed": number, "version": self.bundle.version, "back_to": self.back_to,
            "in_force_before": before, "rules": len(self.rules.topology.placements),
            **asdict(changes),
        }  # fmt: skip
        lines = [f"{done} (version {self.bundle.version})"]
        rows = [(fate, name, _FATES[fate]) for fate in _FATES for name in getattr(changes, fate)]
        rows += [("changed", name, "a list or a table") for name in changes.data]
        lines += columns(rows) if rows else []
        kept = len(changes.kept)
        if kept:
            lines.append(f"{kept} rule{'s' * (kept > 1)} as before, with what they remember")
        put_report(output, document, "\n".join(lines))


def _deployment(history: Deployments, number: int) -> dict[str, Any]:
    bundle, rules = history.bundles[number], history.rules(number)
    is_refused = isinstance(rules, str)
    names = [] if isinstance(rules, str) else sorted(p.rule for p in rules.topology.placements)
    return {
        "number": number, "version": bundle.version, "in_force": number == history.in_force,
        "deployed": format_instant(bundle.deployed_ms), "note": bundle.note,
        "back_to": bundle.back_to, "rules": None if is_refused else names,
        "refused": rules if is_refused else None,
    }  # fmt: skip


def _table(deployments: Sequence[dict[str, Any]]) -> list[str]:
    rows = []
    for each in deployments:
        size = "does not compile here" if each["rules"] is None else f"{len(each['rules'])} rules"
        back = f"back to {each['back_to']}" if each["back_to"] else ""
        told = ": ".join(filter(None, (back, " ".join(each["note"].split()))))
        mark = "in force" if each["in_force"] else ""
        rows.append((str(each["number"]), each["version"], each["deployed"], size, mark, told))
    return columns(rows, numbers=[0])


def _told(workers: Sequence[dict[str, Any]]) -> list[str]:
    rows = []
    for each in workers:
        what, note = each["error"], ""
        if what is None:
            what = f"runs {each['rules_number'] or 'no rules yet'}"
            note = "" if each["is_current"] else "not the set in force"
        rows.append((each["worker"], what, note))
    return columns(rows)
