"""Puts the gateway together: one ASGI application of API, pages, and what machines ask."""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from gateway.api.app import Api
from gateway.api.docs import with_documents
from gateway.api.operations import all_operations
from gateway.context import Clients, GatewayContext
from gateway.edge import Edge
from gateway.machine import Machine
from gateway.settings import Settings
from libs.common.service import Role, Service, Wiring


class Gateway:
    """The gateway as a service: no store, no work of its own, only answers."""

    name = "gateway"

    def __init__(self, context: GatewayContext, api: Any) -> None:
        self.context = context
        self.api = api
        self.public_reads = context.public_reads

    async def start(self, role: Role) -> None:
        """Calls go through the wiring; what is kept of public reads follows the directory's events."""
        await self.public_reads.hear(self.context.wiring.bus)

    async def stop(self) -> None:
        """Ends what goes on beside the answers, tells the refusals that wait; whoever made the wiring closes it."""
        await self.context.afterwards.stop()
        await self.context.refusals.stop()


def build(settings: Settings, wiring: Wiring) -> Service:
    """The gateway over this wiring; tests pass their own parts in."""
    return build_over(GatewayContext(settings=settings, clients=Clients.over(wiring.peers), wiring=wiring))


def build_over(context: GatewayContext) -> Gateway:
    """The gateway over these clients."""
    context.clients.directory.tell_changes_to(context.public_reads.drop)
    context.public_reads.follow(context.clients.directory.changes)
    api = Api(context, with_documents(all_operations()))
    edge = Edge(context.settings, api=api, machine=Machine(context), pages=_pages(context))
    return Gateway(context, edge)


def _pages(context: GatewayContext) -> Starlette:
    from gateway.pages.routes import not_found_endpoint, page_routes

    return Starlette(
        routes=page_routes(context),
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=3)],
        exception_handlers={404: _page_not_found(context, not_found_endpoint)},
    )


def _page_not_found(context: GatewayContext, make: Any) -> Any:
    endpoint = make(context)

    async def handle(request: Any, fault: Exception) -> Any:
        return await endpoint(request)

    return handle
