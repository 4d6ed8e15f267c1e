"""The second factor: a secret for an authenticator, turned on by its first code, with recovery codes shown once."""

import segno
from starlette.responses import Response

from gateway.clients.identity import SecondFactorSecret
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal


def qr_code(text: str) -> str:
    """A QR code as an address that an image can have."""
    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=3, dark="#17262c", light="#ffffff"))


async def show_factor(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    state = await screen.clients.identity.second_factor(screen.caller())
    return screen.render("second_factor.html", status=status, problems=problems, state=state)


async def do_begin(screen: Screen) -> Response:
    """The secret is in this answer alone, neither in an address nor kept: so it is a page and not a 303."""
    try:
        secret = await screen.clients.identity.begin_second_factor(
            screen.caller(), screen.form.text("current_password", keep=True)
        )
    except Refusal as refusal:
        return await show_factor(screen, status=refusal.status, problems=form_problems(refusal))
    return _secret_page(screen, secret)


def _secret_page(screen: Screen, secret: SecondFactorSecret) -> Response:
    return screen.render("second_factor_secret.html", secret=secret, qr=qr_code(secret["uri"]))


async def do_confirm(screen: Screen) -> Response:
    return await _codes(screen, renew=False)


async def do_renew(screen: Screen) -> Response:
    return await _codes(screen, renew=True)


async def _codes(screen: Screen, *, renew: bool) -> Response:
    identity, code = screen.clients.identity, screen.form.text("code")
    try:
        if renew:
            codes = await identity.renew_recovery_codes(screen.caller(), code)
        else:
            codes = await identity.confirm_second_factor(screen.caller(), code)
    except Refusal as refusal:
        return await show_factor(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.render("recovery_codes.html", codes=codes, onward="/security/second-factor")


async def do_remove(screen: Screen) -> Response:
    try:
        await screen.clients.identity.remove_second_factor(
            screen.caller(),
            current_password=screen.form.text("current_password", keep=True),
            code=screen.form.text("code"),
        )
    except Refusal as refusal:
        return await show_factor(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.go("/security/second-factor", done="saved")


PAGES = (
    Page("/security/second-factor", show_factor, do_begin, who="either"),
    Page("/security/second-factor/confirm", post=do_confirm, who="either"),
    Page("/security/second-factor/recovery-codes", post=do_renew, who="either"),
    Page("/security/second-factor/remove", post=do_remove, who="either"),
)
