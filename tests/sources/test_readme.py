"""The example of docs/sources/README.md is a network: in its places nothing finds fault with it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sources/README.md").read_text("utf-8")
KIND, TESTS, PART = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PLACES = {
    "backchannel/sources/guestbook.py": KIND,
    "backchannel/simulator/guestbook.py": PART,
    "tests/sources/test_guestbook.py": TESTS,
}
SETTINGS = "# Guestbooks\n\n`kind`, `name`, `url`, `poll_s`\n"
OF_ALL = "guestbook or a_class or the_config_is or every_address or exactly_what_stands"
"""Its own tests, the rules of the house over its files, and what a fourth network could break."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, with what a stranger writes at its places."""
    for folder in ("backchannel", "tests", "docs", "static"):
        ours = shutil.ignore_patterns("__pycache__", "guestbook")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ours)
    for file in ("pyproject.toml", "config.yaml", "Makefile"):
        shutil.copy(ROOT / file, tmp_path)
    for place, text in {**PLACES, "docs/sources/guestbook.md": SETTINGS}.items():
        (tmp_path / place).write_text(text, "utf-8")
    return tmp_path


def ran(project: Path, *command: str) -> str:
    """What a tool says of the project."""
    here = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=here, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_tests_of_the_example_and_of_its_neighbours_pass(project: Path) -> None:
    files = ["tests/sources/test_guestbook.py", "tests/simulator", "tests/test_house_rules.py"]
    said = ran(project, "pytest", "-q", "-n0", "-k", OF_ALL, *files)
    passed = re.search(r"^(\d+) passed", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) > 30
    assert "failed" not in said, said


def test_the_example_is_clean(project: Path) -> None:
    assert (said := ran(project, "ruff", "check", *PLACES)) == "All checks passed!\n", said
    assert "3 files already formatted" in (said := ran(project, "ruff", "format", "--check", *PLACES)), said


def test_mypy_refuses_a_source_that_lacks_something(project: Path) -> None:
    """The whole example is right; without its pace, or what a check needs, it is not."""
    lacking = {"pace": "self.poll_s = settings.poll_s", "chosen": "chosen = ()", "check": "def check("}
    for name, text in lacking.items():
        instead = text.replace("check", "look") if name == "check" else "pass"
        (project / f"backchannel/sources/no_{name}.py").write_text(KIND.replace(text, instead), "utf-8")
    said = ran(project, "mypy", *PLACES, *(f"backchannel/sources/no_{name}.py" for name in lacking))
    found = re.findall(r"no_(\w+)\.py:\d+: error: Final class .* has abstract attributes? \"(\w+)\"", said)
    assert sorted(found) == [("check", "check"), ("chosen", "chosen"), ("pace", "poll_s")], said
    assert not re.search(r"guestbook\.py:\d+: error", said), said


def test_the_page_names_every_module_that_networks_share() -> None:
    """So nobody writes again what is there."""
    shared = {path.stem for path in (ROOT / "backchannel/wire").glob("*.py")} - {
        "__init__",
        "decoding",
        "limits",
    }
    assert {name for name in shared if f"`wire/{name}.py`" not in PAGE} == set()


def test_the_page_and_the_packages_name_the_same_modules() -> None:
    """Who knows one network knows all: a name of the page means its job wherever it stands."""
    named = set(re.findall(r"^\| `(\w+)\.py` \|", PAGE, re.MULTILINE))
    for name in named - {"__init__"}:
        assert any((ROOT / "backchannel/sources").glob(f"*/{name}.py")), name
    for kind in (path.parent for path in (ROOT / "backchannel/sources").glob("*/__init__.py")):
        assert {"__init__", "settings", "source", "wire", "post", "read"} <= {
            p.stem for p in kind.glob("*.py")
        }
