"""A body, however it is cut or broken."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.fetch.body import Body, BodyError


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "", "br"]), st.integers(0, 400))
def test_any_bytes_are_a_body_or_a_body_error(data: bytes, encoding: str, limit: int) -> None:
    try:
        body = Body(encoding, limit)
        body.feed(data)
        assert len(body.finish()) <= limit
    except BodyError:
        pass


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "bare"]), st.integers(1, 50))
def test_a_body_comes_out_whole_however_it_is_cut(data: bytes, encoding: str, step: int) -> None:
    packed = {"gzip": gzip.compress(data), "deflate": zlib.compress(data), "bare": zlib.compress(data)[2:-4]}[
        encoding
    ]
    body = Body("gzip" if encoding == "gzip" else "deflate", 5000)
    for start in range(0, len(packed), step):
        body.feed(packed[start : start + step])
    assert body.finish() == data


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    body, bomb = Body("deflate", 1 << 20), zlib.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BodyError):
            body.feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
