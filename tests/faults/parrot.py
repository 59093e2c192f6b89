"""Servers that repeat what they must not: a secret in every place of an answer, in every spelling.

`spellings` are ways to write a word; `traces` finds them, and knows nothing of the program's own search.
"""

import html
import json
import re
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from backchannel.clock import Clock, to_utc
from tests.kit.raw_server import reply

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "percent": lambda word: "".join(f"%{ord(c):02X}" for c in word),
    "percent twice": lambda word: "".join(f"%25{ord(c):02x}" for c in word),
    "JSON": lambda word: "".join(f"\\u{ord(c):04x}" for c in word),
    "HTML": lambda word: "".join(f"&#{ord(c)};" for c in word),
    "hex": lambda word: word.encode().hex(),
    "HEX": lambda word: word.encode().hex().upper(),
    "base64": lambda word: b64encode(word.encode()).decode(),
    "basic": lambda word: f"Basic {b64encode(f'me:{word}'.encode()).decode()}",
    "base64url": lambda word: urlsafe_b64encode(f"a{word}b".encode()).decode(),
    "lines": lambda word: encodebytes(f"{'x' * 48}{word}{'y' * 40}".encode()).decode(),
    "bearer": lambda word: f"Bearer {word}",
    "query": lambda word: f"https://other.example/feed?a=b&token={quote(word)}&c=d",
    "folded": lambda word: f"{word[:9]}\r\n {word[9:]}",
    "spaced": lambda word: " ".join(word),
}


def traces(data: bytes, word: str) -> set[str]:
    """Which spellings of the word stand in there."""
    text = data.decode("utf-8", "replace")
    views = {text, unquote(text), html.unescape(text), unquote(unquote(text))}
    views |= {re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)}
    views = {"".join(view.split()).lower() for view in views}
    forms = {"plain": word, "hex": word.encode().hex()}
    for before in range(3):
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            whole = encode(b"\0" * before + word.encode()).decode()
            forms[f"{name} at {before}"] = whole[before and before + 1 : (before + len(word)) * 8 // 6]
    return {name for name, form in forms.items() if any(form.lower() in view for view in views)}


def feed(said: str, number: int = 0) -> bytes:
    """A feed that says it in every field, the entry's words before it apart."""
    at, here = formatdate(Clock().now()), escape(said)
    href = f"https://blog.example/{quote(said, safe='')}"
    return (
        f"<rss version='2.0'><channel><title>{here}</title><link>{href}</link>"
        f"<description>{here}</description><image><url>http://127.0.0.1:1/{quote(said)}.png</url></image>"
        f"<item><guid isPermaLink='false'>{here} {number}</guid><link>{href}</link><title>{here}</title>"
        f"<author>a@b.example ({here})</author><category>conf</category><category>{here}</category>"
        f"<pubDate>{at}</pubDate><comments>{href}</comments>"
        f"<enclosure url='http://127.0.0.1:1/{quote(said)}' type='image/png' length='1'/>"
        f"<description>{escape(f'readable {number} {said} <p>{said}</p> <em>{said[:7]}</em>{said[7:]}')}"
        f"{escape(f'<img src={href} alt={said}>')}</description></item></channel></rss>"
    ).encode()


def _away(location: str, status: str = "302 Found") -> bytes:
    return reply(status=status, headers=f"Location: {location}\r\n")


def _head(headers: str, status: str = "401 Unauthorized", body: bytes = b"no") -> bytes:
    return reply(body, status=status, headers=f"{headers}\r\n")


ANSWERS: Mapping[str, Callable[[str], bytes]] = {
    "error": lambda said: reply(json.dumps({"error": said, "message": said}).encode(), status="401 No"),
    "raw error": lambda said: reply(f'{{"error": "{said}"}}'.encode(), status="403 No"),
    "late error": lambda said: reply(f'{{"error": "{"x" * 148} {said}"}}'.encode(), status="403 No"),
    "text": lambda said: reply(said.encode(), status="500 Broken"),
    "page": lambda said: reply(
        f"<!doctype html><title>{said}</title><link type='application/rss+xml' href='/{said}'>".encode()
    ),
    "something": lambda said: reply(json.dumps({said: [said]}).encode()),
    "reason": lambda said: reply(status=f"401 {said}"),
    "status line": lambda said: f"HTTP/1.1 {said} OK\r\n\r\n".encode(),
    "protocol": lambda said: f"{said}\r\n\r\n".encode(),
    "www-authenticate": lambda said: _head(f"WWW-Authenticate: Bearer realm=\"{said}\""),
    "retry-after": lambda said: _head(f"Retry-After: {said}", "429 Too Many"),
    "content-type": lambda said: _head(f"Content-Type: {said}", "200 OK"),
    "content-encoding": lambda said: _head(f"Content-Encoding: {said}", "200 OK"),
    "transfer-encoding": lambda said: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {said}\r\n\r\nx".encode(),
    "content-length": lambda said: f"HTTP/1.1 200 OK\r\nContent-Length: {said}\r\n\r\nx".encode(),
    "chunk": lambda said: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{said}\r\n".encode(),
    "broken header": lambda said: f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode(),
    "to a path": lambda said: _away(f"/{said}"),
    "to a host": lambda said: _away(f"http://{said}.example/"),
    "to a port": lambda said: _away(f"http://a.example:99999/{said}"),
    "to nowhere": lambda said: _away(f"http://[{said}"),
    "to a user": lambda said: _away(f"http://{said}@a.example/"),
    "for good": lambda said: _away(f"/good?{said}", "301 Moved"),
    "validators": lambda said: _head(f'ETag: "{said}"\r\nLast-Modified: {said}', "200 OK", feed("nothing")),
    "next": lambda said: _head(f'Link: <http://a.example/{said}>; rel="next"', "200 OK", b"[]"),
    "feed": lambda said: reply(feed(said)),
}  # fmt: skip


def answer(path: str, word: str) -> bytes:
    """What stands at `/<answer>/<spelling>`."""
    if path.startswith("/good"):
        return reply(feed("good"), headers=f'ETag: "{word}"\r\n')
    kind, _, spelling = unquote(path.partition("?")[0]).strip("/").partition("/")
    return (
        ANSWERS[kind](SPELLINGS[spelling](word)) if kind in ANSWERS else reply(word.encode(), status="404 No")
    )


def status(base: str, number: int, said: str) -> dict[str, object]:
    """A Mastodon status that says it in every field."""
    at = to_utc(Clock().real()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    account = {
        "id": said, "username": said[:20], "acct": f"{number}x", "display_name": said, "note": said,
        "url": f"{base}/@{number}x?{quote(said)}", "uri": f"{base}/users/{number}x",
        "avatar_static": f"{base}/{said}",
    }  # fmt: skip
    pieces = f"<em>{said[:7]}</em>{said[7:]} <a href='https://a.example/{said}'>x</a>"
    return {
        "id": str(number), "uri": f"{base}/users/{number}x/statuses/{number}",
        "url": f"{base}/@{number}x/{quote(said)}",
        "created_at": at, "edited_at": None, "account": account, "visibility": "public", "spoiler_text": said,
        "content": f"<p>readable {number} {said} {pieces}</p>",
        "tags": [{"name": "conf"}, {"name": said}], "in_reply_to_id": None,
        "media_attachments": [{"id": said, "type": "image", "url": f"{base}/{said}", "description": said}],
        "emojis": [{"shortcode": "a", "url": f"{base}/{said}", "static_url": f"{base}/{said}"}],
        "poll": {"id": said, "options": [{"title": said}]},
        "card": {"url": f"https://a.example/{said}", "title": said},
    }  # fmt: skip


def mastodon(kind: str, word: str, base: Callable[[], str]) -> Callable[[str, Mapping[str, str]], bytes]:
    """A server whose timeline answers in this way, with all spellings or, as `statuses`, with posts."""
    said = " | ".join(spell(word) for spell in SPELLINGS.values())

    def told(path: str, _: Mapping[str, str]) -> bytes:
        if kind == "statuses" and "/timelines/" in path:
            posts = [status(base(), n, spell(word)) for n, spell in enumerate(SPELLINGS.values(), 100)]
            odd = [
                {**posts[0], "id": "300", "created_at": word},
                {"id": "301", "uri": word},
                {"id": word},
                word,
            ]
            return reply(json.dumps([*odd, *posts[::-1]]).encode(), headers=f"X-RateLimit-Reset: {word}\r\n")
        if "/instance" in path:
            return reply(json.dumps({"domain": "home.example", "version": f"4.6.4 {word}"}).encode())
        if kind == "statuses":
            return reply(json.dumps({"error": said}).encode(), status="404 No")
        return ANSWERS[kind](word if kind not in ("error", "text", "something") else said)

    return told


RELAYS = ("notice", "closed", "auth", "ok", "reason", "event", "refusal", "document")


@asynccontextmanager
async def relay(kind: str, word: str, event: Callable[[str], dict[str, object]]) -> AsyncIterator[str]:
    """A relay that repeats the word in this way. `event` signs a text."""
    forms = [spell(word) for spell in SPELLINGS.values()]

    async def converse(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in socket:
                verb, sub = json.loads(frame)[:2]
                says = [json.dumps(["OK", sub["id"], False, f"restricted: {word}"])] if verb == "AUTH" else []
                for said in _relay_says(kind, sub, word, forms, event) if verb == "REQ" else says:
                    await socket.send(said)
                if kind == "reason":
                    await socket.close(1011, word)

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" not in request.headers:
            return connection.respond(200, json.dumps({"name": word, "limitation": {"max_limit": word}}))
        if kind != "refusal":
            return None
        answer = connection.respond(403, " ".join(forms))
        answer.headers["WWW-Authenticate"] = word
        answer.reason_phrase = word
        return answer

    async with serve(converse, "127.0.0.1", 0, process_request=refuse, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def _relay_says(
    kind: str, sub: str, word: str, forms: list[str], event: Callable[[str], dict[str, object]]
) -> list[str]:
    match kind:
        case "notice":
            return [json.dumps(["NOTICE", said]) for said in forms]
        case "closed":
            return [json.dumps(["CLOSED", sub, f"error: {' '.join(forms)[:900]}"])]
        case "auth":
            return [json.dumps(["AUTH", word]), json.dumps(["CLOSED", sub, f"auth-required: {word}"])]
        case "ok":
            return [
                json.dumps(["OK", word, False, word]),
                json.dumps([word, word]),
                word,
                f'["CLOSED", "{word}',
            ]
        case "event":
            signed = [event(f"readable {n} {said} #conf") for n, said in enumerate(forms)]
            odd = [{**signed[0], "id": word}, {**signed[0], "content": word}, {word: word}]
            said = [json.dumps(["EVENT", sub, one]) for one in [*signed, *odd]]
            escaped = json.dumps(["EVENT", sub, event(f"escaped {word} #conf")])
            return [*said, escaped.replace(word, SPELLINGS["JSON"](word)), json.dumps(["EOSE", sub])]
    return []
