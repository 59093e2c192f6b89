"""Tries every lane once, side by side, through the same client as the server. Stores nothing."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import NamedTuple

from msgspec.structs import replace
from pydantic import BaseModel

from backchannel.bugs import Bugs
from backchannel.check.config_lines import ConfigLines
from backchannel.check.findings import of_failure, of_sample
from backchannel.check.own_clock import skew_s
from backchannel.check.remedies import Failure
from backchannel.check.report import LaneFinding
from backchannel.clock import Clock
from backchannel.config import Config
from backchannel.configured import make_fetcher, make_source, name_of
from backchannel.contract import Check, Closing, Sample, Source, SourceError, SourceSettings
from backchannel.exempt import Exemptions
from backchannel.fetch import Response
from backchannel.gather.gatherer import TROUBLES
from backchannel.retry import budget_of

AT_ONCE = 8
"""Lanes that are tried at a time: enough for a venue's line, and no burst."""

_MUTE = "it cannot be tried: its kind has no check"

_heard: ContextVar[list[tuple[Response, float]]] = ContextVar("_heard")
"""Answers that the lane of this task gave, and when (POSIX s). A source has one client for all its lanes, as
in the server, and each lane is tried in a task of its own: so the task tells whose answer it is."""


class Tried(NamedTuple):
    """Holds what became of a lane. `skew_s`: how far our clock is ahead of its host's, where it tells."""

    finding: LaneFinding
    skew_s: float | None = None


class Trial:
    """Holds what lanes are tried with. `tell` is told how many are done."""

    def __init__(
        self, config: Config, lines: ConfigLines, clock: Clock, deadline_s: float, tell: Callable[[int], None]
    ) -> None:
        self._config, self._lines, self._clock, self._deadline_s = config, lines, clock, deadline_s
        self._bugs, self._exempt = Bugs(), Exemptions(config)
        self._turns, self._tell, self._done = asyncio.Semaphore(AT_ONCE), tell, 0

    async def run(self) -> list[Tried]:
        """Try all lanes of all sources. Returns them in the order of config.yaml."""
        sources = enumerate(self._config.sources)
        tried = await asyncio.gather(*(self._try_source(index, settings) for index, settings in sources))
        return [lane for lanes in tried for lane in lanes]

    async def _try_source(self, index: int, settings: SourceSettings) -> list[Tried]:
        name, source = name_of(settings), None
        own = self._exempt.of(name)
        fetch = make_fetcher(self._config, self._clock, own, per_host=1, heard=self._note)
        try:
            source = make_source(settings, self._config, fetch, self._clock, tuple, self._bugs)
            tries = [self._try_lane(index, settings, source, lane) for lane in source.lanes()]
            return list(await asyncio.gather(*tries))
        except Exception as error:  # noqa: BLE001 - a mistake in a kind costs its own lanes, and is named
            lane = self._begun(index, settings, "")
            trouble = SourceError(self._bugs.caught(f"source {name}", error), permanent=True)
            return [Tried(of_failure(lane, Failure(trouble, name, lane.place)))]
        finally:
            with suppress(*TROUBLES):
                if isinstance(source, Closing):
                    await source.close()
            await fetch.close()

    async def _try_lane(self, index: int, settings: SourceSettings, source: Source, lane: str) -> Tried:
        heard: list[tuple[Response, float]] = []
        _heard.set(heard)
        begun = self._begun(index, settings, lane)
        if not isinstance(source, Check):
            return Tried(replace(begun, state="look", problem=_MUTE, way_out="see /status after the start"))
        async with self._turns:
            outcome = await self._look(source, lane)
        self._done += 1
        self._tell(self._done)
        answers = [answer for answer, _ in heard]
        skews = [skew for answer, at in heard if (skew := skew_s(answer.headers, at)) is not None]
        if answers:
            begun = replace(begun, budget=budget_of(answers[-1].headers, self._clock.real()))
        if isinstance(outcome, Sample):
            finding = of_sample(
                begun, outcome, self._config, self._lines, self._clock.now(), is_chosen=lane in source.chosen
            )
        else:
            page, secrets = f"docs/sources/{settings.kind}.md", _secrets(type(settings))
            finding = of_failure(begun, Failure(outcome, lane, begun.place, answers, secrets, page))
        return Tried(finding, skews[-1] if skews else None)

    async def _look(self, source: Check, lane: str) -> Sample | Exception:
        """Return what the lane shows, or why it does not; by the deadline."""
        try:
            async with asyncio.timeout(self._deadline_s) as deadline:
                return await source.check(lane)
        except TROUBLES as error:
            return error
        except Exception as error:  # noqa: BLE001 - foreign data: what nobody expected costs this lane
            if deadline.expired():
                late = SourceError(f"{lane}: not done within {self._deadline_s:g} s")
                late.__cause__ = error
                return late
            return SourceError(self._bugs.caught(f"check of {lane}", error), permanent=True)

    def _begun(self, index: int, settings: SourceSettings, lane: str) -> LaneFinding:
        place = self._lines.of_lane(index, lane) if lane else self._lines.of("sources", index)
        return LaneFinding(source=name_of(settings), kind=settings.kind, lane=lane, place=place)

    def _note(self, answer: Response) -> None:
        _heard.get().append((answer, self._clock.real()))


def _secrets(settings: type[BaseModel]) -> list[str]:
    """Return the names of the settings that hold a key or a token."""
    return [name for name, field in settings.model_fields.items() if "Secret" in str(field.annotation)]


def hosts(tried: list[Tried]) -> Mapping[str, float]:
    """Return how far our clock is ahead of each lane's host."""
    return {one.finding.lane: one.skew_s for one in tried if one.skew_s is not None}
