"""`POST /api/v1/rulings`: a person's word on what may be seen, with the token of the data folder."""

import asyncio
import hmac
import re
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Meta, Struct

from backchannel.log import LogUnavailable
from backchannel.web.answers import error_answer, json_answer
from backchannel.web.client_address import is_private
from backchannel.web.services import Services

BODY_S = 10.0
PATH = "/api/v1/rulings"

_BEARER = re.compile(rb"\r\nauthorization:[ \t]*bearer[ \t]+([!-~]{1,200})[ \t]*\r\n", re.I)

_NO_TLS = (
    "A token is not taken over plain HTTP from another machine: everybody on the way could read it. Either "
    "set server.tls, or put a proxy with TLS in front and name it in server.trusted_proxies. On the server "
    "itself, ask 127.0.0.1."
)


class RulingRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a ruling's request. `subject`: a permalink or a key; `on` counts for `blank` alone.

    `id` is chosen where the word is spoken: whoever lost the answer may repeat it, and it is one word.
    """

    verdict: Literal["show", "hide", "block", "erase", "undo", "blank"]
    subject: Annotated[str, Meta(max_length=2048)] = ""
    why: Annotated[str, Meta(max_length=500)] = ""
    by: Annotated[str, Meta(min_length=1, max_length=100)] = "operator"
    on: bool = True
    id: Annotated[str, Meta(max_length=100)] = ""


def is_word(head: bytes, token: str) -> bool:
    """Tell whether this head of a request is that of a person's word, with the right token: it is heard
    however many connections there are."""
    said = _BEARER.search(head) if head.startswith(f"POST {PATH} ".encode()) else None
    return bool(token) and said is not None and hmac.compare_digest(said[1], token.encode())


async def post_ruling(services: Services, request: web.Request) -> web.Response:
    """Take a ruling from whoever may give one; the answer says whether it is saved."""
    if refusal := _refusal(services, request):
        return refusal
    try:
        async with asyncio.timeout(BODY_S):
            word = msgspec.json.decode(await request.read(), type=RulingRequest)
    except TimeoutError:
        return error_answer(request, HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return error_answer(request, HTTPStatus.BAD_REQUEST, f"This is no ruling: {error}.")
    except (ConnectionError, ClientPayloadError, HttpProcessingError, web.RequestPayloadError):
        return error_answer(request, HTTPStatus.BAD_REQUEST, "The body of this request cannot be read.")
    if not word.subject and word.verdict != "blank":
        return error_answer(request, HTTPStatus.BAD_REQUEST, "This is no ruling: `subject` is empty.")
    try:
        outcome = await services.desk.rule(
            word.verdict, word.subject, by=word.by, why=word.why, on=word.on, ruling_id=word.id
        )
    except LookupError as error:
        words = str(error.args[0]) if error.args else f"nothing known as {word.subject}"
        return error_answer(request, HTTPStatus.NOT_FOUND, words)
    except LogUnavailable as error:
        return error_answer(request, HTTPStatus.SERVICE_UNAVAILABLE, f"Not done: {error}")
    return json_answer(outcome)


def _refusal(services: Services, request: web.Request) -> web.Response | None:
    """Why this request is not even read, or None. The token is looked at last."""
    peer = request.remote or ""
    if not is_private(peer, request.headers.items(), services.trusted, has_tls=request.secure):
        return error_answer(request, HTTPStatus.UPGRADE_REQUIRED, _NO_TLS)
    if not services.is_own_page(request):
        return error_answer(request, HTTPStatus.FORBIDDEN, "This page is not ours: its Origin is another.")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        answer = error_answer(
            request, HTTPStatus.UNAUTHORIZED, "Say who you are: Authorization: Bearer <token>."
        )
        answer.headers["WWW-Authenticate"] = 'Bearer realm="backchannel"'
        return answer
    if not services.token or not hmac.compare_digest(token.strip().encode(), services.token.encode()):
        return error_answer(request, HTTPStatus.FORBIDDEN, "This is not the token of this server.")
    if request.content_type != "application/json":
        # a form on a foreign page can send every other type without asking first
        return error_answer(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "It takes application/json only.")
    return None
