"""Makes what config.yaml names: a client for other machines, and a source with its context.

The server and `backchannel check` both begin here, so that a check goes the very way that the server will go:
the same guard, the same exemptions, the same name to call ourselves by.
"""

from collections.abc import Callable, Container, Sequence

from backchannel import kinds
from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.config import Config
from backchannel.contract import Context, Source, SourceSettings
from backchannel.fetch import Fetcher, Heard, Origin
from backchannel.model import Post

USER_AGENT = "Backchannel/0.1 (+{url})"


def name_of(settings: SourceSettings) -> str:
    """Return what the source is called in health, logs and cursors."""
    return settings.name or settings.kind


def make_fetcher(
    config: Config, clock: Clock, own: Container[Origin], *, per_host: int, heard: Heard | None = None
) -> Fetcher:
    """Return a client that may reach into the operator's network where `own` says so."""
    agent = USER_AGENT.format(url=config.event.url or config.public_url)
    allow = config.server.allow_addresses
    return Fetcher(allow=allow, own=own, user_agent=agent, clock=clock, per_host=per_host, heard=heard)


def make_source(
    settings: SourceSettings,
    config: Config,
    fetch: Fetcher,
    clock: Clock,
    watch: Callable[[], Sequence[Post]],
    bugs: Bugs,
) -> Source:
    """Return the source of these settings, which reads with `fetch` what the event asks for."""
    event = config.event
    since = event.collect_from.timestamp()
    context = Context(name_of(settings), fetch, clock, event.hashtags, since, watch, bugs)
    return kinds.load(settings.kind).Source(settings, context)
