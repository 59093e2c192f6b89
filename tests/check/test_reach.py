"""Who can follow the QR code: what stands in it is read back, and judged."""

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from backchannel.check.reach import is_named, judge_qr
from backchannel.check.report import QrFinding
from backchannel.check.trying import read_qr
from backchannel.config import Config, parse_config
from backchannel.fetch.guard import AddrInfo
from backchannel.web.qr import qr_svg
from tests.kit.program import config_text

PROXY = ", trusted_proxies: [127.0.0.1]"


def configured(server: str = "", short_url: str = "") -> Config:
    text = config_text(server=server)
    if short_url:
        text = text.replace("wall: {", f"wall: {{short_url: {short_url}, ")
    return parse_config(text, {}, read=lambda name: name)


def judged(url: str, *addresses: str, server: str = PROXY) -> QrFinding:
    """What is said of this address, whose name has been looked up where it has to be."""
    config = configured(f"{server}, public_url: '{url}'")
    return judge_qr(config, addresses if is_named(urlsplit(url).hostname or "") else None)


@pytest.mark.parametrize(
    ("url", "addresses", "reach", "state"),
    [
        ("http://127.0.0.1:8080", (), "this machine", "trouble"),
        ("http://[::1]:8080", (), "this machine", "trouble"),
        ("http://localhost:8080", (), "this machine", "trouble"),
        ("http://0.0.0.0:8080", (), "nobody", "trouble"),
        ("http://[::]:8080", (), "nobody", "trouble"),
        ("http://192.168.1.20:8080", (), "this network", "look"),
        ("http://10.1.2.3", (), "this network", "look"),
        ("http://169.254.7.7", (), "this network", "look"),
        ("https://[fd00::1]", (), "this network", "look"),
        ("https://wall.local", (), "this network", "look"),
        ("https://wall", (), "this network", "look"),
        ("https://wall.conference.example", ("192.168.1.20",), "this network", "look"),
        ("https://wall.conference.example", ("127.0.0.1", "::1"), "this machine", "trouble"),
        ("https://wall.conference.example", (), "nobody", "trouble"),
        ("https://wall.conference.example", ("192.168.1.20", "9.9.9.9"), "everybody", "fine"),
        ("https://9.9.9.9", (), "everybody", "fine"),
    ],
)
def test_who_can_follow_it(url: str, addresses: Sequence[str], reach: str, state: str) -> None:
    found = judged(url, *addresses)
    assert (found.reach, found.state, found.leads_to) == (reach, state, url)
    assert bool(found.problem) == bool(found.way_out) == (state != "fine")


def test_without_https_it_says_what_that_means() -> None:
    found = judged("http://wall.conference.example", "9.9.9.9")
    assert (found.reach, found.state) == ("everybody", "look")
    assert "phones call it not secure" in found.problem
    assert "server.tls" in found.way_out


def test_a_public_address_of_a_server_that_only_this_machine_reaches_needs_its_proxy_named() -> None:
    found = judged("https://wall.conference.example", "9.9.9.9", server="")
    assert (found.reach, found.state) == ("everybody", "look")
    assert "server.trusted_proxies" in found.way_out
    assert judged("https://wall.conference.example", "9.9.9.9", server=", host: 0.0.0.0").state == "fine"


def test_a_name_that_nobody_knows_is_told_as_that() -> None:
    assert (
        "nobody knows the name wall.conference.example" in judged("https://wall.conference.example").problem
    )


async def test_a_name_is_looked_up_and_an_address_is_not() -> None:
    asked: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> list[AddrInfo]:
        asked.append((host, port))
        if "unknown" in host:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("9.9.9.9", port))]

    assert (await read_qr(configured(PROXY, "wall.example/j"), resolve)).reach == "everybody"
    assert (await read_qr(configured(short_url="unknown.example"), resolve)).reach == "nobody"
    assert (await read_qr(configured(), resolve)).reach == "this machine"
    assert asked == [("wall.example", 443), ("unknown.example", 443)]


def picture(svg: str) -> Image.Image:
    """The code as a browser draws it, eight pixels a module."""
    (size,) = re.findall(r'viewBox="0 0 (\d+)', svg)
    drawn = Image.new("L", (8 * int(size), 8 * int(size)), 255)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg):
        box = (8 * int(x), 8 * int(y), 8 * (int(x) + int(width)) - 1, 8 * int(y) + 7)
        ImageDraw.Draw(drawn).rectangle(box, fill=0)
    return drawn


@pytest.mark.parametrize(
    "url", ["http://192.168.1.20:8080", "https://wall.conference.example/some/Where?x=1"]
)
def test_what_it_says_is_what_a_phone_reads_from_the_wall(url: str) -> None:
    found = judged(url)
    assert [code.text for code in zxingcpp.read_barcodes(picture(qr_svg(found.text)))] == [found.text]
