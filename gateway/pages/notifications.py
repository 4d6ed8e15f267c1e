"""The bell, what a member wants to be told, and the one-click way out of a kind of mail."""

from starlette.responses import Response

from gateway.clients.notifier import PreferenceChange
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Refusal

_LIMIT = 30
_CURSOR_MAX = 500


async def show_notifications(screen: Screen) -> Response:
    cursor = screen.query.get("cursor", "")[:_CURSOR_MAX]
    notices = await screen.clients.notifier.notices(
        screen.caller(), cursor=cursor or None, limit=_LIMIT, language=screen.language.code
    )
    return screen.render("notifications.html", notices=notices, unread=notices["unread"])


async def do_read(screen: Screen) -> Response:
    ids = screen.form.texts("id")
    await screen.clients.notifier.mark_read(screen.caller(), ids=ids or None)
    return screen.go("/notifications", done="read")


async def show_preferences(screen: Screen) -> Response:
    preferences = await screen.clients.notifier.preferences(screen.caller(), language=screen.language.code)
    return screen.render("preferences.html", preferences=preferences)


async def do_preferences(screen: Screen) -> Response:
    """Every box of the form stands for one kind and channel; one that is not ticked is off."""
    ticked = set(screen.form.texts("on"))
    changes: list[PreferenceChange] = []
    for each in await screen.clients.notifier.preferences(screen.caller()):
        if each["mandatory"]:
            continue
        change = PreferenceChange(kind=each["kind"])
        if each["mail"] is not None:
            change["mail"] = f"{each['kind']}:mail" in ticked
        if each["bell"] is not None:
            change["bell"] = f"{each['kind']}:bell" in ticked
        changes.append(change)
    await screen.clients.notifier.set_preferences(screen.caller(), changes)
    return screen.go("/notifications/preferences", done="saved")


async def show_unsubscribe(screen: Screen) -> Response:
    token = str(screen.request.path_params["token"])
    found = await screen.clients.notifier.unsubscribable(screen.own_caller(), token, language=screen.language.code)
    return screen.render("unsubscribe.html", found=found, off=not found["wanted"])


async def do_unsubscribe(screen: Screen) -> Response:
    """Also pressed by mail programs, which have neither session nor form token (RFC 8058): the link itself is the proof."""
    try:
        found = await screen.clients.notifier.unsubscribe(screen.own_caller(), str(screen.request.path_params["token"]))
    except Refusal as refusal:
        return screen.render("unsubscribe.html", status=404, found=None, off=False, problems=form_problems(refusal))
    return screen.render("unsubscribe.html", found=found, off=True)


PAGES = (
    Page("/notifications", show_notifications, who="either"),
    Page("/notifications/read", post=do_read, who="either"),
    Page("/notifications/preferences", show_preferences, do_preferences, who="either"),
    Page("/unsubscribe/{token}", show_unsubscribe, do_unsubscribe, form_token=False),
)
