"""The stages of workers at work: what is read and written, and in which order."""

from sluice.shells.stages.decoding import TopicInput
from sluice.shells.stages.duty import Clients, Duty, DutyRequest, RulesFollower, deploy
from sluice.shells.stages.key_state import state_of_key
from sluice.shells.stages.metered import Meter
from sluice.shells.stages.rulesets import (
    RuleBundle,
    RuleCompiler,
    RuleSets,
    decode_bundle,
    encode_bundle,
    reason_of,
)
from sluice.shells.stages.tally import Tally

__all__ = [
    "Clients", "Duty", "DutyRequest", "Meter", "RuleBundle", "RuleCompiler", "RuleSets",
    "RulesFollower", "Tally", "TopicInput", "decode_bundle", "deploy", "encode_bundle",
    "reason_of", "state_of_key",
]  # fmt: skip
