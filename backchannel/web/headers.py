"""The headers of every answer: the Content Security Policy, and what else protects a page in its browser."""

from aiohttp import web

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "media-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The policy every page is sent with (Content-Security-Policy)."""

WALL_CSP = CSP.replace("trusted-types 'none'", "trusted-types worker-url")
"""The wall's: `worker.js` may register one service worker, by a policy that lets `/sw.js` through."""

_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def json_headers() -> dict[str, str]:
    """Those of `json_answer`."""
    return {"Cache-Control": "no-store", "Content-Type": "application/json"}


def page_headers(policy: str = CSP) -> dict[str, str]:
    """Those of `page_answer`."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Content-Type": "text/html; charset=utf-8",
    }


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """On every answer, also on files and errors, unless it has its own."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "backchannel"
