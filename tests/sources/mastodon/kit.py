"""A Mastodon server of a few lines: holds statuses, answers like the real one, and fails as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from backchannel.clock import Clock, to_utc
from tests.kit.http_server import FakeHttp

START = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_minutes(minutes: float) -> str:
    return iso(to_utc(Clock().real() + minutes * 60))


class Mastodon(FakeHttp):
    """A server of that API: holds statuses, answers like the real one, and can be told to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.instance: dict[str, Any] = {"domain": "home.example", "version": "4.6.4", "configuration": {}}
        self.takes_ids = True
        self.cap = 40

    def post(self, number: int, text: str = "", *, uri: str = "", **more: Any) -> dict[str, Any]:
        """A status with that id, one minute apart from its neighbours."""
        uri = uri or f"{self.base}/users/ann/statuses/{number}"
        owner = uri.split("/statuses/")[0]
        host = uri.split("/")[2]
        status = {
            "id": str(number),
            "uri": uri,
            "url": uri,
            "created_at": iso(START + timedelta(minutes=number)),
            "edited_at": None,
            "account": {
                "id": "1",
                "username": "ann",
                "acct": "ann" if host == self.host else f"ann@{host}",
                "display_name": "Ann",
                "url": owner,
                "uri": owner,
                "avatar_static": f"{self.base}/avatars/ann.png",
                "note": "",
            },
            "content": f"<p>{text or f'post {number}'}</p>",
            "spoiler_text": "",
            "visibility": "public",
            "tags": [{"name": "pycon"}],
            "media_attachments": [],
            "in_reply_to_id": None,
        }
        status |= more
        self.statuses.append(status)
        return status

    async def respond(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[:3] == ["api", "v2", "instance"]:
            return self.json(self.instance)
        if parts[:4] == ["api", "v1", "timelines", "tag"]:
            return self.json(self.timeline(request, parts[4]))
        if parts[:4] == ["api", "v1", "timelines", "public"]:
            return self.json(self.statuses[:1])
        if parts[:3] == ["api", "v1", "statuses"]:
            return self.lookup(request, parts[3:])
        return self.json({"error": "Record not found"}, 404)

    def timeline(self, request: web.Request, tag: str) -> list[dict[str, Any]]:
        query = request.query
        tags = {tag, *query.getall("any[]", [])}
        found = [s for s in self.statuses if {t["name"].casefold() for t in s["tags"]} & tags]
        if query.get("local") == "true":
            found = [s for s in found if "@" not in s["account"]["acct"]]
        found.sort(key=lambda s: int(s["id"]))
        limit = min(self.cap, int(query.get("limit", 20)))
        if "min_id" in query:
            found = [s for s in found if int(s["id"]) > int(query["min_id"])][:limit]
        else:
            found = [s for s in found if int(s["id"]) < int(query.get("max_id", 10**20))][-limit:]
        return found[::-1]

    def lookup(self, request: web.Request, rest: list[str]) -> web.StreamResponse:
        by_id = {s["id"]: s for s in self.statuses}
        if not rest and self.takes_ids:
            return self.json([by_id[i] for i in request.query.getall("id[]") if i in by_id])
        if rest and rest[0] in by_id:
            return self.json(by_id[rest[0]])
        return self.json({"error": "Record not found"}, 404)

    def json(self, value: Any, status: int = 200) -> web.Response:
        return web.json_response(value, status=status, headers=self.headers)


@asynccontextmanager
async def mastodon() -> AsyncIterator[Mastodon]:
    """One on a free port of this machine."""
    server = Mastodon()
    async with server.listen():
        yield server
