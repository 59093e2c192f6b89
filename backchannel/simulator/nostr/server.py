"""A Nostr relay: subscriptions over a websocket, live delivery, publishing, and its NIP-11 document."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from backchannel.simulator.nostr.events import ARTICLE, DELETION, PROFILE, Event, is_genuine
from backchannel.simulator.nostr.filters import Filter, parse_filter

_MAX_SUBSCRIPTIONS = 20
_MAX_FRAME = 1 << 17
_SHARE = 217
"""Of 256: how much of everything reaches the second relay."""


class Store:
    """The events that a relay keeps: the newest version of what can be replaced, nothing deleted or
    expired."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        self._deleted: set[str] = set()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._events

    def add(self, event: Event) -> str:
        """Keep an event; returns why not, or ""."""
        if event.id in self._events:
            return "duplicate: exists"
        if event.id in self._deleted:
            return "blocked: deleted"
        if event.kind in (PROFILE, ARTICLE):
            older = [other for other in self._events.values() if _place(other) == _place(event)]
            if any(other.created_at > event.created_at for other in older):
                return "duplicate: have a newer one"
            for other in older:
                del self._events[other.id]
        elif event.kind == DELETION:
            self._delete(event)
        self._events[event.id] = event
        return ""

    def find(self, wanted: Filter, now: float) -> list[Event]:
        """Newest first, at most as many as the filter allows."""
        found = [event for event in self._events.values() if wanted.wants(event) and not _is_over(event, now)]
        found.sort(key=lambda event: (-event.created_at, event.id))
        return found[: max(0, wanted.limit)]

    def _delete(self, event: Event) -> None:
        for name in (tag[1] for tag in event.tags if len(tag) > 1 and tag[0] == "e"):
            known = self._events.get(name)
            if known is None or known.pubkey == event.pubkey:
                self._events.pop(name, None)
                self._deleted.add(name)


class Relay:
    """A relay. `number` 1 does not get everything that `number` 0 has."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self._store = Store()
        self._clients: set[_Client] = set()
        self._now = 0.0

    def take(self, event: Event) -> str:
        """Take an event that reaches the relay: keep it, and tell whoever asked for such. Returns why not, or
        ""."""
        refused = self._store.add(event)
        if not refused:
            for client in self._clients:
                client.tell(event)
        return refused

    def offers(self, event: Event) -> bool:
        """Tell whether an event of the conference is published here at all."""
        drawn = hashlib.sha256(bytes.fromhex(event.id)).digest()[0]
        return self.number == 0 or event.kind in (PROFILE, DELETION) or drawn < _SHARE

    def find(self, filters: Sequence[Filter], now: float) -> list[Event]:
        """Return the stored events that match any of the filters, each once, newest first."""
        found = {event.id: event for wanted in filters for event in self._store.find(wanted, now)}
        return sorted(found.values(), key=lambda event: (-event.created_at, event.id))

    def drop_all(self) -> None:
        """Cut every connection, as a dying server does."""
        for client in list(self._clients):
            client.cut()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return a websocket, the NIP-11 document, or a word to a lost browser."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._talk(request)
        if "application/nostr+json" in request.headers.get("Accept", ""):
            headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/nostr+json"}
            return web.Response(body=msgspec.json.encode(self._document()), headers=headers)
        return web.Response(text="Please use a Nostr client to connect.")

    def _document(self) -> dict[str, object]:
        return {
            "name": self.name, "description": "The relay of an invented conference", "pubkey": None,
            "contact": None, "supported_nips": [1, 9, 11, 33, 40],
            "software": "https://backchannel.example/simulator", "version": "1.0",
        }  # fmt: skip

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_MAX_FRAME, heartbeat=30)
        await socket.prepare(request)
        client = _Client(self, socket, request)
        self._clients.add(client)
        writer = asyncio.create_task(client.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    client.hear(message.data, self._now)
        finally:
            self._clients.discard(client)
            writer.cancel()
        return socket

    def tick(self, now: float) -> None:
        """Tell the relay what time it is."""
        self._now = max(self._now, now)


class _Client:
    """A connection: its subscriptions, and the frames that wait to be sent, in order."""

    def __init__(self, relay: Relay, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._relay = relay
        self._socket = socket
        self._request = request
        self._subscriptions: dict[str, list[Filter]] = {}
        self._frames: asyncio.Queue[list[object]] = asyncio.Queue()

    async def write(self) -> None:
        """Send what waits, for as long as the connection lives."""
        while not self._socket.closed:
            frame = await self._frames.get()
            try:
                await self._socket.send_str(msgspec.json.encode(frame).decode())
            except ConnectionError:
                return

    def tell(self, event: Event) -> None:
        """Deliver a live event to every subscription that wants it."""
        for name, filters in self._subscriptions.items():
            if any(wanted.wants(event) for wanted in filters):
                self._send("EVENT", name, event)

    def hear(self, text: str, now: float) -> None:
        """Take a frame from the client."""
        try:
            frame = msgspec.json.decode(text, type=list[Any])
            verb = frame[0]
        except (msgspec.DecodeError, IndexError):
            self._send("NOTICE", "invalid: not a JSON array")
            return
        if verb == "REQ" and len(frame) > 1 and isinstance(frame[1], str):
            self._subscribe(frame[1], frame[2:], now)
        elif verb == "CLOSE" and len(frame) > 1:
            self._subscriptions.pop(str(frame[1]), None)
        elif verb == "EVENT" and len(frame) > 1:
            self._publish(frame[1])
        else:
            self._send("NOTICE", f"invalid: unknown message {str(verb)[:20]!r}")

    def cut(self) -> None:
        """End the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def _subscribe(self, name: str, said: list[Any], now: float) -> None:
        try:
            filters = [parse_filter(wanted) for wanted in said]
        except ValueError as error:
            self._send("CLOSED", name, f"invalid: {error}")
            return
        if name not in self._subscriptions and len(self._subscriptions) >= _MAX_SUBSCRIPTIONS:
            self._send("CLOSED", name, "error: too many concurrent REQs")
            return
        for event in self._relay.find(filters, now):
            self._send("EVENT", name, event)
        self._send("EOSE", name)
        self._subscriptions[name] = filters

    def _publish(self, said: Any) -> None:
        try:
            event = msgspec.convert(said, Event)
        except msgspec.ValidationError as error:
            self._send("OK", "", False, f"invalid: {error}")
            return
        if not is_genuine(event):
            self._send("OK", "", False, "invalid: Bad signature")
            return
        refused = self._relay.take(event)
        self._send("OK", event.id, not refused, refused)

    def _send(self, *frame: object) -> None:
        self._frames.put_nowait(list(frame))


def _place(event: Event) -> tuple[int, str, str] | None:
    """Return the place in which a newer event replaces this one; None where nothing is replaced."""
    if event.kind == PROFILE:
        return (PROFILE, event.pubkey, "")
    if event.kind == ARTICLE:
        return (ARTICLE, event.pubkey, next((tag[1] for tag in event.tags if tag[0] == "d"), ""))
    return None


def _is_over(event: Event, now: float) -> bool:
    """NIP-40: whether the time that an event gave itself has passed."""
    ends = next((tag[1] for tag in event.tags if len(tag) > 1 and tag[0] == "expiration"), "")
    return ends.isdigit() and int(ends) <= now
