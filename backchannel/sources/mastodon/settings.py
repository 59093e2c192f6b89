"""The settings of a Mastodon source in config.yaml."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from backchannel.contract import SourceSettings
from backchannel.sources.mastodon.origin import belongs, origin_of
from backchannel.sources.mastodon.post import OptOut
from backchannel.text import fold_tag
from backchannel.wire.addresses import server_address

_ACCEPTED = "a host name such as mastodon.social"


class MastodonSettings(SourceSettings):
    """Servers to read, and how."""

    kind: Literal["mastodon"] = "mastodon"
    servers: tuple[str, ...] = Field(
        min_length=1,
        description="host names of the servers to read; each knows only a part of a hashtag",
    )
    hashtags: tuple[str, ...] = Field(
        (), description="hashtags to read instead of the event's, with or without #"
    )
    token: SecretStr | dict[str, SecretStr] | None = Field(
        None,
        description="access token, for servers that show hashtags only to their users: "
        "one for the one server, or a mapping from server to token",
    )
    handles: dict[str, str] = Field(
        default={},
        description="a mapping from server to the domain in its people's handles, where that is neither its "
        "host nor a domain above it",
    )
    poll_s: float = Field(
        5,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="seconds between two readings of a server, 1 to 3600",
    )
    recheck_s: float = Field(
        30,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="seconds between two looks for edits and deletions of what is on the wall, 1 to 3600",
    )
    local: bool = Field(False, description="read only posts by the servers' own users")
    backfill_pages: int = Field(
        10, ge=1, le=100, description="pages of 40 posts that the first reading goes back, at most, 1 to 100"
    )
    opt_outs: OptOut = Field(
        "no-archive",
        description="posts by authors who opted out of discovery or search: "
        '"no-archive" shows them until the event ends, "hide" leaves them out, "show" ignores it',
    )

    @field_validator("servers")
    @classmethod
    def _bases(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        bases = tuple(map(_base_url, servers))
        for at, base in enumerate(bases):
            if base in bases[:at]:
                raise ValueError(f"{servers[at]!r} is listed twice")
        return bases

    @field_validator("hashtags")
    @classmethod
    def _words(cls, hashtags: tuple[str, ...]) -> tuple[str, ...]:
        for hashtag in hashtags:
            if not fold_tag(hashtag) or len(fold_tag(hashtag).split()) > 1:
                raise ValueError(f"{hashtag!r} is no hashtag; one word, with or without #")
        # As written, not case-folded: servers know "straße" and not "strasse".
        return tuple(dict.fromkeys(hashtag.strip().lstrip("#＃").lower() for hashtag in hashtags))

    @field_validator("handles")
    @classmethod
    def _domains(cls, handles: dict[str, str]) -> dict[str, str]:
        for domain in handles.values():
            if not belongs(domain, domain):
                raise ValueError(f"{domain!r} is no domain; accepted is {_ACCEPTED}")
        return {origin_of(_base_url(server)): domain for server, domain in handles.items()}

    @model_validator(mode="after")
    def _tokens_have_a_server(self) -> Self:
        if isinstance(self.token, SecretStr) and len(self.servers) > 1:
            raise ValueError("token belongs to one server; for several, map each server to its token")
        for server in self.token if isinstance(self.token, dict) else ():
            if _base_url(server) not in self.servers:
                raise ValueError(f"token is for {server!r}, which is not among servers")
        return self

    def addresses(self) -> Sequence[str]:
        """Return the servers."""
        return self.servers

    def token_for(self, base: str) -> str:
        """Return the server's own token. No other server ever sees it."""
        if isinstance(self.token, SecretStr):
            return self.token.get_secret_value()
        own = {_base_url(server): token for server, token in (self.token or {}).items()}
        return own[base].get_secret_value() if base in own else ""


def _base_url(server: str) -> str:
    return server_address(server, _ACCEPTED)
