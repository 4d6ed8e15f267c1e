"""The pages over a community in memory: as an application for tests, and on a port for the eye."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment
from starlette.applications import Starlette

from gateway.pages.language import Languages
from gateway.pages.robots import RobotCheck
from gateway.pages.routes import not_found_endpoint, page_routes
from gateway.pages.screen import House
from gateway.pages.tests.community import Community
from gateway.pages.tests.scenes import a_town
from gateway.rates import Rates

# templates are compiled once for all tests
_ENVIRONMENTS: dict[str, Environment] = {}


def serving(
    community: Community, *, languages: Languages | None = None, robots: RobotCheck | None = None, **settings: Any
) -> Any:
    """An ASGI application of the pages; stands in for the edge, which puts these into every request's state."""
    context = community.context(**settings)
    fresh = House.of(context)
    house = replace(fresh, environment=_ENVIRONMENTS.setdefault(context.settings.unit, fresh.environment))
    if robots is not None:
        house = replace(house, robots=robots)
    if languages is not None:
        house = replace(house, languages=languages)
    nowhere = not_found_endpoint(context, house)

    async def handle(request: Any, fault: Exception) -> Any:
        return await nowhere(request)

    pages = Starlette(routes=page_routes(context, house), exception_handlers={404: handle})

    rates = Rates(context.settings.rate_per_minute)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        state = {"request_id": "request-1", "client_address": "203.0.113.9", "user_agent": "test", "rates": rates}
        await pages({**scope, "state": {**scope.get("state", {}), **state}}, receive, send)

    return application


def main() -> None:
    """`python -m gateway.pages.tests.serving PORT`: log in as ana@example.org or admin@example.org."""
    import uvicorn

    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    town, _ = a_town()
    town.now = datetime.now(UTC)
    uvicorn.run(serving(town, public_url=f"http://127.0.0.1:{port}"), port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
