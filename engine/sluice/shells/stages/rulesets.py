"""Rule sets as they are deployed: texts in a topic, compiled where they run.

Each deployment is a record of a compacted topic under a key of its own, so that none is lost:
shards go on with the set that their state was made with. Its number is its offset plus one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from msgspec import structs

from sluice.backends import StageRules, TopicNames, topology_of
from sluice.catalog import Catalog
from sluice.errors import RuleError, SluiceError, Unsupported
from sluice.io import RuleFiles, find_rule_files
from sluice.lang import Loader, Texts, load
from sluice.model import digest
from sluice.plan import DEFAULT_LIMITS, Limits, rewrite
from sluice.plugins import Plugins
from sluice.shells.compile import compile_set

#: So many errors of a rule set that is refused are told in one message.
REASONS_MAX = 5


class RuleBundle(msgspec.Struct, frozen=True):
    """The texts of a rule set: rule files to run, what they import, lists and tables by path.

    `overrides` are the values of params. `deployed_ms` is when it was deployed (epoch), `note`
    what was said of it, `back_to` the number of the set that was taken up again. `is_first`: a
    worker has deployed it that found none.
    """

    roots: list[str]
    texts: dict[str, str]
    overrides: dict[str, str] = {}
    deployed_ms: int = 0
    note: str = ""
    back_to: int | None = None
    is_first: bool = False

    @property
    def version(self) -> str:
        """What tells sets of rules apart: 12 hex digits of their texts."""
        return digest([sorted(self.roots), self.texts, self.overrides], 12)

    def stamped(
        self, deployed_ms: int, note: str = "", back_to: int | None = None, is_first: bool = False
    ) -> RuleBundle:
        """Return the same texts as they are deployed at a time."""
        return structs.replace(
            self, deployed_ms=deployed_ms, note=note, back_to=back_to, is_first=is_first
        )


@dataclass(slots=True)
class _Recording:
    """A loader that keeps what it has read."""

    inner: RuleFiles = field(default_factory=RuleFiles)
    texts: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str:
        """Return the text of a path."""
        text = self.inner.read(path)
        self.texts[path] = text
        return text


@dataclass(frozen=True, slots=True)
class RuleCompiler:
    """Compiles bundles for the stages of a group of workers."""

    catalog: Catalog
    plugins: Plugins | None
    names: TopicNames
    limits: Limits = DEFAULT_LIMITS
    tells_extracted: bool = False

    def bundle(self, paths: Sequence[str], overrides: Mapping[str, str]) -> RuleBundle:
        """Return what rule files and folders hold; RuleError when it does not compile."""
        loader, roots = _Recording(), find_rule_files(paths)
        self._compiled(roots, loader, overrides)
        return RuleBundle(roots, dict(sorted(loader.texts.items())), dict(overrides))

    def rules(self, bundle: RuleBundle, number: int) -> StageRules:
        """Return a bundle ready to run; RuleError or Unsupported when it cannot."""
        rules = self._compiled(bundle.roots, Texts(bundle.texts), bundle.overrides)
        return replace(rules, number=number)

    def _compiled(
        self, roots: Sequence[str], loader: Loader, overrides: Mapping[str, str]
    ) -> StageRules:
        compiled = compile_set(
            load(roots, loader), catalog=self.catalog, overrides=overrides, plugins=self.plugins
        )
        compiled.raise_errors()
        plan = rewrite(compiled.plan)
        topology = topology_of(plan, (), self.names)
        return StageRules(plan, compiled.catalog, topology, 0, self.limits, self.tells_extracted)


def encode_bundle(bundle: RuleBundle) -> bytes:
    """Return a bundle as the value of a record."""
    return msgspec.json.encode(bundle)


def decode_bundle(content: bytes) -> RuleBundle | None:
    """Return the bundle that a record holds; None when it holds none."""
    try:
        return msgspec.json.decode(content, type=RuleBundle)
    except msgspec.DecodeError:
        return None


def put_bundle(bundles: dict[int, RuleBundle], number: int, content: bytes) -> bool:
    """Put the bundle of a record to those before it; False when it holds none.

    Of workers that start together each may deploy its rules as the first: the first one was it.
    """
    bundle = decode_bundle(content)
    if bundle is not None and not (bundle.is_first and bundles):
        bundles[number] = bundle
    return bundle is not None


def reason_of(error: SluiceError) -> str:
    """Return in a line why a rule set does not compile: place and message of each error."""
    if not isinstance(error, RuleError):
        return str(error)
    found = [d for d in error.diagnostics if d.severity == "error"]
    told = [
        f"{d.span.file}:{d.span.line}:{d.span.column}: {d.code} {d.message}"
        for d in found[:REASONS_MAX]
    ]
    more = f"and {len(found) - REASONS_MAX} more errors" if len(found) > REASONS_MAX else ""
    return "; ".join([*told, *([more] if more else [])])


class RuleSets:
    """The rule sets that were deployed, by number; one is compiled when it is asked for first.

    `refused` says why those that were asked for do not compile here.
    """

    def __init__(self, compiler: RuleCompiler) -> None:
        self._compiler = compiler
        self.bundles: dict[int, RuleBundle] = {}
        self.refused: dict[int, str] = {}
        self._compiled: dict[int, StageRules] = {}

    def add(self, number: int, content: bytes) -> None:
        """Take a record of the topic."""
        if not put_bundle(self.bundles, number, content):
            self.refused[number] = "it is no rule set of this version"

    def get(self, number: int) -> StageRules | None:
        """Return a rule set; None when it is not here, or does not compile."""
        found = self._compiled.get(number)
        if found is None and number in self.bundles and number not in self.refused:
            try:
                found = self._compiler.rules(self.bundles[number], number)
            except (RuleError, Unsupported) as error:
                self.refused[number] = reason_of(error)
            else:
                self._compiled[number] = found
        return found

    @property
    def in_force(self) -> StageRules | None:
        """The newest set that compiles, None when there is none."""
        return next(filter(None, map(self.get, sorted(self.bundles, reverse=True))), None)

    @property
    def newest(self) -> int:
        """The number of the newest set that compiles, 0 when there is none."""
        found = self.in_force
        return 0 if found is None else found.number
