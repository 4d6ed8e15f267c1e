"""Forms as they arrive: bounded, as plain text, with the problems that belong to their fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from libs.common.errors import Refusal

BODY_MAX_BYTES = 200_000
FIELDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in their order."""

    fields: Mapping[str, Sequence[str]]

    @classmethod
    def empty(cls) -> "Form":
        return cls({})

    @classmethod
    def of(cls, **values: object) -> "Form":
        """A form filled by a page, to be corrected by the visitor."""
        return cls({name: [str(value)] for name, value in values.items() if value is not None})

    def text(self, name: str, *, keep: bool = False) -> str:
        """The last value of a field, without blanks around it unless `keep`; empty where it was not sent."""
        values = self.fields.get(name)
        return "" if not values else values[-1] if keep else values[-1].strip()

    def texts(self, name: str) -> list[str]:
        """All values of a repeated field, the empty ones left out."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    def has(self, name: str) -> bool:
        """Whether the field was sent with something in it: a ticked box, a pressed button."""
        return bool(self.text(name))


async def read_form(request: Request) -> Form:
    """The url-encoded body of a request. Raises Refusal 413 beyond the size, 400 for anything that is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", ""}:
        raise Refusal.of(400, "malformed_body", "This is not a form.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_MAX_BYTES:
            raise Refusal.of(413, "body_too_large", "The form is too large.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refusal.of(400, "malformed_body", "The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(fields)
