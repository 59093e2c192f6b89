"""A store, its child and its fetcher for every test of pictures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backchannel.fetch import Fetcher
from backchannel.media import MediaStore
from backchannel.media.decoders import Decoders
from backchannel.media.worker import Worker
from tests.kit.pictures import CLOCK


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    made = Worker()
    yield made
    await made.close()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    made = Fetcher(allow=["127.0.0.0/8"], user_agent="test", clock=CLOCK, per_host=100)
    yield made
    await made.close()


@pytest.fixture
async def decoders() -> AsyncIterator[Decoders]:
    made = Decoders(CLOCK)
    yield made
    await made.close()


@pytest.fixture
async def store(tmp_path: Path, fetcher: Fetcher, decoders: Decoders) -> AsyncIterator[MediaStore]:
    made = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders)
    yield made
    await made.close()
