"""One request for a page: who looks, what was sent, whom to ask, and how to answer. And the wrapper of every handler."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

import structlog
from jinja2 import Environment
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.clients.directory import Entity
from gateway.context import Clients, GatewayContext, caller_of
from gateway.pages.cookies import Cookies
from gateway.pages.csrf import CsrfTokens
from gateway.pages.forms import Form, read_form
from gateway.pages.gather import Part, part_of
from gateway.pages.headers import SAFE_METHODS, comes_from_here, local_path, protect
from gateway.pages.language import Language, Languages
from gateway.pages.notes import NOTES
from gateway.pages.render import make_environment
from gateway.pages.robots import AWAY, RobotCheck
from gateway.pages.sessions import Sessions, Visitor
from gateway.pages.static_files import StaticFiles
from libs.common.errors import Problem, Refusal
from libs.common.ids import is_id
from libs.common.peers import Caller

_log = structlog.get_logger(__name__)
_NO_RIGHT_ASKED = frozenset({"form_foreign", "form_stale", "no_entity"})
Who = Literal["anyone", "member", "admin", "overseer", "either"]
"""`overseer`: an admin or an operator. `either`: anybody who is logged in."""


@dataclass(frozen=True, slots=True)
class House:
    """What all pages share, made once at start."""

    context: GatewayContext
    static: StaticFiles
    environment: Environment
    languages: Languages
    csrf: CsrfTokens
    sessions: Sessions
    robots: RobotCheck | None = None

    @classmethod
    def of(cls, context: GatewayContext) -> "House":
        """Puts the shared parts together."""
        settings, static = context.settings, StaticFiles()
        return cls(
            context=context,
            static=static,
            environment=make_environment(static, unit=settings.unit, zone=settings.zone),
            languages=Languages(settings.language),
            csrf=CsrfTokens(settings.service_secret.get_secret_value().encode()),
            sessions=Sessions(context.wiring.verifier, context.clients.identity, context.wiring.clock),
            robots=RobotCheck.of(settings),
        )

    @property
    def https(self) -> bool:
        return self.context.settings.public_address.startswith("https:")


@dataclass(slots=True)
class Screen:
    """One request for a page."""

    house: House
    request: Request
    cookies: Cookies
    visitor: Visitor
    language: Language
    form: Form
    robot_check: RobotCheck | None = None
    """What stands beside the form of this page, where nobody is logged in and the node asks for it."""
    problems: tuple[Problem, ...] = ()
    """What was wrong before the page's own handler had its turn."""
    _mine: Part[list[Entity]] | None = field(default=None)

    @property
    def clients(self) -> Clients:
        return self.house.context.clients

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def caller(self, *, idempotency_key: str | None = None) -> Caller:
        """A call for the visitor; for the gateway itself where nobody is logged in."""
        return caller_of(self.request.scope, token=self.visitor.token, idempotency_key=idempotency_key)

    def own_caller(self) -> Caller:
        """A call of the gateway for itself."""
        return replace(self.caller(), token=None)

    def path_id(self, name: str = "id") -> str:
        """An id from the path; raises Refusal 404 where it is none."""
        value = str(self.request.path_params[name])
        if not is_id(value):
            raise Refusal.of(404, "not_found", "There is nothing here.")
        return value

    # --- for whom the visitor acts

    async def mine(self) -> Part[list[Entity]]:
        """The visitor's own entities, asked once a request."""
        if self._mine is None:
            self._mine = await part_of(self.clients.directory.mine(self.caller()))
        return self._mine

    async def acting(self) -> Entity:
        """The entity the visitor acts for: the chosen one, else the first. 503 where the directory is away."""
        mine = await self.mine()
        if mine.value is None:
            raise Refusal.of(503, "service_away", "The directory is away just now.", retry_after_s=5)
        if not mine.value:
            raise Refusal.of(403, "no_entity", "You do not act for any member yet.")
        chosen = self.cookies.get("acting")
        found = next((entity for entity in mine.value if entity["id"] == chosen), mine.value[0])
        if found["id"] != chosen:
            self.cookies.set("acting", found["id"])
        return found

    async def acting_id(self) -> str:
        """The id alone; remembered in a cookie, so that accounts can be shown while the directory is away."""
        mine = await self.mine()
        chosen = self.cookies.get("acting")
        if mine.value is None and is_id(chosen):
            return chosen
        return (await self.acting())["id"]

    # --- answers

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page. What every template sees beside its own values is listed here."""
        settings = self.house.context.settings
        page = self.house.environment.get_template(template).render(
            {
                "language": self.language,
                "languages": self.house.languages.all(),
                "node_name": settings.node_name,
                "development": settings.env == "development",
                "visitor": self.visitor,
                "csrf": self.house.csrf.issue(self.visitor.browser_id, self.visitor.session_id),
                "path": self.request.url.path,
                "note": NOTES.get(self.query.get("done", "")),
                "sent": self.form,
                "robot_check": self.robot_check,
                "own_entities": (self._mine.value if self._mine else None) or (),
                "acting_id": self.cookies.get("acting"),
                **values,
                "problems": (*self.problems, *values.get("problems", ())),
            }
        )
        return HTMLResponse(page, status_code=status)

    def go(self, path: str, *, done: str | None = None) -> Response:
        """Answers a POST: see this page next (303). `done` names a note of `notes.NOTES` to show there."""
        target = local_path(path, "/")
        if done is not None:
            target += ("&" if "?" in target else "?") + f"done={done}"
        return RedirectResponse(target, status_code=303)

    def new_key(self) -> str:
        """A fresh idempotency key for a form."""
        return secrets.token_urlsafe(18)


Handler = Callable[[Screen], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come to an address, and with what."""

    who: Who = "anyone"
    form_token: bool = True
    """Off only where the address itself is the proof and mail programs press the button (RFC 8058)."""
    takes_files: bool = False
    counted: bool = True
    """Whether it counts among the requests a minute; off for what a page draws in by itself."""
    again: "Handler | None" = None
    """Shows the form once more where nobody has shown to be a person; only where that is asked (ID-13)."""


async def answer(house: House, request: Request, handler: Handler, door: Door) -> Response:
    """Runs a handler with everything around it: visitor, permission to look, form token, refusals, headers."""
    cookies = Cookies(request, house.https)
    language = house.languages.choose(cookies.get("language"), request.headers.get("accept-language", ""))
    screen = Screen(house, request, cookies, Visitor(""), language, Form.empty())
    try:
        response = await _answered(screen, handler, door)
    except Refusal as refusal:
        _note(screen, refusal)
        response = refused(screen, refusal)
    except Exception:  # noqa: BLE001  a person gets a page with a number to tell, the log gets the fault
        _log.exception("page_failed", path=request.scope.get("state", {}).get("route"))
        response = screen.render("failed.html", status=500, request_id=request.state.request_id)
    cookies.write(response)
    if screen.robot_check is not None:
        response.headers.setdefault("Content-Security-Policy", screen.robot_check.policy)
    protect(response, https=house.https)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Vary", "Cookie, Accept-Language")
    return response


def _note(screen: Screen, refusal: Refusal) -> None:
    """A refusal of a right goes into the activity log; one of a form, or for want of an entity, says nothing of a right."""
    if refusal.status == 403 and not {problem.code for problem in refusal.problems} & _NO_RIGHT_ASKED:
        what = f"{screen.request.method} {screen.request.state.route}"
        screen.house.context.refusals.note(screen.own_caller(), screen.visitor.principal, what, refusal)


async def _answered(screen: Screen, handler: Handler, door: Door) -> Response:
    request, posted = screen.request, door.form_token and screen.request.method not in SAFE_METHODS
    if posted and not comes_from_here(request, screen.house.context.settings.public_address):
        raise Refusal.of(403, "form_foreign", "This form was sent from another site.")
    screen.visitor = await screen.house.sessions.visitor(screen.cookies, screen.own_caller())
    if door.counted:
        request.state.rates.check(screen.visitor.principal, request.state.client_address)
    if posted:
        await _judge_form(screen, takes_files=door.takes_files)
    if door.who != "anyone" and screen.visitor.principal is None:
        return _to_login(screen, door.who)
    if door.who == "admin" and not screen.visitor.is_admin:
        raise Refusal.of(403, "not_yours", "Only administrators may see this page.")
    if door.who == "overseer" and not screen.visitor.oversees:
        raise Refusal.of(403, "not_yours", "Only administrators and operators may see this page.")
    if door.who == "member" and screen.visitor.oversees:
        return screen.go(screen.visitor.start)
    if door.again is not None and screen.visitor.principal is None:
        screen.robot_check = screen.house.robots
        if posted and (problem := await _robot(screen)):
            screen.problems = (problem,)
            response = await door.again(screen)
            response.status_code = 503 if problem is AWAY else 400
            return response
    return await handler(screen)


async def _robot(screen: Screen) -> Problem | None:
    check = screen.robot_check
    return await check.problem_of(screen.form.text(check.kind.answer_field)) if check else None


async def _judge_form(screen: Screen, *, takes_files: bool) -> None:
    """Reads the form and refuses one that no page of ours made for this browser and session."""
    files_max_bytes = screen.house.context.settings.large_body_max_bytes if takes_files else 0
    try:
        screen.form = await read_form(screen.request, files_max_bytes=files_max_bytes)
    except ClientDisconnect:
        raise Refusal.of(400, "malformed_body", "The form did not arrive whole.") from None
    visitor, token = screen.visitor, screen.form.text("csrf", keep=True)
    if not screen.house.csrf.matches(token, visitor.browser_id, visitor.session_id):
        raise Refusal.of(403, "form_stale", "This form is too old. Please go back, reload the page and try again.")


def _to_login(screen: Screen, who: Who) -> Response:
    if screen.request.method not in SAFE_METHODS:
        return screen.go("/login", done="login_again")
    asked = screen.request.url.path + (f"?{screen.request.url.query}" if screen.request.url.query else "")
    login = "/admin/login" if who in {"admin", "overseer"} else "/login"
    return screen.go(f"{login}?next={quote(asked, safe='')}")


def refused(screen: Screen, refusal: Refusal) -> Response:
    """The page for a refusal that no form shows by itself."""
    if refusal.status == 401:
        return screen.go("/login", done="login_again")
    response = screen.render("refused.html", status=refusal.status, status_code=refusal.status, refusal=refusal)
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def form_problems(refusal: Refusal) -> tuple[Problem, ...]:
    """The problems of a refusal that belong on top of the form that caused it; others are raised again."""
    if refusal.status in {400, 409, 413} or (refusal.status == 429 and refusal.problems):
        return refusal.problems
    raise refusal


async def not_found(screen: Screen) -> Response:
    """The handler of an address where nothing is."""
    raise Refusal.of(404, "not_found", "There is nothing here.")
