"""What follows from other services' facts."""

from libs.common.contracts.directory import EntityDeletedV1, EntityRegisteredV1
from libs.common.envelope import Envelope
from libs.common.inbox import first_time
from services.identity.service import people
from services.identity.service.deps import Deps, unit
from services.identity.store import users


async def entity_registered(deps: Deps, envelope: Envelope, event: EntityRegisteredV1) -> None:
    """The directory has the profile of a signup."""
    async with unit(deps) as work:
        if await first_time(work.connection, envelope):
            await users.drop_profile(work.connection, event.entity_id)


async def entity_deleted(deps: Deps, envelope: Envelope, event: EntityDeletedV1) -> None:
    """Nobody acts for the entity any more."""
    async with unit(deps) as work:
        if await first_time(work.connection, envelope):
            await people.drop_entity(work, event.entity_id)
            await users.drop_profile(work.connection, event.entity_id)
