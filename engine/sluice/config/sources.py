"""Bring flags, environment, file and defaults together, and keep where each value came from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from sluice.codecs import did_you_mean
from sluice.config.places import key_lines
from sluice.config.sections import ENV_PREFIX, FILE_NAME, SECTIONS, Settings, flat_pairs
from sluice.config.wrong import explain, toml_reason, unknown
from sluice.errors import ConfigError

#: Settings that are paths; in a file they are meant from where the file is.
PATHS = frozenset({"paths", "output_file", "checkpoint", "rejected", "stats"})

#: Flags whose name is not that of the setting.
FLAG_NAMES = {
    "rules.paths": "rules",
    "rules.skip_broken": "skip-broken-rules",
    "input.strict": "strict-input",
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
    """The settings with the origin of each value by its key (`run.lateness`)."""

    settings: Settings
    origins: Mapping[str, Origin]
    file: str | None = None

    def origin(self, key: str) -> Origin:
        """Return where the value of a key came from."""
        return self.origins.get(key, Origin("default"))

    def values(self) -> list[tuple[str, Any, Origin]]:
        """Return key, value (as it is written in the file) and origin of every setting."""
        return [
            (f"{section}.{name}", value, self.origin(f"{section}.{name}"))
            for section, part in self.settings.model_dump(mode="json").items()
            for name, value in part.items()
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
    layers = [
        _default_layer(None if named else file),
        _file_layer(file, origins) if file else {},
        _env_layer(origins),
        _flag_layer(flags or {}, origins),
    ]
    merged: Layer = {}
    for layer in layers:
        for section, part in layer.items():
            into = merged.setdefault(section, {})
            for name, value in part.items():
                # Params are set one by one: a flag for one leaves the others as they are.
                both = (
                    name == "set" and isinstance(value, dict) and isinstance(into.get(name), dict)
                )
                into[name] = {**into[name], **value} if both else value
    try:
        return Resolved(Settings(**merged), origins, file)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(explain(error, {key: str(o) for key, o in origins.items()})) from None


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


def _file_layer(path: str, origins: dict[str, Origin]) -> Layer:
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
    for key, line in lines.items():
        origins[key] = Origin("file", f"{path}:{line}")
    wrong = [
        f"{path}:{lines.get(name, 1)}: {unknown(name, name, Settings.model_fields)}"
        for name, part in document.items()
        if name not in Settings.model_fields or not isinstance(part, dict)
    ]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return {name: _anchored(path, _normal(part)) for name, part in document.items()}


def _anchored(file: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return a section whose paths are meant from where the file is."""
    return {n: _beside(file, value) if n in PATHS else value for n, value in part.items()}


def _beside(file: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_beside(file, each) for each in value]
    folder = os.path.dirname(file)
    return os.path.join(folder, value) if folder and isinstance(value, str) else value


def _env_layer(origins: dict[str, Origin]) -> Layer:
    wrong = []
    for variable in sorted(os.environ):
        section, _, name = variable.upper().removeprefix(ENV_PREFIX).partition("_")
        if not variable.upper().startswith(ENV_PREFIX) or section.lower() not in SECTIONS:
            continue  # others may share the prefix: a platform that names a service `sluice` does
        name = name.removeprefix("_").partition("__")[0].lower()
        key = f"{section.lower()}.{name}"
        known = {f"{ENV_PREFIX}{section}__{each.upper()}" for each in SECTIONS[section.lower()]}
        if "__".join(variable.upper().split("__")[:2]) not in known:
            wrong.append(f"{variable}: there is no such setting{did_you_mean(variable, known)}")
        origins[key] = Origin("env", variable)
    if wrong:
        raise ConfigError("\n".join(wrong))
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
