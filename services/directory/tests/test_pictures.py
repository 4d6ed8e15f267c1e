"""Pictures: what comes out of what strangers send."""

import hashlib
import io
import struct
import zlib
from datetime import timedelta

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from services.directory.domain.pictures import NotAPicture, PictureTooLarge, fitted
from services.directory.service.drawing import redrawn
from services.directory.tests.builders import a_user, signed_up

PIXELS_MAX = 1_000_000


def a_picture(kind="PNG", size=(40, 30), mode="RGB", colour="red", **how):
    written = io.BytesIO()
    Image.new(mode, size, colour).save(written, kind, **how)
    return written.getvalue()


def opened(drawn):
    return Image.open(io.BytesIO(drawn.content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_keeps_its_format_and_is_named_by_its_content(kind):
    large, small = redrawn(a_picture(kind, (2000, 400)), PIXELS_MAX)
    assert (large.width, large.height) == opened(large).size == (1600, 320)
    assert opened(small).size == (320, 64)
    assert opened(large).format == kind
    assert large.name.partition(".")[0] == hashlib.sha256(large.content).hexdigest()
    assert large == redrawn(a_picture(kind, (2000, 400)), PIXELS_MAX)[0]


def test_metadata_stay_behind():
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    info = PngInfo()
    info.add_text("Comment", "secret place", zip=False)
    for raw in (
        a_picture("JPEG", exif=exif, comment=b"secret place"),
        a_picture("PNG", exif=exif, pnginfo=info),
        a_picture("WEBP", exif=exif, xmp=b"secret place"),
    ):
        assert b"secret place" in raw
        for drawn in redrawn(raw, PIXELS_MAX):
            assert b"secret" not in drawn.content
            assert not opened(drawn).getexif()


def test_a_turned_photo_is_put_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert redrawn(a_picture("JPEG", (40, 30), exif=exif), PIXELS_MAX)[0].height == 40


def test_a_second_file_behind_a_picture_stays_behind():
    script = b"<script>alert(1)</script>PK\x03\x04"
    large, small = redrawn(a_picture() + script, PIXELS_MAX)
    assert b"script" not in large.content + small.content


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_kind_of_pixels_becomes_plain(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    raw = a_picture(kind, mode=mode, colour=1 if mode in ("1", "I;16", "P") else None)
    assert opened(redrawn(raw, PIXELS_MAX)[0]).mode in ("RGB", "RGBA")


def a_bomb(width, height):
    """A PNG of a few bytes that says it is huge."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(1001, 1000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_unfolds(size):
    with pytest.raises((PictureTooLarge, NotAPicture)):
        redrawn(a_bomb(*size), PIXELS_MAX)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0" + b"\x00" * 100,
        a_picture()[:60],
        a_picture("JPEG", (200, 200))[:300],
        a_picture("WEBP")[:20],
        a_bomb(10, 10)[:-30],
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        a_picture("GIF"),
        a_picture("TIFF"),
        a_picture("BMP"),
    ],
)
def test_what_is_no_picture_is_refused(raw):
    with pytest.raises(NotAPicture):
        redrawn(raw, PIXELS_MAX)


def test_sizes_keep_their_shape_and_never_vanish():
    assert fitted(3200, 1600, 1600) == (1600, 800)
    assert fitted(10, 10, 1600) == (10, 10)
    assert fitted(100_000, 1, 1600) == (1600, 1)


async def test_pictures_are_added_served_and_removed(api, deps):
    user = a_user()
    token, entity = f"user:{user.id}", await signed_up(deps, user, "accepted")
    path = f"/entities/{entity.id}/pictures"
    added = await api(token, "POST", path, raw=a_picture(size=(2000, 100)))
    assert (added["width"], added["height"]) == (1600, 80)
    assert await api(token, "POST", path, raw=a_picture(size=(2000, 100))) == added
    assert (await api("service:gateway", "GET", f"/entities/{entity.id}"))["pictures"] == [added]
    served = await api("service:gateway", "GET", f"/pictures/{added['thumbnail']}")
    assert served.headers["content-type"] == "image/png"
    assert "immutable" in served.headers["cache-control"]
    deps.clock.move(minutes=11)
    await api(token, "DELETE", f"{path}/{added['name']}")
    await api(token, "DELETE", f"{path}/{added['name']}")
    assert (await api.refused("service:gateway", "GET", f"/pictures/{added['name']}"))[0] == 404


async def test_pictures_are_limited_in_number_bytes_and_to_their_people(api, deps):
    user = a_user()
    token, entity = f"user:{user.id}", await signed_up(deps, user, "accepted")
    path = f"/entities/{entity.id}/pictures"
    for number in range(5):
        await api(token, "POST", path, raw=a_picture(size=(10 + number, 10)))
    assert await api.refused(token, "POST", path, raw=a_picture(size=(20, 20))) == (409, ["too_many_pictures"])
    assert (await api.refused(f"user:{a_user().id}", "POST", path, raw=a_picture()))[0] == 403
    other = await signed_up(deps, user, "accepted")
    assert await api.refused(token, "POST", f"/entities/{other.id}/pictures", raw=b"no") == (400, ["not_a_picture"])
    assert (await api.refused(token, "POST", f"/entities/{other.id}/pictures", raw=b"x" * 2_000_001))[0] == 413
    assert (await api.refused(token, "GET", "/pictures/..%2F..%2Fetc%2Fpasswd"))[0] == 404


async def test_a_picture_that_two_show_stays_until_the_last_lets_go(api, deps):
    one, two = a_user(), a_user()
    entities = {user: await signed_up(deps, user, "accepted") for user in (one, two)}
    for user, entity in entities.items():
        added = await api(f"user:{user.id}", "POST", f"/entities/{entity.id}/pictures", raw=a_picture())
    deps.clock.now += timedelta(hours=1)
    for user, status in ((one, 200), (two, 404)):
        await api(f"user:{user.id}", "DELETE", f"/entities/{entities[user].id}/pictures/{added['name']}")
        assert await api.status("service:gateway", "GET", f"/pictures/{added['name']}") == status
