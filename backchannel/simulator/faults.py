"""Switches for trouble: a network that is down, slow, strict or behind a broken proxy."""

import asyncio
from typing import Literal

from aiohttp import web
from msgspec import Struct

from backchannel.simulator.people import Kind

Mode = Literal["status", "silence", "refuse"]
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body></html>\r\n"
_NAMES = {429: "429 Too Many Requests", 502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}


class Fault(Struct):
    """An answer given instead of the right one. `refuse` cuts the connection, `silence` takes a request and
    says nothing."""

    mode: Mode = "status"
    status: int = 503
    retry_after_s: float | None = None


class Faults:
    """The faults in force, by network and place; place "" is the whole network."""

    def __init__(self) -> None:
        self._faults: dict[tuple[Kind, str], Fault] = {}
        self._lifted = asyncio.Event()

    def set(self, kind: Kind, place: str, fault: Fault | None) -> None:
        """Put a fault in force, or lift it with None."""
        if fault is None:
            self._faults.pop((kind, place), None)
        else:
            self._faults[kind, place] = fault
        self._lifted.set()
        self._lifted = asyncio.Event()

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()
        self._lifted.set()

    def find(self, kind: Kind, place: str) -> Fault | None:
        """Return the fault that holds there."""
        return self._faults.get((kind, place)) or self._faults.get((kind, ""))

    async def answer(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        """Be in trouble."""
        if fault.mode == "silence":
            await self._lifted.wait()
        if fault.mode != "status":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
        name = _NAMES.get(fault.status, f"{fault.status} Error")
        return web.Response(
            status=fault.status, text=_PAGE.format(name), content_type="text/html", headers=headers
        )
