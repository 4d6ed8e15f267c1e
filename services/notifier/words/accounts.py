"""Words about a person's own access: welcome, verification, passwords, locks, devices, invitations."""

from services.notifier.language import Language
from services.notifier.words.parts import Link, Params, Words


def welcome(_: Language, p: Params) -> Words:
    """EM-01. With a token: asks to confirm the address. `joined`: by an invitation, to an entity that was there."""
    title = _("Welcome to {node}").format(node=p["node"])
    lines = [_("You have signed up {entity}. An administrator will look at it and you will hear from us.")]
    action = None
    if p.get("joined"):
        lines = [_("You now act for {entity}.")] if p["entity"] else []
        action = Link(_("Open my start page"), "/home")
    if p.get("token"):
        lines.append(_("Please confirm that this address is yours:"))
        action = Link(_("Confirm address"), f"/verify/{p['token']}")
    return Words(
        title,
        tuple(line.format(entity=p["entity"]) for line in lines),
        action=action,
        notes=(_("If you did not sign up, ignore this mail."),),
    )


def email_verification(_: Language, p: Params) -> Words:
    """ID-02, ID-10."""
    return Words(
        _("Please confirm your e-mail address"),
        (_("Confirm that this address is yours:"),),
        action=Link(_("Confirm address"), f"/verify/{p.get('token', '')}"),
        notes=(_("If you did not ask for this, ignore this mail: nothing changes."),),
    )


def signup_repeated(_: Language, p: Params) -> Words:
    """ID-02: the page of the signup says nothing about it, the owner of the address hears it."""
    return Words(
        _("You already have an account"),
        (_("Somebody tried to sign up with this address, but it already has an account. If it was you, just log in."),),
        action=Link(_("Log in"), "/login"),
        notes=(_("If you forgot your password, you can ask for a new one on the login page."),),
    )


def password_reset(_: Language, p: Params) -> Words:
    """EM-05, ID-08."""
    prefix = "/admin/password-reset" if p.get("role") == "admin" else "/password-reset"
    return Words(
        _("Choose a new password"),
        (
            _(
                "Somebody, hopefully you, asked for a new password for this address. The link works once, for a short time:"
            ),
        ),
        action=Link(_("Choose a new password"), f"{prefix}/{p.get('token', '')}"),
        notes=(_("If it was not you, ignore this mail: your password stays as it is."),),
    )


def password_changed(_: Language, p: Params) -> Words:
    """EM-05."""
    line = _("The password of your account was just set anew with a mailed link.") if p.get("by_reset") else ""
    return Words(
        _("Your password was changed"),
        (line or _("The password of your account was just changed."), _("All other sessions have been ended.")),
        action=Link(_("If it was not you, choose a new password now"), "/password-reset"),
    )


def account_locked(_: Language, p: Params) -> Words:
    """EM-05, ID-05."""
    return Words(
        _("Your account is locked for a while"),
        (_("Too many logins with a wrong password failed, so nobody can log in to your account for now."),),
        facts=((_("Locked until"), _.moment(p["until"])), (_("Last tried from"), p["address"])),
        notes=(_("If it was not you, your password is still safe. You can choose a new one at any time."),),
    )


def new_device(_: Language, p: Params) -> Words:
    """EM-05."""
    return Words(
        _("New login to your account"),
        (_("Somebody logged in to your account from a device that we have not seen before."),),
        facts=((_("When"), _.moment(p["at"])), (_("Address"), p["address"]), (_("Program"), p["agent"] or "-")),
        action=Link(_("Look at my sessions"), "/security"),
        notes=(_("If it was you, there is nothing to do. If not, change your password and end all sessions."),),
    )


def invitation(_: Language, p: Params) -> Words:
    """EN-04."""
    return Words(
        _("You are invited to act for {entity}").format(entity=p["entity"] or p["node"]),
        (
            _("Somebody at {entity} invites you to act for it on {node}.").format(
                entity=p["entity"] or "-", node=p["node"]
            ),
        ),
        action=Link(_("Accept the invitation"), f"/invitations/{p.get('token', '')}"),
        notes=(_("If you do not want this, ignore this mail."),),
    )
