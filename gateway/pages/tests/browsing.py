"""A browser without JavaScript for tests: keeps cookies, fills and sends the forms it finds on a page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2

from gateway.pages.tests.community import Community
from gateway.pages.tests.serving import serving


@dataclass
class FoundForm:
    """A form with the values it would send as it stands."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class PageReader(HTMLParser):
    """Forms, links and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[FoundForm] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._inside: FoundForm | None = None
        self._area: str | None = None
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "form":
            self._inside = FoundForm(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._inside)
        elif self._inside is not None:
            self._field(self._inside, tag, given)

    def _field(self, form: FoundForm, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "input" and name and (kind not in {"checkbox", "radio"} or "checked" in given):
            form.fields.append((name, given.get("value", "")))
        elif tag == "textarea":
            self._area = name
            form.fields.append((name, ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            form.fields.append((self._select, given["value"]))
        elif tag == "button":
            form.buttons.append((name, given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._area is not None and self._inside is not None:
            name, value = self._inside.fields[-1]
            self._inside.fields[-1] = (name, value + data)


class Browser:
    """One browser of a test."""

    def __init__(self, community: Community, *, https: bool = False, **settings: Any) -> None:
        base = "https://town.example.org" if https else "http://town.example.org"
        self.community = community
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=serving(community, public_url=base, **settings)), base_url=base
        )
        self.answer: Any = None

    @property
    def page(self) -> PageReader:
        return PageReader(self.answer.text)

    async def open(self, path: str, *, status: int = 200, **headers: str) -> PageReader:
        """Follows redirects, as browsers do."""
        self.answer = await self.client.get(path, headers=headers, follow_redirects=True)
        assert self.answer.status_code == status, (path, self.answer.status_code, PageReader(self.answer.text).text)
        return self.page

    async def press(self, action: str, *, status: int = 200, button: str | None = None, **values: str) -> PageReader:
        """Sends the form of the present page with this action; `button` is the value of the pressed one."""
        form = self._form(action, button, {name.replace("__", ".") for name in values})
        fields = [(name, value) for name, value in form.fields if name.replace(".", "__") not in values]
        fields += [(name.replace("__", "."), value) for name, value in values.items()]
        if button is not None:
            fields += [(name, value) for name, value in form.buttons if value == button and name]
        path = action or str(self.answer.url)
        if form.method == "get":
            self.answer = await self.client.get(path, params=_dict(fields), follow_redirects=True)
        else:
            first = await self.client.post(path, data=_dict(fields))
            self.answer = first
            if first.status_code == 303:
                self.answer = await self.client.get(first.headers["location"], follow_redirects=True)
        assert self.answer.status_code == status, (action, self.answer.status_code, self.page.text)
        return self.page

    def _form(self, action: str, button: str | None, names: set[str]) -> FoundForm:
        """The form meant: with this action and button, and the most of these fields."""
        meant = [
            form
            for form in self.page.forms
            if form.action == action and (button is None or button in {value for _, value in form.buttons})
        ]
        return max(meant, key=lambda form: len(names & {name for name, _ in form.fields}))

    async def log_in(self, email: str, *, password: str = "right-1-password", admin: bool = False) -> None:
        """As a person does it."""
        path = "/admin/login" if admin else "/login"
        await self.open(path)
        await self.press(path, email=email, password=password)


def _dict(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found
