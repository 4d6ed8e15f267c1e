"""Words to an entity about its standing, its messages and its matches."""

from services.notifier.language import Language
from services.notifier.words.parts import Link, Params, Words

MATCHES_SHOWN_MAX = 30


def application_received(_: Language, p: Params) -> Words:
    """EM-03."""
    return Words(
        _("We have received your application"),
        (
            _("{entity} has applied for trading. Thank you! We will look at it and tell you.").format(
                entity=p["entity"]
            ),
        ),
    )


def status_decided(_: Language, p: Params) -> Words:
    """EM-04."""
    titles = {
        "pending": _("{entity} is being looked at again"),
        "rejected": _("{entity} was not accepted"),
        "accepted": _("{entity} is now listed in the directory"),
        "tradingPending": _("The application of {entity} is being looked at"),
        "tradingRejected": _("The application of {entity} for trading was not accepted"),
        "tradingAccepted": _("{entity} may now trade"),
    }
    lines = {
        "pending": _("Until it is decided, the other members do not see it."),
        "rejected": _("The other members do not see it. Please write to us if you have questions."),
        "accepted": _("The other members can find you and write to you now. To pay and be paid, apply for trading."),
        "tradingPending": _("You will hear from us when it is decided."),
        "tradingRejected": _("You stay listed in the directory. Please write to us if you have questions."),
        "tradingAccepted": _("You can pay other members and be paid by them now."),
    }
    title = titles.get(p["new"], _("The status of {entity} has changed")).format(entity=p["entity"])
    line = lines.get(p["new"])
    return Words(title, (line,) if line else (), action=Link(_("Open my start page"), "/home"))


def contact_message(_: Language, p: Params) -> Words:
    """EM-07. The reply goes to the sender; the receiver's own address is told to nobody."""
    return Words(
        _("Message from {sender}").format(sender=p["sender"]),
        (_("{sender} writes to you:").format(sender=p["sender"]),),
        quote=p["body"],
        action=Link(_("Look at {sender}").format(sender=p["sender"]), f"/entities/{p['sender_id']}"),
        notes=(_("Your answer to this mail goes to {sender}, who then sees your address.").format(sender=p["sender"]),),
    )


def match_found(_: Language, p: Params) -> Words:
    """The bell's line of a day's new matches."""
    count = p.get("count", 1)
    title = _("A new match for you") if count == 1 else _("{count} new matches for you").format(count=count)
    return Words(
        title, (_("Somebody wants what you offer, or offers what you want."),), action=Link(_("Look"), "/matches")
    )


def daily_matches(_: Language, p: Params) -> Words:
    """EM-08, MA-05."""
    pairs = p["pairs"]
    title = _("A new match for you") if len(pairs) == 1 else _("{count} new matches for you").format(count=len(pairs))
    hidden = len(pairs) - MATCHES_SHOWN_MAX
    return Words(
        title,
        (_("These members are new for your offers and wants:"),),
        items=tuple(Link(_pair(_, pair), f"/entities/{pair['other_id']}") for pair in pairs[:MATCHES_SHOWN_MAX]),
        notes=(_("And {count} more.").format(count=hidden),) if hidden > 0 else (),
        action=Link(_("See all matches"), "/matches"),
    )


def _pair(_: Language, pair: Params) -> str:
    if pair["side"] == "offer":
        text = _("{other} wants {theirs} - you offer {mine}")
    else:
        text = _("{other} offers {theirs} - you want {mine}")
    return text.format(other=pair["other"], theirs=pair["theirs"], mine=pair["mine"])
