"""Events in: which type is handled by which use case."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from libs.common.bus.port import Handler
from libs.common.contracts import Event, directory, identity, ledger, matcher
from libs.common.envelope import Envelope
from services.notifier.domain import NewNotice
from services.notifier.service import matches, people, transfers
from services.notifier.service.deps import Deps
from services.notifier.service.telling import Teller

Heard = TypeVar("Heard", bound=Event)


def handlers(deps: Deps) -> dict[str, Handler]:
    """Every event the notifier hears. One that cannot be read raises, and ends among the dead letters."""
    teller, node = Teller(deps), deps.settings.node_name
    return dict(
        [
            _on(deps, identity.UserRegisteredV1, people.user_registered),
            _on(deps, identity.UserJoinedV1, people.user_joined),
            _on(deps, identity.UserChangedV1, people.user_changed),
            _on(deps, identity.UserDeletedV1, people.user_deleted),
            _on(deps, identity.MembershipChangedV1, people.membership_changed),
            _tells(teller, identity.ResetRequestedV1, people.reset_requested),
            _tells(teller, identity.VerificationRequestedV1, people.verification_requested),
            _on(deps, identity.InvitationSentV1, people.invitation_sent),
            _tells(teller, identity.SignupRepeatedV1, people.signup_repeated),
            _tells(teller, identity.PasswordChangedV1, people.password_changed),
            _tells(teller, identity.LoginFailedV1, people.login_failed),
            _on(deps, identity.LoginSucceededV1, people.login_succeeded),
            _on(deps, directory.EntityRegisteredV1, people.entity_registered),
            _on(deps, directory.EntityChangedV1, people.entity_changed),
            _on(deps, directory.EntityStatusChangedV1, people.entity_status_changed),
            _on(deps, directory.EntityDeletedV1, people.entity_deleted),
            _tells(teller, directory.ApplicationReceivedV1, people.application_received),
            _tells(teller, directory.ContactSentV1, people.contact_sent),
            _on(deps, directory.TagsChangedV1, people.tags_changed),
            _on(deps, directory.MatchDismissedV1, people.match_dismissed),
            _tells(teller, ledger.TransferProposedV1, transfers.transfer_proposed),
            _tells(teller, ledger.TransferExpiringV1, transfers.transfer_expiring),
            _tells(teller, ledger.TransferCompletedV1, transfers.transfer_completed),
            _tells(teller, ledger.TransferCancelledV1, transfers.transfer_cancelled),
            _tells(teller, ledger.BooksBrokenV1, partial(transfers.books_broken, node=node)),
            _on(deps, matcher.MatchFoundV1, matches.match_found),
        ]
    )


def _on(
    deps: Deps, kind: type[Heard], use_case: Callable[[Deps, Envelope, Heard], Awaitable[None]]
) -> tuple[str, Handler]:
    async def handle(envelope: Envelope) -> None:
        await use_case(deps, envelope, kind.read(envelope.data))

    return kind.TYPE, handle


def _tells(teller: Teller, kind: type[Heard], news: Callable[[Heard], list[NewNotice]]) -> tuple[str, Handler]:
    """An event of which there is nothing to know, only to tell."""

    async def handle(envelope: Envelope) -> None:
        await teller.hear(envelope, news(kind.read(envelope.data)))

    return kind.TYPE, handle
