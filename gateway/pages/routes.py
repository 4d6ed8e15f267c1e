"""Every page there is: address, handlers, and who may look."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.context import GatewayContext
from gateway.pages import (
    admin_entities,
    admin_house,
    admin_start,
    admin_transfers,
    admin_users,
    api_keys,
    application,
    directory,
    entry,
    leaving,
    mail,
    matches,
    notifications,
    passwords,
    pay,
    people,
    pictures,
    profile,
    second_factor,
    security,
    start,
    statement,
    transfers,
)
from gateway.pages.page import Page
from gateway.pages.screen import Door, House, answer, not_found

AREAS: Sequence[Sequence[Page]] = (
    start.PAGES,
    entry.PAGES,
    passwords.PAGES,
    directory.PAGES,
    matches.PAGES,
    profile.PAGES,
    pictures.PAGES,
    people.PAGES,
    pay.PAGES,
    transfers.PAGES,
    statement.PAGES,
    notifications.PAGES,
    security.PAGES,
    leaving.PAGES,
    second_factor.PAGES,
    api_keys.PAGES,
    application.PAGES,
    mail.PAGES,
    admin_start.PAGES,
    admin_entities.PAGES,
    admin_users.PAGES,
    admin_house.PAGES,
    admin_transfers.PAGES,
)


def page_routes(context: GatewayContext, house: House | None = None) -> list[BaseRoute]:
    """The pages and their static files, for the gateway's application."""
    house = house or House.of(context)
    routes: list[BaseRoute] = [house.static.route()]
    routes += [Route(page.path, _endpoint(house, page), methods=page.methods) for area in AREAS for page in area]
    return routes


def not_found_endpoint(context: GatewayContext, house: House | None = None) -> Callable[[Request], Awaitable[Response]]:
    """Answers a browser at an address that nothing else serves."""
    house = house or House.of(context)

    async def endpoint(request: Request) -> Response:
        return await answer(house, request, not_found, Door())

    return endpoint


def _endpoint(house: House, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request.state.route = page.path
        handler = page.post if request.method == "POST" else page.get
        if handler is None:
            handler = not_found
        return await answer(house, request, handler, page.door)

    return endpoint
