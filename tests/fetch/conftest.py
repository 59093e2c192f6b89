"""Fetchers for every test of the client."""

import gc
import ssl
from collections.abc import AsyncIterator, Container

import pytest

from backchannel.clock import Clock
from backchannel.fetch import Fetcher, Origin
from backchannel.fetch.resolve import Resolve
from tests.fetch.kit import Making


@pytest.fixture
async def make() -> AsyncIterator[Making]:
    """Fetchers that are closed in the end, with nothing left of them."""
    made: list[Fetcher] = []

    def making(
        *allow: str,
        own: Container[Origin] | None = None,
        per_host: int = 1,
        connect_s: float = 2,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Fetcher:
        made.append(
            Fetcher(
                allow=allow,
                own=own,
                user_agent="test",
                clock=Clock(),
                connect_s=connect_s,
                per_host=per_host,
                resolve=resolve,
                tls=tls,
            )
        )
        return made[-1]

    yield making
    for fetcher in made:
        await fetcher.close()
    gc.collect()
