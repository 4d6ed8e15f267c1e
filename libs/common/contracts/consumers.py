"""Who hears what, durably: the queue of each service is bound by this table before anybody tells anything.

Broadcasts (`BROADCAST`) go to every process that listens, besides. A service's subscriptions are held against this.
"""

from libs.common.contracts import directory, identity, ledger, matcher, notifier

MATCHES = "matches"
"""A second queue of the matcher: what it tells the matches of, behind making it findable."""

CONSUMERS: dict[str, tuple[str, ...]] = {
    identity.UserRegisteredV1.TYPE: ("directory", "notifier"),
    identity.UserJoinedV1.TYPE: ("notifier",),
    identity.UserChangedV1.TYPE: ("directory", "notifier"),
    identity.UserDeletedV1.TYPE: ("directory", "notifier"),
    identity.MembershipChangedV1.TYPE: ("directory", "ledger", "notifier"),
    identity.SessionEndedV1.TYPE: (),
    identity.ResetRequestedV1.TYPE: ("notifier",),
    identity.VerificationRequestedV1.TYPE: ("notifier",),
    identity.InvitationSentV1.TYPE: ("notifier",),
    identity.SignupRepeatedV1.TYPE: ("notifier",),
    identity.PasswordChangedV1.TYPE: ("notifier",),
    identity.LoginFailedV1.TYPE: ("notifier",),
    identity.LoginSucceededV1.TYPE: ("notifier",),
    identity.KeysRotatedV1.TYPE: (),
    identity.AuditRecordedV1.TYPE: ("directory",),
    directory.EntityRegisteredV1.TYPE: ("identity", "ledger", "notifier"),
    directory.EntityChangedV1.TYPE: ("ledger", "matcher", MATCHES, "notifier"),
    directory.EntityStatusChangedV1.TYPE: ("ledger", "notifier"),
    directory.EntityDeletedV1.TYPE: ("identity", "ledger", "matcher", "notifier"),
    directory.ApplicationReceivedV1.TYPE: ("notifier",),
    directory.TagsChangedV1.TYPE: ("matcher", MATCHES, "notifier"),
    directory.TagRenamedV1.TYPE: (),
    directory.CategoryChangedV1.TYPE: (),
    directory.ContactSentV1.TYPE: ("notifier",),
    directory.MatchDismissedV1.TYPE: ("matcher", "notifier"),
    directory.AuditRecordedV1.TYPE: ("directory",),
    ledger.AccountOpenedV1.TYPE: (),
    ledger.AccountBandChangedV1.TYPE: ("matcher",),
    ledger.LimitsChangedV1.TYPE: (),
    ledger.TransferProposedV1.TYPE: ("notifier",),
    ledger.TransferCompletedV1.TYPE: ("notifier",),
    ledger.TransferCancelledV1.TYPE: ("notifier",),
    ledger.TransferExpiringV1.TYPE: ("notifier",),
    ledger.BooksBrokenV1.TYPE: ("notifier",),
    ledger.AuditRecordedV1.TYPE: ("directory",),
    matcher.MatchFoundV1.TYPE: ("notifier",),
    matcher.AuditRecordedV1.TYPE: ("directory",),
    notifier.NoticeSentV1.TYPE: (),
    notifier.NoticeFailedV1.TYPE: (),
    notifier.AuditRecordedV1.TYPE: ("directory",),
}

QUEUES = tuple(sorted({name for names in CONSUMERS.values() for name in names}))
"""Every queue: one a service, and `MATCHES`."""

BROADCAST = frozenset(
    {
        identity.SessionEndedV1.TYPE,
        identity.KeysRotatedV1.TYPE,
        directory.EntityChangedV1.TYPE,
        directory.EntityDeletedV1.TYPE,
        directory.TagsChangedV1.TYPE,
        directory.TagRenamedV1.TYPE,
        directory.MatchDismissedV1.TYPE,
        ledger.AccountBandChangedV1.TYPE,
    }
)


def topics_of(service: str) -> frozenset[str]:
    """The types that this service's queue is bound to."""
    return frozenset(kind for kind, services in CONSUMERS.items() if service in services)
