"""A Mastodon-compatible server: requests, limits, and what each failure of it means."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn
from urllib.parse import quote, unquote, urlsplit

from msgspec import Raw, Struct

from backchannel.clock import Clock
from backchannel.contract import SourceError
from backchannel.fetch import Fetcher, FetchError, Response
from backchannel.model import DecodeError
from backchannel.sources.mastodon.origin import origin_of
from backchannel.sources.mastodon.wire import Instance, Items, parse_instance, parse_list
from backchannel.wire.fate import PERMANENT, asked_pause_s, failure_of, is_web_page

PAGE = 40
"""The most statuses a page may have."""

MAX_IDS = 20
"""The most ids that one look-up may name."""

SHORT_PAUSE_S = 10.0
"""A reading is not given up for a pause of so many seconds."""

_MAX_BYTES = 8 << 20
_CLOSED = frozenset({401, 403, 410, 422, 400, 405})
_GONE = frozenset({404, 410})
_PUBLIC = "/api/v1/timelines/public"
_TOKEN = "/api/v1/apps/verify_credentials"  # noqa: S105 - the address, not the token
_WORDS = {
    400: "does not understand the request",
    404: "has no Mastodon API at this address; check `servers`",
    405: "does not know the request; check `servers`",
    410: "is gone for good; take it out of `servers`",
    422: "refuses the request; a `token` of one of its users may help",
}

Params = Sequence[tuple[str, str]]


class StatusPage(Struct, frozen=True):
    """Statuses as they came, newest first. `pause_s`: the server's limit is used up for so long.

    `surplus`: how many more it sent than anybody asked for; they are not read.
    """

    items: Sequence[Raw]
    pause_s: float = 0.0
    surplus: int = 0


class StatusAnswer(NamedTuple):
    """Holds one status, or none. `is_deleted`: the server says that it was there and is no more."""

    body: bytes = b""
    is_deleted: bool = False


class MastodonServer:
    """`host` is its name with its port: the lane, and the first half of a post's `ref`; `origin` is whose ids
    it may speak for.

    `instance` is None until the server has told, and an empty one when it does not tell. `takes_ids`: it
    has, as far as we know, a request for several statuses. While the server wants a pause nothing is asked,
    by whomever: a short one is sat out, for a longer one every method raises SourceError with the seconds
    that are left.
    """

    def __init__(self, base: str, fetch: Fetcher, clock: Clock, token: str = "") -> None:
        self.base = base
        self.host = urlsplit(base).netloc.casefold()
        self.origin = origin_of(base)
        self.instance: Instance | None = None
        self._fetch = fetch
        self._clock = clock
        self._token = token
        self.takes_ids = True
        self._turn = asyncio.Lock()
        self._rests_until = 0.0  # monotonic seconds

    async def learn(self) -> Instance:
        """Return what the server says of itself. SourceError when it cannot be reached."""
        if self.instance is None:
            self.instance = await self._ask_instance() or Instance()
        return self.instance

    async def check_token(self) -> None:
        """Raise SourceError where the server does not accept our token.

        Timelines do not tell: many servers answer an unknown token as if there was none.
        """
        if self._token:
            answer = await self._get(_TOKEN)
            if answer.status in (401, 403):
                self._fail(answer, _TOKEN)

    async def tagged(self, tags: Sequence[str], params: Params = (), *, local: bool = False) -> StatusPage:
        """Return a page of the timeline of any of these hashtags. SourceError."""
        more = [("any[]", tag) for tag in tags[1:]]
        scope = await self._scope(local=local)
        path = f"/api/v1/timelines/tag/{quote(tags[0], safe='')}"
        answer = await self._get(path, [*params, *scope, *more, ("limit", str(PAGE))])
        if answer.status == 404 and self.instance and self.instance.version:
            return StatusPage((), self._wait_s(answer))  # GoToSocial: nobody has used this hashtag here yet
        items, surplus = self._items(answer, path)
        return StatusPage(items, self._wait_s(answer), surplus)

    async def statuses(self, ids: Sequence[str]) -> StatusPage:
        """Those of these statuses (at most `MAX_IDS`) that the server shows in one answer. SourceError.

        Before 4.3, and on its relatives, there is no such request: then the answer is empty.
        """
        if not self.takes_ids:
            return StatusPage(())
        answer = await self._get("/api/v1/statuses", [("id[]", item) for item in ids])
        try:
            if answer.status == 200:
                return StatusPage(parse_list(answer.body).items, self._wait_s(answer))
        except DecodeError:
            pass
        if answer.status != 200 and answer.status not in {*_CLOSED, *_GONE}:
            self._fail(answer, "/api/v1/statuses")
        self.takes_ids = False
        return StatusPage((), self._wait_s(answer))

    async def status(self, item: str) -> StatusAnswer:
        """Return one status; nothing when the server says that there is none. SourceError for all else.

        A page of HTML with 404 is a proxy's word, not the server's.
        """
        path = f"/api/v1/statuses/{quote(item, safe='')}"
        answer = await self._get(path)
        if answer.status in _GONE:
            if answer.body.lstrip()[:1] in (b"{", b"["):
                return StatusAnswer(is_deleted=answer.status == 410)
            raise SourceError(f"{self.host} answered {answer.status} without saying why")
        if answer.status != 200 or not answer.body.lstrip().startswith(b"{"):
            self._fail(answer, path)
        return StatusAnswer(answer.body)

    async def shows_posts(self, tags: Sequence[str]) -> bool:
        """Tell whether any post can be read there now: a server in ruins, or its proxy, says 404 to
        everything."""
        try:
            if (await self.tagged(tags)).items:
                return True
            answer = await self._get(_PUBLIC, [("limit", "1")])
            return answer.status == 200 and bool(parse_list(answer.body).items)
        except (SourceError, DecodeError):
            return False

    async def _ask_instance(self) -> Instance | None:
        for path in ("/api/v2/instance", "/api/v1/instance"):
            answer = await self._get(path)
            if answer.status == 200:
                try:
                    return parse_instance(answer.body)
                except DecodeError:
                    continue
            elif answer.status not in {*_CLOSED, *_GONE}:
                self._fail(answer, path)
        return None

    async def _scope(self, *, local: bool) -> Params:
        """Selects the part of the timeline that is open to us; SourceError (permanent) when none is."""
        known = await self.learn()
        closed = {
            name: access
            for name, access in (("local", known.local), ("remote", known.remote))
            if access == "disabled" or (access and access != "public" and not self._token)
        }
        if len(closed) == 2 or (local and "local" in closed):
            if "authenticated" in closed.values():
                why = f"shows hashtags only to its own users; set `token` for {self.host}"
            else:
                why = "has switched hashtag timelines off; take it out of `servers`"
            raise SourceError(f"{self.host} {why}", permanent=True)
        if local or "remote" in closed:
            return [("local", "true")]
        return [("remote", "true")] if "local" in closed else []

    async def _get(self, path: str, params: Params = ()) -> Response:
        async with self._turn:
            await self._rest()
            answer = await self._ask(path, params)
            self._rests_until = self._clock.monotonic() + self._wait_s(answer)
            return answer

    async def _rest(self) -> None:
        left_s = self._rests_until - self._clock.monotonic()
        if left_s > SHORT_PAUSE_S:
            raise SourceError(f"{self.host} has no requests left for us", retry_after_s=left_s)
        await self._clock.sleep(max(0.0, left_s))

    async def _ask(self, path: str, params: Params) -> Response:
        headers: Mapping[str, str] = {"Accept": "application/json"}
        if self._token:
            headers = {**headers, "Authorization": f"Bearer {self._token}"}
        try:
            return await self._fetch.get(
                self.base + path, headers=headers, params=params, max_bytes=_MAX_BYTES
            )
        except FetchError as error:
            raise SourceError(str(error)) from error

    def _items(self, answer: Response, path: str) -> Items:
        if answer.status != 200:
            self._fail(answer, path)
        try:
            return parse_list(answer.body)
        except DecodeError:
            self._fail(answer, path)

    def _wait_s(self, answer: Response) -> float:
        """Return the pause that its limits ask for, or that it asks for where it did not answer."""
        return asked_pause_s(answer, self._clock.real())

    def _fail(self, answer: Response, path: str) -> NoReturn:
        """Raise the right SourceError for an answer that is not what was asked for."""
        if answer.status == 200:
            why, permanent = self._no_list(answer, path)
            raise SourceError(f"{self.host} {why}", permanent=permanent, retry_after_s=self._wait_s(answer))
        by = "keeps robots out" if is_web_page(answer) else "refuses us"
        words = {
            **_WORDS,
            401: "does not accept this `token`" if self._token else "asks for a `token`",
            403: f"{by}; set `token` for it, or ask its administrator",
        }
        permanent_here = PERMANENT | words.keys()
        raise failure_of(answer, self.host, self._clock.real(), words=words, permanent=permanent_here)

    def _no_list(self, answer: Response, path: str) -> tuple[str, bool]:
        """Say what a 200 is that is no list, and whether for good; behind a redirect it is a login page."""
        arrived = unquote(urlsplit(answer.url).path)
        if arrived.rstrip("/") != unquote(path).rstrip("/"):
            return f"leads to {arrived[:80]} instead of answering: set `token` for it", True
        what = "a web page" if is_web_page(answer) else "something else"
        return f"answered {path} with {what}, not with a list", False
