"""Copies and quotations of posts whose own server is among ours: it is asked at once what it says itself.

So nobody speaks in the name of people whose server we read, and a copy is not shown only to be replaced. What
it does not show, or is too much to be asked for, is left out: it is read there itself. While it cannot be
asked, what others say counts as it came, and `_mastodon_recheck` asks later.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Raw

from backchannel.model import Post, Quote, quotable_digest, without_quote
from backchannel.sources import SourceError
from backchannel.sources._mastodon_api import MAX_IDS, Server
from backchannel.sources._mastodon_origin import id_in_uri, origin_of

ReadPosts = Callable[[Server, Sequence[Raw | bytes]], Awaitable[Sequence[Post]]]
Origins = Mapping[str, Server]

LOOKUPS = 5
"""Posts of a page that a server without a request for many is asked about."""


async def confirmed(posts: Sequence[Post], origins: Origins, read: ReadPosts) -> tuple[list[Post], list[str]]:
    """The posts as their own servers have them, and why others are left out."""
    said = await _ask_all((post.id for post in posts if not post.is_origin), origins, read)
    kept = [found for copy in posts if (found := said.get(copy.id, copy))]
    return kept, [f"{copy.ref}: {copy.id[:80]} is not there" for copy in posts if not said.get(copy.id, copy)]


async def honest(posts: Sequence[Post], origins: Origins, read: ReadPosts) -> list[Post]:
    """The posts without what they quote, where that is not what the quoted post's own server says."""
    quotes = [(post, post.face.quote if post.is_hearsay else None) for post in posts]
    said = await _ask_all((quote.id for _, quote in quotes if quote), origins, read)
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


async def _ask_all(uris: Iterable[str], origins: Origins, read: ReadPosts) -> dict[str, Post | None]:
    """What those of our servers that can be asked have under their own ids."""
    asked: dict[str, list[str]] = defaultdict(list)
    for uri in dict.fromkeys(uris):
        if origin_of(uri) in origins:
            asked[origin_of(uri)].append(uri)
    said: dict[str, Post | None] = {}
    for origin, own in asked.items():
        said |= {uri: None for uri in own if not id_in_uri(uri)}
        said |= await _ask(origins[origin], [uri for uri in own if id_in_uri(uri)], read)
    return said


async def _ask(server: Server, uris: Sequence[str], read: ReadPosts) -> Mapping[str, Post | None]:
    """Its own copies by uri, None where it shows none; nothing at all while it cannot be asked."""
    found: list[Post] = []
    try:
        for at in range(0, len(uris), MAX_IDS):
            ids = [id_in_uri(uri) for uri in uris[at : at + MAX_IDS]]
            found += await read(server, (await server.statuses(ids)).items)
        for uri in () if server.takes_ids else uris[:LOOKUPS]:
            body = (await server.status(id_in_uri(uri))).body
            found += await read(server, [body] if body else [])
    except SourceError:
        return {}
    said = {post.id: post for post in found}
    return {uri: said.get(uri) for uri in uris}
