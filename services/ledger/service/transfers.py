"""The use case of one proposal: throttled by pair, posted with what waits, recorded where a limit refused it."""

import math

from libs.common.errors import Refusal
from services.ledger.service.ledger import Ledger
from services.ledger.store.postings import Outcome, Proposal

_LIMITS = ("limit_reached", "other_limit_reached")


async def propose_one(ledger: Ledger, proposal: Proposal) -> Outcome:
    """The outcome, committed. Raises Refusal 429 where the pair was refused too often for the other's limit."""
    waits_s = ledger.refused.may_ask(proposal.initiator, proposal.receiver)
    if waits_s:
        raise Refusal.of(
            429,
            "too_many_tries",
            "This amount has been tried too often with this account; wait before trying again.",
            retry_after_s=max(1, math.ceil(waits_s)),
        )
    outcome = await ledger.proposing.submit(proposal)
    if outcome.code in _LIMITS:
        await _remember(ledger, proposal, outcome.code)
    ledger.told()
    return outcome


async def _remember(ledger: Ledger, proposal: Proposal, code: str) -> None:
    if code == "other_limit_reached":
        ledger.refused.for_the_others_limit(proposal.initiator, proposal.receiver)
    count = ledger.refused.to_record(proposal.asked.caller)
    if count is not None:
        await ledger.accounts.record_refusal(
            caller=proposal.asked.caller,
            number=proposal.initiator,
            amount_minor=proposal.amount_minor,
            count=count,
            request_id=proposal.asked.request_id,
        )
