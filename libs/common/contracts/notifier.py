"""Events told by the notifier."""

from typing import ClassVar

from libs.common.contracts import Audited, Event


class NoticeSentV1(Event):
    """A mail was taken by the mail server."""

    TYPE: ClassVar[str] = "notifier.notice.sent.v1"
    notice_id: str
    kind: str


class NoticeFailedV1(Event):
    """A mail was given up after its last try."""

    TYPE: ClassVar[str] = "notifier.notice.failed.v1"
    notice_id: str
    kind: str
    reason: str


class AuditRecordedV1(Audited):
    """For the directory's activity log (AD-07): webhooks and preferences, never a secret."""

    TYPE: ClassVar[str] = "notifier.audit.recorded.v1"
