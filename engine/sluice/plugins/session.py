"""The plugins of one command: which there are, which are needed, what became of them."""

from __future__ import annotations

import difflib
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

from sluice.catalog import Catalog
from sluice.codecs import CODEC_NAMES, CodecEntry
from sluice.errors import ConfigError
from sluice.plugins.aside import Aside
from sluice.plugins.discover import KINDS, Kind, Plugin, installed, named_in
from sluice.plugins.faults import Faults
from sluice.plugins.load import Brought, Guards, bring
from sluice.plugins.watch import Watch

#: The kinds that a catalog holds.
_OF_CATALOG: tuple[Kind, ...] = ("functions", "aggregates", "actions")


class PluginOptions(NamedTuple):
    """What the settings say: `disabled` holds names of plugins and of distributions."""

    is_enabled: bool = True
    disabled: frozenset[str] = frozenset()
    load_ms_max: int = 10_000
    call_ms_max: int = 5_000
    settings: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class Surveyed(NamedTuple):
    """A plugin with all that became of it.

    `state` is `ok`, `disabled`, `left out` (nothing of it can be used) or `in part`.
    """

    plugin: Plugin
    state: str
    names: Mapping[Kind, tuple[str, ...]] = MappingProxyType({})
    troubles: tuple[str, ...] = ()


class Plugins:
    """The plugins of one command. Nothing is looked for or imported before it is needed.

    `tell` takes sentences for people: why a plugin is left out, what it printed, where it failed.
    """

    def __init__(
        self, options: PluginOptions, tell: Callable[[str], None],
        find: Callable[[], tuple[Plugin, ...]] = installed,
    ) -> None:  # fmt: skip
        self._options, self._tell, self._find = options, tell, find
        self._watch, self._faults = Watch(), Faults(tell)
        self._guards = Guards(self._watch, self._faults, options.load_ms_max, options.call_ms_max)
        self._found: tuple[Plugin, ...] | None = None
        self._brought: dict[tuple[str, Kind], Brought] = {}
        self._left_out: dict[str, str] = {}
        self._depth = 0
        self._aside: Aside | None = None

    @property
    def failures(self) -> Mapping[str, int]:
        """How often calls failed, by the name of what was called."""
        return self._faults.counts

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to say of failures at the end."""
        return self._faults.sentences()

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why plugins are left out, by their names."""
        return self._left_out

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Guard what runs inside: calls are watched, and what plugins print is kept aside.

        It begins with the first plugin that is brought in.
        """
        self._depth += 1
        if self._brought:
            self._arm()
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0 and self._aside is not None:
                self._watch.stop()
                sys.stdout = self._aside.stdout
                self._aside.finish()
                self._aside = None

    def extended(self, catalog: Catalog, texts: Iterable[str]) -> Catalog:
        """Return the catalog with what the rule texts may call: `geo.country(` needs `geo`.

        ConfigError when two distributions bring what is needed under one name.
        """
        names = named_in(texts) if self._options.is_enabled else frozenset()
        if not names:
            return catalog
        needed = [plugin for plugin in self._usable() if plugin.name in names]
        self._refuse_twins(needed)
        with self.guarding():
            for plugin in needed:
                for kind in _OF_CATALOG:
                    catalog = catalog.with_entries(self._entries(plugin, kind))
        return catalog

    def complete(self, catalog: Catalog) -> Catalog:
        """Return the catalog with all that can be brought in; of twins the first counts.

        It is no trouble that a plugin nobody has set up wants settings: nobody needs it now.
        """
        seen: set[str] = set()
        with self.guarding():
            for plugin in self._usable():
                for kind in _OF_CATALOG if plugin.name not in seen else ():
                    catalog = catalog.with_entries(self._entries(plugin, kind, is_needed=False))
                seen.add(plugin.name)
        return catalog

    def codecs(self, text: str) -> Mapping[str, CodecEntry]:
        """Return the codecs that `--codec` may mean; none when it names one of Sluice's own."""
        name = text.partition(":")[0].strip()
        if name in CODEC_NAMES or not self._options.is_enabled:
            return {}
        needed = [p for p in self._usable() if p.name == name.partition(".")[0]]
        self._refuse_twins(needed)
        with self.guarding():
            return {entry.name: entry for p in needed for entry in self._entries(p, "codecs")}

    def why_not(self, name: str) -> str | None:
        """Say why there is nothing under a dotted name, as a hint; None when nobody knows."""
        head = name.partition(".")[0]
        if head in self._left_out:
            return f"the plugin `{head}` is left out: {self._left_out[head]}"
        if not self._options.is_enabled:
            return f"`{head}` may be a plugin, and plugins are switched off"
        names = {plugin.name for plugin in self._all()}
        if head in names and head not in {plugin.name for plugin in self._usable()}:
            return f"the plugin `{head}` is disabled by [plugins] disabled"
        if head in names:
            return None
        near = difflib.get_close_matches(head, names, n=1)
        also = f": did you mean `{near[0]}`?" if near else "; `sluice plugins list` says which are"
        return f"no plugin `{head}` is installed{also}"

    def survey(self) -> tuple[Surveyed, ...]:
        """Bring in everything, and say of each plugin what became of it."""
        usable = set(map(str, self._usable()))
        with self.guarding():
            return tuple(
                self._surveyed(plugin) if str(plugin) in usable else Surveyed(plugin, "disabled")
                for plugin in self._all()
            )

    def _surveyed(self, plugin: Plugin) -> Surveyed:
        if plugin.refusal is not None:
            return Surveyed(plugin, "left out", {}, (plugin.refusal,))
        twins = [p for p in self._usable() if p.name == plugin.name]
        if len(twins) > 1:
            return Surveyed(plugin, "left out", {}, (_twins(twins),))
        brought = {kind: self._bring(plugin, kind) for kind in KINDS if kind in plugin.points}
        names = {kind: tuple(e.name for e in b.entries) for kind, b in brought.items()}
        troubles = tuple(t for b in brought.values() for t in b.troubles)
        some = "in part" if any(names.values()) else "left out"
        return Surveyed(plugin, some if troubles else "ok", names, troubles)

    def _all(self) -> tuple[Plugin, ...]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def _usable(self) -> list[Plugin]:
        """Return the plugins that nobody has switched off."""
        disabled = {_normal(name) for name in self._options.disabled}
        return [
            plugin
            for plugin in (self._all() if self._options.is_enabled else ())
            if not disabled & {_normal(plugin.name), _normal(plugin.distribution)}
        ]

    def _refuse_twins(self, needed: list[Plugin]) -> None:
        for plugin in needed:
            twins = [each for each in needed if each.name == plugin.name]
            if len(twins) > 1:
                raise ConfigError(_twins(twins))

    def _entries(self, plugin: Plugin, kind: Kind, *, is_needed: bool = True) -> tuple[Any, ...]:
        """Return what a plugin has of a kind; tell once what is wrong with it."""
        if plugin.refusal is not None:
            self._leave_out(plugin, plugin.refusal)
            return ()
        if kind not in plugin.points:
            return ()
        is_new = (str(plugin), kind) not in self._brought
        brought = self._bring(plugin, kind)
        for trouble in brought.troubles if is_new else ():
            if brought.entries:
                self._tell(f"{plugin}: left out of its {kind}: {trouble}")
            else:
                self._leave_out(plugin, trouble, is_told=is_needed or not brought.is_unset)
        return brought.entries

    def _leave_out(self, plugin: Plugin, why: str, *, is_told: bool = True) -> None:
        if plugin.name not in self._left_out:
            self._left_out[plugin.name] = why.partition("\n")[0]
            if is_told:
                self._tell(f"{plugin} is left out: {why}")

    def _bring(self, plugin: Plugin, kind: Kind) -> Brought:
        key = str(plugin), kind
        if key not in self._brought:
            self._arm()
            settings = self._options.settings.get(plugin.name, {})
            self._brought[key] = bring(plugin, kind, settings, self._guards)
        return self._brought[key]

    def _arm(self) -> None:
        """Begin to guard, unless that is done already."""
        if self._aside is None:
            self._aside = Aside(sys.stdout, self._speaker, self._tell)
            sys.stdout = self._aside
            self._watch.start()

    def _speaker(self) -> str | None:
        """Say who prints: the call that is under way; else Sluice, or a thread of some plugin."""
        running = self._watch.running
        if running is not None:
            return running.title
        is_ours = threading.current_thread() is threading.main_thread()
        return None if is_ours else "a thread of a plugin"


def _twins(twins: Iterable[Plugin]) -> str:
    names = [f"{plugin.distribution} {plugin.version}" for plugin in twins]
    name = next(iter(twins)).name
    return (
        f"{' and '.join(names)} both bring a plugin '{name}': uninstall one, or name one of the "
        "distributions in [plugins] disabled"
    )


def _normal(name: str) -> str:
    """Return a name as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()
