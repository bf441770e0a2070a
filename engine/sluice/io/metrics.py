"""The metrics of one worker as Prometheus reads them, in a registry of their own."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from sluice.io.measures import MEASURES, Kind, Measure


class Metrics:
    """What a worker of a version of Sluice counts; each attribute is a metric of `MEASURES`.

    Counters count from the start of the process. Labels are given by name:
    `metrics.matches.labels(rule="auth.brute_force").inc()`.
    """

    def __init__(self, version: str) -> None:
        # When each series began is of no use here, and would double their number. (The library
        # leaves this one function without types.)
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._by_name = {measure.name: measure for measure in MEASURES}
        self._add_events()
        self._add_rules()
        self._add_work()
        self._add_sinks(version)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _add_events(self) -> None:
        self.events = self._counter("sluice_events_total")
        self.rejected = self._counter("sluice_events_rejected_total")
        self.late = self._counter("sluice_events_late_total")
        self.held_back = self._gauge("sluice_events_held_back")
        self.dead_letters = self._counter("sluice_dead_letters_total")
        self.keyed_sent = self._counter("sluice_keyed_events_sent_total")
        self.keyed_received = self._counter("sluice_keyed_events_received_total")
        self.keyed_duplicates = self._counter("sluice_keyed_events_duplicate_total")
        self.keyed_behind = self._counter("sluice_keyed_events_behind_total")

    def _add_rules(self) -> None:
        self.matches = self._counter("sluice_matches_total")
        self.suppressed = self._counter("sluice_matches_suppressed_total")
        self.type_mismatches = self._counter("sluice_type_mismatch_total")
        self.match_latency = self._histogram("sluice_match_latency_seconds")
        self.rules = self._gauge("sluice_rules")
        self._rule_set = self._info("sluice_rule_set_info")
        self._reload_is_good = self._gauge("sluice_rules_last_reload_successful")
        self._reloaded_at = self._gauge("sluice_rules_last_reload_success_timestamp_seconds")

    def _add_work(self) -> None:
        self.batches = self._counter("sluice_batches_total")
        self.batch_seconds = self._histogram("sluice_batch_seconds")
        self.lag = self._gauge("sluice_lag_records")
        self.oldest_unacked = self._gauge("sluice_oldest_unacked_seconds")
        self.watermark_lag = self._gauge("sluice_watermark_lag_seconds")
        self.assigned = self._gauge("sluice_assigned_partitions")
        self.rebalances = self._counter("sluice_rebalances_total")
        self.sent = self._counter("sluice_records_sent_total")
        self.send_failures = self._counter("sluice_send_failures_total")
        self.state_keys = self._gauge("sluice_state_keys")
        self.evicted = self._counter("sluice_state_evicted_total")
        self.state_written = self._counter("sluice_state_written_bytes_total")
        self.restore_seconds = self._histogram("sluice_state_restore_seconds")

    def _add_sinks(self, version: str) -> None:
        self.lake_segments = self._counter("sluice_lake_segments_total")
        self.lake_written = self._counter("sluice_lake_written_bytes_total")
        self.lake_failures = self._counter("sluice_lake_write_failures_total")
        self.webhook_sends = self._counter("sluice_webhook_sends_total")
        self.webhook_failures = self._counter("sluice_webhook_failures_total")
        self.webhook_seconds = self._histogram("sluice_webhook_send_seconds")
        build = {"version": version, "python": platform.python_version()}
        self._info("sluice_build_info").info(build)
        self.ready = self._gauge("sluice_ready")

    def take_rules(self, version: str, names: Iterable[str], now: float) -> None:
        """Say which rule set came into force at `now` (seconds since 1970).

        The counters of its rules begin with 0, so that a rate sees their first match, and rules
        that went no longer remember keys.
        """
        held = sorted(names)
        self._rule_set.info({"version": version})
        self.rules.set(len(held))
        self._reload_is_good.set(1)
        self._reloaded_at.set(now)
        self.state_keys.clear()
        for rule in held:
            for counter in (self.matches, self.suppressed, self.type_mismatches):
                counter.labels(rule=rule)

    def refuse_rules(self) -> None:
        """Say that the rules that came last were refused; those before stay in force."""
        self._reload_is_good.set(0)

    def count_evictions(self, rule: str, counts: Mapping[str, int]) -> None:
        """Add what a rule has dropped by cap since the last time."""
        for cap, count in counts.items():
            self.evicted.labels(rule=rule, cap=cap).inc(count)

    def forget_partition(self, stage: str, topic: str, partition: int) -> None:
        """Drop what is measured of a partition that a stage of this worker no longer has."""
        place = {"stage": stage, "topic": topic, "partition": str(partition)}
        for gauge in (self.lag, self.oldest_unacked, self.watermark_lag):
            gauge.remove_by_labels(place)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics and the content type, in the form that `Accept` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _measure(self, name: str, kind: Kind) -> Measure:
        measure = self._by_name[name]
        assert measure.kind == kind, f"{name} is a {measure.kind}"
        return measure

    def _counter(self, name: str) -> Counter:
        measure = self._measure(name, "counter")
        short = name.removesuffix("_total")
        return Counter(short, measure.help, measure.labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        measure = self._measure(name, "gauge")
        return Gauge(name, measure.help, measure.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        measure = self._measure(name, "histogram")
        return Histogram(
            name, measure.help, measure.labels, buckets=measure.buckets, registry=self.registry
        )

    def _info(self, name: str) -> Info:
        measure = self._measure(name, "info")
        return Info(name.removesuffix("_info"), measure.help, registry=self.registry)
