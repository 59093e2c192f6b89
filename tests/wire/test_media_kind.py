"""What types and addresses promise."""

import pytest

from backchannel.wire.media_kind import kind_of_address, kind_of_type


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("image/jpeg", "image"), ("IMAGE/PNG; charset=binary", "image"), (" video/mp4 ", "video"),
        ("audio", "audio"), ("image", "image"), ("image/svg+xml", None), ("application/pdf", None),
        ("application/x-mpegURL", "video"), ("audio/mpegurl", "video"), ("vnd.apple.mpegurl", None),
        ("application/x-shockwave-flash", "video"), ("", None), ("imagery/x", None), ("document", None),
    ],
)  # fmt: skip
def test_a_media_type_says_what_it_is(said: str, kind: str | None) -> None:
    assert kind_of_type(said) == kind


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://a.example/b.JPG", "image"), ("https://a.example/b.webp?w=3#x", "image"),
        ("/relative/film.webm", "video"), ("https://a.example/live.m3u8?key=1.png", "video"),
        ("https://a.example/s.opus", "audio"), ("https://a.example/b.svg", None),
        ("https://a.mp3", None), ("https://a.example/mp3", None), ("https://a.example/b.jpg/", None),
        ("https://a.example/?b.jpg", None), ("https://[x/b.jpg", None), ("", None),
    ],
)  # fmt: skip
def test_an_address_promises_by_its_ending(url: str, kind: str | None) -> None:
    assert kind_of_address(url) == kind
