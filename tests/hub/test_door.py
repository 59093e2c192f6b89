"""Who may come in."""

import pytest

from backchannel.hub.door import Door
from backchannel.web.address import parse_networks


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://conf.example", "conf.example"),
        ("https://conf.example", "conf.example:443"),
        ("https://CONF.example", "conf.example"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://wall.example", "10.0.0.5:8080"),
    ],
)
def test_our_own_pages_are_welcome(origin: str, host: str) -> None:
    assert Door(origins=["https://wall.example"]).is_welcome([origin], host)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://wall.example.evil.example",
        "http://wall.example",
        "https://wall.example:8443",
        "http://127.0.0.1:8081",
        "null",
        "file://",
        "",
        "https://wall.example@evil.example",
        "http://127.0.0.1:port",
    ],
)
def test_every_other_page_is_not(origin: str) -> None:
    assert not Door(origins=["https://wall.example"]).is_welcome([origin], "127.0.0.1:8080")


def test_without_an_origin_it_is_no_page_and_may_watch() -> None:
    assert Door().is_welcome([], "conf.example")


def test_two_origins_are_one_too_many() -> None:
    assert not Door().is_welcome(["http://a.example", "http://a.example"], "a.example")


def test_an_address_holds_so_many_connections_and_no_more() -> None:
    door = Door(per_address=2)
    assert [door.enter("a"), door.enter("a"), door.enter("a"), door.enter("b")] == [True, True, False, True]
    door.leave("a")
    assert door.enter("a")


def test_people_behind_our_proxy_are_counted_each() -> None:
    door = Door(trusted=parse_networks(["10.0.0.0/8"]))
    keys = {door.key("10.0.0.1", [("x-forwarded-for", f"198.51.100.{number}")]) for number in range(3)}
    assert len(keys) == 3
