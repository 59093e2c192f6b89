"""Answers of a Mastodon server: headers, rate limits, tokens, errors."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec
from aiohttp import web

from backchannel.clock import Clock
from backchannel.simulator.mastodon.limits import Bucket

_PUBLIC = "max-age={}, public, stale-while-revalidate=30, stale-if-error=86400"
_TIMING = (
    "cache_read.active_support;dur=0.10, sql.active_record;dur=4.20, cache_generate.active_support;dur=4.10, "
    "instantiation.active_record;dur=0.40, render.active_model_serializers;dur=9.30, "
    "process_action.action_controller;dur=31.00"
)
_SAFE = {
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Server-Timing": _TIMING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-Runtime": "0.041000",
    "X-XSS-Protection": "0",
}
_REFUSED = {
    401: "The access token is invalid",
    404: "Not Found",
    422: "Validation failed: Text can't be blank",
    429: "Too many requests",
}


class Answers:
    """Makes responses. `tokens` says whom each access token signs in."""

    def __init__(self, clock: Clock, *, limit: int, tokens: Mapping[str, str]) -> None:
        self._clock = clock
        self._tokens = tokens
        self._bucket = Bucket(clock, limit)

    def viewer(self, request: web.Request) -> str:
        """Return who asks: a person's key, or "" without a token that is known."""
        said = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._tokens.get(said, "")

    def refuse(self, request: web.Request, status: int) -> web.Response:
        """Return an error as Mastodon words it."""
        headers = {}
        if status == 401:
            headers["WWW-Authenticate"] = (
                f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{_REFUSED[401]}"'
            )
        return self.json(request, {"error": _REFUSED[status]}, status=status, headers=headers)

    def json(
        self, request: web.Request, body: object, *, status: int = 200, max_age_s: int = 0,
        headers: Mapping[str, str] = {},
    ) -> web.Response:  # fmt: skip
        """JSON with the headers of the real server. Who asks too often, or with a wrong token, hears that."""
        is_allowed, limits = self._bucket.take(request.remote or "")
        if not is_allowed:
            body, status, headers = {"error": _REFUSED[429]}, 429, {}
        elif status == 200 and "Authorization" in request.headers and not self.viewer(request):
            return self.refuse(request, 401)
        is_public = max_age_s and status == 200 and ("Authorization" not in request.headers or max_age_s > 15)
        said = {
            **_SAFE, **limits, **headers,
            "Cache-Control": _PUBLIC.format(max_age_s) if is_public else "private, no-store",
            "Vary": "Accept, Origin" if max_age_s > 15 else "Authorization, Origin",
            "Content-Type": "application/json; charset=utf-8",
        }  # fmt: skip
        if is_public:
            said["Date"] = self._http_date()
        content = msgspec.json.encode(body)
        if status == 200:
            said["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
            if request.headers.get("If-None-Match") == said["ETag"]:
                return web.Response(status=304, headers=said)
        return web.Response(status=status, body=content, headers=said)

    async def streaming_health(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/streaming/health: another program of the real server, and its headers show it."""
        headers = {
            "Access-Control-Allow-Origin": "*", "Cache-Control": "private, no-store",
            "Connection": "keep-alive", "Content-Type": "text/plain", "Keep-Alive": "timeout=5",
            "X-Powered-By": "Express",
            "Date": self._http_date(),
        }  # fmt: skip
        answer = web.StreamResponse(headers=headers)
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(b"OK")
        return answer

    def _http_date(self) -> str:
        return format_datetime(datetime.fromtimestamp(self._clock.real(), UTC), usegmt=True)
