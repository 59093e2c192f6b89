"""Who may come in."""

import socket

import pytest

from backchannel.hub.door import Capacity, Door, capacity_of
from backchannel.web.client_address import limit_key, parse_networks

HOST = socket.gethostname().lower()


@pytest.mark.parametrize(
    ("origin", "came_in"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://127.0.0.1:8080"),
        ("http://LOCALHOST:8080", "http://[::1]:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://192.168.1.5:8080", "http://192.168.1.5:8080"),
        ("https://192.168.1.5", "https://192.168.1.5:443"),
        (f"http://{HOST}:8080", "http://192.168.1.5:8080"),
        ("https://wall.example", "http://10.0.0.5:8080"),
        ("https://WALL.example:443", "http://10.0.0.5:8080"),
    ],
)
def test_our_own_pages_are_welcome(origin: str, came_in: str) -> None:
    assert Door(origins=["https://wall.example"]).is_welcome([origin], came_in)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:8080",
        "http://127.0.0.1.evil.example:8080",
        "http://localhost.evil.example:8080",
        "https://wall.example.evil.example",
        "http://wall.example",
        "https://wall.example:8443",
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://192.168.1.5:8080",
        "null",
        "file://",
        "",
        "https://wall.example@evil.example",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://127.0.0.1:99999",
    ],
)
def test_every_other_page_is_not(origin: str) -> None:
    assert not Door(origins=["https://wall.example"]).is_welcome([origin], "http://127.0.0.1:8080")


def test_loopback_names_are_ours_on_loopback_alone() -> None:
    assert not Door().is_welcome(["http://localhost:8080"], "http://192.168.1.5:8080")
    assert not Door().is_welcome(["http://localhost:8080"], "")


def test_without_an_origin_it_is_no_page_and_may_watch() -> None:
    assert Door().is_welcome([], "http://127.0.0.1:8080")


def test_two_origins_are_one_too_many() -> None:
    assert not Door().is_welcome(["http://127.0.0.1:80", "http://127.0.0.1:80"], "http://127.0.0.1:80")


def test_an_address_holds_so_many_connections_and_no_more() -> None:
    door = Door(per_address=2)
    assert [door.enter("a"), door.enter("a"), door.enter("a"), door.enter("b")] == [True, True, False, True]
    door.leave("a")
    assert door.enter("a")


def test_people_behind_our_proxy_are_counted_each() -> None:
    door = Door(trusted=parse_networks(["10.0.0.0/8"]))
    keys = {door.key("10.0.0.1", [("x-forwarded-for", f"198.51.100.{number}")]) for number in range(3)}
    assert len(keys) == 3


def test_one_address_holds_a_quarter_of_all_places_and_the_venue_all_but_a_quarter() -> None:
    door = Door(venue=parse_networks(["203.0.113.0/24", "2001:db8::/32"]), size=Capacity(40))
    assert [sum(door.enter(key) for _ in range(100)) for key in ("a", "203.0.113.7")] == [10, 30]
    assert not door.enter("b")
    assert Door(venue=parse_networks(["2001:db8::/32"])).is_venue(limit_key("2001:db8::7"))


def test_of_few_descriptors_most_are_left_to_others() -> None:
    assert capacity_of(1024) == Capacity(704, 64)
    assert capacity_of(20_000).places == 20_000 - 256 - 64
    assert all(0 < sum(capacity_of(limit)) < limit for limit in (8, 64, 256, 4096))
