"""`sluice check` for machines: SARIF with places, rules and fixes, and JUnit with a case a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from sluice.catalog import builtins
from sluice.cli.sarif import sarif_log
from sluice.lang import CODES, Checked, Texts, check, load
from tests.commands import CommandLine, write

TYPOS = """\
event auth.login { user: string  outcome: string }
rule a { when auth.login where usr == "é" and otcome == "x" and lowr(user) == "y" }
rule b { when auth.login where user = "x" && outcome == "y" }
"""
REPOSITORY = Path(__file__).parents[2]


def sarif(said_out: str) -> dict[str, Any]:
    """Read a log and hold it to what the schema of SARIF 2.1.0 and code hosts ask for."""
    log = json.loads(said_out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    assert len(log["runs"]) == 1
    run = log["runs"][0]
    driver = run["tool"]["driver"]
    assert isinstance(driver["name"], str) and driver["semanticVersion"].count(".") == 2
    rules = driver["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {
            "id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration",
        }  # fmt: skip
        for key in ("shortDescription", "fullDescription", "help"):
            assert rule[key]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for result in run["results"]:
        assert set(result) <= {"ruleId", "ruleIndex", "level", "message", "locations", "fixes"}
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for place in places(result):
            uri = urlsplit(place["artifactLocation"]["uri"])
            assert uri.scheme in ("", "file") and " " not in uri.path and "\\" not in uri.path
            region_is_sound(place["region"])
        for fix in result.get("fixes", ()):
            assert fix["artifactChanges"]
            for change in fix["artifactChanges"]:
                assert change["replacements"]
                for each in change["replacements"]:
                    region_is_sound(each["deletedRegion"])
    return dict(log)


def places(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The places of a result."""
    for location in result["locations"]:
        yield location["physicalLocation"]


def region_is_sound(region: dict[str, int]) -> None:
    """Counted from 1, the end not before the start."""
    first = (region["startLine"], region["startColumn"])
    last = (region["endLine"], region["endColumn"])
    assert min(*first, *last) >= 1
    assert first <= last


def fixed(text: str, log: dict[str, Any]) -> str:
    """Apply all fixes of a log to a text, the last one first."""
    replacements = [
        each
        for result in log["runs"][0]["results"]
        for fix in result.get("fixes", ())
        for change in fix["artifactChanges"]
        for each in change["replacements"]
    ]
    lines = text.split("\n")
    for each in sorted(replacements, key=lambda r: -r["deletedRegion"]["startColumn"]):
        region = each["deletedRegion"]
        assert region["startLine"] == region["endLine"]
        line = lines[region["startLine"] - 1]
        before, after = line[: region["startColumn"] - 1], line[region["endColumn"] - 1 :]
        lines[region["startLine"] - 1] = before + each["insertedContent"]["text"] + after
    return "\n".join(lines)


def checked(text: str) -> Checked:
    """Check one file."""
    return check(load(["a.sluice"], Texts({"a.sluice": text})), builtins(), {})


# ---------------------------------------------------------------- SARIF


def test_findings_as_sarif(sluice: CommandLine) -> None:
    """Place, level, rule and hint of each finding; exit codes stay those of `check`."""
    path = write("rules/a b/c.sluice", TYPOS)
    said = sluice("check", "-o", "sarif")
    log = sarif(said.out)
    assert said.code == 1
    results = log["runs"][0]["results"]
    first = next(r for r in results if "`usr`" in r["message"]["text"])
    assert first["message"]["text"].endswith("\nHint: did you mean `user`?")
    place = next(places(first))
    assert unquote(place["artifactLocation"]["uri"]) == path
    assert place["region"] == {"startLine": 2, "startColumn": 32, "endLine": 2, "endColumn": 35}
    assert first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].endswith("c.a")
    ids = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    assert ids == sorted({r["ruleId"] for r in results})
    write("rules/a b/c.sluice", "rule a { when b }\n")
    said = sluice("check", "-o", "sarif", "--silence", "SL0511")
    assert (said.code, sarif(said.out)["runs"][0]["results"]) == (0, [])


def test_fixes_mend_what_they_are_for(sluice: CommandLine) -> None:
    """A program that applies the fixes leaves a file without those findings."""
    path = write("a.sluice", TYPOS)
    log = sarif(sluice("check", path, "-o", "sarif").out)
    write(path, fixed(TYPOS, log))
    assert 'where user == "é" and outcome == "x" and lower(user) == "y"' in Path(path).read_text(
        "utf-8"
    )
    again = sarif(sluice("check", path, "-o", "sarif").out)
    assert [r for r in again["runs"][0]["results"] if "fixes" in r] == []


def examples() -> list[tuple[str, str]]:
    """Every example of the table of codes, and every file that is broken on purpose."""
    broken = sorted((REPOSITORY / "tests" / "testdata" / "broken").glob("*.sluice"))
    files = [(path.name, path.read_text("utf-8")) for path in broken]
    return [(code.code, code.example) for code in CODES.values() if code.example] + files


@pytest.mark.parametrize(("name", "text"), examples(), ids=lambda each: str(each)[:20])
def test_every_finding_can_be_said(name: str, text: str) -> None:
    """Whatever is wrong, the log is sound, and a fix takes its finding away."""
    found = checked(text)
    log = sarif(json.dumps(sarif_log(found.diagnostics, found.texts)))
    results = log["runs"][0]["results"]
    assert len(results) == len(found.diagnostics)
    mended = [r["message"]["text"] for r in results if "fixes" in r]
    after = checked(fixed(text, log))
    left = sarif_log(after.diagnostics, after.texts)["runs"][0]["results"]
    assert not set(mended) & {r["message"]["text"] for r in left}


def test_a_finding_about_the_command_line_has_no_place(sluice: CommandLine) -> None:
    """`--set` is no file."""
    write("rules/a.sluice", "rule a { when b }\n")
    log = sarif(sluice("check", "-o", "sarif", "--set", "a.x=1").out)
    result = next(r for r in log["runs"][0]["results"] if r["level"] == "error")
    assert result["locations"] == []


def test_files_elsewhere_have_whole_uris(sluice: CommandLine, tmp_path: Path) -> None:
    """What does not lie below the current folder is named from the root."""
    write("other/a.sluice", "rule a { when b }\n")
    os.makedirs("here")
    os.chdir("here")
    for path in ("../other/a.sluice", str(tmp_path / "other" / "a.sluice")):
        log = sarif(sluice("check", path, "-o", "sarif").out)
        uri = next(places(log["runs"][0]["results"][0]))["artifactLocation"]["uri"]
        assert uri == (tmp_path / "other" / "a.sluice").as_uri()


# ---------------------------------------------------------------- JUnit


def suite(out: str) -> ElementTree.Element:
    """Read a report: one suite whose numbers are right."""
    found = ElementTree.fromstring(out.encode())[0]
    assert found.get("tests") == str(len(found))
    assert found.get("failures") == str(len(found.findall("testcase/failure")))
    return found


def test_a_case_for_each_file(sluice: CommandLine) -> None:
    """A file with errors fails, with its findings as pictures; warnings are output."""
    bad = write("rules/bad.sluice", TYPOS)
    good = write("rules/good.sluice", "rule a { when b }\n")
    said = sluice("check", "-o", "junit")
    cases = {case.get("file"): case for case in suite(said.out)}
    assert (said.code, list(cases)) == (1, [bad, good])
    failure = cases[bad].find("failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == "5 errors"
    assert f"{bad}:2:32: error SL0201:" in failure.text
    assert "  = hint: did you mean `user`?" in failure.text
    assert cases[good].find("failure") is None
    assert "warning SL0511" in (cases[good].findtext("system-out") or "")


def test_strict_fails_on_warnings(sluice: CommandLine) -> None:
    """What `--strict` counts is a failure in the report too."""
    write("rules/good.sluice", "rule a { when b }\n")
    assert sluice("check", "-o", "junit").code == 0
    said = sluice("check", "-o", "junit", "--strict")
    failure = suite(said.out).find("testcase/failure")
    assert failure is not None
    assert (said.code, failure.get("message")) == (1, "1 warning")


def test_what_xml_cannot_hold(sluice: CommandLine) -> None:
    """Letters that no XML may have are written out, in names of files as in their lines."""
    write("rules/\x01.sluice", 'rule a { when b where x = "\x1b\uffff" }\n')
    said = sluice("check", "-o", "junit")
    case = suite(said.out)[0]
    assert case.get("name") == "rules/\\x01.sluice"
    assert "\\x1b\\xffff" in (case.findtext("failure") or "")


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="names of files are text elsewhere")
@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_a_file_whose_name_is_no_text(sluice: CommandLine, form: str) -> None:
    """A name that is not UTF-8 is shown as well as can be."""
    os.mkdir("rules")
    Path(os.fsdecode(b"rules/\xff.sluice")).write_text("rule a { when b where x = 1 }\n", "utf-8")
    said = sluice("check", "-o", form)
    assert said.code == 1
    assert "SL0112" in said.out or form == "junit"
