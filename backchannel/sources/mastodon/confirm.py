"""Copies and quotations of posts whose own server is among ours: it is asked at once what it says itself.

So nobody speaks in the name of people whose server we read, and a copy is not shown only to be replaced. What
it does not show, or is too much to be asked for, is left out: it is read there itself. While it cannot be
asked, what others say counts as it came, and `recheck` asks later.

Each question costs the asked server a request of its limit for us, which its own posts need: so what another
server says sets off a few a minute, and no more.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Raw

from backchannel.clock import Clock
from backchannel.contract import SourceError
from backchannel.model import Post, Quote, quotable_digest, without_quote
from backchannel.sources.mastodon.api import MAX_IDS, MastodonServer
from backchannel.sources.mastodon.origin import id_in_uri, origin_of

ReadPosts = Callable[[MastodonServer, Sequence[Raw | bytes]], Awaitable[Sequence[Post]]]
Origins = Mapping[str, MastodonServer]

LOOKUPS = 5
"""Posts of a page that a server without a request for many is asked about."""

A_MINUTE = 6
MINUTE_S = 60.0
MayAsk = Callable[[str], bool]


class Questions:
    """Counts how often one server has set off a question to another. `may_ask(from)(to)` counts one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[tuple[str, str], list[float]] = {}

    def may_ask(self, by: str) -> MayAsk:
        """Tell whether what the server `by` says may cost the server of an origin one more request."""

        def may_ask(origin: str) -> bool:
            now = self._clock.now()
            lately = [at for at in self._asked.get((by, origin), ()) if at > now - MINUTE_S]
            has_room = len(lately) < A_MINUTE
            self._asked[by, origin] = [*lately, now] if has_room else lately
            return has_room

        return may_ask


async def confirmed(
    posts: Sequence[Post], origins: Origins, read: ReadPosts, may_ask: MayAsk
) -> tuple[list[Post], list[str]]:
    """Return the posts as their own servers have them, and why others are left out."""
    said = await _ask_all((post.id for post in posts if not post.is_origin), origins, read, may_ask)
    kept = [found for copy in posts if (found := said.get(copy.id, copy))]
    return kept, [f"{copy.ref}: {copy.id[:80]} is not there" for copy in posts if not said.get(copy.id, copy)]


async def honest(posts: Sequence[Post], origins: Origins, read: ReadPosts, may_ask: MayAsk) -> list[Post]:
    """Return the posts without what they quote, where that is not what the quoted post's own server says."""
    quotes = [(post, post.face.quote if post.is_hearsay else None) for post in posts]
    said = await _ask_all((quote.id for _, quote in quotes if quote), origins, read, may_ask)
    kept: list[Post] = []
    for post, quote in quotes:
        if quote and quote.id in said:
            kept.append(post if _says(said[quote.id], quote) else without_quote(post))
        else:
            kept.append(post)
    return kept


def _says(own: Post | None, quote: Quote) -> bool:
    if own is None or own.face.author.id != quote.author.id:
        return False
    return quotable_digest(own.face) == quotable_digest(quote)


async def _ask_all(
    uris: Iterable[str], origins: Origins, read: ReadPosts, may_ask: MayAsk
) -> dict[str, Post | None]:
    """Ask those of our servers that can be asked what they have under their own ids."""
    asked: dict[str, list[str]] = defaultdict(list)
    for uri in dict.fromkeys(uris):
        if origin_of(uri) in origins:
            asked[origin_of(uri)].append(uri)
    said: dict[str, Post | None] = {}
    for origin, own in asked.items():
        said |= {uri: None for uri in own if not id_in_uri(uri)}
        said |= await _ask(origins[origin], [uri for uri in own if id_in_uri(uri)], read, may_ask)
    return said


async def _ask(
    server: MastodonServer, uris: Sequence[str], read: ReadPosts, may_ask: MayAsk
) -> Mapping[str, Post | None]:
    """Return its own copies by uri, None where it shows none; nothing at all while it cannot be asked."""
    found: list[Post] = []
    try:
        for at in range(0, len(uris), MAX_IDS):
            if not may_ask(server.origin):
                break
            ids = [id_in_uri(uri) for uri in uris[at : at + MAX_IDS]]
            found += await read(server, (await server.statuses(ids)).items)
        for uri in () if server.takes_ids else uris[:LOOKUPS]:
            if not may_ask(server.origin):
                break
            body = (await server.status(id_in_uri(uri))).body
            found += await read(server, [body] if body else [])
    except SourceError:
        return {}
    said = {post.id: post for post in found}
    return {uri: said.get(uri) for uri in uris}
