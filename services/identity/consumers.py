"""Events that identity listens to."""

from libs.common.bus.port import Handler
from libs.common.contracts.directory import EntityDeletedV1, EntityRegisteredV1
from libs.common.envelope import Envelope
from services.identity.service import heard
from services.identity.service.deps import Deps


def handlers(deps: Deps) -> dict[str, Handler]:
    """Type to handler, for the service's queue."""

    async def registered(envelope: Envelope) -> None:
        await heard.entity_registered(deps, envelope, EntityRegisteredV1.read(envelope.data))

    async def deleted(envelope: Envelope) -> None:
        await heard.entity_deleted(deps, envelope, EntityDeletedV1.read(envelope.data))

    return {EntityRegisteredV1.TYPE: registered, EntityDeletedV1.TYPE: deleted}
