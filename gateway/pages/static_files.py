"""Stylesheet, script, fonts and icon: read once, packed once, named by their content so that browsers keep them."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent.parent / "static"
_SERVED = {".css", ".js", ".woff2", ".svg", ".png", ".webmanifest"}
_KEEP = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes | None
    media_type: str
    mark: str


class StaticFiles:
    """The files under gateway/static in memory: a few, small and fixed at start."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _SERVED
        }

    def address(self, name: str) -> str:
        """The address of a file, marked with its content; raises KeyError for a name that is not there."""
        return f"/static/{name}?v={self._files[name].mark}"

    async def answer(self, request: Request) -> Response:
        """One file, gzip where the browser takes it."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            return Response("Not found", status_code=404, media_type="text/plain")
        kept = _KEEP if request.query_params.get("v") == file.mark else _ASK_AGAIN
        headers = {
            "Cache-Control": kept,
            "ETag": f'"{file.mark}"',
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.body, media_type=file.media_type, headers=headers)

    def route(self) -> Route:
        """`GET /static/…`."""
        return Route("/static/{name:path}", self.answer, methods=["GET"], name="static")


def _read(path: Path) -> _File:
    body = path.read_bytes()
    media_type = "font/woff2" if path.suffix == ".woff2" else mimetypes.guess_type(path.name)[0]
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in {".css", ".js", ".svg"} else None
    return _File(body, packed, media_type or "application/octet-stream", hashlib.sha256(body).hexdigest()[:12])
