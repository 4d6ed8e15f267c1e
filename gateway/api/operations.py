"""All operations of the API."""

from gateway.api.operation import Registry
from gateway.api.v1 import (
    admin_catalogue,
    admin_entities,
    admin_transfers,
    admin_users,
    entities,
    health,
    session,
    transfers,
    user,
)


def all_operations() -> Registry:
    """One registry of every module's operations, in the order of the API's description."""
    modules = (
        session,
        user,
        entities,
        transfers,
        admin_entities,
        admin_users,
        admin_catalogue,
        admin_transfers,
        health,
    )
    return Registry([operation for module in modules for operation in module.operations.operations])
