import io

import pytest
from PIL import Image

from backchannel.simulator.people import CAST
from backchannel.simulator.pictures import SIZES, Gallery, png
from backchannel.simulator.scenery import MOTIFS
from backchannel.simulator.script import Sketch, write_script

PICTURES = [
    Sketch("slide", "Listen first"), Sketch("chart", "Answers / 12 / 41"), Sketch("photo", "cat"),
    Sketch("portrait", "noor"), Sketch("emoji", "openideas"), Sketch("card", "A page"),
]  # fmt: skip


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.kind)
def test_a_picture_has_the_size_that_is_said(picture: Sketch) -> None:
    assert Image.open(io.BytesIO(png(picture))).size == SIZES[picture.kind]


def test_a_picture_is_the_same_bytes_every_time() -> None:
    picture = Sketch("photo", "mill")
    first = png(picture)
    png.cache_clear()
    assert png(picture) == first


def test_people_look_different() -> None:
    assert len({png(Sketch("portrait", who)) for who in CAST}) == len(CAST)


def test_the_gallery_has_what_the_script_shows() -> None:
    gallery = Gallery()
    said = write_script(1).said
    for post in said:
        gallery.hear(post)
    for picture in (picture for post in said for picture in post.pictures):
        assert gallery.find(picture.name) == picture or picture.alt
    assert gallery.find("0" * 16) is None


@pytest.mark.parametrize("motif", MOTIFS)
def test_every_motif_is_a_picture_of_its_own(motif: str) -> None:
    drawn = Image.open(io.BytesIO(png(Sketch("photo", motif))))
    colours = drawn.resize((60, 40)).getcolors(2400)
    assert colours is not None
    assert len(colours) > 20
    assert max(count for count, _ in colours) < 2000
