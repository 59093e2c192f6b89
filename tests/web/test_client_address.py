"""Whose address counts, whatever the headers say."""

import pytest

from backchannel.web.client_address import client_address, is_private, limit_key, parse_networks

PROXIES = parse_networks(["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"])


def ask(peer: str, *forwarded: str) -> str:
    return client_address(peer, [("X-Forwarded-For", value) for value in forwarded], PROXIES)


def test_a_stranger_cannot_choose_the_address_he_is_counted_under() -> None:
    assert ask("203.0.113.7", "198.51.100.1") == "203.0.113.7"


def test_behind_our_proxy_the_address_it_names_counts() -> None:
    assert ask("10.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_what_a_client_wrote_before_our_proxy_did_does_not_count() -> None:
    assert ask("10.0.0.1", "8.8.8.8, 198.51.100.1") == "198.51.100.1"


def test_several_hops_of_our_own_are_skipped_over_several_headers() -> None:
    assert ask("10.0.0.1", "8.8.8.8, 198.51.100.1", "10.2.2.2, fd00::5") == "198.51.100.1"


def test_where_all_hops_are_ours_the_first_one_counts() -> None:
    assert ask("10.0.0.1", "10.9.9.9, 10.2.2.2") == "10.9.9.9"


@pytest.mark.parametrize("junk", ["unknown", "_hidden", "", "999.1.1.1", "a, b", "8.8.8.8, unknown"])
def test_a_hop_that_is_no_address_ends_the_walk_at_the_proxy(junk: str) -> None:
    assert ask("10.0.0.1", junk) == "10.0.0.1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
    ],
)
def test_addresses_are_read_as_proxies_write_them(written: str, meant: str) -> None:
    assert ask("10.0.0.1", written) == meant


def test_a_peer_in_ipv4_inside_ipv6_is_the_proxy_it_is() -> None:
    assert ask("::ffff:10.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_one_ipv6_customer_is_counted_as_one() -> None:
    assert limit_key("2001:db8:1:2:aaaa::1") == limit_key("2001:db8:1:2:bbbb::9")
    assert limit_key("2001:db8:1:2::1") != limit_key("2001:db8:1:3::1")


def test_loopback_without_a_proxy_is_private() -> None:
    assert is_private("127.0.0.1", [], (), has_tls=False)
    assert is_private("::1", [], (), has_tls=False)


def test_plain_http_from_elsewhere_is_not_private() -> None:
    assert not is_private("203.0.113.7", [("X-Forwarded-Proto", "https")], PROXIES, has_tls=False)
    assert is_private("203.0.113.7", [], PROXIES, has_tls=True)


def test_a_proxy_on_this_machine_is_not_the_client() -> None:
    relayed = [("X-Forwarded-For", "203.0.113.7")]
    assert not is_private("127.0.0.1", relayed, (), has_tls=False)
    assert not is_private("127.0.0.1", relayed, PROXIES, has_tls=False)


def test_a_trusted_proxy_that_says_https_is_believed_about_its_own_hop_only() -> None:
    assert is_private("10.0.0.1", [("X-Forwarded-Proto", "https")], PROXIES, has_tls=False)
    assert not is_private("10.0.0.1", [("X-Forwarded-Proto", "https, http")], PROXIES, has_tls=False)
