"""Short sentences shown once after something was done; a link can only name one of these."""


def _(text: str) -> str:
    return text


NOTES = {
    "accepted": _("Accepted. The transfer is complete."),
    "rejected": _("Rejected. Nothing was paid."),
    "cancelled": _("Withdrawn. Nothing was paid."),
    "invited": _("The invitation is on its way."),
    "joined": _("Welcome. You act for this member now."),
    "saved": _("Saved."),
    "sent": _("Your message is on its way."),
    "welcome": _("Welcome! Your account is open. An administrator looks at new members before they are listed."),
    "signed_up": _("Thank you. You can log in now; a message is on its way to your address."),
    "logged_out": _("You are logged out."),
    "left": _("Your login and your personal data are deleted. Thank you for having been with us."),
    "login_again": _("Please log in to go on."),
    "password_changed": _("Your password is changed. Your other sessions have ended."),
    "password_reset": _("Your password is changed. Please log in with it."),
    "reset_asked": _("If this address belongs to a member, a message with a link is on its way to it."),
    "verified": _("Your e-mail address is confirmed. Thank you."),
    "verification_sent": _("Another confirmation message is on its way."),
    "address_asked": _(
        "A message with a link is on its way to the new address. It is yours once you have followed the link."
    ),
    "session_ended": _("That session has ended."),
    "applied": _("Thank you. Your application is with the administrators now."),
    "favourite_added": _("Added to your favourites."),
    "favourite_removed": _("Removed from your favourites."),
    "dismissed": _("You will not be shown this match any more."),
    "status_changed": _("The status is changed and the member will be told."),
    "limits_changed": _("The limits are changed."),
    "created": _("Created."),
    "logged_out_everywhere": _("This user is logged out everywhere."),
    "deleted": _("Deleted."),
    "started": _("Started."),
    "read": _("All marked as read."),
    "unsubscribed": _("You will not get such mail any more."),
    "refund_proposed": _("The refund is proposed. It takes effect when the other side agrees."),
}
