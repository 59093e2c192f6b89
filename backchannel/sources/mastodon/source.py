"""Mastodon and its relatives: hashtag timelines of several servers, read by asking again.

No server sees a whole hashtag, so several are read, one lane each; a post has the same `uri` everywhere and
is one post. Edits and deletions are found by reading again what is on the wall (`recheck`).
"""

from collections.abc import AsyncGenerator, Sequence
from typing import final

from backchannel.contract import Batch, Check, Context, Recheck, Sample, Source
from backchannel.model import Event, Post
from backchannel.sources.mastodon.api import MastodonServer
from backchannel.sources.mastodon.read import Reader
from backchannel.sources.mastodon.recheck import MastodonRecheck
from backchannel.sources.mastodon.settings import MastodonSettings
from backchannel.text import fold_tag


@final
class MastodonSource(Source, Recheck, Check):
    """Reads Mastodon servers, each a lane."""

    chosen = ()

    def __init__(self, settings: MastodonSettings, context: Context) -> None:
        self.poll_s, self.recheck_s = settings.poll_s, settings.recheck_s
        made = (
            MastodonServer(base, context.fetch, context.clock, settings.token_for(base))
            for base in settings.servers
        )
        self._servers = {server.host: server for server in made}
        self._reader = Reader(
            context,
            settings.hashtags or tuple(map(fold_tag, context.hashtags)),
            self._servers.values(),
            local=settings.local,
            backfill_pages=settings.backfill_pages,
            opt_outs=settings.opt_outs,
            handles=settings.handles,
        )
        self._rechecker = MastodonRecheck(self._servers, self._reader, context.clock)

    def lanes(self) -> Sequence[str]:
        """Return the servers' host names."""
        return tuple(self._servers)

    def batches(self, lane: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Read what is new on this server since `cursor`; without one, what there is of the event.
        SourceError."""
        return self._reader.batches(self._servers[lane], cursor)

    async def check(self, lane: str) -> Sample:
        """Return the newest posts with the hashtags, read with the token where there is one. SourceError."""
        server = self._servers[lane]
        known = await server.learn()
        await server.check_token()
        read = await self._reader.sample(server)
        what = " ".join(filter(None, (known.domain, known.version)))
        return Sample(what, read.posts, items=len(read.posts) + len(read.reasons), skipped=len(read.reasons))

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Posted for what was edited, Left for what is not found any more, Deleted for what its server says
        is gone; a failure takes nothing down. SourceError."""
        return await self._rechecker.recheck(posts)
