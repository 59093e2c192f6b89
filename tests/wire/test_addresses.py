"""Addresses as operators write them."""

import pytest

from backchannel.wire.addresses import full_address, server_address, websocket_address


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("one.example", "https://one.example"), (" https://One.example/ ", "https://one.example"),
        ("one.example:8443", "https://one.example:8443"), ("http://localhost:3000", "http://localhost:3000"),
        ("http://10.0.0.7", "http://10.0.0.7"), ("http://[::1]:80", "http://[::1]:80"),
    ],
)  # fmt: skip
def test_a_server_has_one_spelling(said: str, address: str) -> None:
    assert server_address(said, "a host name") == address


@pytest.mark.parametrize(
    "said",
    ["", "ftp://one.example", "https://one.example/api", "ann@one.example", "one example", "one.example:0",
     "one.example:70000", "https://one.example?x", "http://one.example"],
)  # fmt: skip
def test_what_is_no_server_is_told_with_what_is_accepted(said: str) -> None:
    with pytest.raises(ValueError, match="accepted is a host name"):
        server_address(said, "a host name")


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("wss://One.example/", "wss://one.example"),
        (" ws://two.example:7777/Path ", "ws://two.example:7777/Path"),
    ],
)
def test_a_relay_has_one_spelling(said: str, address: str) -> None:
    assert websocket_address(said) == address


@pytest.mark.parametrize(
    "said",
    ["", "one.example", "https://one.example", "wss://", "wss://one.example:99999", "wss://one example",
     "wss://ann:hunter2@one.example", "wss://ann:hunter2@", "wss://one.example/?token=hunter2",
     "wss://one.example/#hunter2"],
)  # fmt: skip
def test_what_is_no_relay_is_refused_and_no_secret_in_it_repeated(said: str) -> None:
    with pytest.raises(ValueError, match=r"address|user name") as caught:
        websocket_address(said)
    assert "hunter2" not in str(caught.value)


def test_an_address_keeps_its_path_and_query_as_they_are_written() -> None:
    said = "https://Blog.example/Feed?key=A%20b"
    assert full_address(said, "https", "http").geturl() == said
