"""What protects a page in the browser: security headers, and where a form may come from and go to."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # same-origin and not no-referrer: under the latter browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def protect(response: Response, *, https: bool) -> None:
    """Adds the security headers; nothing a handler set is replaced."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if https:
        response.headers.setdefault("Strict-Transport-Security", HSTS)


def policy_with(sources: Mapping[str, str]) -> str:
    """The policy of a page that also draws in what another site serves: its addresses, by directive."""
    directives = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    for directive, others in sources.items():
        directives[directive] = f"{directives.get(directive, '')} {others}".strip()
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def comes_from_here(request: Request, public_url: str) -> bool:
    """Whether the browser says that this request was made by a page of ours (Sec-Fetch-Site and Origin).

    A header that is missing proves nothing either way: the token in the form decides then.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or _host(origin) in {request.headers.get("host", "").lower(), _host(public_url)}


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def local_path(target: str | None, otherwise: str) -> str:
    """`target` where it is a path of this site, else `otherwise`: a login never sends anyone elsewhere."""
    if not target or len(target) > 500 or not target.startswith("/") or target.startswith(("//", "/\\")):
        return otherwise
    if any(character == "\\" or ord(character) < 0x21 or ord(character) == 0x7F for character in target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target
