"""Where the client goes and where it does not."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.fetch import FetchError, Refused
from backchannel.fetch.guard import Guard, is_outward
from tests.fetch.kit import DOOR, EVERYWHERE, INWARD, ODD, Making, canary
from tests.kit.raw_server import answering, reply


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192",
        "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "100::1", "2001::1", "2001:0:53aa:64c::7f00:1", "2001:2::1", "2001:10::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
        "fec0::1", "ff02::1", "fe80::1%1", "2606:4700::1%1",
    ],
)  # fmt: skip
def test_an_inward_address_is_not_outward(address: str) -> None:
    assert not is_outward(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "9.9.9.9", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::8a"]
)
def test_an_ordinary_public_address_is_outward(address: str) -> None:
    assert is_outward(ip_address(address))


@given(st.ip_addresses(v=4).map(str))
def test_no_ipv4_address_gets_out_in_the_clothes_of_ipv6(inner: str) -> None:
    packed = int(IPv4Address(inner))
    disguises = [packed, 0xFFFF << 32 | packed, 0x64FF9B << 96 | packed, 0x2002 << 112 | packed << 80]
    assert not any(is_outward(IPv6Address(number)) for number in disguises)


@given(st.ip_addresses())
def test_nothing_is_outward_that_python_calls_special(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast,
        address.is_reserved, address.is_unspecified,
    )  # fmt: skip
    assert not (is_outward(address) and any(special))


def test_what_is_no_address_is_not_connected_to() -> None:
    assert Guard(EVERYWHERE).objection(("localhost", 80)) == "localhost is no IP address"


def test_only_the_ports_of_the_web_are_open() -> None:
    guard = Guard()
    assert guard.objection(("1.1.1.1", 443)) == ""
    assert guard.objection(("1.1.1.1", 22)) == "port 22 is neither 80 nor 443"


def test_an_allowed_network_may_be_asked_on_any_port_and_its_neighbour_may_not() -> None:
    guard = Guard(["10.1.2.0/24"])
    assert guard.objection(("10.1.2.3", 8080)) == ""
    assert guard.objection(("10.1.3.3", 8080)) == "10.1.3.3 is not a public address"


@pytest.mark.parametrize("form", INWARD + ODD)
async def test_no_form_of_an_inward_url_reaches_the_canary(form: str, make: Making) -> None:
    async with canary() as server:
        with pytest.raises(FetchError):
            await make().get(form.replace("{port}", str(server.port)))
        assert server.hits == 0


async def test_the_same_forms_reach_the_canary_where_the_guard_allows_everything(make: Making) -> None:
    async with canary() as server:
        fetcher, reached = make(*EVERYWHERE), 0
        for form in INWARD:
            try:
                answer = await fetcher.get(form.replace("{port}", str(server.port)))
            except FetchError:
                continue
            reached += answer.body == b"secret"
        assert reached >= 12, "the forms prove nothing if they lead nowhere"


@pytest.mark.parametrize("address", ["::1", "127.0.0.1"])
async def test_the_machines_own_port_eighty_is_refused_by_address(address: str, make: Making) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused, match="not a public address"):
        await make().get(f"http://{host}/")


async def test_a_refusal_names_host_and_reason(make: Making) -> None:
    with pytest.raises(Refused, match=r"^localhost: .* is not a public address$"):
        await make().get("http://localhost/")
    with pytest.raises(Refused, match=r"^'file:///etc/passwd': scheme is not one of http, https$"):
        await make().get("file:///etc/passwd")


async def test_only_the_listed_network_is_exempt(make: Making) -> None:
    async with canary() as forbidden, canary(DOOR) as allowed:
        fetcher = make(f"{DOOR}/32")
        assert (await fetcher.get(allowed.url)).body == b"secret"
        with pytest.raises(Refused):
            await fetcher.get(forbidden.url)
        assert forbidden.hits == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "form", [INWARD[0], INWARD[4], INWARD[15], ODD[9], "//127.0.0.1:{port}/", "file:///etc/hostname"]
)
async def test_a_redirect_inward_is_refused(status: int, form: str, make: Making) -> None:
    async with canary() as server:
        there = form.replace("{port}", str(server.port))
        away = reply(status=f"{status} Away", headers=f"Location: {there}\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            with pytest.raises(Refused):
                await make(f"{DOOR}/32").get(door.url)
            assert door.hits == 1
        assert server.hits == 0
