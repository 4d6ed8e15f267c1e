"""Python client of MCCS: `Client` and `AsyncClient` with one method per operation of the API."""

from .client import AsyncClient, Client
from .errors import Busy, MalformedAnswer, MccsError, Problem, Refused, Unreachable
from .request import Page, Part
from .retry import Policy

__all__ = [
    "AsyncClient",
    "Busy",
    "Client",
    "MalformedAnswer",
    "MccsError",
    "Page",
    "Part",
    "Policy",
    "Problem",
    "Refused",
    "Unreachable",
]
