"""The metrics of a worker, read back with Prometheus' own parser."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from sluice.io import MEASURES, Metrics

OPEN = "application/openmetrics-text; version=1.0.0"

#: What Prometheus' client itself adds: memory, processor time, collections of garbage.
OF_THE_PROCESS = ("process_", "python_")


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample on the page by its name and labels."""
    text = metrics.page()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read_text(text)
        for sample in family.samples
    }


def test_the_page_has_just_the_metrics_of_the_table() -> None:
    """Each entry of the table is on the page with its kind and help, and nothing else of ours."""
    for read, accept in ((read_text, ""), (read_open, OPEN)):
        families = read(Metrics("0.1.0").page(accept)[0].decode())
        found = {
            (family.name, family.documentation)
            for family in families
            if not family.name.startswith(OF_THE_PROCESS)
        }
        cut = ("_info", "_total") if accept else ("_total",)
        expected = {(_without(each.name, cut), each.help) for each in MEASURES}
        assert found == expected


def _without(name: str, ends: tuple[str, ...]) -> str:
    """The family of a name: in each form of the page some endings belong to the samples."""
    for end in ends:
        name = name.removesuffix(end)
    return name


def test_names_say_the_unit() -> None:
    """Counters end in `_total`, and whatever has a unit has seconds or bytes."""
    for each in MEASURES:
        assert each.name.startswith("sluice_")
        assert each.name.endswith("_total") == (each.kind == "counter"), each.name
        assert each.name.endswith("_info") == (each.kind == "info"), each.name
        assert bool(each.buckets) == (each.kind == "histogram"), each.name
        if each.kind == "histogram":
            assert each.name.endswith("_seconds"), each.name
            assert list(each.buckets) == sorted(each.buckets), each.name


def test_every_metric_has_an_attribute() -> None:
    """What the table names can be counted: each entry that is no fact is an attribute."""
    held = vars(Metrics("0.1.0")).values()
    kinds = (Counter, Gauge, Histogram)
    names = {each.describe()[0].name for each in held if isinstance(each, kinds)}
    expected = {_without(each.name, ("_total",)) for each in MEASURES if each.kind != "info"}
    assert names == expected


def test_two_workers_of_one_process_count_apart() -> None:
    """There is no registry of the process: what one counts, the other does not see."""
    one, other = Metrics("0.1.0"), Metrics("0.1.0")
    one.matches.labels(rule="auth.guessing").inc(3)
    name = ("sluice_matches_total", (("rule", "auth.guessing"),))
    assert samples(one)[name] == 3
    assert name not in samples(other)


def test_rules_in_force() -> None:
    """A rule set shows its version, and its rules begin with 0; a refused one changes neither."""
    metrics = Metrics("0.1.0")
    metrics.state_keys.labels(rule="auth.gone").set(7)
    metrics.take_rules("9c1e04b7aa310f52", ["web.scan", "auth.guessing"], 1_700_000_000.5)
    metrics.refuse_rules()
    found = {key: value for key, value in samples(metrics).items() if "rule" in key[0]}
    found |= {k: v for k, v in samples(metrics).items() if dict(k[1]).get("rule")}
    per_rule = ("sluice_matches_total", "sluice_matches_suppressed_total",
                "sluice_type_mismatch_total")  # fmt: skip
    assert found == {
        ("sluice_rules", ()): 2,
        ("sluice_rule_set_info", (("version", "9c1e04b7aa310f52"),)): 1,
        ("sluice_rules_last_reload_successful", ()): 0,
        ("sluice_rules_last_reload_success_timestamp_seconds", ()): 1_700_000_000.5,
        **{(n, (("rule", r),)): 0 for n in per_rule for r in ("web.scan", "auth.guessing")},
    }


def test_a_partition_that_went_is_measured_no_longer() -> None:
    """After a rebalance nobody reads an old lag; a partition that was never measured is fine."""
    metrics = Metrics("0.1.0")
    for partition in (0, 1):
        metrics.lag.labels("filter", "auth.events", partition).set(5)
    metrics.lag.labels("lake", "auth.events", 0).set(5)
    metrics.forget_partition("filter", "auth.events", 0)
    metrics.forget_partition("filter", "auth.events", 7)
    lags = [dict(k[1]) for k in samples(metrics) if k[0] == "sluice_lag_records"]
    assert sorted((each["stage"], each["partition"]) for each in lags) == [
        ("filter", "1"), ("lake", "0"),
    ]  # fmt: skip


def test_evictions_are_counted_by_cap() -> None:
    """Each cap of a rule has its own count, which only grows."""
    metrics = Metrics("0.1.0")
    metrics.count_evictions("auth.guessing", {"keys_per_rule_max": 2})
    metrics.count_evictions("auth.guessing", {"keys_per_rule_max": 1, "state_bytes_max": 4})
    name = "sluice_state_evicted_total"
    assert {dict(k[1])["cap"]: v for k, v in samples(metrics).items() if k[0] == name} == {
        "keys_per_rule_max": 3,
        "state_bytes_max": 4,
    }


def test_the_build_is_named() -> None:
    """The page says which Sluice this is."""
    builds = [dict(k[1]) for k in samples(Metrics("0.1.0")) if k[0] == "sluice_build_info"]
    assert [each["version"] for each in builds] == ["0.1.0"]
