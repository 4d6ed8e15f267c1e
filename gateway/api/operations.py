"""All operations of the API."""

from gateway.api.operation import Registry
from gateway.api.v1 import (
    account,
    admin_catalogue,
    admin_entities,
    admin_more,
    admin_transfers,
    admin_users,
    entities,
    health,
    matching,
    money,
    notices,
    people,
    session,
    transfers,
    user,
)


def all_operations() -> Registry:
    """One registry of every module's operations, in the order of the API's description."""
    modules = (
        session,
        account,
        user,
        people,
        entities,
        matching,
        transfers,
        money,
        notices,
        admin_entities,
        admin_users,
        admin_catalogue,
        admin_transfers,
        admin_more,
        health,
    )
    return Registry([operation for module in modules for operation in module.operations.operations])
