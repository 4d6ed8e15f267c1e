"""One address of the pages with its handlers."""

from dataclasses import dataclass

from gateway.pages.screen import Door, Handler, Who


@dataclass(frozen=True, slots=True)
class Page:
    """`get` shows, `post` does something and answers 303."""

    path: str
    get: Handler | None = None
    post: Handler | None = None
    who: Who = "anyone"
    form_token: bool = True

    takes_files: bool = False
    counted: bool = True
    asks_robots: bool = False
    """Whether anybody may send its form, so that a robot might (ID-13)."""

    @property
    def door(self) -> Door:
        again = self.get if self.asks_robots else None
        return Door(self.who, self.form_token, self.takes_files, self.counted, again)

    @property
    def methods(self) -> list[str]:
        return [name for name, handler in (("GET", self.get), ("POST", self.post)) if handler is not None]
