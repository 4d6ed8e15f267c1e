"""The rules of telling: which notices there are, who is told what by which event, and when a mail is tried again."""

from dataclasses import dataclass, field
from typing import Any, Literal

from libs.common.ids import derived_id

Audience = Literal["user", "entity", "operator", "address"]
"""A person, an entity (by its own address), whoever runs the node, or an address that belongs to nobody here yet."""

MAIL_RETRY_FACTOR = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notice. `mandatory` ones (security, and what was asked for) cannot be switched off."""

    name: str
    audience: Audience
    mail: bool = True
    bell: bool = True
    mandatory: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("welcome", "user", mandatory=True),
        Kind("email_verification", "user", bell=False, mandatory=True),
        Kind("signup_repeated", "user", bell=False, mandatory=True),
        Kind("password_reset", "user", bell=False, mandatory=True),
        Kind("password_changed", "user", mandatory=True),
        Kind("account_locked", "user", mandatory=True),
        Kind("new_device", "user", mandatory=True),
        Kind("invitation", "address", bell=False, mandatory=True),
        Kind("application_received", "entity"),
        Kind("status_decided", "entity"),
        Kind("transfer_proposed", "entity"),
        Kind("transfer_accepted", "entity"),
        Kind("transfer_rejected", "entity"),
        Kind("transfer_cancelled", "entity"),
        Kind("transfer_cancelled_by_system", "entity"),
        Kind("transfer_expired", "entity"),
        Kind("transfer_expiring", "entity"),
        Kind("transfer_on_behalf", "entity"),
        Kind("contact_message", "entity"),
        Kind("match_found", "entity", mail=False),
        Kind("daily_matches", "entity", bell=False),
        Kind("new_signup", "operator", mandatory=True),
        Kind("new_application", "operator", mandatory=True),
        Kind("contact_copy", "operator", bell=False, mandatory=True),
        Kind("books_broken", "operator", mandatory=True),
        Kind("dead_letters", "operator", mandatory=True),
    )
}


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Something to tell. `recipient_id` is a user or an entity; what the words need is in `params` (JSON values).

    `address` is where the mail goes when nothing better is known (for a user's: always). `secret_id` names a one-time
    token that identity issues at the moment the mail is written; no secret is ever kept here.
    """

    kind: str
    recipient_id: str | None
    params: dict[str, Any] = field(default_factory=dict)
    address: str | None = None
    reply_to: str | None = None
    language: str | None = None
    secret_id: str | None = None

    @property
    def audience(self) -> Audience:
        return KINDS[self.kind].audience

    def id_after(self, event_id: str) -> str:
        """The same notice of the same event has the same id, however often the event is heard."""
        return derived_id("notice", event_id, self.kind, self.recipient_id or "")


def mail_id_of(notice_id: str) -> str:
    """One mail per notice, with an id that follows from it: the Message-ID and the file's name are made of it."""
    return derived_id("mail", notice_id)


# --- transfers (EM-06) -------------------------------------------------------------------------------------------------

Side = Literal["payer", "payee"]
SILENT_KINDS = frozenset({"fee", "import"})
"""Kinds of transfer that are nobody's news: legs of another transfer, and the past brought in from elsewhere."""
ASKED_KINDS = frozenset({"transfer", "refund"})
"""Kinds that one party proposes and the other accepts."""


def told_of_proposal(kind: str, initiator: str) -> tuple[Side, ...]:
    """Who hears that a transfer waits, or will soon expire: the side that has to answer."""
    if kind in SILENT_KINDS:
        return ()
    return {"payer": ("payee",), "payee": ("payer",)}.get(initiator, ("payer", "payee"))  # type: ignore[return-value]


def told_of_completion(kind: str, initiator: str) -> tuple[Side, ...]:
    """Who hears that a transfer was posted: who proposed it, since the other one accepted; both where neither did."""
    if kind in SILENT_KINDS:
        return ()
    if kind in ASKED_KINDS and initiator in ("payer", "payee"):
        return (initiator,)  # type: ignore[return-value]
    return ("payer", "payee")


def completion_notice(kind: str, initiator: str) -> str:
    """The notice that tells a completion: one's own proposal was accepted, or somebody acted on one's behalf."""
    return "transfer_accepted" if kind in ASKED_KINDS and initiator in ("payer", "payee") else "transfer_on_behalf"


CANCELLATION_NOTICES = {
    "rejected": "transfer_rejected",
    "cancelled": "transfer_cancelled",
    "expired": "transfer_expired",
    "refused_by_limit": "transfer_cancelled_by_system",
}


def told_of_cancellation(kind: str, by: str) -> tuple[Side, ...]:
    """Who hears that a proposal ended: the side that did not end it; both where an admin or the system did."""
    if kind in SILENT_KINDS:
        return ()
    return {"payer": ("payee",), "payee": ("payer",)}.get(by, ("payer", "payee"))  # type: ignore[return-value]


# --- mail --------------------------------------------------------------------------------------------------------------


def retry_delay_s(tries: int, *, first_s: float, max_s: float) -> float:
    """How long to wait after this many failed tries: three times longer each time, up to the longest wait."""
    exponent = min(max(tries - 1, 0), 30)
    return float(min(first_s * MAIL_RETRY_FACTOR**exponent, max_s))


def hidden_address(address: str) -> str:
    """An address as its owner recognises it and nobody else reads it: `r…@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if local else "…"
