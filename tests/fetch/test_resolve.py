"""Names that resolve inward, elsewhere the second time, or not at all."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator, Sequence

import pytest

from backchannel.fetch import FetchError, Refused
from backchannel.fetch.guard import AddrInfo
from backchannel.fetch.resolve import AT_ONCE, ThreadedResolve
from tests.fetch.kit import DOOR, LOOPBACK, Making, canary, names
from tests.kit.raw_server import answering, reply


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


class Names:
    """The system's resolver in a test's hand: names under `hang.example` wait for its word."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()

    def look_up(self, host: str, port: int) -> list[AddrInfo]:
        self.asked.append(host)
        if host.endswith("hang.example"):
            self.answers.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", port))]


@pytest.fixture
def system() -> Iterator[Names]:
    made = Names()
    yield made
    made.answers.set()


async def hang(resolve: ThreadedResolve, system: Names, count: int) -> list[asyncio.Task[Sequence[AddrInfo]]]:
    """So many names on their way that nobody answers."""
    waiting = [asyncio.create_task(resolve(f"{n}.hang.example", 80)) for n in range(count)]
    while len(system.asked) < count:
        await asyncio.sleep(0)
    return waiting


async def test_names_that_are_not_answered_hold_up_no_other(system: Names) -> None:
    resolve = ThreadedResolve(system.look_up, wait_s=0.2)
    waiting = await hang(resolve, system, AT_ONCE)
    assert await resolve("fine.example", 80), "as soon as they are given up, though all of them still hang"
    assert not system.answers.is_set()
    for one in waiting:
        with pytest.raises(socket.gaierror, match=r"its name is not answered within 0\.2 s"):
            await one


async def test_a_name_that_hangs_is_refused_at_once_and_asked_again_when_it_has_ended(system: Names) -> None:
    resolve = ThreadedResolve(system.look_up, wait_s=0.05)
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="not answered"):
            await resolve("hang.example", 80)
    assert system.asked == ["hang.example"]
    system.answers.set()
    while True:
        try:
            assert await resolve("hang.example", 80)
        except socket.gaierror:
            await asyncio.sleep(0)
        else:
            break
    assert system.asked == ["hang.example"] * 2


async def test_all_who_ask_for_a_name_at_once_wait_for_one_look_up(system: Names) -> None:
    resolve = ThreadedResolve(system.look_up)
    waiting = [asyncio.create_task(resolve("hang.example", 80)) for _ in range(5)]
    while not system.asked:
        await asyncio.sleep(0)
    system.answers.set()
    assert len(await asyncio.gather(*waiting)) == 5
    assert system.asked == ["hang.example"]


async def test_what_the_system_says_reaches_whoever_asked() -> None:
    def unknown(host: str, port: int) -> list[AddrInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror, match="not known"):
        await ThreadedResolve(unknown)("gone.example", 80)


ENDING = """
import asyncio, threading
from backchannel.fetch.resolve import ThreadedResolve
def never(host, port):
    print("asked", flush=True)
    threading.Event().wait()
async def main():
    try:
        await ThreadedResolve(never, wait_s=0.05)("hang.example", 80)
    except OSError:
        print("given up", flush=True)
asyncio.run(main())
"""


async def test_a_process_ends_though_a_name_is_never_answered() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENDING, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert said.split() == [b"asked", b"given", b"up"]
    assert process.returncode == 0
