"""Files: the front end as it stands in its folder, and the pictures of what may be seen."""

import asyncio
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from backchannel.web.card_cache import BoardReader
from backchannel.web.sending import Outbox

MAX_KEPT = 16 * 2**20
"""Bytes of pictures in memory."""

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


class Static:
    """The front end. Pages ask again each time; what has not changed is answered with 304.

    It is small, so it is kept in memory: a slow reader costs a connection and no descriptor besides.
    """

    def __init__(self, folder: Path, outbox: Outbox) -> None:
        self._folder, self._outbox = folder.resolve(), outbox
        self._kept: dict[Path, tuple[str, bytes]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`/static/{path}`: a file of a known type inside the folder, else 404."""
        return self.file(request, request.match_info["path"])

    async def worker(self, request: web.Request) -> web.StreamResponse:
        """`/sw.js`, at the root because a service worker sees no page above its own folder."""
        return self.file(request, "sw.js")

    def file(self, request: web.Request, name: str) -> web.StreamResponse:
        """Return a file by its path in the folder."""
        kind, hidden = _TYPES.get(Path(name).suffix), any(part.startswith(".") for part in Path(name).parts)
        try:
            path = (self._folder / name).resolve()
            if kind is None or hidden or not path.is_relative_to(self._folder) or not path.is_file():
                raise web.HTTPNotFound
            tag, body = self._read(path)
        except (OSError, ValueError, RuntimeError):  # a name that no disk knows, a link that leads to itself
            raise web.HTTPNotFound from None
        headers = {"Content-Type": kind, "Cache-Control": "no-cache", "ETag": f'"{tag}"'}
        if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return self._outbox.send(request, body, headers)

    def _read(self, path: Path) -> tuple[str, bytes]:
        stat = path.stat()
        tag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}"
        kept = self._kept.get(path)
        if kept is None or kept[0] != tag:
            kept = self._kept[path] = tag, path.read_bytes()
        return kept


class PictureFiles:
    """Pictures of the data folder, each while a card uses it that may be seen."""

    def __init__(self, seen: BoardReader, folder: Path, outbox: Outbox) -> None:
        self._seen, self._folder, self._outbox = seen, folder, outbox
        self._kept: dict[str, bytes] = {}
        self._size = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`/media/{hash}.webp`. Private: a cache between us and the reader would outlive a takedown."""
        name = request.match_info["hash"]
        if not self.is_seen(name):
            raise web.HTTPNotFound
        try:
            body = self._kept.get(name)
            if body is None:
                body = await asyncio.to_thread((self._folder / f"{name}.webp").read_bytes)
        except OSError:
            raise web.HTTPNotFound from None
        if not self.is_seen(name):  # any more: reading took a moment
            raise web.HTTPNotFound
        self._keep(name, body)
        headers = {
            "Content-Type": "image/webp",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "sandbox",
        }
        return self._outbox.send(request, body, headers, may_go=lambda: self.is_seen(name))

    def is_seen(self, name: str) -> bool:
        """Tell whether a card that uses it is on the board, and not under the veil."""
        return self._seen.board.is_used(name, covered=self._seen.covered)

    def forget_gone(self) -> None:
        """Let go of those that may not be seen any more."""
        for name in [name for name in self._kept if not self.is_seen(name)]:
            self._size -= len(self._kept.pop(name))

    def _keep(self, name: str, body: bytes) -> None:
        """Keep the files asked for last, since a crowd asks for the same."""
        self._size += len(body) - len(self._kept.pop(name, b""))
        self._kept[name] = body
        while self._size > MAX_KEPT:
            self._size -= len(self._kept.pop(next(iter(self._kept))))
