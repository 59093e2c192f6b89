"""Files: the front end as it stands in its folder, and the pictures of what may be seen."""

from pathlib import Path

from aiohttp import web

from backchannel.web.views import Seen

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
    """The front end. Pages ask again each time; what has not changed is answered with 304."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`/static/{path}`: a file of a known type inside the folder, else 404."""
        return self.file(request.match_info["path"])

    async def worker(self, _: web.Request) -> web.StreamResponse:
        """`/sw.js`, at the root because a service worker sees no page above its own folder."""
        return self.file("sw.js")

    def file(self, name: str) -> web.StreamResponse:
        """One file by its path in the folder."""
        kind, hidden = _TYPES.get(Path(name).suffix), any(part.startswith(".") for part in Path(name).parts)
        try:
            path = (self._folder / name).resolve()
            if kind is None or hidden or not path.is_relative_to(self._folder) or not path.is_file():
                raise web.HTTPNotFound
        except (OSError, ValueError, RuntimeError):  # a name that no disk knows, a link that leads to itself
            raise web.HTTPNotFound from None
        return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": "no-cache"})


class Pictures:
    """Pictures of the data folder, each while a card uses it that may be seen."""

    def __init__(self, seen: Seen, folder: Path) -> None:
        self._seen, self._folder = seen, folder

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`/media/{hash}.webp`. Private: a cache between us and the reader would outlive a takedown."""
        name = request.match_info["hash"]
        path = self._folder / f"{name}.webp"
        if not self.is_seen(name) or not path.is_file():
            raise web.HTTPNotFound
        headers = {
            "Content-Type": "image/webp",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "sandbox",
        }
        return web.FileResponse(path, headers=headers)

    def is_seen(self, name: str) -> bool:
        """Whether a card that uses it is on the board, and not under the veil."""
        return self._seen.board.is_used(name, covered=self._seen.covered)
