"""The event that a candidate waited for, under another key or under none."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.model import Key, event_id
from sluice.timing import Instant
from sluice.why.case import Case
from sluice.why.changes import without_key
from sluice.why.explanation import Moment, Obstacle
from sluice.why.facts import shown
from sluice.why.recording import key_text
from sluice.why.stages import Stage
from sluice.why.trial import Entry, Found

Told = tuple[Obstacle, list[Moment]]


def elsewhere(case: Case, stage: Stage, target: Found, until: Instant | None) -> list[Told]:
    """Return the first event that would have been in time if its key had been the candidate's.

    Of a key of several parts one may differ; of a key of one part only the spelling. What is
    said was tried: without that part of the key the rule matches.
    """
    if not case.rule.keys:
        return []
    bits = case.mask(stage.atoms)
    for entry in _in_time(case, bits, target, until):
        index = _odd_part(target.key, entry.key, len(case.rule.keys))
        if index is not None and _fires(case, index, target, entry):
            return [_told(case, stage, target, entry, index)]
    for entry in case.recorder.keyless:
        if entry.bits & bits and _is_in_time(entry, target, until):
            return [_told_keyless(case, stage, entry)]
    return []


def _in_time(case: Case, bits: int, target: Found, until: Instant | None) -> Iterator[Entry]:
    for entry in case.recorder.entries:
        if entry.key != target.key and entry.bits & bits and _is_in_time(entry, target, until):
            yield entry


def _is_in_time(entry: Entry, target: Found, until: Instant | None) -> bool:
    time = entry.row.time
    return target.events[-1].time <= time and (until is None or time <= until)


def _odd_part(ours: Key, theirs: Key, width: int) -> int | None:
    """Return the one part in which two keys differ, if it may be one by mistake."""
    if width == 1:
        return 0 if _plain(key_text(ours)) == _plain(key_text(theirs)) else None
    different = [i for i in range(width) if ours[i] != theirs[i]]
    return different[0] if len(different) == 1 else None


def _plain(text: str) -> str:
    """Return what stays of a name without its domain, case and spaces."""
    bare = text.strip().casefold()
    return bare.rpartition("\\")[2].partition("@")[0] or bare


def _fires(case: Case, index: int, target: Found, entry: Entry) -> bool:
    """Try the rule without that part of its key, over the candidate's events and this one."""
    keys = (target.key, entry.key)
    entries = [e for e in case.recorder.entries if e.key in keys]
    found = case.lab.run(without_key(case.rule, index), entries, beyond=True)
    own = {id(row) for row in target.events}
    return any(
        entry.row in match.events and own & {id(row) for row in match.events} for match in found
    )


def _told(case: Case, stage: Stage, target: Found, entry: Entry, index: int) -> Told:
    name = case.rule.keys[index].name
    ours, theirs = case.facts.key(target.key)[name], case.facts.key(entry.key)[name]
    label = " or ".join(dict.fromkeys(case.label(atom) for atom in stage.atoms))
    text = (
        f"{label} came at {case.at(entry.row.time)} under another key: "
        f"{name} = {shown(theirs)}, not {shown(ours)}"
    )
    obstacle = Obstacle(
        "key", text, f"without `{name}` in `by`", True, ours, theirs, entry.row.time,
        event_id(entry.row),
    )  # fmt: skip
    return obstacle, [_moment(case, stage, entry)]


def _told_keyless(case: Case, stage: Stage, entry: Entry) -> Told:
    names = ", ".join(f"`{part.name}`" for part in case.rule.keys)
    label = " or ".join(dict.fromkeys(case.label(atom) for atom in stage.atoms))
    text = (
        f"{label} came at {case.at(entry.row.time)} without a key: {names} "
        f"{'is' if len(case.rule.keys) == 1 else 'are not all'} "
        f"{'missing' if len(case.rule.keys) == 1 else 'there'}, so it belongs to no candidate"
    )
    time, name = entry.row.time, event_id(entry.row)
    return Obstacle("key", text, None, False, None, None, time, name), [_moment(case, stage, entry)]


def _moment(case: Case, stage: Stage, entry: Entry) -> Moment:
    atoms = [a for a in stage.atoms if entry.bits & case.mask([a])] or list(stage.atoms)
    return case.facts.moment(entry.row, atoms[0], case.label(atoms[0]), False)
