"""Words to whoever runs the node."""

from services.notifier.language import Language
from services.notifier.words.parts import Link, Params, Words


def new_signup(_: Language, p: Params) -> Words:
    """EM-02."""
    return Words(
        _("New signup: {entity}").format(entity=p["entity"]),
        (_("A new member waits to be looked at."),),
        facts=((_("Entity"), p["entity"]), (_("Person"), p["person"] or "-"), (_("E-mail"), p["email"])),
        action=Link(_("Look at it"), f"/admin/entities/{p['entity_id']}"),
    )


def new_application(_: Language, p: Params) -> Words:
    """EM-03."""
    return Words(
        _("{entity} applies for trading").format(entity=p["entity"]),
        (_("The application waits to be decided."),),
        action=Link(_("Look at it"), f"/admin/entities/{p['entity_id']}"),
    )


def contact_copy(_: Language, p: Params) -> Words:
    """DI-10: names only; no address of either side."""
    return Words(
        _("Copy of a message from {sender} to {receiver}").format(sender=p["sender"], receiver=p["receiver"]),
        (_("{sender} wrote to {receiver}:").format(sender=p["sender"], receiver=p["receiver"]),),
        quote=p["body"],
    )


def books_broken(_: Language, p: Params) -> Words:
    """EM-09."""
    facts = [(_("Check"), p["check"]), (_("Found"), p["detail"])]
    if p["accounts"]:
        facts.append((_("Accounts"), ", ".join(p["accounts"])))
    return Words(
        _("Alarm: the books of {node} are out of balance").format(node=p["node"]),
        (_("The continuous audit found a fault. New postings on the accounts concerned are stopped."),),
        facts=tuple(facts),
        action=Link(_("Open the system page"), "/admin/system"),
    )


def dead_letters(_: Language, p: Params) -> Words:
    """EM-09."""
    return Words(
        _("Alarm: messages to {service} were given up").format(service=p["service"]),
        (_("These messages failed too often and wait for somebody to look at them; the others flow on."),),
        facts=((_("How many"), str(p["count"])), (_("The first one"), p["type"]), (_("Its reason"), p["reason"])),
        action=Link(_("Open the system page"), "/admin/system"),
    )
