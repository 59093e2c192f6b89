"""Opening a websocket through the same guard as everything else."""

import asyncio
import socket
import ssl
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from yarl import URL

from backchannel.fetch.errors import FetchError, connect_why
from backchannel.fetch.guard import SockAddr
from backchannel.fetch.resolve import Resolver

CLOSE_S = 3.0
QUEUE = 16


async def open_websocket(
    target: URL,
    *,
    resolver: Resolver,
    headers: Mapping[str, str],
    user_agent: str,
    max_size: int,
    connect_s: float,
    open_s: float,
    tls: ssl.SSLContext,
) -> ClientConnection:
    """Return an open connection, within `open_s` in all. Raises FetchError, and what foreign bytes make it
    raise.

    Without compression a message is no longer than what comes over the wire, so `max_size` bounds memory.
    A socket we hand over makes `websockets` refuse redirects by itself.
    """
    host = target.host or ""
    try:
        async with asyncio.timeout(open_s):
            dialled = await dial(target, resolver, connect_s)
            return await connect(
                str(target),
                sock=dialled,
                ssl=tls if target.scheme == "wss" else None,
                server_hostname=host if target.scheme == "wss" else None,
                additional_headers=headers,
                user_agent_header=user_agent,
                compression=None,
                proxy=None,
                max_size=max_size,
                max_queue=QUEUE,
                open_timeout=None,
                ping_interval=None,  # whoever reads looks for silence: see wire/websocket.py
                close_timeout=CLOSE_S,
            )
    except TimeoutError as error:
        raise FetchError(host, f"no websocket within {open_s:g} s") from error
    except InvalidStatus as error:
        status = error.response.status_code
        raise FetchError(host, f"answers {status} instead of a websocket", status=status) from error
    except OSError as error:
        raise FetchError(host, connect_why(error)) from error


async def close_websocket(connection: ClientConnection) -> None:
    """Say goodbye, and hang up where the peer does not listen.

    `close` has a timeout of its own, which begins only when the goodbye is written: a peer that reads nothing
    while our buffers are full would hold us for ever.
    """
    try:
        async with asyncio.timeout(CLOSE_S + 1):
            await connection.close()
    except TimeoutError:
        connection.transport.abort()


async def dial(target: URL, resolver: Resolver, connect_s: float) -> socket.socket:
    """Return a socket connected to the first of the host's addresses that answers. Raises FetchError."""
    host = target.host or ""
    failure, cause = "cannot connect: no address", None
    try:
        async with asyncio.timeout(connect_s):
            for info in await resolver.infos(host, target.port or 0):
                try:
                    return await _connected(resolver.guard.socket(info), info[4])
                except OSError as error:
                    failure, cause = connect_why(error), error
    except TimeoutError as error:
        raise FetchError(host, f"no connection within {connect_s:g} s") from error
    raise FetchError(host, failure) from cause


async def _connected(made: socket.socket, address: SockAddr) -> socket.socket:
    try:
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made
