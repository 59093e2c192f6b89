"""The rules of the house that a machine can look after. CONTRIBUTING.md says why they are."""

import ast
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from typer.main import get_command

from backchannel import board, kinds
from backchannel.cli import app
from backchannel.config import Config, parse_config
from backchannel.contract import Check, Closing, Recheck, Source, SourceSettings

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "backchannel"
STATIC = ROOT / "static"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROSE = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

ORDER = [
    "errors", "bugs", "paths", "model", "redaction", "clock", "text", "retry", "lru", "child_process",
    "fetch", "contract", "wire", "sources", "kinds", "log", "board", "config", "exempt", "secret_files",
    "terminal", "state", "judge", "sequencer", "media", "search", "gather", "web", "hub", "control",
    "start", "configured", "check", "app", "cli", "__main__",
]  # fmt: skip
"""A module imports only what stands before it. `simulator` stands apart."""

SIMULATOR_IMPORTS = {"model", "clock", "text", "sources"}  # of `sources` the names alone

PURE = {"model", "board", "state", "judge", "text", "retry", "lru", "wire"}
WAITS = {"backchannel/wire/recheck.py", "backchannel/wire/websocket.py"}
"""What lies among the pure, and is not."""

IMPURE = {
    "aiohttp", "apsw", "asyncio", "backchannel.clock", "backchannel.config", "http", "io", "logging", "os",
    "pathlib", "random", "secrets", "socket", "sqlite3", "structlog", "subprocess", "tempfile", "threading",
    "time", "urllib.request", "uuid", "websockets",
}  # fmt: skip

ORDINARY = """
addresses batch body bounds budget bugs capacity check clock closing compact config conflict connection
context conversations crowded decoders effect emoji exemptions extent failure fetcher finding gatherer
guard hello item limits line listener log lru media node outcome pages picture port preview problem query
quote recheck rechecker refused rendered resolver response rules sample search section sequencer server
redactor services site static tag thread trial tried unknown websocket worker, and of events: posted left
deleted settled missed ruled blanked erased
"""
"""Names of classes that need no entry in the glossary."""

REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
    )
]


def name_of(path: Path) -> str:
    """A file's path within the project, as people write it."""
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """The word that stands in ORDER for this module."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_pure(path: Path) -> bool:
    """Whether this module reaches for nothing but what it is handed."""
    return part_of(path) in PURE and name_of(path) not in WAITS


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that this one imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}:{node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tracked() -> list[Path]:
    """Every file that belongs to the project, committed or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).is_file()]


def code_blocks(path: Path, language: str) -> Iterator[str]:
    """What stands between ```language and ``` in a page."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


# one way through the house


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("backchannel.")}
    if part == "simulator":
        allowed = SIMULATOR_IMPORTS
    elif part in {"app", "cli"}:
        allowed = {*ORDER[: ORDER.index(part)], "simulator"}
    else:
        allowed = set(ORDER[: ORDER.index(part)])
    assert ours - {part} <= allowed


@pytest.mark.parametrize("path", [path for path in MODULES if is_pure(path)], ids=name_of)
def test_folds_and_judges_reach_for_nothing(path: Path) -> None:
    roots = {name for full in imports(path) for name in (full.split(".")[0], ".".join(full.split(".")[:2]))}
    assert not roots & IMPURE
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    assert not [
        call for call in calls if isinstance(call, ast.Name) and call.id in {"open", "print", "input"}
    ]


def times(path: Path) -> Iterator[str]:
    """Places where a module asks somebody else than the clock for the time."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            said = f"{node.value.id}.{node.attr}"
            if said in {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "asyncio.sleep"}:
                yield f"line {node.lineno}: {said}"
    yield from (name for name in imports(path) if name.split(".")[0] == "time" or name == "asyncio.sleep")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_clock_knows_the_time(path: Path) -> None:
    found = list(times(path))
    assert bool(found) == (path.name == "clock.py"), found


MAY_SLEEP = {
    "tests/kit/clocks.py": "clocks, and the pause between two looks of `until`",
    "tests/kit/raw_server.py": "a server that answers drop by drop",
    "tests/faults/crowd.py": "who was sent away comes again after a moment",
    "tests/faults/fuzz.py": "a clock, and the pause between two looks",
    "tests/faults/kill_child.py": "a moderator's pace",
    "tests/e2e/relay.py": "the pause between two looks at the relay's port",
}
LEAST_PATIENCE_S = 60


def guesses_at_time(path: Path) -> Iterator[str]:
    """Yield where a test sleeps, or gives up so early that a busy machine makes it fail."""
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
            continue
        name, last = ast.unparse(call.func), call.args[-1]
        seconds = last.value if isinstance(last, ast.Constant) else None
        if call.func.attr in {"sleep", "wait_for_timeout"} and seconds != 0 and name != "super().sleep":
            yield f"line {call.lineno}: {ast.unparse(call)}"
        if not isinstance(seconds, int | float) or seconds >= LEAST_PATIENCE_S:
            continue
        if name in {"asyncio.timeout", "asyncio.wait_for"}:
            yield f"line {call.lineno}: {name}(..., {seconds})"


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=name_of)
def test_a_test_waits_for_what_happens_and_never_for_time(path: Path) -> None:
    assert bool(found := [*guesses_at_time(path)]) == (name_of(path) in MAY_SLEEP), found


def test_in_the_pages_only_the_clock_knows_the_time() -> None:
    asks = re.compile(r"\b(Date\.now|performance\.now|setTimeout|setInterval|new Date\(\))")
    askers = {name_of(path) for path in ROOT.glob("static/**/*.js") if asks.search(path.read_text("utf-8"))}
    assert askers == {"static/clock.js"}


def test_the_pages_count_as_the_board_does() -> None:
    fold = (STATIC / "fold.js").read_text("utf-8")
    assert re.findall(r"^export const (\w+) = (-?\d+);$", fold, re.MULTILINE) == [
        ("WHOLE", str(board.CAP)),
        ("FOLDED", str(board.FOLDED_KEY)),
    ]


def test_only_fetch_speaks_to_other_machines() -> None:
    clients = re.compile(
        r"\b((ClientSession|HTTPS?Connection|urlopen|open_connection)\(|import .*\bconnect\b)"
    )
    speakers = {part_of(path) for path in MODULES if clients.search(path.read_text("utf-8"))}
    assert speakers == {"fetch", "control"}, "control asks our own server, by the operator's word"


# a network is three places


@pytest.mark.parametrize("kind", kinds.names())
def test_a_network_has_its_three_places(kind: str) -> None:
    code, tests = f"backchannel/sources/{kind}", f"tests/sources/{kind}"
    assert (ROOT / f"{code}.py").is_file() != (ROOT / code / "__init__.py").is_file(), code
    alone = ROOT / f"tests/sources/test_{kind}.py"
    assert alone.is_file() != any((ROOT / tests).glob("test_*.py")), tests
    assert (ROOT / f"docs/sources/{kind}.md").is_file()


@pytest.mark.parametrize("kind", kinds.names())
def test_a_source_names_what_it_implements(kind: str) -> None:
    """So mypy looks for all of each protocol: what has half of `Recheck` would silently never be asked."""
    source: Any = kinds.load(kind).Source
    assert {Source} <= {*source.__mro__}
    assert source.__final__
    for protocol in (Recheck, Check, Closing):
        own = {name for name in vars(protocol) if not name.startswith("_")}
        assert protocol in source.__mro__ or not any(hasattr(source, name) for name in own)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("sources/**/*.py")), ids=name_of)
def test_a_network_imports_no_other(path: Path) -> None:
    """What two networks need lies in `wire` or `text`, so that each can be changed and removed alone."""
    own = path.relative_to(PACKAGE / "sources").with_suffix("").parts[0]
    others = {name.split(".")[2] for name in imports(path) if name.startswith("backchannel.sources.")}
    assert others <= {own}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_docstring_says_what_it_does(path: Path) -> None:
    """A function's begins with a verb; none begins with a word that makes a riddle of the sentence."""
    riddles = {"What", "One", "Who", "Whose", "Where", "Which", "How", "All", "Every"}
    nouns = {"The", "A", "An", "Its", "Their", "It", "They", "These", "This", "Whether"}
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            is_method = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            marks = getattr(node, "decorator_list", [])
            is_value = any(ast.unparse(mark).endswith("property") for mark in marks)
            first = (ast.get_docstring(node) or "-").split()[0].rstrip(",.:;")
            if first in riddles or (is_method and not is_value and first in nouns):
                found.append(f"line {node.body[0].lineno}: {first}")
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_bears_no_name_of_the_standard_library(path: Path) -> None:
    assert path.stem not in sys.stdlib_module_names


def classes() -> Iterator[tuple[str, Path]]:
    """Every class of the program, its benchmarks and its pages, with the file that defines it."""
    for path in [*MODULES, *ROOT.glob("benchmarks/*.py")]:
        tree = ast.walk(ast.parse(path.read_text("utf-8")))
        yield from ((node.name, path) for node in tree if isinstance(node, ast.ClassDef))
    for path in ROOT.glob("static/**/*.js"):
        yield from ((name, path) for name in re.findall(r"\bclass (\w+)", path.read_text("utf-8")))


def test_a_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for name, path in classes():
        places[name].append(name_of(path))
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_a_class_is_named_by_an_ordinary_word_or_one_of_the_glossary() -> None:
    """Names of two and more words explain themselves. A word of the core is a metaphor until it stands here
    as a term that every engineer knows, or in the glossary with what it means."""
    terms = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE)
    known = {word.removesuffix("s") for word in re.findall(r"[a-z]+", f"{ORDINARY} {' '.join(terms)}")}
    core = {
        name
        for name, path in classes()
        if path.is_relative_to(PACKAGE) and part_of(path) not in {"sources", "simulator"}
    }
    assert not {
        name
        for name in core
        if re.fullmatch("[A-Z][a-z]+", name) and name.lower().removesuffix("s") not in known
    }, "take the standard term, or say in docs/glossary.md what it means"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name_of)
def test_a_package_exports_and_holds_no_logic(path: Path) -> None:
    body = ast.parse(path.read_text("utf-8")).body
    rest = [
        node for node in body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr | ast.Assign)
    ]
    assert not rest, ast.unparse(rest[0])


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """This settings model and all within it."""
    yield model
    waiting = [field.annotation for field in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        waiting.extend(get_args(annotation))
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from models(annotation)


@pytest.mark.parametrize("kind", kinds.names())
def test_every_setting_of_a_network_is_on_its_page(kind: str) -> None:
    page = (ROOT / f"docs/sources/{kind}.md").read_text("utf-8")
    fields = {name for model in models(kinds.load(kind).Settings) for name in model.model_fields}
    assert {name for name in fields if f"`{name}`" not in page} <= {"kind", "name"}


def test_every_setting_of_the_house_is_in_the_sample() -> None:
    sample = (ROOT / "config.yaml").read_text("utf-8")
    fields = {name for model in models(Config) if model is not SourceSettings for name in model.model_fields}
    assert not {name for name in fields if not re.search(rf"\b{name}:", sample)}


@pytest.mark.parametrize(
    "model",
    [Config, *(kinds.load(kind).Settings for kind in kinds.names())],
    ids=lambda model: model.__module__,
)
def test_every_setting_says_what_it_accepts(model: type[BaseModel]) -> None:
    for part in models(model):
        inherited = SourceSettings.model_fields.keys() if issubclass(part, SourceSettings) else ()
        mute = [
            name
            for name, field in part.model_fields.items()
            if not field.description and name not in inherited
        ]
        assert not mute, f"{part.__name__}: Field(description=...) is missing"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("sources/**/*.py")), ids=name_of)
def test_a_parser_catches_what_it_knows_and_nothing_else(path: Path) -> None:
    caught = [
        node.type
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
    ]
    names = {ast.unparse(kind) if kind else "everything" for kind in caught}
    assert not names & {"everything", "Exception", "BaseException"}


# what is written down is true


@pytest.mark.parametrize("path", PROSE, ids=name_of)
def test_commands_in_the_documentation_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    group: Any = get_command(app)
    groups = {"": group, "config ": group.commands["config"]}
    commands = {prefix + name for prefix, group in groups.items() for name in group.commands}
    for block in chain(*(code_blocks(path, language) for language in ("sh", "console"))):
        for line in block.splitlines():
            words = line.removeprefix("$ ").split("#")[0].split()
            if words[:1] == ["make"]:
                assert words[1] in targets, line
            elif words and words[0].endswith("backchannel"):
                assert " ".join(words[1:3] if words[1] == "config" else words[1:2]) in commands, line


class _AnyVariable(dict[str, str]):
    """An environment that has every variable."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> str:
        return "https" if name == "SCHEME" else "value"


@pytest.mark.parametrize("path", PROSE, ids=name_of)
def test_configurations_in_the_documentation_are_right(path: Path) -> None:
    sample = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    for block in code_blocks(path, "yaml"):
        said = yaml.safe_load(block)
        if isinstance(said, list) or "kind" in said:
            said = {"sources": said if isinstance(said, list) else [said]}
        text = yaml.safe_dump({**sample, **said})
        assert isinstance(parse_config(text, _AnyVariable(), read=lambda name: "value"), Config)


@pytest.mark.parametrize("path", PROSE, ids=name_of)
def test_links_within_the_documentation_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_every_file_has_its_place_in_the_layout() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8").partition("## Layout")[2]
    layout = set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE))
    homeless = defaultdict(list)
    for path in tracked():
        name = name_of(path)
        if not any(name == place or (place.endswith("/") and name.startswith(place)) for place in layout):
            homeless[path.parent].append(path.name)
    assert not homeless, "give it a line in docs/architecture.md, or another place"
    assert not [place for place in layout if not (ROOT / place).exists()]


def test_the_architecture_tells_the_order_of_imports() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    told = page.partition("stands before it:\n")[2].partition("`simulator`")[0]
    assert re.findall(r"\w+", told) == ORDER[:-1]


def test_the_modules_that_the_architecture_names_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    named = set(re.findall(r"`([\w./<>-]+\.(?:py|js|css|html|yaml))`", page))
    for name in sorted(named):
        paths = {name.replace("<kind>", kind) for kind in kinds.names()}
        assert any((place / path).is_file() for path in paths for place in (ROOT, PACKAGE, STATIC)), name


def test_no_file_names_a_registry() -> None:
    """Locks hold versions and hashes; where packages come from is the business of the machine."""
    namers = [
        name_of(path) for path in tracked() if any(host.encode() in path.read_bytes() for host in REGISTRIES)
    ]
    assert not namers


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt", "requirements-relay.txt"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    text = re.sub(r"\\\n", " ", (ROOT / name).read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    assert not [line for line in lines if "==" not in line or "--hash=sha256:" not in line]


@pytest.mark.parametrize(("changed", "is_installed"), [("config.yaml", False), ("requirements.txt", True)])
def test_only_what_pip_reads_makes_it_run_again(tmp_path: Path, changed: str, is_installed: bool) -> None:
    """The installed program reads the checkout's `config.yaml` in place."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "config.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".stamps").mkdir()
    (tmp_path / ".stamps/run").touch()
    command = ["make", "--dry-run", f"--what-if={changed}", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "backchannel serve" in done.stdout
    assert ("pip install" in done.stdout) == is_installed


def test_what_the_package_needs_is_in_the_lock() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[<>=!~ ]", need)[0].lower() for need in project["dependencies"]}
    locked = set(
        re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    )
    assert wanted <= {name.lower() for name in locked}
