"""Keys for programs of partners: made by an owner, with scopes, shown once, revocable."""

from typing import cast

from starlette.responses import Response

from gateway.clients.identity import ApiKeyShape, Scope
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

_SCOPES = ("read", "propose", "accept")


async def show_keys(screen: Screen, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> Response:
    acting = await screen.acting()
    keys: list[ApiKeyShape] | None
    try:
        keys = await screen.clients.identity.api_keys(screen.caller(), acting["id"])
    except Refusal as refusal:
        if refusal.status != 403:
            raise
        keys = None
    return screen.render("api_keys.html", status=status, problems=problems, acting=acting, keys=keys, made=None)


async def do_create(screen: Screen) -> Response:
    """The secret is in this answer alone: so it is a page and not a 303."""
    acting, form = await screen.acting(), screen.form
    scopes = [scope for scope in _SCOPES if scope in form.texts("scope")]
    try:
        made = await screen.clients.identity.create_api_key(
            screen.caller(), entity_id=acting["id"], name=form.text("name"), scopes=cast("list[Scope]", scopes)
        )
        keys = await screen.clients.identity.api_keys(screen.caller(), acting["id"])
    except Refusal as refusal:
        return await show_keys(screen, status=refusal.status, problems=form_problems(refusal))
    return screen.render("api_keys.html", acting=acting, keys=keys, made=made)


async def do_revoke(screen: Screen) -> Response:
    await screen.clients.identity.revoke_api_key(screen.caller(), screen.path_id())
    return screen.go("/security/api-keys", done="saved")


PAGES = (
    Page("/security/api-keys", show_keys, do_create, who="member"),
    Page("/security/api-keys/{id}/revoke", post=do_revoke, who="member"),
)
