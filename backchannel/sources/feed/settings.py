"""The settings of a feed source in config.yaml."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backchannel.contract import SourceSettings
from backchannel.redaction import redacted
from backchannel.wire.addresses import full_address


def _feed_url(url: str) -> str:
    full_address(url, "https", "http")
    return url.strip().partition("#")[0]  # as it is written: the ids of its posts begin with it


FeedUrl = Annotated[str, AfterValidator(_feed_url)]
Match = Literal["hashtag", "all"]


class FeedEntry(BaseModel):
    """A feed with settings of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: FeedUrl = Field(description="Address of the feed, http or https.")
    name: str = Field(
        "", max_length=100, description="Shown where an entry names no author, instead of the feed's title."
    )
    match: Match | None = Field(None, description="As `match` of the source, for this feed alone.")


class FeedSettings(SourceSettings):
    """RSS, Atom, RDF and JSON feeds."""

    kind: Literal["feed"] = "feed"
    feeds: tuple[FeedUrl | FeedEntry, ...] = Field(
        min_length=1, description="Feeds to read: addresses, or objects with `url`, `name` and `match`."
    )
    match: Match = Field(
        "hashtag",
        description="`hashtag`: entries with a hashtag of the event as a category or `#tag` in the text; "
        "`all`: every entry, for feeds that are about the event as a whole.",
    )
    poll_s: float = Field(
        60.0, le=86400, description="Seconds between two readings of a feed, at least `floor_s`."
    )
    floor_s: float = Field(
        60.0, gt=0, description="The least `poll_s` may be. Lower it for a server of your own only."
    )
    max_pause_s: float = Field(
        900.0,
        ge=0,
        le=86400,
        description="Seconds a feed may ask to be left alone for (max-age, ttl, updatePeriod), at most.",
    )
    label: str = Field("Blog", min_length=1, max_length=40, description="The network's name on a card.")

    @model_validator(mode="after")
    def _keeps_to_the_floor(self) -> Self:
        if self.poll_s < self.floor_s:
            raise ValueError(f"poll_s: {self.poll_s:g} is less than floor_s, {self.floor_s:g}")
        return self

    @model_validator(mode="after")
    def _names_each_feed_once(self) -> Self:
        urls = [feed.url for feed in self.entries]
        if twice := sorted({url for url in urls if urls.count(url) > 1}):
            raise ValueError(f"feeds: {twice[0]} stands there twice")
        return self

    def addresses(self) -> Sequence[str]:
        """Return the feeds."""
        return tuple(feed.url for feed in self.entries)

    @property
    def entries(self) -> tuple[FeedEntry, ...]:
        """The feeds as objects, each with its `match`."""
        whole = (feed if isinstance(feed, FeedEntry) else FeedEntry(url=feed) for feed in self.feeds)
        return tuple(feed.model_copy(update={"match": feed.match or self.match}) for feed in whole)


def told(feed: FeedEntry) -> str:
    """Return the feed's address, with a secret in it as config.yaml spells it (`${KEY}`): the name of its
    lane, and the beginning of its posts' ids."""
    return redacted(feed.url)
