"""Answers in JSON and as pages, and errors in words that somebody can read."""

from http import HTTPStatus

import msgspec
from aiohttp import web

from backchannel.bugs import Bugs
from backchannel.log import LogUnavailable
from backchannel.web.answer_queue import Crowded
from backchannel.web.headers import CSP
from backchannel.web.pages import Pages
from backchannel.web.services import Handler

MAX_BODY = 16 * 1024
PAGES = web.AppKey("pages", Pages)
"""Where an answer finds the pages."""
BUGS = web.AppKey("bugs", Bugs)
"""Where a mistake of ours is counted."""
CROWDED, RETRY_AFTER_S = "Too much is asked at once. Come back in a moment.", "5"
MAX_TARGET = 2048
"""Characters of an address. Ours are short; a file system knows names of 255 bytes."""

_WORDS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that kind of request.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"The body of a request is {MAX_BODY // 1024} KiB at most.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side. It is in the server's log.",
}


class BadParameter(Exception):
    """A request's parameter that makes no sense: which, what it said, and what is accepted."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        super().__init__(f"{name}: {value[:80]!r} is not accepted; it takes {accepted}")
        self.name, self.value, self.accepted = name, value, accepted


def json_answer(data: object, status: int = HTTPStatus.OK) -> web.Response:
    """JSON that nobody keeps: what it shows may be taken down the next moment."""
    body = msgspec.json.encode(data)
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def page_answer(text: str, status: int = HTTPStatus.OK, *, policy: str = CSP) -> web.Response:
    """Return a page that nobody keeps, for the same reason."""
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def error_answer(request: web.Request, status: HTTPStatus, words: str, **more: str) -> web.Response:
    """Return an error for whoever asked: JSON from the API, else a page of a few words."""
    if request.path.startswith(("/api/", "/healthz")):
        return json_answer({"message": words, "saved": False, **more}, status)
    return page_answer(request.app[PAGES].error(status.phrase, words), status)


@web.middleware
async def readable_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into words; ours go to the log, with their trace, and never to the page."""
    try:
        if refusal := _oddity(request):
            return error_answer(request, HTTPStatus.BAD_REQUEST, refusal)
        return await handler(request)
    except BadParameter as error:
        more = {"parameter": error.name, "value": error.value, "accepted": error.accepted}
        return error_answer(request, HTTPStatus.BAD_REQUEST, str(error), **more)
    except Crowded:
        answer = error_answer(request, HTTPStatus.SERVICE_UNAVAILABLE, CROWDED)
        answer.headers["Retry-After"] = RETRY_AFTER_S
        return answer
    except LogUnavailable as error:
        return error_answer(request, HTTPStatus.SERVICE_UNAVAILABLE, f"The log cannot be read now: {error}")
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        status = HTTPStatus(error.status)
        answer = error_answer(request, status, _WORDS.get(status, error.reason))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception as error:  # noqa: BLE001 -- the last line between a mistake of ours and whoever asked
        request.app[BUGS].caught(f"{request.method} {request.path[:200]}", error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return error_answer(request, status, _WORDS[status])


def _oddity(request: web.Request) -> str:
    """Why a request makes no sense to anybody behind this point, or nothing."""
    if len(request.raw_path) > MAX_TARGET:
        return f"An address has {MAX_TARGET:,} characters here at most."
    try:
        request.path_qs.encode()
        for pair in request.headers.items():
            "".join(pair).encode()
    except UnicodeEncodeError:
        return "An address and the head of a request are UTF-8."
    return ""
