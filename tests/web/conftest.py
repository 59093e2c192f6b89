"""A server for each test, and a client that knows where it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.kit.front import Front, serve


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Front]:
    async with serve(tmp_path) as server:
        yield server


@pytest.fixture
async def web(served: Front) -> AsyncIterator[ClientSession]:
    async with ClientSession(served.url()) as session:
        yield session
