"""Forms as they arrive: bounded, as plain text, with the problems that belong to their fields."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from libs.common.errors import Refusal

BODY_MAX_BYTES = 200_000
FIELDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in their order."""

    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Uploaded files, on the addresses that take them."""

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


async def read_form(request: Request, *, files_max_bytes: int = 0) -> Form:
    """The body of a request: url-encoded, or in parts where files may come. Raises Refusal 413 beyond the size, 400 for
    anything that is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    in_parts = kind == "multipart/form-data" and files_max_bytes > 0
    if kind not in {"application/x-www-form-urlencoded", ""} and not in_parts:
        raise Refusal.of(400, "malformed_body", "This is not a form.")
    raw = await _body(request, max(files_max_bytes, BODY_MAX_BYTES))
    if in_parts:
        return await _from_parts(request, raw)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refusal.of(400, "malformed_body", "The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(fields)


async def _body(request: Request, bytes_max: int) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > bytes_max:
            raise Refusal.of(413, "body_too_large", "The form is too large.")
    return bytes(raw)


async def _from_parts(request: Request, raw: bytes) -> Form:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = MultiPartParser(request.headers, pieces(), max_files=1, max_fields=20, max_part_size=BODY_MAX_BYTES)
    try:
        parsed = await parser.parse()
    except MultiPartException:
        raise Refusal.of(400, "malformed_body", "The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
        else:
            files[name] = await value.read()
            await value.close()
    return Form(fields, files)
