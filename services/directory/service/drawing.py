"""Pictures from strangers made safe: judged by their header, decoded within bounds, written anew without metadata."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

from services.directory.domain.pictures import (
    SIDE_MAX,
    THUMBNAIL_SIDE_MAX,
    NotAPicture,
    PictureTooLarge,
    fitted,
)

_CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_HOW: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 85, "optimize": True, "progressive": True},
    "PNG": {"optimize": True},
    "WEBP": {"quality": 85, "method": 4},
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as it is served. Its name follows from its content."""

    name: str
    content: bytes
    content_type: str
    width: int
    height: int


def redrawn(raw: bytes, pixels_max: int) -> tuple[Drawn, Drawn]:
    """The picture and its thumbnail, from whatever was sent. Raises NotAPicture, PictureTooLarge. Takes a while: for a thread.

    Only what the decoder made of the pixels is written: metadata, a second file behind the picture and further frames
    stay behind.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=tuple(_CONTENT_TYPES)) as sent:
                # the header alone has been read: a bomb is refused before it unfolds
                if sent.width * sent.height > pixels_max or min(sent.size) < 1:
                    raise PictureTooLarge
                kind = sent.format or ""
                if kind == "JPEG":
                    sent.draft("RGB", fitted(*sent.size, SIDE_MAX))
                sent.load()
                upright = ImageOps.exif_transpose(sent)
                picture = _plain(upright, kind)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureTooLarge from None
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError, OverflowError, MemoryError):
        # whatever a decoder trips over in bytes from a stranger
        raise NotAPicture from None
    return _drawn(picture, kind, SIDE_MAX), _drawn(picture, kind, THUMBNAIL_SIDE_MAX)


def _plain(picture: Image.Image, kind: str) -> Image.Image:
    """In colours that the format writes, without anything but pixels."""
    with_alpha = kind != "JPEG" and (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info)
    mode = "RGBA" if with_alpha else "RGB"
    converted = picture.convert(mode)
    bare = Image.new(mode, converted.size)
    bare.paste(converted)
    return bare


def _drawn(picture: Image.Image, kind: str, side_max: int) -> Drawn:
    size = fitted(*picture.size, side_max)
    small = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, format=kind, **_HOW[kind])
    content = written.getvalue()
    name = f"{hashlib.sha256(content).hexdigest()}.{_ENDINGS[kind]}"
    return Drawn(name, content, _CONTENT_TYPES[kind], *size)
