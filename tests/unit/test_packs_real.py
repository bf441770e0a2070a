"""The packs `windows` and `cloudtrail` over real attacks, against counts in plain Python.

The records are those of OTRF's Security-Datasets (MIT): a theft of credentials with Empire and
mimikatz, and a theft of data from S3 with the keys of an instance. They are no part of this
repository: put them beside it as `../shared/data/windows` and `../shared/data/cloudtrail`, or name
the files in `SLUICE_WINDOWS_LOG` (the archive) and `SLUICE_CLOUDTRAIL_LOG`.
`docs/guides/windows-events.md` and `docs/guides/cloudtrail.md` say what is in them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

Record = dict[str, Any]

REPOSITORY = Path(__file__).parent.parent.parent
BESIDE = REPOSITORY.parent / "shared" / "data"
WINDOWS = Path(
    os.environ.get("SLUICE_WINDOWS_LOG", BESIDE / "windows" / "empire_mimikatz_lsadump_patch.zip")
)
CLOUDTRAIL = Path(
    os.environ.get(
        "SLUICE_CLOUDTRAIL_LOG",
        BESIDE / "cloudtrail" / "ec2_proxy_s3_exfiltration_2020-09-14011940.json",
    )
)
#: Where the machines of the Windows records stood: `EventTime` is their local time.
ZONE = "America/New_York"

needs_windows = pytest.mark.skipif(
    not WINDOWS.exists(),
    reason=f"NOT TESTED on real input: {WINDOWS} is not there; SLUICE_WINDOWS_LOG can name another",
)
needs_cloudtrail = pytest.mark.skipif(
    not CLOUDTRAIL.exists(),
    reason=f"NOT TESTED on real input: {CLOUDTRAIL} is not there; "
    "SLUICE_CLOUDTRAIL_LOG can name another",
)

#: How often each rule matches. The others of its pack find nothing there.
WINDOWS_FOUND = {
    "windows.beacon": 1,
    "windows.credential_theft": 1,
    "windows.encoded_powershell": 1,
    "windows.host_under_attack": 1,
    "windows.lsass_read": 1,
    "windows.lsass_read_audited": 1,
    "windows.tool_named": 1,
    "windows.whoami_by_script": 1,
}
CLOUDTRAIL_FOUND = {
    "cloudtrail.instance_keys_outside": 1,
    "cloudtrail.stolen_keys_read_data": 1,
}

OWN_GATEWAY = """
tune cloudtrail.instance_keys_outside {
  except where sourceIPAddress == "1.2.3.4" "our gateway"
}
"""


def run_rules(pack: str, codec: str, log: Path, *more: str) -> list[Record]:
    """Run a pack over a log and return its matches."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sluice", "run", "-r", f"rules/{pack}", "--codec", codec,
            "--sort", str(log), "--output", "json", "--show", "match", *more,
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def shown(page: str) -> list[str]:
    """The lines of output that a guide shows of the recording, which is of the year 2020."""
    text = (REPOSITORY / "docs" / "guides" / page).read_text("utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```text\n")[1:]]
    return [line for block in blocks if block.startswith("2020-") for line in block.splitlines()]


def printed(pack: str, codec: str, log: Path) -> list[str]:
    """What a run prints for people."""
    done = subprocess.run(
        [
            sys.executable, "-m", "sluice", "run", "-r", f"rules/{pack}", "--codec", codec,
            "--sort", str(log), "--show", "match",
        ],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()


def run_stats(codec: str, log: Path, folder: Path) -> Record:
    """Run the pack of a codec over a log and return what it counts."""
    target = folder / "stats.json"
    run_rules(codec, codec, log, "--stats", str(target))
    stats: Record = json.loads(target.read_text("utf-8"))
    return stats


def counts(matches: list[Record]) -> dict[str, int]:
    """How often each rule has matched."""
    return dict(sorted(Counter(match["rule"] for match in matches).items()))


def only(matches: list[Record], rule: str) -> Record:
    """The one match of a rule."""
    (found,) = (match for match in matches if match["rule"] == rule)
    return found


def at(text: str) -> datetime:
    """Read a time as the records and the matches write it, without its zone: all are UTC."""
    return datetime.fromisoformat(text.removesuffix("Z").replace(" ", "T"))


# -- Windows ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def windows_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Windows records, unpacked."""
    folder = tmp_path_factory.mktemp("windows")
    with ZipFile(WINDOWS) as archive:
        (name,) = archive.namelist()
        return Path(archive.extract(name, folder))


@cache
def windows_records(log: Path) -> tuple[Record, ...]:
    """All Windows records."""
    return tuple(json.loads(line) for line in log.read_text("utf-8").splitlines())


@cache
def windows_matches(log: Path) -> list[Record]:
    """What the pack finds with the command of the guide."""
    return run_rules("windows", f"windows:zone={ZONE}", log)


def sysmon(log: Path, number: int) -> list[Record]:
    """The events of Sysmon with this number, in the order of time."""
    found = [
        r
        for r in windows_records(log)
        if r["EventID"] == number and r["Channel"] == "Microsoft-Windows-Sysmon/Operational"
    ]
    return sorted(found, key=lambda record: record["UtcTime"])


def file_name(path: str) -> str:
    """The last part of a path of Windows, in lower case."""
    return path.rpartition("\\")[2].lower()


def reads_lsass(target: str, rights: str, source: str) -> bool:
    """Whether a program reads the memory of lsass and is no part of Windows."""
    inside = "\\windows\\system32\\" + file_name(source)
    return (
        file_name(target) == "lsass.exe"
        and bool(int(rights, 16) & 0x10)
        and not source.lower().endswith(inside)
    )


def lsass_reads(log: Path) -> list[Record]:
    """The events of Sysmon in which the memory of lsass is opened for reading."""
    return [
        r
        for r in sysmon(log, 10)
        if reads_lsass(r["TargetImage"], r["GrantedAccess"], r["SourceImage"])
    ]


@needs_windows
def test_the_windows_rules_match_as_often_as_the_guide_says(windows_log: Path) -> None:
    """Eight of the rules match once each, the other ten not at all."""
    assert counts(windows_matches(windows_log)) == WINDOWS_FOUND


@needs_windows
def test_the_windows_schemas_fit(windows_log: Path, tmp_path: Path) -> None:
    """All events are read, and no value is of another type than the pack says."""
    stats = run_stats("windows", windows_log, tmp_path)
    read = stats["events"], stats["rejected"], stats["late"], stats["type_mismatches"]
    assert read == (6_982, 0, 0, {})


@needs_windows
def test_the_guide_shows_what_a_run_over_the_windows_records_prints(windows_log: Path) -> None:
    """Each line in the guide is one of the output, and all eight matches are there."""
    lines = shown("windows-events.md")
    found = printed("windows", f"windows:zone={ZONE}", windows_log)
    assert [line for line in lines if line not in found] == []
    assert sum(line.startswith("2020-") for line in lines) == 8


@needs_windows
def test_the_zone_of_the_machines_changes_times_and_no_counts(windows_log: Path) -> None:
    """Without a zone the times of the audit log are those of its arrival, some seconds later."""
    plain = run_rules("windows", "windows", windows_log)
    assert counts(plain) == WINDOWS_FOUND
    zoned = only(windows_matches(windows_log), "windows.lsass_read_audited")
    late = only(plain, "windows.lsass_read_audited")
    assert timedelta(0) < at(late["time"]) - at(zoned["time"]) < timedelta(seconds=10)


@needs_windows
def test_one_process_reads_lsass(windows_log: Path) -> None:
    """Of 9 that open lsass one may read its memory; rule and count name the same."""
    opened = [r for r in sysmon(windows_log, 10) if file_name(r["TargetImage"]) == "lsass.exe"]
    (read,) = lsass_reads(windows_log)
    match = only(windows_matches(windows_log), "windows.lsass_read")
    assert len(opened) == 9
    assert match["key"] == {"Hostname": read["Hostname"], "process": read["SourceProcessGUID"]}
    assert at(match["time"]) == at(read["UtcTime"])
    assert match["select"]["from_memory"] is ("UNKNOWN(" in read["CallTrace"]) is True


@needs_windows
def test_the_audit_log_has_the_same_read(windows_log: Path) -> None:
    """One of 45 uses of watched objects is a read of lsass, by the same program."""
    used = [r for r in windows_records(windows_log) if r["EventID"] == 4663]
    (read,) = (r for r in used if reads_lsass(r["ObjectName"], r["AccessMask"], r["ProcessName"]))
    match = only(windows_matches(windows_log), "windows.lsass_read_audited")
    assert len(used) == 45
    assert match["select"] == {"user": read["SubjectUserName"], "AccessMask": read["AccessMask"]}
    assert file_name(match["key"]["ProcessName"]) == "powershell.exe"


@needs_windows
def test_the_theft_is_one_process_from_its_libraries_to_its_call(windows_log: Path) -> None:
    """Libraries, read and call are found once more by going through the events of the process."""
    (read,) = lsass_reads(windows_log)
    process, wanted = (
        read["SourceProcessGUID"],
        ("cryptdll", "hid", "samlib", "vaultcli", "winscard"),
    )
    libraries = {
        file_name(r["ImageLoaded"])
        for r in sysmon(windows_log, 7)
        if r["ProcessGuid"] == process and file_name(r["ImageLoaded"])[:-4] in wanted
    }
    call = next(
        r
        for r in sysmon(windows_log, 3)
        if r["ProcessGuid"] == process and at(r["UtcTime"]) > at(read["UtcTime"])
    )
    match = only(windows_matches(windows_log), "windows.credential_theft")
    assert match["key"] == {"Hostname": read["Hostname"], "process": process}
    assert at(match["time"]) == at(call["UtcTime"])
    assert match["select"]["libraries"] == len(libraries) == 5
    assert match["select"]["to_address"] == call["DestinationIp"] == "10.10.10.5"


@needs_windows
def test_the_beacon_is_the_eighth_call_within_a_minute(windows_log: Path) -> None:
    """A window that is counted by hand is full at the same instant, and for no other process."""
    calls = defaultdict(list)
    for r in sysmon(windows_log, 3):
        if r["Initiated"] == "true" and file_name(r["Image"]) == "powershell.exe":
            calls[r["ProcessGuid"], r["DestinationIp"]].append(at(r["UtcTime"]))
    full = {
        key: next(
            t for n, t in enumerate(times) if n >= 7 and t - times[n - 7] <= timedelta(minutes=1)
        )
        for key, times in calls.items()
        if len(times) >= 8
    }
    match = only(windows_matches(windows_log), "windows.beacon")
    key = match["key"]["process"], match["key"]["DestinationIp"]
    assert {key: at(match["time"])} == full
    assert sum(map(len, calls.values())) == 34


@needs_windows
def test_the_shell_gives_itself_away_by_its_first_child(windows_log: Path) -> None:
    """The encoded line is that of the parent of `whoami`, the only child of a shell."""
    children = [
        r for r in sysmon(windows_log, 1) if file_name(r["ParentImage"]) == "powershell.exe"
    ]
    (child,) = children
    words = child["ParentCommandLine"].split()
    assert file_name(child["Image"]) == "whoami.exe"
    assert len(words[words.index("-enc") + 1]) > 1_000
    for rule in ("windows.encoded_powershell", "windows.whoami_by_script"):
        match = only(windows_matches(windows_log), rule)
        assert match["key"]["process"] == child["ParentProcessGuid"]
        assert at(match["time"]) == at(child["UtcTime"])


@needs_windows
def test_the_tool_is_named_in_two_of_the_commands(windows_log: Path) -> None:
    """The second one comes a few seconds later, and the pause between reports swallows it."""
    named = [
        r
        for r in windows_records(windows_log)
        if r["EventID"] == 4103
        and any(word in r.get("Payload", "").lower() for word in ("mimikatz", "lsadump::"))
    ]
    match = only(windows_matches(windows_log), "windows.tool_named")
    assert len(named) == 2
    assert match["key"] == {"Hostname": named[0]["Hostname"]}


@needs_windows
def test_the_host_is_under_attack_at_the_third_rule(windows_log: Path) -> None:
    """The rule on rules matches when the third other rule has matched, and not before."""
    matches = windows_matches(windows_log)
    others = [m for m in matches if m["rule"] != "windows.host_under_attack"]
    assert only(matches, "windows.host_under_attack")["time"] == others[2]["time"]


# -- CloudTrail ------------------------------------------------------------------------------------


@cache
def cloudtrail_records() -> tuple[Record, ...]:
    """All records of CloudTrail, in the order of time."""
    records = [json.loads(line) for line in CLOUDTRAIL.read_text("utf-8").splitlines()]
    return tuple(sorted(records, key=lambda record: str(record["@timestamp"])))


@cache
def cloudtrail_matches() -> list[Record]:
    """What the pack finds with the command of the guide."""
    return run_rules("cloudtrail", "cloudtrail", CLOUDTRAIL)


@needs_cloudtrail
def test_the_cloudtrail_rules_match_as_often_as_the_guide_says() -> None:
    """Two of the rules match once each, the other fifteen not at all."""
    assert counts(cloudtrail_matches()) == CLOUDTRAIL_FOUND


@needs_cloudtrail
def test_the_cloudtrail_schemas_fit(tmp_path: Path) -> None:
    """All records are read, and no value is of another type than the pack says."""
    stats = run_stats("cloudtrail", CLOUDTRAIL, tmp_path)
    read = stats["events"], stats["rejected"], stats["late"], stats["type_mismatches"]
    assert read == (103, 0, 0, {})


@needs_cloudtrail
def test_the_guide_shows_what_a_run_over_the_cloudtrail_records_prints() -> None:
    """The lines in the guide are those of the output, all of them."""
    assert shown("cloudtrail.md") == printed("cloudtrail", "cloudtrail", CLOUDTRAIL)


@needs_cloudtrail
def test_the_keys_are_followed_from_the_instance_to_the_object() -> None:
    """A join by hand of who got which keys and who used them leads to one chain."""
    records = cloudtrail_records()
    given = {
        r["responseElements"]["credentials"]["accessKeyId"]: r
        for r in records
        if r["eventName"] == "AssumeRole"
    }
    listed = {r["userIdentity"]["accessKeyId"] for r in records if r["eventName"] == "ListBuckets"}
    read = [r for r in records if r["eventName"] == "GetObject"]
    first = next(r for r in read if r["userIdentity"]["accessKeyId"] in listed & set(given))
    key = first["userIdentity"]["accessKeyId"]
    match = only(cloudtrail_matches(), "cloudtrail.stolen_keys_read_data")
    assert len(given) == 5
    assert match["key"] == {"key": key}
    assert at(match["time"]) == at(first["@timestamp"])
    assert at(match["select"]["since"]) == at(given[key]["@timestamp"])
    assert match["select"]["instance"] == given[key]["requestParameters"]["roleSessionName"]
    assert match["select"]["object"] == first["requestParameters"]["key"] == "ring.txt"


@needs_cloudtrail
def test_the_first_call_from_outside_is_reported_and_ten_are_counted() -> None:
    """Eleven calls are signed with keys of an instance, all with one key, from one address."""
    calls = [r for r in cloudtrail_records() if ":i-" in r["userIdentity"].get("principalId", "")]
    match = only(cloudtrail_matches(), "cloudtrail.instance_keys_outside")
    assert len(calls) == 11
    assert len({(r["userIdentity"]["accessKeyId"], r["sourceIPAddress"]) for r in calls}) == 1
    assert match["id"] and at(match["time"]) == at(calls[0]["@timestamp"])


@needs_cloudtrail
def test_with_the_address_known_the_first_rule_is_silent(tmp_path: Path) -> None:
    """Who excepts the gateways of the instances hears only of addresses that are none of them."""
    tuned = tmp_path / "gateway.sluice"
    tuned.write_text(OWN_GATEWAY, "utf-8")
    matches = run_rules("cloudtrail", "cloudtrail", CLOUDTRAIL, "-r", str(tuned))
    assert counts(matches) == {"cloudtrail.stolen_keys_read_data": 1}


@needs_cloudtrail
def test_the_console_looks_at_everything() -> None:
    """Without its exception the rule for surveys would report a person with a mouse."""
    console = [r for r in cloudtrail_records() if r["userIdentity"].get("userName") == "pedro"]
    agents = {r["userAgent"].split(",")[0].split("/")[0] for r in console}
    within: dict[str, set[str]] = defaultdict(set)
    for r in console:
        within[r["@timestamp"][:16]].add(r["eventName"])
    assert agents == {"console.ec2.amazonaws.com", "EC2ConsoleFrontend"}
    assert (len(console), len({r["eventName"] for r in console})) == (87, 22)
    assert sorted(len(names) for names in within.values())[-2:] == [13, 14]
