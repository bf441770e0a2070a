"""The jars of Apache Kafka: fetched once with Maven, kept in `.kafka/VERSION` of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
POM = REPOSITORY / "tests" / "integration" / "kafka" / "pom.xml"
CACHE = REPOSITORY / ".kafka"

VERSIONS = ("3.9.2", "4.3.1")
FETCH_SECONDS_MAX = 240

#: Kafka 4 asks for it; Kafka 3.9 would do with less.
JAVA_MIN = 17


#: What the reason begins with for which a test is skipped.
NO_BROKER = "no Kafka broker"


class NoBroker(Exception):
    """There can be no broker here; the message says what is missing."""


def version_wanted() -> str:
    """Return the version of Kafka that `SLUICE_TEST_KAFKA_VERSION` names, by default the first."""
    version = os.environ.get("SLUICE_TEST_KAFKA_VERSION") or VERSIONS[0]
    if version not in VERSIONS:
        raise NoBroker(f"SLUICE_TEST_KAFKA_VERSION={version}: it may be {' or '.join(VERSIONS)}")
    return version


def fetched_jars(version: str) -> Path:
    """Return the folder with the jars of a version; the first time Maven brings them.

    NoBroker says what is missing: Java, Maven, or the way to a repository of Maven.
    """
    if shutil.which("java") is None:
        raise NoBroker(f"there is no java; install a Java runtime, {JAVA_MIN} or newer")
    folder = CACHE / version
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise NoBroker("there is no mvn; install Maven, which fetches Kafka (45 MB, once)")
    CACHE.mkdir(exist_ok=True)
    # Others may fetch at the same time: the folder appears whole, or not at all.
    with tempfile.TemporaryDirectory(dir=CACHE) as partial:
        _fetch(version, Path(partial) / "jars")
        try:
            os.rename(Path(partial) / "jars", folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _fetch(version: str, into: Path) -> None:
    argv = [
        "mvn", "-q", "-B", "-f", str(POM), f"-Dkafka.version={version}",
        "dependency:copy-dependencies", f"-DoutputDirectory={into}",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoBroker(f"Maven did not fetch Kafka {version} in {FETCH_SECONDS_MAX} s") from None
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if "ERROR" in line]
        reason = said[0] if said else f"exit code {done.returncode}"
        raise NoBroker(f"Maven cannot fetch Kafka {version}: {reason}")
