"""`sluice plugins new`: what it writes is a plugin that can be installed and passes its tests."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import sluice as package

ENGINE = Path(package.__file__).parents[1]


def run(*argv: str, cwd: Path | str = ".") -> subprocess.CompletedProcess[str]:
    """Run a program with the package that is under test."""
    environment = {**os.environ, "PYTHONPATH": str(ENGINE), "PIP_NO_INPUT": "1"}
    return subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def sluice(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return run(sys.executable, "-m", "sluice", *argv)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)


def fresh_environment(folder: Path) -> str:
    """Make an environment that sees what this one has installed; return its Python.

    What is installed there comes on top and does not touch this environment. So the test needs no
    network and no second copy of everything.
    """
    made = run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    assert made.returncode == 0, made.stderr
    python = folder / "bin" / "python"
    where = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    outer = [path for path in sys.path if path.endswith("-packages")]
    lines = [f"import site; site.addsitedir({path!r})" for path in outer]
    (Path(where.stdout.strip()) / "outer.pth").write_text("\n".join(lines) + "\n", "utf-8")
    return str(python)


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="there is no pip here")
@pytest.mark.skipif(sys.platform == "win32", reason="the environment is laid out otherwise there")
def test_the_tests_of_a_new_plugin_pass_in_a_fresh_environment(tmp_path: Path) -> None:
    """Written, installed, tested, listed, used by a rule: nothing has to be mended first."""
    if tuple(map(int, version("setuptools").split(".")[:2])) < (70, 1):
        pytest.skip("setuptools is too old to build a wheel by itself; `make setup` brings a newer")
    assert sluice("plugins", "new", "demo_kit").returncode == 0
    folder = Path("sluice-demo-kit")
    python = fresh_environment(tmp_path / "env")
    installed = run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index",
        "--no-deps", "--no-build-isolation", "-e", str(folder),
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    tested = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert tested.returncode == 0, tested.stdout
    # Four of its own, and the two that stand in its rule file.
    assert "6 passed" in tested.stdout
    listed = run(python, "-m", "sluice", "plugins", "list", "-o", "json")
    (found,) = (each for each in json.loads(listed.stdout)["plugins"] if each["name"] == "demo_kit")
    assert found == {
        "name": "demo_kit", "distribution": "sluice-demo-kit", "version": "0.1.0", "api": 1,
        "state": "ok",
        "brings": {"functions": ["demo_kit.mask"], "actions": ["demo_kit.page"]},
        "troubles": [],
    }  # fmt: skip
    rules = run(python, "-m", "sluice", "test", "rules", cwd=folder)
    assert (rules.returncode, "2 passed" in rules.stdout) == (0, True), rules.stderr
    assert sluice("check", str(folder / "rules")).returncode == 1  # not installed out here


def test_a_new_plugin_is_written_in_good_style() -> None:
    """Ruff and mypy find nothing, and the rules are in the one style without a warning."""
    assert sluice("plugins", "new", "demo").returncode == 0
    folder = Path("sluice-demo")
    assert not [p for p in folder.rglob("*") if p.is_file() and "%" in p.read_text("utf-8")]
    for argv in (
        ("ruff", "check", "--isolated", "."),
        ("ruff", "format", "--isolated", "--line-length", "100", "--check", "."),
        ("mypy", "--strict", "src"),
        ("sluice", "fmt", "--check", "rules"),
    ):
        done = run(sys.executable, "-m", *argv, cwd=folder)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def test_nothing_is_overwritten() -> None:
    """A folder that holds something stays as it is (1); an empty one is taken."""
    Path("mine").mkdir()
    assert sluice("plugins", "new", "demo", "mine").returncode == 0
    before = sorted(Path("mine").rglob("*"))
    again = sluice("plugins", "new", "other", "mine", "-o", "json")
    assert again.returncode == 1
    assert json.loads(again.stdout) == {"ok": False, "folder": "mine", "written": []}
    assert again.stderr == "error: mine is there already; nothing was written\n"
    assert sorted(Path("mine").rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Sluice-My.Geo", ", such as my_geo"), ("3d", ", such as d"), ("a b", ", such as a_b"),
     ("..", ""), ("", ""), ("é", "")],
)  # fmt: skip
def test_a_name_that_cannot_be_is_wrong_usage(name: str, hint: str) -> None:
    """One line, with a name that can be (2)."""
    done = sluice("plugins", "new", name)
    assert done.returncode == 2
    assert f"'{name}' must be small letters, digits and _, a letter first{hint} (see" in done.stderr
    assert not [*Path().iterdir()]
