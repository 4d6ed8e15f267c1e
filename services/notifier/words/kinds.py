"""Which words belong to which kind of notice, and what each kind is called in the preferences."""

from services.notifier.language import Language
from services.notifier.words import accounts, members, operator, transfers
from services.notifier.words.parts import Params, Words, Writer

WRITERS: dict[str, Writer] = {
    writer.__name__: writer
    for writer in (
        accounts.welcome,
        accounts.email_verification,
        accounts.signup_repeated,
        accounts.password_reset,
        accounts.password_changed,
        accounts.account_locked,
        accounts.new_device,
        accounts.invitation,
        members.application_received,
        members.status_decided,
        members.contact_message,
        members.match_found,
        members.daily_matches,
        transfers.transfer_proposed,
        transfers.transfer_accepted,
        transfers.transfer_rejected,
        transfers.transfer_cancelled,
        transfers.transfer_cancelled_by_system,
        transfers.transfer_expired,
        transfers.transfer_expiring,
        transfers.transfer_on_behalf,
        operator.new_signup,
        operator.new_application,
        operator.contact_copy,
        operator.books_broken,
        operator.dead_letters,
    )
}


def words_of(kind: str, language: Language, params: Params) -> Words:
    """One notice in words."""
    return WRITERS[kind](language, params)


def title_of(kind: str, _: Language) -> str:
    """What a kind is called where a person chooses."""
    return {
        "welcome": _("Welcome"),
        "email_verification": _("Confirming an address"),
        "signup_repeated": _("Signup with your address"),
        "password_reset": _("Lost password"),
        "password_changed": _("Password changed"),
        "account_locked": _("Account locked"),
        "new_device": _("Login from a new device"),
        "invitation": _("Invitation"),
        "application_received": _("Application for trading received"),
        "status_decided": _("Decisions about my entity"),
        "transfer_proposed": _("Somebody proposes a transfer"),
        "transfer_accepted": _("My proposal was accepted"),
        "transfer_rejected": _("My proposal was declined"),
        "transfer_cancelled": _("A proposal was withdrawn"),
        "transfer_cancelled_by_system": _("A transfer could not be made"),
        "transfer_expired": _("A proposal ran out"),
        "transfer_expiring": _("A proposal runs out soon"),
        "transfer_on_behalf": _("A transfer on my behalf"),
        "contact_message": _("Messages from members"),
        "match_found": _("New matches"),
        "daily_matches": _("Daily mail of new matches"),
        "new_signup": _("New signup"),
        "new_application": _("New application"),
        "contact_copy": _("Copies of messages"),
        "books_broken": _("Books out of balance"),
        "dead_letters": _("Messages given up"),
    }[kind]
