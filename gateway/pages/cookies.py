"""The cookies of the pages: names, attributes, and the changes one answer makes."""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

_YEAR_S = 365 * 24 * 3600


@dataclass(slots=True)
class Cookies:
    """Reads a request's cookies and collects what its answer sets.

    Over https the names carry the `__Host-` prefix: such a cookie cannot be set from a subdomain or over plain http.
    """

    request: Request
    https: bool
    _changes: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The value as it stands, this answer's changes included; empty where there is none."""
        if name in self._changes:
            return self._changes[name][0]
        return self.request.cookies.get(self._full(name), "")[:8000]

    def set(self, name: str, value: str, *, max_age_s: int | None = _YEAR_S) -> None:
        """Sets it; without max_age_s it ends with the browser."""
        self._changes[name] = (value, max_age_s)

    def drop(self, name: str) -> None:
        """Removes it."""
        self._changes[name] = ("", 0)

    def write(self, response: Response) -> None:
        """Puts the changes into an answer."""
        for name, (value, max_age_s) in self._changes.items():
            response.set_cookie(
                self._full(name), value, max_age=max_age_s, path="/", secure=self.https, httponly=True, samesite="lax"
            )

    def _full(self, name: str) -> str:
        return f"__Host-mccs_{name}" if self.https else f"mccs_{name}"
