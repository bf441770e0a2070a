"""Bring flags, environment, file and defaults together, and keep where each value came from."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from sluice.codecs import did_you_mean
from sluice.config.kinds import flat_pairs
from sluice.config.places import key_lines, line_of
from sluice.config.sections import ENV_PREFIX, FILE_NAME, SECTIONS, TABLES, Settings
from sluice.config.strangers import find_strangers, is_of_platform
from sluice.config.tables import Table, laid_over, leaf_keys, secrets_in, shown_leaves
from sluice.config.wrong import Wrong, explain, toml_reason, unknown
from sluice.errors import ConfigError

#: Settings that are paths; in a file they are meant from where the file is.
PATHS = frozenset({"paths", "output_file", "checkpoint", "rejected", "stats"})

#: The section in which others have tables of their own, which they read themselves.
OPEN_SECTION = "plugins"

#: How settings of plugins that are paths are named: a value of `file` or `cities_file` is one.
_PATH_NAME = re.compile(r"(\w+_)?(file|folder)\Z")

#: Flags whose name is not that of the setting.
FLAG_NAMES = {
    "rules.paths": "rules",
    "rules.skip_broken": "skip-broken-rules",
    "input.strict": "strict-input",
    "plugins.enabled": "no-plugins",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `where` is the flag, the variable, or FILE:LINE."""

    kind: Literal["flag", "env", "file", "default"]
    where: str | None = None

    def __str__(self) -> str:
        return self.where or self.kind


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings with the origin of each value by its key (`run.lateness`).

    `strangers` are variables that look like settings and set nothing, with the one meant.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    file: str | None = None
    strangers: Mapping[str, str | None] = field(default_factory=dict)

    def origin(self, key: str) -> Origin:
        """Return where the value of a key came from."""
        return self.origins.get(key, Origin("default"))

    def values(self) -> list[tuple[str, Any, Origin]]:
        """Return key, value (as it is written in the file) and origin of every setting.

        Secrets are masked; what a table of a topic leaves open is left out.
        """
        return [
            (key, value, self.origin(key.replace('"', "")))
            for section, part in self.settings.model_dump(mode="json").items()
            for key, value in shown_leaves(section, part)
        ]


Layer = dict[str, dict[str, Any]]


def load_settings(
    path: str | None = None, flags: Mapping[str, Any] | None = None, start: str = "."
) -> Resolved:
    """Resolve all settings.

    `path` names the file (else `SLUICE_CONFIG`, else the nearest `sluice.toml` from `start`
    upwards); `flags` holds what the command line says by key, such as `run.lateness`. Paths in a
    file are meant from its folder.
    ConfigError says which values are wrong and where they came from, all of them.
    """
    named = path or os.environ.get(f"{ENV_PREFIX}CONFIG")
    file = named or find_file(start)
    origins: dict[str, Origin] = {}
    wrong: list[Wrong] = []
    layers: list[Table] = [
        _default_layer(None if named else file),
        _file_layer(file, origins, wrong) if file else {},
        _env_layer(origins, wrong),
        _flag_layer(flags or {}, origins),
    ]
    merged: Table = {}
    for layer in layers:
        merged = laid_over(merged, layer)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        told = {where for where, _ in wrong}
        found = explain(error, {key: str(o) for key, o in origins.items()})
        wrong += [each for each in found if each[0] not in told]
    if wrong:
        raise ConfigError("\n".join(f"{where}: {text}" for where, text in wrong))
    return Resolved(settings, origins, file, find_strangers(os.environ))


def find_file(start: str = ".") -> str | None:
    """Return the nearest `sluice.toml` from a directory upwards."""
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            found = folder / FILE_NAME
            return FILE_NAME if folder == Path.cwd() else str(found)
    return None


# ---------------------------------------------------------------- layers


def _default_layer(found: str | None) -> Layer:
    """Where a `sluice.toml` was found further up, its `rules` are meant."""
    paths = Settings.model_fields["rules"].default.paths
    return {"rules": {"paths": _beside(found, paths)}} if found else {}


def _file_layer(path: str, origins: dict[str, Origin], wrong: list[Wrong]) -> Layer:
    try:
        text = Path(path).read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {toml_reason(error)}") from None
    lines = key_lines(text)
    for key in (*lines, *leaf_keys(document)):
        origins[key] = Origin("file", f"{path}:{line_of(key, lines)}")
    wrong += [(str(origins[key]), text) for key, text in secrets_in(document)]
    layer: Layer = {}
    for name, part in document.items():
        if name in Settings.model_fields and isinstance(part, dict):
            layer[name] = _anchored(path, _normal(part))
        else:
            reason = unknown(name, name, Settings.model_fields)
            wrong.append((f"{path}:{lines.get(name, 1)}", reason))
    return layer


def _anchored(file: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return a section, or a table of a plugin, whose paths are meant from where the file is."""
    return {
        name: _anchored(file, value)
        if isinstance(value, dict) and name != "set"
        else _beside(file, value)
        if name in PATHS or _PATH_NAME.match(name)
        else value
        for name, value in part.items()
    }


def _beside(file: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_beside(file, each) for each in value]
    folder = os.path.dirname(file)
    return os.path.join(folder, value) if folder and isinstance(value, str) else value


def _env_layer(origins: dict[str, Origin], wrong: list[Wrong]) -> Layer:
    for variable in sorted(os.environ):
        section, _, name = variable.upper().removeprefix(ENV_PREFIX).partition("_")
        if not variable.upper().startswith(ENV_PREFIX) or section.lower() not in SECTIONS:
            continue  # others may share the prefix: `find_strangers` tells of them
        if is_of_platform(variable):
            continue
        name = name.removeprefix("_").partition("__")[0].lower()
        key = f"{section.lower()}.{name}"
        known = {f"{ENV_PREFIX}{section}__{each.upper()}" for each in SECTIONS[section.lower()]}
        is_open = section.lower() == OPEN_SECTION and variable.count("__") > 1
        parts = variable.lower().split("__")
        if "__".join(variable.upper().split("__")[:2]) not in known and not is_open:
            reason = f"there is no such setting{did_you_mean(variable, known)}"
            wrong.append((variable, reason))
        elif len(parts) > 2 and key in TABLES:
            key = f"{key}.{parts[2]}"
        origins[key] = Origin("env", variable)
    try:
        found = EnvSettingsSource(Settings)()
    except SettingsError as error:
        raise ConfigError(f"{ENV_PREFIX}*: {error}") from None
    return {name: _normal(part) for name, part in found.items()}


def _flag_layer(flags: Mapping[str, Any], origins: dict[str, Origin]) -> Layer:
    layer: Layer = {}
    for key, value in flags.items():
        section, _, name = key.partition(".")
        layer.setdefault(section, {})[name] = value
        origins[key] = Origin("flag", "--" + FLAG_NAMES.get(key, name.replace("_", "-")))
    return layer


def _normal(part: dict[str, Any]) -> dict[str, Any]:
    """Return a section with `set` flat, so that layers of it can be merged."""
    if not isinstance(part.get("set"), str | dict):
        return part
    try:
        return {**part, "set": flat_pairs(part["set"])}
    except ValueError:
        return part  # validation says what is wrong with it
