"""Rule files and their tests as pytest sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sluice.catalog import builtins
from sluice.config import Settings, load_settings
from sluice.errors import ConfigError, RuleError, SluiceError, picture
from sluice.io import RuleFiles, find_rule_files
from sluice.lang import CheckedTest, check, load
from sluice.plan import lower
from sluice.plugins import PluginOptions, Plugins
from sluice.testing.rules import Suite


@dataclass(slots=True)
class RuleSession:
    """The rule sets of a run of pytest, each loaded once, with the settings of `folder`."""

    folder: Path
    _settings: Settings | None = None
    _plugins: Plugins | None = None
    _suites: dict[Path, Suite] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """What `sluice.toml` says; ConfigError when it is wrong."""
        if self._settings is None:
            self._settings = load_settings(start=str(self.folder)).settings
        return self._settings

    @property
    def plugins(self) -> Plugins:
        """What installed plugins add to the language."""
        if self._plugins is None:
            own = self.settings.plugins
            options = PluginOptions(
                own.enabled, frozenset(own.disabled), own.load_timeout, own.call_timeout, own.own
            )
            self._plugins = Plugins(options, lambda sentence: None)
        return self._plugins

    def is_rules(self, path: Path) -> bool:
        """Say whether a file lies below the paths of rules.

        Where wrong settings hide these, any file may: collecting it says what is wrong.
        """
        try:
            return self._root(path) is not None
        except ConfigError:
            return True

    def suite(self, path: Path) -> Suite:
        """Return the tests of the rule set of a file: that of its path of rules, else its own.

        RuleError when the file has errors; those of other files do not matter.
        """
        root = self._root(path) or path
        if root not in self._suites:
            ruleset = load(find_rule_files([_near(root)]), RuleFiles())
            texts = (unit.text for unit in ruleset.units.values())
            catalog = self.plugins.extended(builtins(), texts)
            checked = check(ruleset, catalog, dict(self.settings.rules.set))
            self._suites[root] = Suite(ruleset, catalog, checked, lower(checked, catalog))
        suite = self._suites[root]
        errors = [d for d in suite.checked.diagnostics if d.severity == "error"]
        mine = [d for d in errors if Path(d.span.file).resolve() == path.resolve()]
        if mine:
            raise RuleError(mine)
        return suite

    def _root(self, path: Path) -> Path | None:
        for each in self.settings.rules.paths:
            root = (self.folder / each).resolve()
            if path.resolve().is_relative_to(root):
                return root
        return None


class RuleFile(pytest.File):
    """A rule file."""

    session_of_rules: RuleSession

    def collect(self) -> Iterator[RuleItem]:
        """Yield the tests of the file."""
        try:
            suite = self.session_of_rules.suite(self.path)
        except RuleError as error:
            drawn = (picture(d, _text(d.span.file)) for d in error.diagnostics)
            raise self.CollectError("\n\n".join(drawn)) from None
        except SluiceError as error:
            raise self.CollectError(str(error)) from None
        for test in suite.checked.tests:
            if Path(test.file).resolve() == self.path.resolve():
                name = f"{test.rule}: {test.test.claim or f'line {test.test.span.line}'}"
                item: RuleItem = RuleItem.from_parent(self, name=name)
                item.suite, item.test = suite, test
                yield item


class RuleItem(pytest.Item):
    """A test of a rule."""

    suite: Suite
    test: CheckedTest

    def runtest(self) -> None:
        """Play the test; a failure says what was expected, what came, and what came closest."""
        if all(rule.name != self.test.rule for rule in self.suite.plan.rules):
            pytest.fail(f"{self.test.rule} has errors; `sluice check` shows them", pytrace=False)
        result = self.suite.result(self.test)
        if not result.is_ok:
            pytest.fail("\n".join(result.told()), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the test stands."""
        claim = self.test.test.claim
        told = f"{self.test.rule} ({claim})" if claim else self.test.rule
        return self.path, self.test.test.span.line - 1, told


def _near(path: Path) -> str:
    """Return a path as people write it: from where they are, when it is below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
