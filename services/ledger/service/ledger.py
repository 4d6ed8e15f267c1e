"""What the use cases work with: the store's parts, one writer per kind of posting, and who wakes the relay."""

from collections.abc import Callable
from dataclasses import dataclass

from services.ledger.service.refused import Refused
from services.ledger.service.writer import CoalescingWriter
from services.ledger.settings import Settings
from services.ledger.store.accounts import Accounts
from services.ledger.store.agreements import Agreements
from services.ledger.store.postings import Consent, Ending, Outcome, Payment, Postings, Proposal
from services.ledger.store.reads import Reads


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything a use case is given."""

    settings: Settings
    accounts: Accounts
    postings: Postings
    agreements: Agreements
    reads: Reads
    told: Callable[[], None]
    """Called after a commit that left news in the outbox."""
    refused: Refused
    proposing: CoalescingWriter[Proposal, Outcome]
    accepting: CoalescingWriter[Consent, Outcome]
    rejecting: CoalescingWriter[Ending, Outcome]
    cancelling: CoalescingWriter[Ending, Outcome]
    paying: CoalescingWriter[Payment, Outcome]

    async def drain(self) -> None:
        """Waits for the postings under way."""
        for writer in (self.proposing, self.accepting, self.rejecting, self.cancelling, self.paying):
            await writer.drain()


def put_together(
    settings: Settings,
    accounts: Accounts,
    postings: Postings,
    agreements: Agreements,
    reads: Reads,
    told: Callable[[], None],
) -> Ledger:
    """The ledger with its writers."""
    limits = {"batch_max": settings.ledger_batch_max, "queue_max": settings.ledger_queue_max}
    return Ledger(
        settings=settings,
        accounts=accounts,
        postings=postings,
        agreements=agreements,
        reads=reads,
        told=told,
        refused=Refused(),
        proposing=CoalescingWriter(postings.propose, **limits),
        accepting=CoalescingWriter(postings.accept, **limits),
        rejecting=CoalescingWriter(postings.reject, **limits),
        cancelling=CoalescingWriter(postings.cancel, **limits),
        paying=CoalescingWriter(postings.pay, **limits),
    )
