"""config.yaml → `Config`, or every mistake in it at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backchannel import kinds
from backchannel.config.addresses import Addresses
from backchannel.config.explain import explain, guess, one_of
from backchannel.config.settings import Config, ServerConfig
from backchannel.config.yaml_document import (
    MAX_BYTES,
    KeyPath,
    Problem,
    YamlDocument,
    parse_document,
    show_path,
)
from backchannel.errors import UserError
from backchannel.redaction import Redactor

MAX_SECRET_BYTES = 4096
_VARIABLE = re.compile(r"\$(\$?)\{([^}]*)\}")

ReadSecret = Callable[[str], str]
Model = TypeVar("Model", bound=BaseModel)


class ConfigError(UserError):
    """The errors of a config file, all of them: a line each, with file, line, key path and remedy."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(map(self._line, self.problems)))

    def _line(self, problem: Problem) -> str:
        place = f"{self.file}:{problem.line}" if problem.line else self.file
        return ": ".join(filter(None, (place, show_path(problem.path), problem.message)))


def load_config(path: Path, env: Mapping[str, str]) -> Config:
    """Read this file. `${NAME}` is looked up in `env`, relative paths start at the file's folder.

    Raises ConfigError.
    """
    try:
        data = path.read_bytes()[: MAX_BYTES + 1]
        text = data.decode()
    except OSError as error:
        raise ConfigError(str(path), [Problem(0, (), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(str(path), [Problem(line, (), "not UTF-8")]) from None
    folder = path.resolve().parent
    return parse_config(text, env, file=str(path), folder=folder, read=_secret_reader(folder))


def parse_config(
    text: str, env: Mapping[str, str], *, file: str = "config.yaml", folder: Path = Path(), read: ReadSecret
) -> Config:
    """Return the same from a text. Touches nothing but what it is handed; `read` gives a secret file's
    content."""
    document = parse_document(text)
    filled = _Filled(document, env, read)
    config = None if filled.fatal else _validate(filled, folder)
    if config is None or filled.problems:
        raise ConfigError(file, filled.problems)
    return config


class _Filled:
    """The document with variables and secret files put in, the problems so far, and what must stay unsaid."""

    def __init__(self, document: YamlDocument, env: Mapping[str, str], read: ReadSecret) -> None:
        self.problems = list(document.problems)
        self.unsaid: set[KeyPath] = set()
        self.addresses = Addresses()
        self._words = Redactor()
        self._lines = document.lines
        self._env = env
        self._read = read
        self.value = self._fill(document.value, ())
        self.fatal = not isinstance(self.value, dict)
        if self.fatal and not self.problems:
            self.complain((), f"should be a mapping with the keys {', '.join(Config.model_fields)}")

    def complain(self, path: KeyPath, message: str) -> None:
        """Note a problem, with the line of its key or of the nearest thing around it."""
        if any(problem.path == path for problem in self.problems):
            return  # what follows from the first mistake helps nobody
        self.problems.append(Problem(self.line_of(path), path, self._words.redacted(message)))

    def line_of(self, path: KeyPath) -> int:
        """Return the line of this key, or of the nearest thing around it."""
        around = next((path[:size] for size in range(len(path), -1, -1) if path[:size] in self._lines), ())
        return self._lines.get(around, 1)

    def _fill(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, str):
            parts: dict[str, str] = {}
            filled = _VARIABLE.sub(lambda found: self._variable(found, path, parts), value)
            self.addresses.note(path, filled, parts)
            return filled
        if isinstance(value, list):
            return [self._fill(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        value = {key: self._fill(item, (*path, key)) for key, item in value.items()}
        return self._secret(value["file"], path) if path and [*value] == ["file"] else value

    def _variable(self, found: re.Match[str], path: KeyPath, parts: dict[str, str]) -> str:
        escaped, name = found.groups()
        if escaped:
            return f"${{{name}}}"
        self.unsaid.add(path)
        if name not in self._env:
            self.complain(path, f"the environment has no variable {name}; set it, or write {{file: <path>}}")
        value = self._kept(self._env.get(name, ""))
        parts[value] = found[0]
        return value

    def _kept(self, secret: str) -> str:
        """Return the same, noted as what no message may show."""
        self._words.keep({secret: "…"})
        return secret

    def _secret(self, file: Any, path: KeyPath) -> str:
        self.unsaid.add(path)
        try:
            secret = self._kept(self._read(str(file)))
            self.addresses.note(path, secret, {secret: f"{{file: {Path(str(file)).name}}}"})
            return secret
        except OSError as error:
            self.complain(path, f"secret file {file}: {error.strerror}")
        except ValueError as error:
            self.complain(path, f"secret file {file}: {error}")
        return ""


def _validate(filled: _Filled, folder: Path) -> Config | None:
    raw = dict(filled.value)
    if isinstance(raw.get("sources"), list):
        raw["sources"] = _validate_sources(filled, raw["sources"])
    config = _checked(Config, raw, filled, ())
    if config is None:
        return None
    config._in_addresses.update(filled.addresses.secrets(config.event))
    return config.model_copy(update={"server": _rooted(config.server, folder)})


def _validate_sources(filled: _Filled, items: list[Any]) -> list[BaseModel]:
    """Each by its own kind's model; what is wrong is noted and left out."""
    found = []
    _look_for_names_given_twice(filled, items)
    for index, item in enumerate(items):
        path = ("sources", index)
        if not isinstance(item, dict):
            filled.complain(path, f"should be a mapping that begins with kind: {one_of(kinds.names())}")
        elif settings := _settings_of(item, filled, path):
            named = {**item, "name": item.get("name") or item["kind"]}
            found.append(_checked(settings, named, filled, path))
    return [source for source in found if source]


def _settings_of(item: dict[str, Any], filled: _Filled, path: KeyPath) -> type[BaseModel] | None:
    kind, known = item.get("kind"), kinds.names()
    if kind not in known:
        said = f"{kind!r} is no network we know" if "kind" in item else "missing"
        filled.complain((*path, "kind"), f"{said}; one of {one_of(known)}{guess(kind, known)}")
        return None
    try:
        return kinds.load(str(kind)).Settings
    except ModuleNotFoundError as error:
        filled.complain((*path, "kind"), f'needs {error.name}; run: pip install "backchannel[{kind}]"')
        return None


def _look_for_names_given_twice(filled: _Filled, items: list[Any]) -> None:
    """Complain of sources that cannot be told apart: a source's cursors and posts are remembered by its name,
    which is its kind where it has none. If we numbered them, another order would swap their memories."""
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        name = str(item.get("name") or item.get("kind", "")) if isinstance(item, dict) else ""
        if not name or first.setdefault(name, index) == index:
            continue
        place = f"sources[{first[name]}] on line {filled.line_of(('sources', first[name]))}"
        is_named = bool(item.get("name"))
        said = (
            f"{name!r} is the name of {place} already"
            if is_named
            else f"has no name of its own beside {place}"
        )
        path = ("sources", index, "name") if is_named else ("sources", index)
        filled.complain(path, f"{said}; write `name:` under each, and keep it: what is remembered goes by it")


def _checked(model: type[Model], raw: dict[str, Any], filled: _Filled, at: KeyPath) -> Model | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        for path, words in explain(error, model, raw, lambda path: (*at, *path) in filled.unsaid):
            filled.complain((*at, *path), words)
    return None


def _rooted(server: ServerConfig, folder: Path) -> ServerConfig:
    """Return the same with paths that do not depend on where the program was started."""
    tls = server.tls and server.tls.model_copy(
        update={"cert": folder / server.tls.cert, "key": folder / server.tls.key}
    )
    return server.model_copy(update={"data": folder / server.data, "tls": tls})


def _secret_reader(folder: Path) -> ReadSecret:
    """Reads small text files; a relative path starts at the config's folder and stays within it."""

    def read(file: str) -> str:
        path = (folder / file).resolve()
        if not Path(file).is_absolute() and not path.is_relative_to(folder):
            raise ValueError("leads out of the config's folder; write an absolute path if that is meant")
        if not path.is_file():
            raise ValueError("no such file")
        if path.stat().st_size > MAX_SECRET_BYTES:
            raise ValueError(f"larger than {MAX_SECRET_BYTES} bytes")
        secret = path.read_text("utf-8").strip()
        if not secret:
            raise ValueError("empty")
        return secret

    return read
