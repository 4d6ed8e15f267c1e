"""Words about transfers (EM-06). Who pays whom is said in words; nobody's balance or limit is told."""

from services.notifier.language import Language
from services.notifier.words.parts import Link, Params, Words


def transfer_proposed(_: Language, p: Params) -> Words:
    """To the side that has to answer."""
    asked = _("{other} asks you to pay {amount}") if _pays(p) else _("{other} wants to pay you {amount}")
    return _about(
        _,
        p,
        asked,
        _("Please accept or decline it. Nothing moves until you accept."),
        when=(_("Open until"), p["expires_at"]),
        action=_("Accept or decline"),
    )


def transfer_expiring(_: Language, p: Params) -> Words:
    """A reminder to the side that has to answer."""
    asked = _("{other} still asks you to pay {amount}") if _pays(p) else _("{other} still wants to pay you {amount}")
    return _about(
        _,
        p,
        asked,
        _("The proposal runs out soon. Please accept or decline it."),
        when=(_("Open until"), p["expires_at"]),
        action=_("Accept or decline"),
    )


def transfer_accepted(_: Language, p: Params) -> Words:
    """To the side that proposed it."""
    done = _("{other} accepted your payment of {amount}") if _pays(p) else _("{other} paid you {amount} as you asked")
    line = _("You paid {amount} to {other}.") if _pays(p) else _("You received {amount} from {other}.")
    return _about(_, p, done, line, when=(_("Completed"), p["completed_at"]))


def transfer_on_behalf(_: Language, p: Params) -> Words:
    """To both sides: neither of them did it (LE-17)."""
    done = _("{amount} were paid from you to {other}") if _pays(p) else _("{amount} were paid to you from {other}")
    return _about(
        _, p, done, _("An administrator made this transfer on your behalf."), when=(_("Completed"), p["completed_at"])
    )


def transfer_rejected(_: Language, p: Params) -> Words:
    """To the side that proposed it."""
    ended = _("{other} declined your payment of {amount}") if _pays(p) else _("{other} declined to pay you {amount}")
    return _ended(_, p, ended, _("Nothing was moved."))


def transfer_cancelled(_: Language, p: Params) -> Words:
    """To the side that did not withdraw it; to both where an admin did."""
    if p["by"] in ("payer", "payee"):
        ended = (
            _("{other} no longer asks you to pay {amount}") if _pays(p) else _("{other} withdrew a payment of {amount}")
        )
        return _ended(_, p, ended, _("Nothing was moved, and there is nothing to do."))
    return _ended(
        _, p, _("The transfer of {amount} between you and {other} was cancelled"), _("An administrator cancelled it.")
    )


def transfer_cancelled_by_system(_: Language, p: Params) -> Words:
    """To both sides: at the moment of acceptance it would have broken a limit (LE-06)."""
    return _ended(
        _,
        p,
        _("The transfer of {amount} between you and {other} could not be made"),
        _("It was accepted, but it does not fit the limits of both accounts any more. Nothing was moved."),
    )


def transfer_expired(_: Language, p: Params) -> Words:
    """To both sides (LE-07)."""
    return _ended(
        _,
        p,
        _("The proposal of {amount} between you and {other} ran out"),
        _("It was not answered in time. Nothing was moved."),
    )


def _pays(p: Params) -> bool:
    return bool(p["side"] == "payer")


def _ended(_: Language, p: Params, title: str, line: str) -> Words:
    return _about(_, p, title, line, when=(_("Ended"), p["cancelled_at"]))


def _about(_: Language, p: Params, title: str, line: str, *, when: tuple[str, str], action: str | None = None) -> Words:
    said = {"other": p["other"], "amount": _.amount(p["amount_minor"], p["unit"])}
    direction = _("from you to {other}") if _pays(p) else _("from {other} to you")
    facts = [(_("Amount"), f"{said['amount']} ({direction.format(**said)})"), (when[0], _.moment(when[1]))]
    if p.get("reason"):
        facts.append((_("Reason"), p["reason"]))
    return Words(
        title.format(**said),
        (line.format(**said),),
        facts=tuple(facts),
        quote=p["description"],
        action=Link(action or _("Look at the transfer"), f"/transfers/{p['transfer_id']}"),
    )
