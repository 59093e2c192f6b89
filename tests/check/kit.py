"""What a check meets: a blog, certificates of every fate, and a config.yaml that names them."""

import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

from aiohttp import web

from backchannel.check import CheckReport, ConfigLines, LaneFinding, try_all
from backchannel.clock import Clock
from backchannel.config import parse_config
from tests.kit.http_server import Answer, FakeHttp
from tests.kit.program import config_text

PAGE = "<!doctype html><title>Welcome to the hotel</title><form>"


def rss(*titles: str, ago_s: float = 3600.0) -> str:
    """A feed with these entries, each so long ago."""
    at = formatdate(Clock().real() - ago_s, usegmt=True)
    items = "".join(
        f"<item><guid isPermaLink='false'>{title}</guid><title>{title}</title><pubDate>{at}</pubDate></item>"
        for title in titles
    )
    return f"<rss version='2.0'><channel><title>Notes</title>{items}</channel></rss>"


def answer(text: str = "", status: int = 200, *, ahead_s: float = 0.0, **headers: str) -> Answer:
    """An answer of a host whose clock is ahead; `_` in a header's name is a hyphen."""
    kind = "text/html" if text == PAGE else "application/xml"

    def answering(_: web.Request) -> web.StreamResponse:
        date = {"Date": formatdate(Clock().real() + ahead_s, usegmt=True)} if ahead_s else {}
        fields = {name.replace("_", "-"): value for name, value in headers.items()} | date
        return web.Response(status=status, text=text, content_type=kind, headers=fields)

    return answering


@asynccontextmanager
async def blogging(told: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A host whose every path answers so. Gives the address of its feed."""
    host = FakeHttp()
    host.answers["/"] = told
    async with host.listen(tls=tls):
        yield host.url("/feed.xml").replace("127.0.0.1", "localhost")


def feed(*addresses: str, **more: str) -> str:
    """An entry of `sources`."""
    listed = ", ".join(f"'{address}'" for address in addresses)
    return f"{{kind: feed, feeds: [{listed}]{''.join(f', {key}: {value}' for key, value in more.items())}}}"


async def check(
    *sources: str,
    text: str = "",
    deadline_s: float = 20.0,
    clock: Clock | None = None,
    env: Mapping[str, str] | None = None,
) -> CheckReport:
    """Everything that `backchannel check` tries, in this process."""
    text = text or config_text(*sources)
    config = parse_config(text, env or {}, read=lambda name: name)
    return await try_all(
        config,
        ConfigLines("config.yaml", text),
        clock=clock or Clock(),
        tell=lambda done: None,
        deadline_s=deadline_s,
        env=env or {},
    )


async def check_one(source: str, **more: object) -> LaneFinding:
    """The finding of the only lane."""
    (lane,) = (await check(source, **more)).lanes  # type: ignore[arg-type]
    return lane


class Certificates:
    """Certificates for the name `localhost`, by an authority that this machine trusts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = folder / "authority.pem"
        self._openssl("req", "-x509", *self._new("authority"), "-days", "2", "-subj", "/CN=authority")

    def tls(self, *, name: str = "localhost", days: int = 1, is_trusted: bool = True) -> ssl.SSLContext:
        """A server's side with one for that name, which has expired where `days` is negative."""
        (self._folder / "names").write_text(f"subjectAltName=DNS:{name}\n", "utf-8")
        subject = ("-subj", f"/CN={name}")
        if is_trusted:
            self._openssl("req", *self._new("host", "request"), *subject)
            signer = ("-CA", self.authority.name, "-CAkey", "authority.key", "-CAcreateserial")
            self._openssl(
                "x509",
                "-req",
                "-in",
                "request.pem",
                *signer,
                "-days",
                str(days),
                "-extfile",
                "names",
                "-out",
                "host.pem",
            )
        else:
            self._openssl("req", "-x509", *self._new("host"), "-days", str(days), *subject)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "host.pem", self._folder / "host.key")
        return context

    def _new(self, key: str, out: str = "") -> tuple[str, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        return (*curve, "-keyout", f"{key}.key", "-out", f"{out or key}.pem")

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)
