"""Coming in and going out: sign up, log in, log out, confirm an address, choose a language."""

from typing import Any

import structlog
from starlette.responses import Response

from gateway.clients.identity import LoginRole
from gateway.flows import NewMember, faults_of, log_out, sign_up
from gateway.pages.headers import local_path
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from gateway.pages.second_factor import qr_code
from gateway.pages.sessions import start_of
from libs.common.errors import Problem, Refusal

log = structlog.get_logger(__name__)
PROFILE_FIELDS = (
    "name",
    "email",
    "telephone",
    "inc_type",
    "company_number",
    "website",
    "declared_turnover",
    "description",
    "address",
    "city",
    "region",
    "postal_code",
    "country",
)
_PERSON_FIELDS = ("first_name", "last_name", "telephone")
TAGS_MAX = 10


async def show_signup(screen: Screen) -> Response:
    if screen.visitor.principal:
        return screen.go("/home")
    return screen.render("signup.html")


async def do_signup(screen: Screen) -> Response:
    """The answer is the same whether or not the address is taken (ID-02): nobody is logged in by signing up."""
    form = screen.form
    profile, problems = profile_of(screen)
    if not form.has("agreement"):
        problems.append(Problem("agreement_needed", "Please agree to the rules of the community.", "agreement"))
    person = {name: form.text(name) or None for name in _PERSON_FIELDS}
    member = NewMember(
        email=form.text("email"),
        password=form.text("password", keep=True),
        profile=profile,
        language=screen.language.code,
        quiet=True,
        **person,
    )
    try:
        if problems:
            problems += await faults_of(screen.house.context, screen.own_caller(), member)
            return screen.render("signup.html", status=400, problems=problems)
        await sign_up(screen.house.context, screen.own_caller(), member)
    except Refusal as refusal:
        return screen.render("signup.html", status=400, problems=form_problems(refusal))
    return screen.go("/login", done="signed_up")


def profile_of(screen: Screen) -> tuple[dict[str, Any], list[Problem]]:
    """The profile fields `profile.…` that were filled in. Rules are the directory's; only the shape is made here."""
    profile: dict[str, Any] = {}
    problems = []
    for name in PROFILE_FIELDS:
        text = screen.form.text(f"profile.{name}")
        if text and name == "declared_turnover":
            if not (text.isascii() and text.isdigit() and len(text) <= 15):
                problems.append(
                    Problem("not_a_number", "The turnover must be a whole number.", "profile.declared_turnover")
                )
            else:
                profile[name] = int(text)
        elif text:
            profile[name] = text
    for kind in ("offers", "wants"):
        tags = [tag.strip() for tag in screen.form.text(f"profile.{kind}").split(",") if tag.strip()]
        if tags:
            profile[kind] = tags
    return profile, problems


async def show_login(screen: Screen) -> Response:
    if screen.visitor.principal:
        return screen.go(local_path(screen.query.get("next"), screen.visitor.start))
    return _login_page(screen, "member")


async def show_admin_login(screen: Screen) -> Response:
    if screen.visitor.oversees:
        return screen.go(screen.visitor.start)
    return _login_page(screen, "admin")


async def do_login(screen: Screen) -> Response:
    return await _log_in(screen, "member")


async def do_admin_login(screen: Screen) -> Response:
    return await _log_in(screen, "admin")


def _login_page(screen: Screen, role: LoginRole, status: int = 200, **values: Any) -> Response:
    target = local_path(screen.form.text("next") or screen.query.get("next"), "")
    return screen.render("login.html", status=status, role=role, next=target, **{"ask_code": False, **values})


async def _log_in(screen: Screen, role: LoginRole) -> Response:
    form = screen.form
    try:
        session = await screen.clients.identity.login(
            screen.own_caller(),
            email=form.text("email"),
            password=form.text("password", keep=True),
            role=role,
            kind="browser",
            code=form.text("code") or None,
        )
    except Refusal as refusal:
        problems = form_problems(refusal)
        if any(problem.code == "second_factor_setup_needed" for problem in problems):
            return await _enrol(screen, role)
        ask_code = any(problem.code.startswith("second_factor") for problem in problems) or form.has("code")
        response = _login_page(screen, role, status=refusal.status, problems=problems, ask_code=ask_code)
        if refusal.retry_after_s:
            response.headers["Retry-After"] = str(refusal.retry_after_s)
        return response
    await _end_the_session_before(screen)
    screen.house.sessions.begin(screen.cookies, session)
    screen.cookies.drop("acting")
    onward = local_path(form.text("next"), start_of(session["role"]))
    if "recovery_codes" in session:
        return screen.render("recovery_codes.html", codes=session["recovery_codes"], onward=onward)
    return screen.go(onward)


async def _end_the_session_before(screen: Screen) -> None:
    """Who logs in anew in a browser leaves no session behind that nobody sees any more."""
    try:
        await _log_out(screen)
    except Refusal as refusal:
        log.warning("session_before_stays", why=str(refusal))


async def _log_out(screen: Screen) -> None:
    """Ends the session of this browser, where it has one that is not over already."""
    if screen.visitor.token:
        try:
            await log_out(screen.house.context, screen.caller(), screen.visitor.principal)
        except Refusal as refusal:
            if refusal.status != 401:
                raise


async def _enrol(screen: Screen, role: LoginRole) -> Response:
    """Somebody who may not log in without a second factor sets one up; the next login with its code turns it on."""
    email = screen.form.text("email")
    try:
        secret = await screen.clients.identity.enrol_second_factor(
            screen.own_caller(), email=email, password=screen.form.text("password", keep=True), role=role
        )
    except Refusal as refusal:
        return _login_page(screen, role, status=refusal.status, problems=form_problems(refusal))
    return screen.render(
        "second_factor_secret.html",
        secret=secret,
        qr=qr_code(secret["uri"]),
        email=email,
        confirm_at="/admin/login" if role == "admin" else "/login",
    )


async def do_logout(screen: Screen) -> Response:
    await _log_out(screen)
    screen.house.sessions.end(screen.cookies)
    return screen.go("/login", done="logged_out")


async def show_verification(screen: Screen) -> Response:
    """The link only shows a button: programs that look at mails follow links, people press buttons."""
    return screen.render("verify.html")


async def do_verification(screen: Screen) -> Response:
    try:
        await screen.clients.identity.verify_email(screen.own_caller(), str(screen.request.path_params["token"]))
    except Refusal as refusal:
        return screen.render("verify.html", status=400, problems=form_problems(refusal))
    return screen.go("/home" if screen.visitor.principal else "/login", done="verified")


async def do_language(screen: Screen) -> Response:
    code = screen.form.text("language")
    if code in {language.code for language in screen.house.languages.all()}:
        screen.cookies.set("language", code)
    return screen.go(local_path(screen.form.text("next"), "/"))


async def do_acting(screen: Screen) -> Response:
    """For which of the own entities the visitor acts from now on."""
    mine = await screen.mine()
    wanted = screen.form.text("entity")
    if mine.value and wanted in {entity["id"] for entity in mine.value}:
        screen.cookies.set("acting", wanted)
    return screen.go("/home")


PAGES = (
    Page("/signup", show_signup, do_signup, asks_robots=True),
    Page("/login", show_login, do_login, asks_robots=True),
    Page("/admin/login", show_admin_login, do_admin_login, asks_robots=True),
    Page("/logout", post=do_logout),
    Page("/verify/{token}", show_verification, do_verification),
    Page("/language", post=do_language),
    Page("/acting", post=do_acting, who="member"),
)
