"""What comes with Sluice to run it is true: names, ports, versions, settings, metrics.

There is no container engine in the tests: the files are read, not started.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice import __version__
from sluice.cli import exits
from sluice.cli.app import execute
from sluice.cli.verbs import COMMANDS, Verbs
from sluice.config import Settings, load_settings
from sluice.config.sections import SECTIONS, TABLES
from sluice.io import MEASURES
from tests.house.pages import slug

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
GUIDE = REPOSITORY / "docs" / "guides" / "operations.md"

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
ALERTS: list[dict[str, Any]] = yaml.safe_load(
    (DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8")
)["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "sluice.json").read_text("utf-8"))

#: Services that are Sluice, by the verb that each runs.
OURS = {
    each["command"][0]: each for each in SERVICES.values() if each["image"].startswith("sluice")
}

#: Labels that Prometheus itself gives.
OF_PROMETHEUS = {"instance", "job", "le"}


def settings() -> Settings:
    """The settings of the worker in containers."""
    return load_settings(str(DEPLOY / "sluice.toml")).settings


def container_file() -> str:
    """The recipe of the image."""
    return (REPOSITORY / "Containerfile").read_text("utf-8")


# ---------------------------------------------------------------- containers


def test_versions() -> None:
    """The image has the version of the project, the broker that of the tests, on both services."""
    assert {each["image"] for each in OURS.values()} == {f"sluice:{__version__}"}
    assert f"sluice:{__version__} " in container_file()
    pom = (REPOSITORY / "tests" / "integration" / "kafka" / "pom.xml").read_text("utf-8")
    jars = (REPOSITORY / "tests" / "kafka" / "jars.py").read_text("utf-8")
    kafka = SERVICES["kafka"]["image"]
    assert kafka == SERVICES["generator"]["image"]
    version = kafka.removeprefix("apache/kafka:")
    assert version in pom + jars
    assert all(":" in each["image"] for each in SERVICES.values()), "an image without a version"


def test_the_image_fits_the_project() -> None:
    """Its Python is one that the project supports, and it brings what workers need."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    [*found] = set(re.findall(r"^FROM \S*python:(\d+\.\d+)-slim", container_file(), re.MULTILINE))
    assert [f"Programming Language :: Python :: {v}" in project["classifiers"] for v in found] == [
        True
    ]
    assert "'.[kafka]'" in container_file()
    assert "kafka" in project["optional-dependencies"]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", container_file(), re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    for ignored in (".containerignore", ".dockerignore"):
        kept = re.findall(r"^!(.*)$", (REPOSITORY / ignored).read_text("utf-8"), re.MULTILINE)
        assert set(kept) == sources
    assert all((REPOSITORY / name).exists() for name in sources)


def test_nobody_is_root() -> None:
    """The image runs as a number that is no user; services of ours may write to /tmp alone."""
    users = re.findall(r"^USER (\d+):(\d+)$", container_file(), re.MULTILINE)
    assert users and all("0" not in pair for pair in users)
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["tmpfs"] == ["/tmp"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(volume.endswith(":ro") for volume in service["volumes"]), name


def test_only_this_machine_is_served() -> None:
    """Every port that is opened is one of 127.0.0.1."""
    ports = [port for each in SERVICES.values() for port in each.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_the_port_of_the_worker() -> None:
    """It is the same in the settings, the image, the check of health, Prometheus and the guide."""
    port = settings().worker.http.rpartition(":")[2]
    assert Settings().worker.http == f"127.0.0.1:{port}"
    worker = OURS["worker"]
    assert [p.rpartition(":")[2] for p in worker["ports"]] == [port]
    assert f"127.0.0.1:{port}/readyz" in worker["healthcheck"]["test"][-1]
    assert f"EXPOSE {port}" in container_file()
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    [job] = scraped["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert (job["job_name"], found["names"], found["port"]) == ("sluice", ["worker"], int(port))
    assert f"127.0.0.1:{port}" in GUIDE.read_text("utf-8")


def test_files_that_are_mounted_exist() -> None:
    """What a container sees of the repository is there, under the name it is looked for."""
    mounted = [
        volume.split(":")
        for each in SERVICES.values()
        for volume in each.get("volumes", ())
        if volume.startswith("./")
    ]
    assert mounted and all((REPOSITORY / source).exists() for source, *_ in mounted)
    inside = {target: source for source, target, *_ in mounted}
    for service in OURS.values():
        assert service["command"][-1] in inside
    provided = DEPLOY / "grafana" / "provisioning" / "dashboards" / "sluice.yml"
    folder = yaml.safe_load(provided.read_text("utf-8"))["providers"][0]["options"]["path"]
    assert folder in inside
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (REPOSITORY / inside[folder] / home.removeprefix(f"{folder}/")).is_file()
    # Rules are looked for beside the settings.
    named = tomllib.loads((DEPLOY / "sluice.toml").read_text("utf-8"))["rules"]["paths"]
    assert [f"/etc/sluice/{path}" in inside for path in named] == [True]


def test_commands_are_those_of_the_command_line() -> None:
    """Each service runs a verb that there is, with options that it has."""
    group = Verbs(name="sluice")
    for verb, service in OURS.items():
        command = group.get_command(None, verb)
        assert command is not None, f"there is no command {verb}"
        words = service["command"][1:]
        if hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {name for param in command.params for name in param.opts}
        assert [word for word in words if word.startswith("-")] == ["-c"]
        assert "-c" in options


def _variables() -> Iterator[str]:
    for service in OURS.values():
        yield from service["environment"]
    unit = (DEPLOY / "systemd" / "sluice-worker.service").read_text("utf-8")
    yield from re.findall(r"^#?Environment=(\w+)=", unit, re.MULTILINE)


@pytest.mark.parametrize("variable", sorted(set(_variables())))
def test_variables_are_settings(variable: str) -> None:
    """Every variable that a service is given sets something."""
    section, *names = variable.removeprefix("SLUICE_").lower().split("__")
    table = ".".join([section, *names[:-1]])
    assert names[-1] in (SECTIONS[section] if len(names) == 1 else TABLES[table])


def test_the_broker_is_found() -> None:
    """Containers come to the listener that is advertised to them, this machine to the other."""
    kafka = SERVICES["kafka"]["environment"]
    told = dict(e.split("://") for e in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    bound = dict(e.split("://") for e in kafka["KAFKA_LISTENERS"].split(","))
    assert {name: bound[name].rpartition(":")[2] for name in told} == {
        name: address.rpartition(":")[2] for name, address in told.items()
    }
    inside = {each["environment"]["SLUICE_KAFKA__BROKERS"] for each in OURS.values()}
    assert inside == {told["INSIDE"]} == set(settings().kafka.brokers)
    assert [told["OUTSIDE"]] == Settings().kafka.brokers
    assert SERVICES["kafka"]["ports"] == [f"{told['OUTSIDE']}:{told['OUTSIDE'].split(':')[1]}"]
    assert f"--bootstrap-server {told['INSIDE']}" in SERVICES["generator"]["command"][-1]


def test_the_generator_makes_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints are events of the topic of the settings, and the rules find something."""
    topics = settings().kafka.topics
    assert [f"--topic {name}" in SERVICES["generator"]["command"][-1] for name in topics] == [True]
    made = subprocess.run(
        ["sh", str(DEPLOY / "generate.sh"), "310"], capture_output=True, check=True, text=True
    )  # fmt: skip
    lines = made.stdout.splitlines()
    assert len(lines) == 310
    assert {json.loads(line)["@type"] for line in lines} == {"auth.login"}
    events = tmp_path / "events.jsonl"
    events.write_text(made.stdout, "utf-8")
    [rules] = (v for v in SERVICES["worker"]["volumes"] if v.startswith("./rules"))
    folder = str(REPOSITORY / rules.split(":")[0])
    assert execute(["run", "-q", "-r", folder, "--show", "match", "-o", "json", str(events)]) == 0
    found = {json.loads(line)["rule"] for line in capsys.readouterr().out.splitlines()}
    assert {"auth.guessing", "auth.guessing_then_success"} <= found


# ---------------------------------------------------------------- service


def test_the_unit() -> None:
    """It runs a verb that there is, and comes back unless a person has to mend something."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd" / "sluice-worker.service", "utf-8")
    unit = parser["Service"]
    program, verb, *options = unit["ExecStart"].split()
    assert Path(program).name == "sluice"
    assert verb in COMMANDS
    assert options == ["-c", "/etc/sluice/sluice.toml"]
    assert unit["Restart"] == "on-failure"
    assert unit["RestartPreventExitStatus"] == f"{exits.USAGE} {exits.CONFIG}"
    assert (unit["DynamicUser"], unit["ProtectSystem"]) == ("yes", "strict")


# ---------------------------------------------------------------- alerts and dashboard


def labels_of_metrics() -> Mapping[str, set[str]]:
    """The labels of every name that Prometheus knows after scraping a worker."""
    found: dict[str, set[str]] = {"up": set()}
    for each in MEASURES:
        ends = ("_bucket", "_sum", "_count") if each.kind == "histogram" else ("",)
        found |= {f"{each.name}{end}": set(each.labels) for end in ends}
    # What the client of Prometheus counts of the process itself.
    return found | {"process_cpu_seconds_total": set(), "process_resident_memory_bytes": set()}


def check_expression(expression: str) -> None:
    """Every metric exists, every label is one of a metric of the expression, brackets pair up."""
    known = labels_of_metrics()
    names = set(re.findall(r"\b(?:sluice|process)_\w+|\bup\b", expression))
    assert names, expression
    assert names <= known.keys(), f"no such metric: {names - known.keys()}"
    used = {
        label.strip()
        for part in re.findall(r"\b(?:by|on|without) \(([^)]*)\)", expression)
        for label in part.split(",")
        if label.strip()
    } | set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression))
    allowed = OF_PROMETHEUS.union(*(known[name] for name in names))
    assert used <= allowed, f"no such label: {used - allowed}"
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), expression


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alerts(alert: dict[str, Any]) -> None:
    """Each looks at metrics that there are, and leads to a paragraph that says what to do."""
    check_expression(alert["expr"])
    assert alert["labels"]["severity"] in ("warning", "critical")
    texts = alert["annotations"]
    assert set(texts) == {"summary", "description", "runbook"}
    page, _, anchor = texts["runbook"].partition("#")
    assert REPOSITORY / page == GUIDE
    headings = re.findall(r"^### (.*)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert anchor in map(slug, headings)
    by = re.findall(r"\$labels\.(\w+)", texts["description"])
    known = OF_PROMETHEUS.union(*labels_of_metrics().values())
    assert set(by) <= known
    grouped = re.match(r"(?:sum|max) by \(([^)]*)\)", alert["expr"])
    if grouped is not None:
        assert set(by) <= {label.strip() for label in grouped[1].split(",")}


def test_every_paragraph_has_its_alert() -> None:
    """No advice of the guide is one that no alert leads to."""
    text = GUIDE.read_text("utf-8").partition("\n## Alerts\n")[2]
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    led_to = {alert["annotations"]["runbook"].partition("#")[2] for alert in ALERTS}
    assert {slug(heading) for heading in headings} == led_to
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_the_dashboard() -> None:
    """Its panels look at metrics that there are, do not overlap, and know where to ask."""
    sources = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    [source] = yaml.safe_load(sources.read_text("utf-8"))["datasources"]
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == source["uid"]
            check_expression(target["expr"].replace("$__rate_interval", "1m"))


def test_what_is_measured_is_looked_at() -> None:
    """Each metric is in an alert or on the dashboard, but for those that only name something."""
    texts = [alert["expr"] for alert in ALERTS] + [
        target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
    ]
    seen = {name for text in texts for name in re.findall(r"sluice_\w+", text)}
    looked_at = {each.name for each in MEASURES if any(name.startswith(each.name) for name in seen)}
    assert {each.name for each in MEASURES} - looked_at == {
        "sluice_batches_total", "sluice_build_info", "sluice_lake_segments_total",
        "sluice_records_sent_total", "sluice_rules_last_reload_success_timestamp_seconds",
        "sluice_state_restore_seconds", "sluice_webhook_send_seconds",
    }  # fmt: skip
