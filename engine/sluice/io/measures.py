"""What a worker measures: one entry for each metric, from which the code and the page are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "info"]

#: Seconds from a millisecond to the minute that a worker may take before it counts as stuck.
_WORK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

#: A match of an absence comes when its deadline has passed, which may be hours later.
_LATENCY = (0.005, 0.01, 0.025, 0.04, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric: its name with unit, what it counts, what its labels are.

    Values of `rule` are the names of rules; those of all other labels are closed sets: topics and
    partitions of the configuration, stages, reasons.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    group: str = "Events"


_PLACE = ("stage", "topic", "partition")

MEASURES: tuple[Measure, ...] = (
    Measure("sluice_events_total", "counter", "Events that were decoded.", ("topic",)),
    Measure("sluice_events_rejected_total", "counter",
            "Records that are no event; they go to the dead letters.", ("topic", "reason")),
    Measure("sluice_events_late_total", "counter",
            "Events that came later than their topic's lateness allows.", ("topic",)),
    Measure("sluice_events_held_back", "gauge",
            "Events that wait for the watermark before rules with state see them."),
    Measure("sluice_dead_letters_total", "counter",
            "Records that were written to the topic of dead letters.", ("reason",)),
    Measure("sluice_matches_total", "counter", "Matches.", ("rule",), group="Rules"),
    Measure("sluice_matches_suppressed_total", "counter",
            "Matches that a cooldown swallowed.", ("rule",), group="Rules"),
    Measure("sluice_type_mismatch_total", "counter",
            "Comparisons of values whose types do not fit.", ("rule",), group="Rules"),
    Measure("sluice_match_latency_seconds", "histogram",
            "From the time of a match, that of its last event or deadline, to its decision.",
            buckets=_LATENCY, group="Rules"),
    Measure("sluice_rules", "gauge", "Rules in force.", group="Rules"),
    Measure("sluice_rule_set_info", "info",
            "The rule set in force: its version.", ("version",), group="Rules"),
    Measure("sluice_rules_last_reload_successful", "gauge",
            "1 when the rules that came last are in force, 0 when they were refused.",
            group="Rules"),
    Measure("sluice_rules_last_reload_success_timestamp_seconds", "gauge",
            "When rules came into force last.", group="Rules"),
    Measure("sluice_keyed_events_sent_total", "counter",
            "Events that the filter stage sent on by rule key.", group="Between the stages"),
    Measure("sluice_keyed_events_received_total", "counter",
            "Events that the match stage took.", group="Between the stages"),
    Measure("sluice_keyed_events_duplicate_total", "counter",
            "Events that the match stage had seen before a restart and left out.",
            group="Between the stages"),
    Measure("sluice_keyed_events_behind_total", "counter",
            "Events of a source that had been silent, behind what was decided without it: only "
            "rules without state see them.", group="Between the stages"),
    Measure("sluice_watermark_lag_seconds", "gauge",
            "How far the watermark is behind the clock.", _PLACE, group="Between the stages"),
    Measure("sluice_batches_total", "counter",
            "Batches that were worked off.", ("stage",), group="Work"),
    Measure("sluice_batch_seconds", "histogram",
            "The time from sending what a batch brought until it was durable.",
            ("stage",), _WORK, "Work"),
    Measure("sluice_lag_records", "gauge",
            "Records of a partition that are not worked off and durable yet.", _PLACE,
            group="Work"),
    Measure("sluice_oldest_unacked_seconds", "gauge",
            "How long records of a partition have waited without one being finished.",
            _PLACE, group="Work"),
    Measure("sluice_assigned_partitions", "gauge",
            "Partitions that this worker has.", ("stage",), group="Work"),
    Measure("sluice_rebalances_total", "counter",
            "How often partitions were dealt out anew.", group="Work"),
    Measure("sluice_records_sent_total", "counter",
            "Records that the broker has acknowledged.", ("topic",), group="Work"),
    Measure("sluice_send_failures_total", "counter",
            "Records that the broker did not take.", ("topic",), group="Work"),
    Measure("sluice_state_keys", "gauge", "Keys that a rule remembers.", ("rule",), group="State"),
    Measure("sluice_state_evicted_total", "counter",
            "State that was dropped at a cap of [limits].", ("rule", "cap"), group="State"),
    Measure("sluice_state_written_bytes_total", "counter",
            "State that was written to its topic.", group="State"),
    Measure("sluice_state_restore_seconds", "histogram",
            "How long it took to read the state of a partition back.", buckets=_WORK,
            group="State"),
    Measure("sluice_lake_segments_total", "counter",
            "Segments that were written.", group="Lake"),
    Measure("sluice_lake_written_bytes_total", "counter",
            "Bytes of segments that were written.", group="Lake"),
    Measure("sluice_lake_write_failures_total", "counter",
            "Writes that failed, such as on a full disk; they are tried again.", group="Lake"),
    Measure("sluice_webhook_sends_total", "counter",
            "Notifications that the receiver took.", group="Webhook"),
    Measure("sluice_webhook_failures_total", "counter",
            "Attempts that failed; those with `refused` are not made again.", ("reason",),
            group="Webhook"),
    Measure("sluice_webhook_send_seconds", "histogram",
            "How long a notification took, attempts and pauses included.", buckets=_WORK,
            group="Webhook"),
    Measure("sluice_build_info", "info",
            "The version of Sluice and of Python.", ("version", "python"), group="Program"),
    Measure("sluice_ready", "gauge",
            "1 when /readyz says yes.", group="Program"),
)  # fmt: skip
