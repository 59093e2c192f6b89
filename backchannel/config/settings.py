"""The settings of config.yaml: frozen models, every field with the words that explain it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SerializeAsAny,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from backchannel.contract import SourceSettings
from backchannel.redaction import HIDDEN
from backchannel.text import fold_tag

BEFORE = timedelta(days=14)


class Section(BaseModel):
    """A part of config.yaml: only known keys, nothing changed afterwards, no value repeated in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone") from None
    return name


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


def _host_and_port(text: str) -> str:
    said = text.strip().lower()
    parts = urlsplit(f"//{said}")
    if not parts.hostname or not parts.port or parts.netloc != said or "@" in said:
        raise ValueError("not a host with its port")
    return said


def _web_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("not a web address")
    return url.rstrip("/")


def _hashtag(word: Any) -> Any:
    if not isinstance(word, str):
        return word
    folded = fold_tag(word.strip())
    if not folded or any(letter.isspace() or letter in "#,;" for letter in folded):
        raise ValueError("not a hashtag")
    return folded


def _moment(value: Any, info: ValidationInfo) -> datetime:
    """Return a date or a time of day as an aware datetime; without an offset it is the event's own time."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("not a date, nor a date with a time") from None
    if moment.tzinfo is None and (zone := info.data.get("timezone")):
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment


def _is_date(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


Cidr = Annotated[str, AfterValidator(_network)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Hashtag = Annotated[str, BeforeValidator(_hashtag)]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]


class EventConfig(Section):
    """The conference."""

    name: str = Field(min_length=1, max_length=120, description="the event's name, as people say it")
    hashtags: tuple[Hashtag, ...] = Field(
        min_length=1, max_length=10, description="1 to 10 words, with or without #; case does not matter"
    )
    timezone: Annotated[str, AfterValidator(_zone_name)] = Field(
        description="an IANA name such as Europe/Berlin; times on the pages are of this zone"
    )
    start: Moment = Field(description="a date or a date with a time, such as 2026-11-24 09:00")
    end: Moment = Field(description="a date (that whole day) or a date with a time, later than the start")
    place: str = Field("", max_length=120, description="where it is, as shown on the wall")
    url: WebUrl = Field("", description="the event's own web page, with http:// or https://")
    collect_from: Moment = Field(
        default_factory=lambda data: data["start"] - BEFORE,
        description="a date or a date with a time: older posts stay out; else 14 days before the start",
    )

    @field_validator("end", mode="before")
    @classmethod
    def _a_date_is_its_whole_day(cls, value: Any) -> Any:
        if _is_date(value):
            return datetime.combine(date.fromisoformat(value), time.max).isoformat(timespec="seconds")
        return value

    @field_validator("end")
    @classmethod
    def _ends_after_its_start(cls, end: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start")
        if start and bool(start.tzinfo) == bool(end.tzinfo) and end <= start:
            raise ValueError("not later than the start")
        return end

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the pages tell the time."""
        return ZoneInfo(self.timezone)


class TlsConfig(Section):
    """A certificate of our own; without it a proxy in front has one, or there is no TLS."""

    cert: Path = Field(description="file with the certificate chain in PEM form")
    key: Path = Field(description="file with its private key in PEM form")


class ServerConfig(Section):
    """The one port, and where the data lie."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 for every one")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on, 0 to 65535; 0 takes a free one")
    data: Path = Field(Path("data"), description="folder for the log and the secrets, relative to this file")
    public_url: WebUrl = Field("", description="address at which people reach the pages, with https://")
    tls: TlsConfig | None = Field(None, description="cert and key, to serve https without a proxy")
    trusted_proxies: tuple[Cidr, ...] = Field(
        (), description="addresses or networks of proxies whose X-Forwarded-For is believed"
    )
    venue_addresses: tuple[Cidr, ...] = Field(
        (),
        description="addresses or networks behind which many people sit, such as the venue's: each may hold "
        "more connections than others",
    )
    allow_addresses: tuple[Cidr, ...] = Field(
        (),
        description="private addresses or networks in which servers, relays and feeds that are named under "
        "sources may lie, at exactly the host and port that is named; none as a rule",
    )
    allow_pictures: tuple[HostAndPort, ...] = Field(
        (),
        description="hosts with their port, within allow_addresses, from which any post may bring pictures, "
        "such as 10.20.0.5:9000; the pictures of a source's own servers need no mention",
    )


class LogConfig(Section):
    """Settings of the log's storage."""

    kind: Literal["sqlite"] = Field("sqlite", description='"sqlite": one file in the data folder')


class WallConfig(Section):
    """Settings of what reaches the wall, and when."""

    policy: Literal["open", "first-time"] = Field(
        "open",
        description='"open": everybody at once; "first-time": a moderator approves an author\'s first post',
    )
    delay_s: float = Field(
        20, ge=0, le=3600, allow_inf_nan=False, description="seconds between taking in and showing, 0 to 3600"
    )
    short_url: str = Field(
        "",
        max_length=60,
        description="address shown beside the QR code; else the public one without https://",
    )
    quiet_after_s: float = Field(
        900,
        ge=1,
        le=86400,
        allow_inf_nan=False,
        description="seconds without a new post until the wall takes its quiet layout, 1 to 86400",
    )


class Config(Section):
    """The whole file."""

    event: EventConfig = Field(description="what the conference is, when and where")
    server: ServerConfig = Field(ServerConfig(), description="where the pages are served and the data lie")
    log: LogConfig = Field(LogConfig(), description="what the log is kept in")
    sources: tuple[SerializeAsAny[SourceSettings], ...] = Field(
        (), description="a list of networks to read, each with its kind"
    )
    wall: WallConfig = Field(WallConfig(), description="what reaches the wall, and when")

    _in_addresses: dict[str, str] = PrivateAttr(default_factory=dict)
    """Secrets that are parts of addresses, and how config.yaml spells each."""

    @property
    def public_url(self) -> str:
        """The address at which people reach the pages, without a slash at the end."""
        if self.server.public_url:
            return self.server.public_url
        scheme = "https" if self.server.tls else "http"
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        return f"{scheme}://{host}:{self.server.port}"

    @property
    def join_url(self) -> str:
        """The address in the QR code."""
        return f"https://{self.wall.short_url}" if self.wall.short_url else self.public_url

    @property
    def short_url(self) -> str:
        """The same as somebody would type it."""
        return self.wall.short_url or self.public_url.removeprefix("https://").removeprefix("http://")


def secrets_of(config: Config) -> dict[str, str]:
    """Yield each secret in these settings, and what stands for it in an error, an id and a log line."""
    return {**dict.fromkeys(secret_values(config), HIDDEN), **config._in_addresses}


def secret_values(model: BaseModel) -> Iterator[str]:
    """Yield each secret in these settings, for those who must never print one."""
    for name in type(model).model_fields:
        yield from _secrets(getattr(model, name))


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from secret_values(value)
    elif isinstance(value, dict):
        yield from (secret for item in value.values() for secret in _secrets(item))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (secret for item in value for secret in _secrets(item))
