"""What is taken as a picture, and what becomes of it."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms

from backchannel.media.worker import UnusablePicture, Worker, sniff
from tests.kit.pictures import RED, opened, picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_picture_becomes_webp_of_its_size(kind: str, worker: Worker) -> None:
    made = await worker.reencode(picture(kind))
    assert opened(made.data).format == "WEBP"
    assert opened(made.data).size == (made.width, made.height) == (40, 30)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
async def test_every_way_to_store_colours_is_read(mode: str, worker: Worker) -> None:
    made = BytesIO()
    Image.new(mode, (8, 8)).save(made, "JPEG" if mode == "CMYK" else "PNG")
    assert (await worker.reencode(made.getvalue())).width == 8


async def test_sixteen_bits_of_grey_keep_their_brightness(worker: Worker) -> None:
    made = BytesIO()
    Image.new("I;16", (8, 8), 32768).save(made, "PNG")
    shown = opened((await worker.reencode(made.getvalue())).data).convert("L")
    assert abs(int(shown.getpixel((4, 4))) - 128) < 4  # type: ignore[arg-type]


async def test_transparency_of_an_emoji_is_kept(worker: Worker) -> None:
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    made = BytesIO()
    image.save(made, "PNG")
    shown = opened((await worker.reencode(made.getvalue())).data)
    assert shown.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert shown.getpixel((16, 16))[3] == 255  # type: ignore[index]


async def test_a_large_picture_is_made_to_fit(worker: Worker) -> None:
    made = await worker.reencode(picture("JPEG", (4000, 1000)))
    assert (made.width, made.height) == (1600, 400)


async def test_a_picture_stands_upright_and_tells_nothing_of_its_maker(worker: Worker) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x013B] = "CANARY the photographer"
    data = picture("JPEG", (40, 30), exif=exif, comment=b"CANARY")
    made = await worker.reencode(data)
    assert (made.width, made.height) == (30, 40)
    assert b"CANARY" in data
    assert b"CANARY" not in made.data
    assert not opened(made.data).getexif()


async def test_a_broken_colour_profile_costs_no_picture(worker: Worker) -> None:
    assert (await worker.reencode(picture(icc_profile=b"no profile"))).width == 40


async def test_colours_follow_the_profile_they_were_made_for(worker: Worker) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    shown = opened((await worker.reencode(picture(colour=RED, icc_profile=swapped))).data)
    assert shown.getpixel((20, 15))[2] > 240  # type: ignore[index]
    assert "icc_profile" not in shown.info


async def test_of_five_hundred_frames_the_first_is_shown(worker: Worker) -> None:
    frames = [Image.new("RGB", (20, 20), RED if not n else (0, n % 256, 255)) for n in range(500)]
    made = BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    shown = opened((await worker.reencode(made.getvalue())).data)
    assert getattr(shown, "n_frames", 1) == 1
    assert shown.convert("RGB").getpixel((10, 10))[0] > 240  # type: ignore[index]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<!doctype html><img src=x>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7",
        b"<?xml version='1.0'?><svg/>", picture("BMP"), picture("TIFF"), picture("ICO"), b"\x1f\x8b\x08",
        b"RIFF\x00\x00\x00\x00AVI ",
    ],
)  # fmt: skip
async def test_what_is_no_picture_of_ours_never_meets_a_decoder(data: bytes, worker: Worker) -> None:
    assert sniff(data) == b""
    with pytest.raises(UnusablePicture, match="which is no PNG, JPEG, GIF or WebP"):
        await worker.reencode(data)
    assert worker.started == 0
