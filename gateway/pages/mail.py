"""What the node would have mailed, where mails are written to a folder: for development only."""

from starlette.responses import Response

from gateway.pages.page import Page
from gateway.pages.screen import Screen
from libs.common.errors import Refusal


def _only_in_development(screen: Screen) -> None:
    if screen.house.context.settings.env != "development":
        raise Refusal.of(404, "not_found", "There is nothing here.")


async def show_mails(screen: Screen) -> Response:
    _only_in_development(screen)
    to = screen.query.get("to", "").strip()[:100]
    mails = await screen.clients.notifier.mails(screen.own_caller(), to=to or None)
    return screen.render("mails.html", mails=mails, to=to)


async def show_mail(screen: Screen) -> Response:
    _only_in_development(screen)
    mail = await screen.clients.notifier.mail(screen.own_caller(), str(screen.request.path_params["id"]))
    return screen.render("mail.html", mail=mail)


PAGES = (
    Page("/mail", show_mails),
    Page("/mail/{id}", show_mail),
)
