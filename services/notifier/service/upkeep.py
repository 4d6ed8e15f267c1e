"""What happens by the clock: the operator hears of dead letters, and what is old is dropped."""

from datetime import timedelta

from libs.common.bus.port import Bus
from libs.common.contracts.consumers import QUEUES
from libs.common.database import transaction
from libs.common.ids import derived_id
from services.notifier.domain import NewNotice
from services.notifier.service.deps import Deps
from services.notifier.service.telling import tell
from services.notifier.store import mails, matches, notices, webhooks

DEAD_LETTERS_SEEN_MAX = 100
DIGEST_MEMORY_DAYS = 30
NEWS_FOR = timedelta(hours=1)


async def report_dead_letters(deps: Deps, bus: Bus) -> None:
    """EM-09: one notice per queue and hour in which messages died, however many processes look."""
    now = deps.clock()
    for service in QUEUES:
        letters = await bus.dead(service, limit=DEAD_LETTERS_SEEN_MAX)
        fresh = [letter for letter in letters if letter.died_at > now - NEWS_FOR]
        if not fresh:
            continue
        first = fresh[0]
        told = {
            "service": service,
            "count": len(fresh),
            "type": first.envelope.type,
            "reason": first.reason[:500],
        }
        event_id = derived_id("dead", service, max(letter.died_at for letter in fresh).strftime("%Y-%m-%dT%H"))
        async with transaction(deps.pool) as connection:
            await tell(deps, connection, event_id, now, [NewNotice("dead_letters", None, told)])
        deps.wake()


async def forget_what_is_old(deps: Deps) -> None:
    """Drops notices and mails past their days."""
    now = deps.clock()
    async with transaction(deps.pool) as connection:
        await notices.forget_old_notices(connection, now - timedelta(days=deps.settings.notices_kept_days))
        await mails.forget_old_mails(connection, now - timedelta(days=deps.settings.mail_kept_days))
        await webhooks.forget_old_deliveries(connection, now - timedelta(days=deps.settings.mail_kept_days))
        await matches.forget_old_digests(connection, (now - timedelta(days=DIGEST_MEMORY_DAYS)).date())
