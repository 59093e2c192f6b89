"""Names that resolve inward, elsewhere the second time, or not at all."""

import asyncio
import socket

import pytest

from backchannel.fetch import FetchError, Refused
from backchannel.fetch.guard import AddrInfo
from tests.faults.hostile import answering, reply
from tests.fetch.kit import DOOR, LOOPBACK, Making, canary, names


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["127.0.0.1", "::1"], ["::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]]
)
async def test_a_public_name_that_resolves_inward_is_refused(answer: list[str], make: Making) -> None:
    async with canary() as server:
        with pytest.raises(Refused, match=r"^metadata\.example: "):
            await make(resolve=names(answer)).get(f"http://metadata.example:{server.port}/")
        assert server.hits == 0


async def test_a_name_that_resolves_elsewhere_the_second_time_is_refused(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: http://rebind.example:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            fetcher = make(f"{DOOR}/32", resolve=names([DOOR], ["127.0.0.1"]))
            with pytest.raises(Refused, match=r"127\.0\.0\.1 is not a public address"):
                await fetcher.get(f"http://rebind.example:{door.port}/")
            assert door.hits == 1
        assert server.hits == 0


async def test_the_same_name_is_followed_where_its_second_address_is_allowed(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: http://rebind.example:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            fetcher = make(*LOOPBACK, resolve=names([DOOR], ["127.0.0.1"]))
            assert (await fetcher.get(f"http://rebind.example:{door.port}/")).body == b"secret"
        assert server.hits == 1


async def test_of_a_names_addresses_the_permitted_one_is_taken(make: Making) -> None:
    async with canary(DOOR) as server:
        fetcher = make(f"{DOOR}/32", resolve=names(["127.0.0.1", "::1", DOOR]))
        assert (await fetcher.get(f"http://mixed.example:{server.port}/")).status == 200


async def test_the_socket_is_guarded_even_where_a_resolver_is_not_asked(make: Making) -> None:
    async def unasked(host: str, port: int) -> list[AddrInfo]:
        raise AssertionError("a literal address needs no resolver")

    async with canary() as server:
        with pytest.raises(Refused):
            await make(resolve=unasked).get(server.url)
        assert server.hits == 0


async def test_a_name_nobody_knows_is_no_refusal(make: Making) -> None:
    async def unknown(host: str, port: int) -> list[AddrInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(FetchError, match=r"^gone\.example: .*Name or service not known") as caught:
        await make(resolve=unknown).get("http://gone.example/")
    assert not isinstance(caught.value, Refused)


async def test_a_name_that_hangs_costs_no_more_than_a_connection(make: Making) -> None:
    async def hanging(host: str, port: int) -> list[AddrInfo]:
        await asyncio.Event().wait()
        return []

    fetcher = make(resolve=hanging, connect_s=0.2)
    with pytest.raises(FetchError, match=r"^slow\.example: no connection within 0\.2 s$"):
        await fetcher.get("http://slow.example/")
    with pytest.raises(FetchError, match=r"^slow\.example: no connection within 0\.2 s$"):
        async with fetcher.websocket("ws://slow.example/"):
            pass
