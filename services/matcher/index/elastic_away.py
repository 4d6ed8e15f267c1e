"""When Elasticsearch does not answer."""

import contextlib
from collections.abc import Iterator
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from services.matcher.index.port import IndexAway

AWAY = frozenset({404, 429, 502, 503, 504})
"""Of these 404 is an index that somebody dropped; the worker makes a new one."""


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Faults of the network and of an overloaded or starting server are IndexAway."""
    try:
        yield
    except TransportError as fault:
        raise IndexAway(f"Elasticsearch does not answer: {fault}") from fault
    except ApiError as fault:
        if fault.status_code in AWAY:
            raise IndexAway(f"Elasticsearch is not ready: {fault.status_code} {fault.message}") from fault
        raise


def answers_of(many: Any) -> list[dict[str, Any]]:
    """Of several searches in one request. Raises IndexAway when one of them was refused."""
    for each in many["responses"]:
        if "error" in each:
            raise IndexAway(f"Elasticsearch refused a search: {each['error']}")
    found: list[dict[str, Any]] = many["responses"]
    return found
