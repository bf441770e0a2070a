"""Settings: what wins, where values come from, what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.config import (
    Origin,
    Resolved,
    Settings,
    find_file,
    key_lines,
    load_settings,
    settings_schema,
)
from sluice.config.sections import SECTIONS
from sluice.errors import ConfigError

FILE = """\
# A comment.
[run]
lateness = "5s"
show = [
  "match",  # lateness = "no key"
  "note",
]

[rules.set]
auth.max = 5
"auth.zone" = "UTC"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SLUICE_CONFIG", "SLUICE_RUN__LATENESS"):
        monkeypatch.delenv(name, raising=False)


def write(text: str) -> None:
    """Write a `sluice.toml` where the tests run."""
    Path("sluice.toml").write_text(text, "utf-8")


def wrong(**flags: object) -> str:
    """What loading complains about."""
    with pytest.raises(ConfigError) as caught:
        load_settings(flags={k.replace("__", "."): v for k, v in flags.items()})
    return str(caught.value)


def test_without_anything_all_are_defaults() -> None:
    """No file, no variable, no flag: every value is the default and says so."""
    found = load_settings()
    assert isinstance(found, Resolved)
    assert found.settings == Settings()
    assert {origin for _, _, origin in found.values()} == {Origin("default")}


def test_flags_win_over_variables_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value comes from the strongest place that has it, and the place is named."""
    write(FILE)
    in_file = load_settings()
    assert (in_file.settings.run.lateness, str(in_file.origin("run.lateness"))) == (
        5_000,
        "sluice.toml:3",
    )
    monkeypatch.setenv("SLUICE_RUN__LATENESS", "1m")
    in_env = load_settings()
    assert (in_env.settings.run.lateness, str(in_env.origin("run.lateness"))) == (
        60_000,
        "SLUICE_RUN__LATENESS",
    )
    flagged = load_settings(flags={"run.lateness": "0s"})
    assert (flagged.settings.run.lateness, flagged.origin("run.lateness")) == (
        0,
        Origin("flag", "--lateness"),
    )


def test_params_are_set_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag for one param leaves those of the file and of the environment as they are."""
    write(FILE)
    monkeypatch.setenv("SLUICE_RULES__SET", "auth.more=1")
    found = load_settings(flags={"rules.set": {"auth.max": "9"}})
    assert found.settings.rules.set == {"auth.max": "9", "auth.zone": "UTC", "auth.more": "1"}


def test_lines_of_keys() -> None:
    """Keys are found where they start a line, not in comments and not inside brackets."""
    lines = key_lines(FILE)
    assert {key: lines[key] for key in ("run", "run.lateness", "run.show", "rules.set")} == {
        "run": 2,
        "run.lateness": 3,
        "run.show": 4,
        "rules.set": 9,
    }


def test_unknown_keys_are_errors_with_a_guess() -> None:
    """A typo in a section or a setting names file, line and what was meant."""
    write('[run]\nlatenes = "5s"\n')
    assert wrong() == ("sluice.toml:2: there is no setting 'run.latenes': did you mean 'lateness'?")
    write('[rum]\nlateness = "5s"\n')
    assert wrong() == "sluice.toml:1: there is no setting 'rum': did you mean 'run'?"


def test_wrong_values_are_all_told() -> None:
    """Every wrong value is named with its place and a remedy, not just the first."""
    write('[run]\nlateness = "5 secs"\nshow = ["match", "nte"]\n')
    assert wrong().split("\n") == [
        "sluice.toml:2: run.lateness: '5 secs' is no duration; write 5s, 90m or 1h30m",
        "sluice.toml:3: run.show: 'nte': it must be one of match, clear, note, mitigation, "
        "pending, event, late, rejected: did you mean 'note'?",
    ]


def test_an_unknown_section_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is wrong in the file, and in the environment, is told with it."""
    write('[rn]\nsort = true\n[run]\nlateness = "x"\n[input]\nstrict = 7\n')
    monkeypatch.setenv("SLUICE_RUN__SORT", "maybe")
    assert [line.partition(": ")[0] for line in wrong().splitlines()] == [
        "sluice.toml:1", "sluice.toml:4", "SLUICE_RUN__SORT", "sluice.toml:6",
    ]  # fmt: skip


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value of the environment names the variable; so does a variable with a typo."""
    monkeypatch.setenv("SLUICE_LIMITS__KEYS_PER_RULE_MAX", "0")
    assert wrong() == (
        "SLUICE_LIMITS__KEYS_PER_RULE_MAX: limits.keys_per_rule_max: '0': "
        "input should be greater than or equal to 1"
    )
    monkeypatch.setenv("SLUICE_RUN__LATENES", "5s")
    assert wrong().splitlines() == [
        "SLUICE_RUN__LATENES: there is no such setting: did you mean 'SLUICE_RUN__LATENESS'?",
        "SLUICE_LIMITS__KEYS_PER_RULE_MAX: limits.keys_per_rule_max: '0': "
        "input should be greater than or equal to 1",
    ]


def test_foreign_variables_are_let_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform with a service named `sluice` sets SLUICE_PORT; that is none of ours."""
    monkeypatch.setenv("SLUICE_PORT", "tcp://10.0.0.1:80")
    assert load_settings().settings == Settings()


def test_a_variable_that_sets_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no error, since others may use the prefix; the setting that was meant is named."""
    for name in ("SLUICE_BOGUS", "SLUICE_LATENESS", "SLUICE_KEYS_PER_RULE", "SLUICE_RULE__PATHS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SLUICE_CONFIG", "")
    found = load_settings()
    assert found.settings == Settings()
    assert found.strangers == {
        "SLUICE_BOGUS": None,
        "SLUICE_KEYS_PER_RULE": "SLUICE_LIMITS__KEYS_PER_RULE_MAX",
        "SLUICE_LATENESS": "SLUICE_RUN__LATENESS",
        "SLUICE_RULE__PATHS": "SLUICE_RULES__PATHS",
    }


@pytest.mark.parametrize(
    "name",
    [
        "SLUICE_SERVICE_HOST", "SLUICE_SERVICE_PORT", "SLUICE_SERVICE_PORT_HTTP", "SLUICE_PORT",
        "SLUICE_PORT_8080_TCP", "SLUICE_PORT_8080_TCP_ADDR", "SLUICE_RUN_SERVICE_HOST",
        "SLUICE_RUN_PORT_53_UDP_PROTO",
    ],
)  # fmt: skip
def test_what_a_platform_sets_is_nobodys_slip(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Kubernetes sets these for services named `sluice` and `sluice-run`."""
    monkeypatch.setenv(name, "tcp://10.0.0.1:80")
    found = load_settings()
    assert (found.settings, found.strangers) == (Settings(), {})


def test_a_file_that_is_no_toml() -> None:
    """A broken file is named with line and column."""
    write("[run\n")
    assert wrong().startswith("sluice.toml: line 1, column 5:")


def test_a_named_file_must_be_there() -> None:
    """`-c FILE` never falls back to something else."""
    with pytest.raises(ConfigError, match=r"nope\.toml: cannot be read"):
        load_settings("nope.toml")


def test_the_file_is_looked_for_upwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file further up is found, and its paths are meant from where it is."""
    write('[run]\nstats = "stats.json"\n')
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    root = tmp_path.resolve()
    assert find_file() == str(root / "sluice.toml")
    settings = load_settings().settings
    assert settings.run.stats == str(root / "stats.json")
    assert settings.rules.paths == [str(root / "rules")]


def test_values_are_shown_as_they_are_written() -> None:
    """Durations come out as text, so that what is shown can be read again."""
    write(FILE)
    shown = {key: value for key, value, _ in load_settings().values()}
    assert (shown["run.lateness"], shown["run.show"]) == ("5s", ["match", "note"])


def test_the_schema_knows_every_section() -> None:
    """The JSON Schema describes what the file may hold and refuses the rest."""
    schema = settings_schema()
    sections = [
        "run", "input", "query", "capture", "rules", "limits", "plugins", "kafka", "worker",
        "webhook",
    ]  # fmt: skip
    assert (list(schema["properties"]), list(SECTIONS)) == (sections, sections)
    assert schema["additionalProperties"] is False
    run = schema["$defs"]["RunSettings"]["properties"]
    assert run["lateness"]["type"] == "string"
