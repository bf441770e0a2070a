"""`sluice capture`: turn a match that a lake keeps into tests of its rule."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli import exits
from sluice.cli import run_options as options
from sluice.cli.kept import file_of_rule, kept_match
from sluice.cli.loading import given, loaded_rules, plugins_of, settings_of
from sluice.cli.options import OutputOption, new_app
from sluice.cli.output import put_report
from sluice.cli.query import LakeOption, lake_of
from sluice.cli.rewriting import rewrite_text
from sluice.errors import ConfigError

if TYPE_CHECKING:
    from sluice.cli.terminal import Terminal
    from sluice.model import Match
    from sluice.shells import Compiled, KeptLake
    from sluice.testing import Captured


def commands() -> typer.Typer:
    """Return the command."""
    return new_app(capture)


def capture(
    ctx: typer.Context,
    match: Annotated[
        str, typer.Argument(metavar="MATCH_ID", help="The id, or its first 6 digits or more.")
    ],
    lake: LakeOption = None,
    rules: options.RulesOption = None,
    output_file: Annotated[
        str | None,
        typer.Option("--output-file", metavar="FILE", help="Not into the rule's file but here."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="What the test claims.")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option("--mask", metavar="FIELD,…", help="Replace the values of these fields."),
    ] = None,
    all_fields: Annotated[
        bool, typer.Option("--all-fields", help="Keep the fields that no rule reads, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; print the tests.")
    ] = False,
    output: OutputOption = "text",
) -> int:
    """Write a match that a run kept as a test of its rule, and a near miss of it."""
    from sluice.shells import KeptLake

    terminal: Terminal = ctx.find_root().obj
    resolved = settings_of(terminal, given({"run.lake": lake, "rules.paths": rules}))
    settings = resolved.settings
    kept = KeptLake(lake_of(settings))
    for trouble in kept.troubles:
        terminal.warn(f"{trouble}: left out")
    found = kept_match(kept, match)
    named = [word for part in mask or () for word in part.replace(",", " ").split()]
    plugins = plugins_of(resolved, terminal)
    with plugins.guarding():
        compiled = loaded_rules(resolved, terminal, plugins)
        file_of_rule(compiled, found)
        job = _Job(terminal, lake_of(settings), kept, compiled, found, dict(settings.rules.set))
        asked = {
            "file": output_file, "name": name, "is_whole": all_fields,
            "mask": {*named, *settings.capture.mask}, "named": named, "paths": settings.rules.paths,
        }  # fmt: skip
        code = job.run(asked, output, is_dry=dry_run)
    for sentence in plugins.sentences:
        terminal.warn(sentence)
    return code


@dataclass(slots=True)
class _Job:
    """One capture: the lake, the rules, and the match."""

    terminal: Terminal
    root: str
    kept: KeptLake
    compiled: Compiled
    match: Match
    overrides: Mapping[str, str]

    def run(self, asked: Mapping[str, Any], output: str, *, is_dry: bool) -> int:
        """Make the tests, run them, and write them."""
        from sluice.testing import NotCaptured

        own_file = file_of_rule(self.compiled, self.match)
        path = asked["file"] or own_file
        before = _read(path, is_dry=is_dry)
        self._check_claim(asked["name"], path)
        try:
            captured = self._captured(asked, is_own=path == own_file)
            text, line = self._placed(captured, before, path, asked["paths"])
        except NotCaptured as error:
            mark = self.terminal.paint("error:", "error", sys.stderr)
            self.terminal.say(f"{mark} match {self.match.id} is not captured: {error}")
            put_report(output, {"ok": False, "match": self.match.id, "reason": str(error)}, "")
            return exits.NO
        if not is_dry:
            if _read(path, is_dry=is_dry) != before:
                raise ConfigError(f"{path} was changed meanwhile; nothing was written, try again")
            rewrite_text(path, text)
        place = "" if is_dry else f"{path}:{line}"
        put_report(output, self._document(captured, place), self._told(captured, place))
        self._warn(captured)
        return exits.OK

    def _captured(self, asked: Mapping[str, Any], *, is_own: bool) -> Captured:
        from sluice.shells import expired
        from sluice.testing import Wanted, capture_match

        evidence = self.kept.evidence(self.match)
        if evidence.missing:
            raise expired(self.match, evidence)
        self._check_mask(asked, [event.fields for event in evidence.events])
        secret = self._secret() if asked["mask"] else b""
        wanted = Wanted(
            self.match, evidence.events, self.kept.history, asked["name"], asked["is_whole"],
            frozenset(asked["mask"]), secret,
        )  # fmt: skip
        name = self.match.rule.rpartition(".")[2] if is_own else self.match.rule
        return capture_match(self.compiled.plan, self.compiled.catalog, wanted, name)

    def _secret(self) -> bytes:
        from sluice.shells import lake_secret

        secret, is_kept = lake_secret(self.root)
        if not is_kept:
            self.terminal.warn(
                f"{self.root} cannot be written to: another capture will replace the same values "
                "by others"
            )
        return secret

    def _placed(
        self, captured: Captured, before: str, path: str, paths: list[str]
    ) -> tuple[str, int]:
        """Return the new text of the file, proved, and the line at which the tests begin."""
        from sluice.io import RuleFiles, find_rule_files
        from sluice.testing import Draft, insert_tests, prove

        text, line = insert_tests(before, captured.text, self.match.rule)
        draft = Draft(path, text, find_rule_files(paths), RuleFiles())
        catalog = self.compiled.catalog
        prove(draft, catalog, self.overrides, self.match.rule, captured.claims)
        return text, line

    def _check_claim(self, name: str | None, path: str) -> None:
        """Refuse to capture a match a second time."""
        claim = name or f"captured {self.match.id[:12]}"
        for test in self.compiled.checked.tests:
            if test.rule == self.match.rule and test.test.claim == claim:
                message = f'there is a test "{claim}" at {test.file}:{test.test.span.line}'
                hint = "; choose another name" if name else ": it was captured before"
                raise typer.BadParameter(f"{message}{hint}", param_hint="--name")

    def _check_mask(self, asked: Mapping[str, Any], events: list[dict[str, Any]]) -> None:
        """Refuse fields that neither the rule nor the events know."""
        from sluice.lang import suggest
        from sluice.plan import fields_used, only_feeding

        part = only_feeding(self.compiled.plan, self.match.rule)
        known = {".".join(map(str, p)) for paths in fields_used(part).values() for p in paths}
        known |= {name.rpartition(".")[0] for name in known if "." in name}
        known |= {name for fields in events for name in fields}
        for name in asked["named"]:
            if name not in known and name.partition(".")[0] not in known:
                near = suggest(name, sorted(known))
                hint = (
                    f", did you mean {near}?" if near else f"; there are {', '.join(sorted(known))}"
                )
                message = f"{self.match.rule} and its events have no field '{name}'{hint}"
                raise typer.BadParameter(message, param_hint="--mask")

    def _warn(self, captured: Captured) -> None:
        warn = self.terminal.warn
        if captured.change is None:
            warn("no near miss was found: whatever is left out of the events, the rule fires")
        if captured.leaks:
            names = ", ".join(captured.leaks)
            warn(f"a value that was masked stands in {names} too: look at the test, or mask that")
        if self._is_changed:
            warn(f"{self.match.rule} has changed since; on these events it fires as it did")

    @property
    def _is_changed(self) -> bool:
        rules = self.compiled.plan.rules
        return all(r.version != self.match.version for r in rules if r.name == self.match.rule)

    def _told(self, captured: Captured, place: str) -> str:
        if not place:
            return captured.text
        lines = [f"wrote {place}"]
        further = f", {captured.further} of them from before it" if captured.further else ""
        lines.append(f'  "{captured.claims[0]}"  {_count(captured.events, "event")}{further}')
        lines += [f'  "{claim}"' for claim in captured.claims[1:]]
        for name, count in captured.masked.items():
            lines.append(f"  masked {name}: {_count(count, 'value')}")
        return "\n".join(lines)

    def _document(self, captured: Captured, place: str) -> dict[str, Any]:
        path, _, line = place.rpartition(":")
        return {
            "ok": True, "match": self.match.id, "rule": self.match.rule,
            "file": path or None, "line": int(line) if line else None,
            "tests": list(captured.claims), "events": captured.events,
            "further": captured.further, "near_miss": captured.change,
            "masked": captured.masked, "leaks": list(captured.leaks),
            "changed": self._is_changed, "text": captured.text,
        }  # fmt: skip


def _read(path: str, *, is_dry: bool) -> str:
    """Return the text of the file to write to, `` for a new one. ConfigError: it cannot be."""
    folder = os.path.dirname(os.path.realpath(path)) or "."
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
        if not os.path.isdir(folder):
            raise ConfigError(f"{path}: there is no directory {folder}; make it first") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no file of rules: it is not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    is_there = os.path.exists(path)
    if not is_dry and not (
        os.access(folder, os.W_OK) and (not is_there or os.access(path, os.W_OK))
    ):
        raise ConfigError(f"{path} cannot be written to; name another file with --output-file")
    return text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
