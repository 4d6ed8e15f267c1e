"""Events in: which type is handled by which use case."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from libs.common.bus.port import Handler
from libs.common.contracts import Event, directory, identity, ledger, matcher
from libs.common.envelope import Envelope
from services.notifier.service import matches, people, transfers
from services.notifier.service.deps import Deps

Heard = TypeVar("Heard", bound=Event)


def handlers(deps: Deps) -> dict[str, Handler]:
    """Every event the notifier hears. One that cannot be read raises, and ends among the dead letters."""
    return dict(
        [
            _on(deps, identity.UserRegisteredV1, people.user_registered),
            _on(deps, identity.UserJoinedV1, people.user_joined),
            _on(deps, identity.UserChangedV1, people.user_changed),
            _on(deps, identity.UserDeletedV1, people.user_deleted),
            _on(deps, identity.MembershipChangedV1, people.membership_changed),
            _on(deps, identity.ResetRequestedV1, people.reset_requested),
            _on(deps, identity.VerificationRequestedV1, people.verification_requested),
            _on(deps, identity.InvitationSentV1, people.invitation_sent),
            _on(deps, identity.SignupRepeatedV1, people.signup_repeated),
            _on(deps, identity.PasswordChangedV1, people.password_changed),
            _on(deps, identity.LoginFailedV1, people.login_failed),
            _on(deps, identity.LoginSucceededV1, people.login_succeeded),
            _on(deps, directory.EntityRegisteredV1, people.entity_registered),
            _on(deps, directory.EntityChangedV1, people.entity_changed),
            _on(deps, directory.EntityStatusChangedV1, people.entity_status_changed),
            _on(deps, directory.EntityDeletedV1, people.entity_deleted),
            _on(deps, directory.ApplicationReceivedV1, people.application_received),
            _on(deps, directory.ContactSentV1, people.contact_sent),
            _on(deps, directory.TagsChangedV1, people.tags_changed),
            _on(deps, directory.MatchDismissedV1, people.match_dismissed),
            _on(deps, ledger.TransferProposedV1, transfers.transfer_proposed),
            _on(deps, ledger.TransferExpiringV1, transfers.transfer_expiring),
            _on(deps, ledger.TransferCompletedV1, transfers.transfer_completed),
            _on(deps, ledger.TransferCancelledV1, transfers.transfer_cancelled),
            _on(deps, ledger.BooksBrokenV1, transfers.books_broken),
            _on(deps, matcher.MatchFoundV1, matches.match_found),
        ]
    )


def _on(
    deps: Deps, kind: type[Heard], use_case: Callable[[Deps, Envelope, Heard], Awaitable[None]]
) -> tuple[str, Handler]:
    async def handle(envelope: Envelope) -> None:
        await use_case(deps, envelope, kind.read(envelope.data))

    return kind.TYPE, handle
