"""Whose addresses an exemption holds for: those that the operator wrote, and no others."""

import pytest

from backchannel.fetch import FetchError, Refused, origin_of
from tests.fetch.kit import EVERYWHERE, INWARD, LOOPBACK, ODD, Making, canary, echoing, names
from tests.kit.raw_server import RawServer, answering, reply


def named(server: RawServer) -> set[tuple[str, int]]:
    return {("127.0.0.1", server.port)}


def away(to: str) -> bytes:
    return reply(status="302 Found", headers=f"Location: {to}\r\n")


async def test_the_named_host_and_port_is_reached_and_no_other_port_of_it(make: Making) -> None:
    async with canary() as ours, canary() as camera:
        fetcher = make(*LOOPBACK, own=named(ours))
        assert (await fetcher.get(ours.url)).body == b"secret"
        with pytest.raises(Refused, match=r"127\.0\.0\.1 is not a public address"):
            await fetcher.get(camera.url)
        with pytest.raises(FetchError):
            await fetcher.post(camera.url, json={})
        assert camera.hits == 0


def is_the_same(form: str) -> bool:
    try:
        return origin_of(form.replace("{port}", "8090")) == ("127.0.0.1", 8090) and "@" not in form
    except ValueError:
        return False


@pytest.mark.parametrize("form", [form for form in INWARD + ODD if not is_the_same(form)])
async def test_another_spelling_of_the_named_host_is_another_host(form: str, make: Making) -> None:
    async with canary() as ours:
        with pytest.raises(FetchError):
            await make(*EVERYWHERE, own=named(ours)).get(form.replace("{port}", str(ours.port)))
        assert ours.hits == 0


async def test_a_strangers_address_never_leads_there(make: Making) -> None:
    async with canary() as ours:
        fetcher = make(*LOOPBACK, own=named(ours))
        assert (await fetcher.get(ours.url)).status == 200  # and what is open for us is not theirs
        with pytest.raises(Refused):
            await fetcher.get(ours.url, by_stranger=True)
        assert ours.hits == 1


async def test_another_name_for_the_same_address_does_not_lead_there_and_the_named_one_does(
    make: Making,
) -> None:
    async with canary() as ours:
        fetcher = make(*LOOPBACK, own={("wall.example", ours.port)}, resolve=names(["127.0.0.1"]))
        for host in ("evil.example", "127.0.0.1", "wall.example.", "xn--wall-example"):
            with pytest.raises(Refused):
                await fetcher.get(f"http://{host}:{ours.port}/")
        assert ours.hits == 0
        assert (await fetcher.get(f"http://Wall.Example:{ours.port}/")).body == b"secret"
        with pytest.raises(Refused):
            await fetcher.get(f"http://evil.example:{ours.port}/")
        with pytest.raises(Refused):
            await fetcher.get(f"http://wall.example:{ours.port}/", by_stranger=True)
        assert ours.hits == 1


async def test_a_named_host_that_resolves_out_of_the_listed_networks_is_refused(make: Making) -> None:
    async with canary() as other:
        fetcher = make("10.0.0.0/8", own={("wall.example", other.port)}, resolve=names(["127.0.0.1"]))
        with pytest.raises(Refused):
            await fetcher.get(f"http://wall.example:{other.port}/")
        assert other.hits == 0


async def test_only_the_named_host_itself_may_redirect_to_itself(make: Making) -> None:
    def told(path: str, _: object) -> bytes:
        return {"/": away("/there"), "/out": away(f"{door.url}/back")}.get(path, reply(b"there"))

    async with answering(told) as ours, answering(lambda path, _: away(ours.url)) as door:
        own = named(ours)
        assert (await make(*LOOPBACK, own=own).get(ours.url)).body == b"there"
        both = make(*LOOPBACK, own=own | named(door))
        for url in (door.url, f"{ours.url}/out"):
            hits = ours.hits, door.hits
            with pytest.raises(Refused):
                await both.get(url)
            assert (ours.hits, door.hits) in {(hits[0], hits[1] + 1), (hits[0] + 1, hits[1])}, "one step"


async def test_a_websocket_goes_to_the_named_host_and_port_alone(make: Making) -> None:
    async with echoing() as ours, echoing() as other:
        fetcher = make(*LOOPBACK, own={("127.0.0.1", ours)})
        async with fetcher.websocket(f"ws://127.0.0.1:{ours}/") as connection:
            await connection.send("hello")
            assert await connection.recv() == "hello"
        for url in (f"ws://127.0.0.1:{other}/", f"ws://localhost:{ours}/"):
            with pytest.raises(Refused):
                async with fetcher.websocket(url):
                    pass


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Wall.Example/feed?a#b", ("wall.example", 80)),
        ("wss://[::1]/", ("::1", 443)),
        ("http://straße.example:81", ("xn--strae-oqa.example", 81)),
    ],
)
def test_an_origin_is_host_and_port(url: str, origin: tuple[str, int]) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["", "/feed", "http://", "http://a:99999/", "http://[::1", "data:x", "//::"])
def test_what_leads_nowhere_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin_of(url)
