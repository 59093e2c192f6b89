"""Takes up changes of config.yaml while the program runs."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from backchannel.clock import Clock
from backchannel.config.load import ConfigError, load_config
from backchannel.config.settings import Config

Mark = tuple[int, int, int]


class ConfigWatcher:
    """Looks at the file every `every_s` real seconds; `current` is what was read before.

    The first look reads it again: it may have been edited while the program started.
    """

    def __init__(
        self, path: Path, env: Mapping[str, str], clock: Clock, current: Config, *, every_s: float = 1.0
    ) -> None:
        self._path = path
        self._env = env
        self._clock = clock
        self._every_s = every_s
        self._mark: Mark | None = None
        self.current = current

    async def changes(self) -> AsyncGenerator[Config | ConfigError, None]:
        """Each new config; or what is wrong with it, and then `current` stays what it was."""
        while True:
            await self._clock.sleep(self._every_s)
            mark = self._look()
            if mark is None or mark == self._mark:
                continue
            self._mark = mark
            try:
                config = load_config(self._path, self._env)
            except ConfigError as error:
                yield error
                continue
            if config != self.current:
                self.current = config
                yield config

    def _look(self) -> Mark | None:
        """Return a value that changes with the file; None in the moment in which an editor replaces it."""
        try:
            seen = self._path.stat()
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size
