"""A conversation with one peer over a websocket: opened, carried, found to be silent, and ended.

What is said is the kind's own affair and pure (`Conversation`); here are the socket, the waiting and the
silence. The kind's `batches` is little more than a loop over `Websocket.batches`. Nothing connects again in
here: when the conversation ends, or raises, `gather` calls `batches` again after a pause, with the last
cursor that was stored.

Silence. A connection can be dead without being closed: a router forgets it, a machine sleeps, a server hangs.
So a peer that says nothing for `pulse_s` is pinged, and lost when nothing comes for as long again. Any frame
is a sign of life, and what has come and was not taken yet counts first: a pong stands in line behind all that
the peer has sent before, so on the busiest streams, and when we ourselves are held up, the usual rule of
`websockets` (a pong within 20 s) cuts off peers that are very much alive. Some servers answer every ping and
have stopped sending (Jetstream has been seen to): where a stream is never quiet, `quiet_s` is how long it may
be.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from backchannel.clock import Clock
from backchannel.contract import Batch, Context, SourceError
from backchannel.fetch import FetchError
from backchannel.redaction import redacted_body
from backchannel.wire.fate import PERMANENT

PULSE_S = 20.0


class Conversation(Protocol):
    """Holds a kind's side of what is said with one peer. No I/O.

    `now` is the conference's time, `now_s` monotonic seconds. Whatever raises SourceError ends it.
    """

    def start(self, now_s: float, wake: Callable[[], None]) -> None:
        """Begin: the peer is connected. Whoever learns something elsewhere calls `wake`, and `tick` comes."""

    def frames(self) -> Sequence[str | bytes]:
        """Return what is to be sent now."""
        ...

    def hear(self, frame: bytes, now: float, now_s: float) -> None:
        """Take in one frame, without our secrets."""

    def tick(self, now: float, now_s: float) -> None:
        """Do what time, or somebody else, has made due."""

    def batch(self, now: float, now_s: float) -> Batch | None:
        """Return what there is to tell."""
        ...

    def wake_at(self, now_s: float) -> float:
        """Return the monotonic seconds of the next `tick`, whatever is heard until then."""
        ...


class Websocket:
    """Speaks to the peer at one address. `max_size`: a longer message ends the connection."""

    def __init__(
        self,
        url: str,
        context: Context,
        *,
        max_size: int,
        headers: Mapping[str, str] | None = None,
        pulse_s: float = PULSE_S,
        quiet_s: float = inf,
    ) -> None:
        self._url = url
        self._context = context
        self._max_size = max_size
        self._headers = headers
        self._pulse_s = pulse_s
        self._quiet_s = quiet_s

    async def batches(self, talk: Conversation) -> AsyncGenerator[Batch, None]:
        """Yield what is said over a connection of its own, until the peer ends it in order.

        SourceError where the peer refuses us, is lost or is silent.
        """
        fetch, clock = self._context.fetch, self._context.clock
        try:
            async with fetch.websocket(self._url, headers=self._headers, max_size=self._max_size) as socket:
                line = _Line(self._url, socket, clock, self._pulse_s, self._quiet_s)
                talk.start(clock.monotonic(), line.wake)
                while True:
                    await line.send(talk.frames())
                    if batch := talk.batch(clock.now(), clock.monotonic()):
                        yield batch
                    now_s = clock.monotonic()
                    heard = await line.next(talk.wake_at(now_s) - now_s)
                    if heard is None:
                        talk.tick(clock.now(), clock.monotonic())
                    else:
                        talk.hear(heard, clock.now(), clock.monotonic())
                    await clock.sleep(0)  # one that sends without a pause must not hold up everybody else
        except FetchError as error:
            raise SourceError(str(error), permanent=error.status in PERMANENT | {404}) from error
        except ConnectionClosedOK:
            return
        except ConnectionClosed as error:
            raise SourceError(f"{self._url} is lost: {error}") from error


class _Line:
    """Gives the frames of a socket, one at a time, and keeps the peer's pulse.

    Frames are taken from the socket only when they are asked for. What has come in the meantime is bounded by
    the connection (`fetch.stream.QUEUE`): when that is full nothing more is read, and the peer has to wait,
    so a peer that floods fills its own buffers and not our memory.
    """

    def __init__(
        self, url: str, socket: ClientConnection, clock: Clock, pulse_s: float, quiet_s: float
    ) -> None:
        self._url = url
        self._socket = socket
        self._clock = clock
        self._pulse_s = pulse_s
        self._quiet_s = quiet_s
        self._alive_at = self._heard_at = clock.monotonic()
        self._pinged_at: float | None = None
        self._is_woken = False
        self._waiting: asyncio.Timeout | None = None

    def wake(self) -> None:
        """Let `next` return at once; where a frame lies ready it does so anyway."""
        self._is_woken = True
        if self._waiting and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def send(self, frames: Sequence[str | bytes]) -> None:
        """Send these. SourceError where the peer takes none: it would hold us up for ever."""
        try:
            async with asyncio.timeout(self._pulse_s):
                for frame in frames:
                    await self._socket.send(frame)
        except TimeoutError as error:
            raise SourceError(f"{self._url} has taken nothing for {self._pulse_s:g} s") from error

    async def next(self, wait_s: float) -> bytes | None:
        """Return the next frame; None when the wait is over. ConnectionClosed, SourceError."""
        due_s = min(wait_s, self._due_at() - self._clock.monotonic())
        try:
            async with asyncio.timeout(0.0 if self._is_woken else max(0.0, due_s)) as self._waiting:
                frame = await self._socket.recv(decode=False)
        except TimeoutError:
            self._is_woken = False
            await self._beat()
            return None
        finally:
            self._waiting = None
        self._live()
        self._heard_at = self._alive_at
        return redacted_body(frame)

    def _due_at(self) -> float:
        since = self._alive_at if self._pinged_at is None else self._pinged_at
        return min(since + self._pulse_s, self._heard_at + self._quiet_s)

    async def _beat(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._heard_at >= self._quiet_s:
            raise SourceError(f"{self._url} is silent: nothing was sent for {self._quiet_s:g} s")
        if self._pinged_at is not None and now_s - self._pinged_at >= self._pulse_s:
            raise SourceError(f"{self._url} is silent: no answer to a ping within {self._pulse_s:g} s")
        if self._pinged_at is None and now_s - self._alive_at >= self._pulse_s:
            self._pinged_at = now_s
            with suppress(TimeoutError):  # then nothing is taken any more, and the next beat says so
                async with asyncio.timeout(self._pulse_s):
                    asyncio.ensure_future(await self._socket.ping()).add_done_callback(self._pong)

    def _pong(self, answer: asyncio.Future[float]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._live()

    def _live(self) -> None:
        self._alive_at = self._clock.monotonic()
        self._pinged_at = None
