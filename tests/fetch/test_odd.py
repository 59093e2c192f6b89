"""What odd bytes do to a client: one `FetchError`, or an answer that later code can send back and store."""

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from backchannel.fetch import Fetcher, FetchError, Refused, Response
from backchannel.fetch.errors import foreign
from backchannel.fetch.guard import Guard
from tests.faults import odd
from tests.fetch.kit import LOOPBACK, Making
from tests.kit.raw_server import answering, reply, serving

CRASHES = (b"http://a.example:99999/", b"//::", b"//[::1]@")
"""Each ended the whole process once."""


async def asked(fetcher: Fetcher, answer: bytes) -> Response | FetchError:
    """What comes of it; any other exception fails the test."""

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with serving(handle) as server:
        try:
            return await fetcher.get(server.url, total_s=20)
        except FetchError as error:
            return error


async def shaken(fetcher: Fetcher, answer: bytes) -> FetchError | None:
    """The same for a websocket."""
    async with answering(lambda path, headers: answer) as server:
        try:
            async with fetcher.websocket(f"ws://127.0.0.1:{server.port}/", open_s=20):
                return None
        except FetchError as error:
            return error


async def listen(fetcher: Fetcher, url: str) -> None:
    """Take what a websocket sends, until it ends."""
    async with fetcher.websocket(url, max_size=999) as socket:
        while True:
            await socket.recv(decode=False)


def is_fit(said: str) -> bool:
    """Whether it can be stored, and shown on one line."""
    return said.isprintable() and bool(said.encode()) | (said == "")


@pytest.mark.parametrize("location", CRASHES)
async def test_a_redirect_to_what_is_no_address_is_an_error_of_the_network(
    location: bytes, make: Making
) -> None:
    got = await asked(make(*LOOPBACK), odd.redirect(location))
    assert isinstance(got, FetchError)
    assert is_fit(str(got))


async def test_no_redirect_does_more_than_fail(make: Making) -> None:
    fetcher = make(*LOOPBACK, resolve=nowhere)
    for location in odd.LOCATIONS:
        got = await asked(fetcher, odd.redirect(location))
        assert is_fit(str(got) if isinstance(got, FetchError) else got.url), location


async def nowhere(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
    """No name leads anywhere, except those that are addresses."""
    if host != "127.0.0.1":
        raise OSError(f"no such name: {host}")
    return [(2, 1, 6, "", (host, port))]


@pytest.mark.parametrize("name", ["ETag", "Last-Modified", "Content-Type", "X-Any"])
@pytest.mark.parametrize("value", [b'"\xff"', b"\xc3\x28", b"\xed\xa0\x80", "\u202ex".encode(), b"x" * 9000])
async def test_a_header_that_cannot_be_sent_back_is_left_out(name: str, value: bytes, make: Making) -> None:
    got = await asked(make(*LOOPBACK), odd.with_headers(b"words", name.encode() + b": " + value))
    assert isinstance(got, Response)
    assert (got.body, got.headers.get(name)) == (b"words", None)


async def test_every_answer_is_fit_for_the_log_and_for_the_next_request(make: Making) -> None:
    fetcher, chance = make(*LOOPBACK, resolve=nowhere), Random(5)
    answers = [odd.odd_answer(chance, odd.Honest(b'{"a": [1, 2, 3]}')) for _ in range(300)]
    heard = 0
    for answer in answers:
        got = await asked(fetcher, answer.data)
        if isinstance(got, FetchError):
            assert is_fit(str(got)), answer
            continue
        heard += 1
        said = [*got.headers.keys(), *got.headers.values(), got.url, got.moved]
        assert all(map(is_fit, said)), answer
        assert len(said) <= 300
        assert max(map(len, said)) <= 8192
    assert 50 < heard < 250, "some go through, some do not"


@pytest.mark.parametrize(
    "answer",
    [
        odd.redirect(b"ws://a/", 302, b"Location: ws://b/\r\n"),
        odd.redirect(b"//[::1"),
        odd.redirect(b"http://a.example:99999/"),
        odd.redirect(b"\xff"),
        odd.with_headers(b"", b"Upgrade: \xff", status=b"HTTP/1.1 101 x"),
        odd.with_headers(b"", b"Upgrade: websocket", b"Upgrade: websocket", status=b"HTTP/1.1 101 x"),
        odd.upgraded(b"another"),
        odd.upgraded(b"", b"", b"Sec-WebSocket-Extensions: permessage-deflate; x=\xff"),
        b"HTTP/1.1 101 \xff\r\n\xff: \xff\r\n\r\n",
        b"HTTP/1.1 101",
    ],
)
async def test_an_odd_handshake_is_an_error_of_the_network(answer: bytes, make: Making) -> None:
    error = await shaken(make(*LOOPBACK), answer)
    assert error
    assert is_fit(str(error))


@pytest.mark.parametrize("frames", odd.FRAMES)
async def test_broken_frames_end_their_own_connection(frames: bytes, make: Making) -> None:
    async def handle(_path: str, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(odd.upgraded(headers["sec-websocket-key"].encode(), frames))
        await writer.drain()

    async with serving(handle) as server:
        with pytest.raises(ConnectionClosed):
            await listen(make(*LOOPBACK), f"ws://127.0.0.1:{server.port}/")


async def test_what_the_callers_block_raises_passes_as_it_is(make: Making) -> None:
    async def handle(_path: str, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(odd.upgraded(headers["sec-websocket-key"].encode()))
        await writer.drain()

    async with serving(handle) as server:
        with pytest.raises(KeyError, match="ours"):
            async with make(*LOOPBACK).websocket(f"ws://127.0.0.1:{server.port}/"):
                raise KeyError("ours")


async def test_a_cancellation_goes_through() -> None:
    with pytest.raises(asyncio.CancelledError), foreign("a.example"):
        raise asyncio.CancelledError


def test_an_error_that_repeats_foreign_words_keeps_to_a_line() -> None:
    error = FetchError("a\nb\udcff", "x\x00\x1b[31m\r\n" * 1000)
    assert is_fit(str(error))
    assert len(str(error)) < 450


ADDRESS = st.lists(
    st.sampled_from([*"htp:/[]@%?#.\\0129axn-ü١\u200d\ud800 ;&", "http://", "://", "[::1]", "xn--"])
)


@given(ADDRESS.map("".join))
@example("//]'z[")
@example("http://a.example:99999/")
@example("http://xn--/")
@example("http://[::1%25" + "x" * 300 + "]/")
def test_an_address_is_refused_or_holds_in_all_its_parts(url: str) -> None:
    try:
        parsed = Guard().check_url(url)
    except Refused:
        return
    assert str(parsed).isascii()
    assert parsed.host
    assert parsed.port
    assert parsed.origin().join(parsed).update_query([("a", "b")])


def test_a_host_too_long_for_any_name_is_not_looked_at_letter_by_letter() -> None:
    with pytest.raises(Refused, match="longer than 300"):
        Guard().check_url("http://" + "ﷺ" * 8000 + "/")


async def test_a_cookie_costs_nothing_and_is_forgotten(make: Making) -> None:
    cookies = [b"Set-Cookie: " + value for value in odd.VALUES if b"\n" not in value and b"\r" not in value]
    fine = [line for line in cookies if len(line) < 3000 and b"\x00" not in line][:30]
    got = await asked(make(*LOOPBACK), odd.with_headers(b"words", *fine))
    assert isinstance(got, Response | FetchError)


async def test_a_header_with_tabs_is_kept_with_blanks(make: Making) -> None:
    page = reply(b"x", headers="Cache-Control: no-store,\tmax-age=5\r\n")
    got = await asked(make(*LOOPBACK), page)
    assert isinstance(got, Response)
    assert got.headers["cache-control"] == "no-store, max-age=5"
