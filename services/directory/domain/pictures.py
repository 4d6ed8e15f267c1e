"""What a picture may be (EN-07): sizes, and the refusals."""

SIDE_MAX = 1600
THUMBNAIL_SIDE_MAX = 320


class NotAPicture(Exception):  # noqa: N818
    """The bytes are no JPEG, PNG or WebP picture, or a broken one."""

    code = "not_a_picture"
    message = "This is not a JPEG, PNG or WebP picture, or it is damaged."
    field = "picture"


class PictureTooLarge(Exception):  # noqa: N818
    """More pixels than anybody's camera makes."""

    code = "picture_too_large"
    message = "This picture has too many pixels."
    field = "picture"


def fitted(width: int, height: int, side_max: int) -> tuple[int, int]:
    """The size that keeps the shape and has no side above this; never larger than it was, never nothing."""
    longest = max(width, height)
    if longest <= side_max:
        return width, height
    return max(1, round(width * side_max / longest)), max(1, round(height * side_max / longest))
