"""Websockets through the same guard, and TLS."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from backchannel.fetch import FetchError, Refused
from tests.fetch.kit import DOOR, INWARD, LOOPBACK, ODD, Making, canary, echoing, names
from tests.kit.raw_server import answering, hostile, reply


async def test_a_websocket_talks(make: Making) -> None:
    async with echoing() as port, make(*LOOPBACK).websocket(f"ws://127.0.0.1:{port}/") as connection:
        await connection.send("words")
        assert await connection.recv() == "words"


async def test_a_message_above_the_cap_ends_the_websocket(make: Making) -> None:
    fetcher = make(*LOOPBACK)
    async with echoing() as port, fetcher.websocket(f"ws://127.0.0.1:{port}/", max_size=999) as connection:
        await connection.send("x" * 1000)
        with pytest.raises(ConnectionClosed):
            await connection.recv()


@pytest.mark.parametrize("form", INWARD + ODD)
async def test_no_form_of_an_inward_websocket_reaches_the_canary(form: str, make: Making) -> None:
    form = form.replace("{port}", "{{port}}") if form.startswith("ws:") else form.replace("http:", "ws:", 1)
    async with canary() as server:
        with pytest.raises(FetchError):
            async with make().websocket(form.replace("{port}", str(server.port)).replace("HTTP:", "ws:")):
                pass
        assert server.hits == 0


async def test_a_websockets_name_that_resolves_inward_is_refused(make: Making) -> None:
    async with canary() as server:
        with pytest.raises(Refused, match=r"^relay\.example: 127\.0\.0\.1 is not a public address"):
            async with make(resolve=names(["127.0.0.1"])).websocket(f"ws://relay.example:{server.port}/"):
                pass
        assert server.hits == 0


async def test_a_websocket_follows_no_redirect(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: ws://127.0.0.1:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            with pytest.raises(FetchError):
                async with make(*LOOPBACK).websocket(f"ws://{DOOR}:{door.port}/"):
                    pass
            assert door.hits == 1
        assert server.hits == 0


async def test_a_refused_websocket_tells_its_status(make: Making) -> None:
    async with answering(lambda path, headers: reply(status="403 Forbidden")) as server:
        with pytest.raises(FetchError, match="answers 403 instead of a websocket") as caught:
            async with make(*LOOPBACK).websocket(f"ws://127.0.0.1:{server.port}/"):
                pass
        assert caught.value.status == 403


@pytest.mark.parametrize(
    "mode", ["silence", "slow_head", "huge_header", "immediate_close", "another_protocol", "endless_body"]
)
async def test_a_hostile_websocket_server_costs_one_clear_error(mode: str, make: Making) -> None:
    async with hostile() as server:
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: "):
            async with make(*LOOPBACK).websocket(f"ws://127.0.0.1:{server.port}/{mode}", open_s=0.5):
                pass
        await server.idle()


async def test_a_websockets_closed_port_is_named_and_its_next_address_tried(make: Making) -> None:
    async with echoing(DOOR) as port:
        fetcher = make(*LOOPBACK, resolve=names(["127.0.0.3"], ["127.0.0.3", DOOR]))
        with pytest.raises(FetchError, match=r"^relay\.example: cannot connect: .*refused"):
            async with fetcher.websocket(f"ws://relay.example:{port}/"):
                pass
        async with fetcher.websocket(f"ws://relay.example:{port}/") as connection:
            await connection.send("words")
            assert await connection.recv() == "words"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for secure.example, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
            "-subj", "/CN=secure.example", "-addext", "subjectAltName=DNS:secure.example",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


async def test_tls_is_checked_against_the_name_and_not_the_address(
    certificate: tuple[Path, Path], make: Making
) -> None:
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    resolve = names(["127.0.0.1"])
    async with echoing(tls=server_tls) as port:
        async with make(*LOOPBACK, resolve=resolve, tls=trusting).websocket(
            f"wss://secure.example:{port}/"
        ) as connection:
            await connection.send("words")
            assert await connection.recv() == "words"
        for host, tls in (("other.example", trusting), ("secure.example", None)):
            fetcher = make(*LOOPBACK, resolve=resolve, tls=tls)
            with pytest.raises(FetchError, match="certificate"):
                async with fetcher.websocket(f"wss://{host}:{port}/"):
                    pass
            with pytest.raises(FetchError, match="certificate"):
                await fetcher.get(f"https://{host}:{port}/")
