"""Odd answers over HTTP and websockets: by hand what has hurt somebody, by chance what has not yet.

Everything is bytes as they go over the wire. A function of its randomness: the same seed, the same answers.
"""

import gzip
import zlib
from base64 import b64encode
from hashlib import sha1
from random import Random
from typing import NamedTuple

LOCATIONS = (
    b"http://a.example:99999/", b"//::", b"//[::1]@", b"", b" ", b"?", b"#", b";", b".", b"..", b"/", b"//",
    b"///",
    b"http:", b"http:/", b"http://", b"http:///", b"http:x", b"https://:443/", b"http://:0/", b"http://@/",
    b"//]'z[",
    b"http://[", b"http://]", b"http://[]/", b"http://[::1", b"http://[v1.x]/", b"http://[fe80::1%25lo]/",
    b"http://[::ffff:a.b]/", b"http://xn--/", b"http://xn--a.example/", b"http://xn--\xff/", b"http://a..b/",
    b"http://.../",
    b"http://-a-.example/", b"http://a_b.example/", b"http://" + b"a" * 64 + b".example/",
    b"http://" + b"a." * 200 + b"b/",
    b"http://" + "ﷺ".encode() * 90 + b"/", "http://\u0660\u200c.example/".encode(), "http://a。b/".encode(),
    b"http://a b/",
    b"http://a.example:/", b"http://a.example:-1/", b"http://a.example:1e3/", b"http://a.example:65536/",
    "http://a.example:١/".encode(), b"http://a.example:80:80/", b"http://user@a.example/",
    b"http://u:p@a.example/",
    b"\xff\xfe", b"/caf\xe9", "/ü b".encode(), b"/%", b"/%zz", b"/%ff%00", b"http://%00/", b"http://%41/",
    b"/\xed\xa0\x80",
    b"javascript:alert(1)", b"file:///etc/hostname", b"data:,x", b"ftp://a.example/", b"mailto:a@b",
    b"ws://a.example/",
    b"http:\\\\a.example\\", b"\\\\a.example", b"/" + b"../" * 900, b"/" + b"x" * 9000,
    b"/?" + b"a=b&" * 1500,
    b"http://169.254.169.254/", b"http://0/", b"http://0x7f.1/", b"http://[::]/", b"\t/x", b"/x\t",
    b"http://a\tb/",
)  # fmt: skip
"""What may stand behind `Location:` and still pass for a header."""

NAMES = (
    b"ETag", b"Last-Modified", b"Content-Type", b"Content-Length", b"Content-Encoding", b"Transfer-Encoding",
    b"Set-Cookie", b"Retry-After", b"X-RateLimit-Remaining", b"X-RateLimit-Reset", b"RateLimit",
    b"RateLimit-Reset",
    b"Cache-Control", b"Age", b"Date", b"Expires", b"Link", b"Location", b"Connection", b"Upgrade",
    b"Keep-Alive",
    b"Trailer", b"Vary", b"Refresh", b"Content-Range", b"Content-Location", b"Alt-Svc", b"WWW-Authenticate",
    b"Sec-WebSocket-Accept", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions", b"X-Odd", b"X-\xff", b"",
    b" ",
    b"X Odd", b"X-\x00", b"x" * 300, b"x" * 20_000, b":",
)  # fmt: skip

VALUES = (
    b"\xff", b'"\xff"', b'W/"\xff"', b"", b" ", b"\x00", b"\x01", b"\x7f", b"\x80\x81", b"\xc3\x28",
    b"\xed\xa0\x80",
    "é".encode(), "\u202e\u200b".encode(), b"a" * 2000, b"a" * 9000, b"a" * 20_000, b"-1", b"0", b"1",
    b"1e999", b"nan",
    b"inf", b"9" * 400, b"9" * 5000, b"0x10", b"+5", b"1_0", b"1.5", "٣".encode(), b"1, 1", b"1, 2", b"5;",
    b"chunked", b"chunked, chunked", b"gzip, chunked", b"identity", b"gzip", b"gzip, gzip", b"br", b"deflate",
    b"x-gzip",
    b"text/html; charset=\xff", b"; charset=;;=", b"text/xml; charset=utf-7", b"text/xml; charset=idna",
    b"a/b; charset=rot13",
    b"application/json; charset=unicode_escape", b"text/xml; charset=undefined",
    b"multipart/mixed; boundary=\xff",
    b"Thu, 01 Jan 99999 00:00:00 GMT", b"Sun, 31 Feb 2026 25:61:61 GMT", b"Mon, 1 Jan 0001 00:00:00 +9999",
    b"0000-00-00T00:00:00Z", b"9999-12-31T23:59:59+23:59", b"0001-01-01T00:00:00+14:00",
    b"max-age=" + b"9" * 30,
    b"a=b; Expires=\xff; Max-Age=nan", b"=;=;=", b'a="\\777\\', b"\xff=\xff", b"a=b; Path=" + b"/" * 4000,
    b'"unclosed',
    b"x\r\n folded", b"x\r\n\tfolded", b"x\rX: y", b"x\nX: y", b"close, keep-alive, upgrade", b"upgrade",
    b"websocket",
    b"permessage-deflate; client_max_window_bits=99", b"permessage-deflate; x=\xff", b"timeout=" + b"9" * 30,
    b"<http://[::1>; rel=next", b"0; url=http://[", b'limit=1, remaining=0, reset="9999999"',
    b"s=1;r=0;t=99999",
)  # fmt: skip

STATUSES = (
    b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1  200 OK", b"HTTP/1.1 200 \xff\xfe", b"HTTP/1.1\t200\tOK",
    b"200 OK", b"",
    b"HTTP/1.1 000 x", b"HTTP/1.1 099 x", b"HTTP/1.1 99 x", b"HTTP/1.1 1000 x", b"HTTP/1.1 -1 x",
    b"HTTP/1.1 2e2 x",
    "HTTP/1.1 ٢٠٠ x".encode(), b"HTTP/1.1", b"HTTP/", b"HTTP/0.9 200 OK", b"HTTP/1.0 200 OK", b"HTTP/2 200",
    b"HTTP/2.0 200 OK",
    b"HTTP/9.9 200 OK", b"HTTP/11.1 200 OK", b"http/1.1 200 ok", b"ICY 200 OK", b"GET / HTTP/1.1", b"\x00",
    b"SSH-2.0-x",
    b"HTTP/1.1 200 " + b"x" * 20_000, b"<html>", b"HTTP/1.1 200 OK\rX", b"\r\nHTTP/1.1 200 OK",
    b"\x16\x03\x01\x02\x00\x01",
    *(b"HTTP/1.1 %d x" % code for code in (
        100, 101, 102, 103, 199, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 305, 306,
        307, 308, 310,
        399, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 416, 418, 421, 422, 425, 426, 429,
        431, 451, 499,
        500, 501, 502, 503, 504, 505, 507, 511, 520, 599, 600, 999,
    )),
)  # fmt: skip

FRAMES = (
    b"\xc1\x01x", b"\xf1\x00", b"\x91\x00", b"\x81\x81abcdx", b"\x83\x00", b"\x8f\x00", b"\x80\x01x",
    b"\x01\x01x\x81\x01x",
    b"\x88\x02\x03\xe7", b"\x88\x02\x03\xed", b"\x88\x02\x00\x00", b"\x88\x01x", b"\x88\x04\x03\xe8\xff\xfe",
    b"\x88\x00",
    b"\x88\x7e\x00\x80" + b"x" * 128, b"\x89\x7e\x00\x80" + b"x" * 128, b"\x09\x01x", b"\x8a\x00",
    b"\x89\x00" * 200,
    b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\x7e\x00\x01x", b"\x81",
    b"\x81\x02\xff\xfe", b"\x82\x02[]", b"\x81\x00", b"\x01\x00\x00\x00" * 50, b"HTTP/1.1 400 x\r\n\r\n",
)  # fmt: skip
"""A websocket's frames that break its rules, or only just keep them."""

MESSAGES = (
    b"", b"[", b"[]", b"{}", b"null", b"1", b'""', b"[" * 60_000, b'["EVENT"]', b'["EVENT","wall"]',
    b'["EVENT",1,2]',
    b'["EVENT","wall",null]', b'["EVENT","wall",{}]', b'["EVENT","wall",{"id":1}]', b'["EOSE"]',
    b'["EOSE",1]', b'["EOSE","x"]',
    b'["NOTICE"]', b'["NOTICE",{}]', b'["NOTICE","\\ud800"]', b'["CLOSED"]', b'["CLOSED","wall"]',
    b'["CLOSED","wall",1]',
    b'["CLOSED","wall","auth-required: \\udfff"]', b'["OK"]', b'["OK","x",1,2]', b'["AUTH"]', b'["AUTH",""]',
    b'["AUTH",{}]',
    b'["COUNT","wall",{"count":-1}]', b'["\\ud83d"]', b'["NOTICE","' + b"x" * 20_000 + b'"]',
    b'["EVENT","wall",1e400]',
    b'["EVENT","wall",{"id":"' + b"0" * 64 + b'","pubkey":"' + b"0" * 64 + b'","created_at":' + b"9" * 40
    + b',"kind":1,"tags":[],"content":"","sig":"' + b"0" * 128 + b'"}]', b"\xff\xfe", b"\xef\xbb\xbf[]",
)  # fmt: skip
"""What a relay may say that is no part of the conversation."""


class Honest(NamedTuple):
    """What the answer would be if nobody had tampered with it. `key`: the client's Sec-WebSocket-Key."""

    body: bytes = b""
    content_type: bytes = b"application/json"
    key: bytes = b""


class Odd(NamedTuple):
    """An odd answer: what is odd about it, and its bytes."""

    kind: str
    data: bytes


def redirect(location: bytes, status: int = 302, more: bytes = b"") -> bytes:
    """An answer that leads elsewhere; `more` are further header lines."""
    head = b"HTTP/1.1 %d Away\r\nConnection: close\r\nContent-Length: 0\r\n" % status
    return head + b"Location: " + location + b"\r\n" + more + b"\r\n"


def with_headers(body: bytes, *lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """An answer with these header lines, and its right length."""
    return b"\r\n".join([status, b"Connection: close", b"Content-Length: %d" % len(body), *lines, b"", body])


def accept(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for this key (RFC 6455)."""
    return b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324 - the RFC's


def upgraded(key: bytes, frames: bytes = b"", *lines: bytes) -> bytes:
    """A right websocket handshake with these header lines, and what comes after it."""
    head = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    return b"\r\n".join([*head, b"Sec-WebSocket-Accept: " + accept(key), *lines, b"", frames])


def text_frame(said: bytes) -> bytes:
    """One unmasked text frame."""
    if len(said) < 126:
        return b"\x81" + bytes([len(said)]) + said
    size = b"\x7e" + len(said).to_bytes(2) if len(said) < 65536 else b"\x7f" + len(said).to_bytes(8)
    return b"\x81" + size + said


def odd_answer(chance: Random, honest: Honest) -> Odd:
    """One odd answer to what would have been answered so."""
    make = chance.choice((_redirect, _redirect, _header, _header, _header, _status, _framing, _several))
    odd = make(chance, honest)
    if chance.random() < 0.15:
        return Odd(f"{odd.kind}, bytes changed", _changed(chance, odd.data))
    return odd


def odd_handshake(chance: Random, honest: Honest) -> Odd:
    """One odd answer of a relay that is asked for a websocket; sometimes only what comes after it is odd."""
    if chance.random() < 0.4:
        return odd_answer(chance, honest)
    lines = [
        chance.choice(NAMES[:32]) + b": " + chance.choice(VALUES) for _ in range(chance.choice((0, 0, 1, 2)))
    ]
    said = [
        chance.choice((chance.choice(FRAMES), text_frame(chance.choice(MESSAGES))))
        for _ in range(chance.randrange(1, 6))
    ]
    data = upgraded(honest.key, b"".join(said), *lines)
    return Odd("frames", _changed(chance, data) if chance.random() < 0.2 else data)


def _redirect(chance: Random, _: Honest) -> Odd:
    status = chance.choice((301, 302, 302, 303, 307, 308, 300, 304, 305, 306))
    twice = b"Location: " + chance.choice(LOCATIONS) + b"\r\n" if chance.random() < 0.3 else b""
    location = chance.choice(LOCATIONS)
    if chance.random() < 0.3:
        location = _changed(chance, location).replace(b"\n", b"")
    return Odd("redirect", redirect(location, status, twice))


def _header(chance: Random, honest: Honest) -> Odd:
    name, value = chance.choice(NAMES), chance.choice(VALUES)
    status = chance.choice(
        (b"200 OK", b"200 OK", b"200 OK", b"304 Not Modified", b"429 Slow", b"503 Away", b"404 No")
    )
    lines = [name + b": " + value] * chance.choice((1, 1, 1, 2, 2, 3))
    if not any(line.lower().startswith(b"content-type:") for line in lines):
        lines.append(b"Content-Type: " + honest.content_type)
    return Odd(f"header {name[:20]!r}", with_headers(honest.body, *lines, status=b"HTTP/1.1 " + status))


def _status(chance: Random, honest: Honest) -> Odd:
    status = chance.choice(STATUSES)
    return Odd(
        "status line", with_headers(honest.body, b"Content-Type: " + honest.content_type, status=status)
    )


def _several(chance: Random, honest: Honest) -> Odd:
    lines = [
        chance.choice(NAMES) + b": " + chance.choice(VALUES) for _ in range(chance.choice((2, 5, 20, 200)))
    ]
    return Odd("many headers", with_headers(honest.body, *lines))


def _framing(chance: Random, honest: Honest) -> Odd:
    body, ok = honest.body, b"HTTP/1.1 200 OK\r\nContent-Type: " + honest.content_type + b"\r\n"
    chunks = ok + b"Transfer-Encoding: chunked\r\n\r\n"
    half = body[: len(body) // 2]
    zipped = gzip.compress(body, mtime=0)
    packed = b"\r\n\r\n".join
    size = b"%x" % len(body)
    return Odd("framing", chance.choice((
        packed([ok + b"Content-Length: %d" % (len(body) + 9), body]),
        packed([ok + b"Content-Length: %d" % len(half), body]),
        packed([ok + b"Content-Length: -1", body]), packed([ok + b"Content-Length: x", body]),
        packed([ok + b"Content-Length: 1\r\nContent-Length: 2", body]),
        packed([ok + b"Content-Length: " + b"9" * 40, body]),
        packed([ok + b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        size + b"\r\n" + body + b"\r\n0\r\n\r\n"]),
        chunks + b"zz\r\n", chunks + b"-1\r\n" + body, chunks + b"f" * 20 + b"\r\n",
        chunks + size + b";\xff=\x00\r\n" + body,
        chunks + size + b"\r\n" + body + b"0\r\n\r\n",
        chunks + size + b"\r\n" + body + b"\r\n0\r\nX: \xff\r\n\r\n",
        chunks + size + b"\r\n" + body, chunks + b"\r\n", chunks + b"0\r\n" + b"T: x\r\n" * 500 + b"\r\n",
        chunks + b"1" * 9000,
        packed([ok + b"Content-Encoding: gzip", body]), packed([ok + b"Content-Encoding: gzip",
        zipped[: len(zipped) // 2]]),
        packed([ok + b"Content-Encoding: gzip", zipped + b"\xff" * 20]),
        packed([ok + b"Content-Encoding: gzip", b""]),
        packed([ok + b"Content-Encoding: deflate", zlib.compress(body)[:-3]]),
        packed([ok + b"Content-Encoding: deflate", b"\x00"]),
        packed([ok + b"Transfer-Encoding: gzip", zipped]), packed([ok + b"Content-Encoding: \xff", body]),
        packed([ok + b"X: y", half]), packed([ok + b"X: y", b""]), ok, ok[:20], b"", ok.replace(b"\r\n",
        b"\n") + b"\n" + body,
        ok.replace(b"\r\n", b"\r") + b"\r" + body, ok + b"\x00\r\n\r\n" + body,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + packed([ok, body]),
        b"HTTP/1.1 103 Early Hints\r\nLink: \xff\r\n\r\n" + packed([ok + b"X: y", body]),
        packed([ok + b"X: y", body]) * 3,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + body,
        b"\xff" * 200, b"\x00" * 5000,
    )))  # fmt: skip


def _changed(chance: Random, data: bytes) -> bytes:
    """A few bytes changed, put in or left out, near the front more often: there the head is."""
    parts = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(min(len(parts), chance.choice((40, 400, 10**6))) + 1)
        parts[at : at + chance.choice((0, 1, 1, 3))] = chance.choice(
            (b"", b"\xff", b"\x00", b"\r\n", b":", b" ", b"[", b"@", b"9", b"%")
        )
    return bytes(parts)
