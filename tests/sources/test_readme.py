"""The example of docs/sources/README.md is a network: its tests pass, mypy and ruff find nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sources/README.md").read_text("utf-8")
KIND, TESTS, PART = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

# What makes the folders beside this file a part of the packages: no file of the project is touched.
CONFTEST = """
from pathlib import Path
from backchannel import simulator, sources
for package in (simulator, sources):
    package.__path__.append(str(Path(__file__).with_name(package.__name__.rpartition(".")[2])))
pytest_plugins = ["tests.kit.http_server", "tests.kit.sources"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what a stranger writes, at its places."""
    for place, text in {
        "sources/guestbook.py": KIND,
        "simulator/guestbook.py": PART,
        "test_guestbook.py": TESTS,
        "conftest.py": CONFTEST,
    }.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text, "utf-8")
    return tmp_path


def ran(*command: str | Path) -> str:
    """What a tool says about the example."""
    here = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=here, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_tests_of_the_example_pass(project: Path) -> None:
    config = ROOT / "pyproject.toml"
    said = ran("pytest", "-q", "-n0", "-c", config, "--rootdir", project, "-p", "no:cacheprovider", project)
    passed = re.search(r"^(\d+) passed in", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) >= len(re.findall(r"^async def test_", TESTS, re.MULTILINE))


def test_the_example_is_clean(project: Path) -> None:
    (project / "conftest.py").unlink()
    config = ROOT / "pyproject.toml"
    assert (
        said := ran("ruff", "check", "--ignore=S101", "--config", config, project)
    ) == "All checks passed!\n", said
    assert "3 files already formatted" in (
        said := ran("ruff", "format", "--check", "--config", config, project)
    ), said


def test_mypy_refuses_a_source_that_lacks_something(project: Path) -> None:
    """The whole example is right; without its pace, or what a check needs, it is not."""
    for lacking, text in {"pace": "self.poll_s = settings.poll_s", "chosen": "chosen = ()"}.items():
        (project / f"sources/no_{lacking}.py").write_text(KIND.replace(text, "pass"), "utf-8")
    (project / "sources/part.py").write_text(PART, "utf-8")
    (project / "sources/no_check.py").write_text(KIND.replace("def check(", "def look("), "utf-8")
    said = ran("mypy", "--config-file", ROOT / "pyproject.toml", project / "sources")
    found = re.findall(r"no_(\w+)\.py:\d+: error: Final class .* has abstract attributes? \"(\w+)\"", said)
    assert sorted(found) == [("check", "check"), ("chosen", "chosen"), ("pace", "poll_s")], said
    assert not re.search(r"(guestbook|part)\.py:\d+: error", said), said


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
