"""Who reads, from the verified token."""

from libs.common.auth import Principal
from libs.common.errors import Refusal
from services.ledger.store.reads import Reader


def reader_of(who: Principal, entity_id: str | None = None) -> Reader:
    """Admins and services see all; `entity_id` narrows a person's view to one own entity."""
    if who.is_admin or who.is_service:
        return Reader(who.id, sees_all=True)
    if who.kind == "api_key":
        if who.entity_id is None or (entity_id is not None and entity_id != who.entity_id):
            raise Refusal.of(403, "not_your_account", "This API key acts for another entity.")
        return Reader(who.id, sees_all=False, only_entity=who.entity_id)
    return Reader(who.id, sees_all=False, only_entity=entity_id)
