"""Rule sets of a group of workers: what was deployed, what another one changes, deploying it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluice.backends import StageRules
from sluice.errors import RuleError, SluiceError, Unsupported
from sluice.io import RULE_SUFFIX, TopicWriter, client_options, read_whole
from sluice.plan import RulePlan
from sluice.shells.brokers import brokers_of, names_of
from sluice.shells.stages.duty import deploy
from sluice.shells.stages.rulesets import (
    RuleBundle,
    RuleCompiler,
    RuleSets,
    put_bundle,
    reason_of,
)
from sluice.shells.worker_request import compiler_of

if TYPE_CHECKING:
    from sluice.config import Settings
    from sluice.plugins import Plugins

_log = logging.getLogger("sluice.rules")

#: What watches paths and single files until an event: yields files that changed, and a text that
#: says so.
Watch = Callable[
    [Sequence[str], Sequence[str], asyncio.Event], AsyncGenerator[tuple[Sequence[str], str]]
]
#: How soon watching is tried again where the system refuses it.
WATCH_AGAIN_SECONDS = 10.0

#: A rule, and what says on which partition each of its keys is.
_Placed = tuple[RulePlan, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """What a rule set changes against the one before it, as names of rules.

    `changed` rules begin without state. `edited` ones differ in what decides no match, such as a
    title or an effect, and keep their state, as the `kept` ones do. `moved` ones are the same and
    run on other partitions, where nothing is known yet. `data` are lists and tables that differ.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def changes_between(before: StageRules | None, after: StageRules) -> RuleChanges:
    """Return what `after` changes; without `before` all is added."""
    old = {} if before is None else _placed(before)
    new = _placed(after)
    found: dict[str, list[str]] = {}
    for name in sorted(old.keys() | new.keys()):
        found.setdefault(_change(old.get(name), new.get(name)), []).append(name)
    data = () if before is None else _other_data(before, after)
    return RuleChanges(**{what: tuple(names) for what, names in found.items()}, data=data)


def _placed(rules: StageRules) -> dict[str, _Placed]:
    """Return the rules that are not disabled, each with where its keys are."""
    plans = {rule.name: rule for rule in rules.plan.rules}
    found: dict[str, _Placed] = {}
    for placement in rules.topology.placements:
        where = (placement.stage, *placement.way)
        found[placement.rule] = (plans[placement.rule], where)
    return found


def _change(old: _Placed | None, new: _Placed | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    (rule_before, place_before), (rule, place) = old, new
    if rule_before.version != rule.version:
        return "changed"
    if place_before != place:
        return "moved"
    return "kept" if rule_before == rule else "edited"


def _other_data(before: StageRules, after: StageRules) -> tuple[str, ...]:
    """Return the lists and tables that both have, with other content."""
    pairs: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
        (before.plan.lists, after.plan.lists), (before.plan.tables, after.plan.tables),
    )  # fmt: skip
    found = {n for old, new in pairs for n in old.keys() & new.keys() if old[n] != new[n]}
    return tuple(sorted(found))


class Deployments:
    """What was deployed, by number; a set is compiled when it is asked for."""

    def __init__(self, compiler: RuleCompiler, bundles: Mapping[int, RuleBundle]) -> None:
        self._compiler, self.bundles = compiler, bundles
        self._known: dict[int, StageRules | str] = {}

    def rules(self, number: int) -> StageRules | str:
        """Return a rule set, or why it does not compile here."""
        if number not in self._known:
            try:
                self._known[number] = self._compiler.rules(self.bundles[number], number)
            except (RuleError, Unsupported) as error:
                self._known[number] = reason_of(error)
        return self._known[number]

    @property
    def in_force(self) -> int:
        """The number of the newest set that compiles, 0 when there is none."""
        return self._newest(self.bundles)

    @property
    def earlier(self) -> int:
        """The number of the newest set before that in force with other texts, 0 for none."""
        top = self.in_force
        version = self.bundles[top].version if top else ""
        return self._newest(n for n, b in self.bundles.items() if n < top and b.version != version)

    def _newest(self, numbers: Iterable[int]) -> int:
        compiling = (n for n in sorted(numbers, reverse=True) if not isinstance(self.rules(n), str))
        return next(compiling, 0)

    def changes_to(self, after: StageRules) -> RuleChanges:
        """Return what a set would change against the one in force."""
        top = self.in_force
        before = self.rules(top) if top else None
        return changes_between(before if isinstance(before, StageRules) else None, after)


class Deploys:
    """Reads and writes the topic of rule sets, which must be there."""

    def __init__(self, settings: Settings, plugins: Plugins | None) -> None:
        self.compiler = compiler_of(settings, plugins)
        self._connection = client_options(brokers_of(settings.kafka))
        self._topic = names_of(settings.kafka).of("rules")

    def history(self) -> Deployments:
        """Return what was deployed."""
        return Deployments(self.compiler, asyncio.run(self._read()))

    async def _read(self) -> dict[int, RuleBundle]:
        found: dict[int, RuleBundle] = {}
        async for message in read_whole(self._connection, self._topic, 0):
            put_bundle(found, message.offset + 1, message.value or b"")
        return found

    def deploy(self, bundle: RuleBundle, note: str, back_to: int | None = None) -> int:
        """Return the number of a bundle that is deployed now; workers take it up by themselves."""
        return asyncio.run(self.put(bundle, note, back_to))

    async def put(self, bundle: RuleBundle, note: str, back_to: int | None = None) -> int:
        """Return what `deploy` does, within an event loop."""
        writer = TopicWriter(self._connection)
        await writer.start()
        try:
            stamped = bundle.stamped(time.time_ns() // 1_000_000, note, back_to)
            return await deploy(writer, self._topic, stamped)
        finally:
            await writer.stop()


async def deploy_changes(
    settings: Settings, deploys: Deploys, sets: RuleSets, watch: Watch, stop: asyncio.Event
) -> None:
    """Deploy the rule files of the settings after each change, unless they are in force already.

    Watched are also the files that these read, wherever they are. What does not compile is told,
    and the rules before stay.
    """
    compiler, paths = deploys.compiler, settings.rules.paths
    read: set[str] = set()
    with contextlib.suppress(SluiceError, OSError):
        read = set(compiler.bundle(paths, settings.rules.set).texts)
    while not stop.is_set():
        try:
            async with contextlib.aclosing(watch(paths, sorted(read), stop)) as changes:
                async for files, change in changes:
                    if _concerns(files, read):
                        bundle = await _deploy_changed(settings, deploys, sets, change)
                        read = read if bundle is None else set(bundle.texts)
                        break  # watch what is read now
        except OSError as error:
            _log.error("rule files cannot be watched: %s", error)
            await asyncio.sleep(WATCH_AGAIN_SECONDS)


def _concerns(files: Sequence[str], read: Collection[str]) -> bool:
    known = {os.path.abspath(path) for path in read}
    return not known or any(path.endswith(RULE_SUFFIX) or path in known for path in files)


async def _deploy_changed(
    settings: Settings, deploys: Deploys, sets: RuleSets, change: str
) -> RuleBundle | None:
    """Return the rule files as they are now when they compile, and deploy them."""
    try:
        bundle = deploys.compiler.bundle(settings.rules.paths, settings.rules.set)
        if sets.newest and sets.bundles[sets.newest].version == bundle.version:
            return bundle
        number = await deploys.put(bundle, change)
        _log.info("%s: deployed as %d", change, number)
        return bundle
    except (RuleError, Unsupported) as error:
        _log.error("%s: refused, the rules before stay: %s", change, reason_of(error))
    except (SluiceError, OSError) as error:
        _log.error("%s: not deployed: %s; `sluice rules deploy` does it", change, error)
    return None
