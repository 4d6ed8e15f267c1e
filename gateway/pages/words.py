"""Sentences: who gave and who received, what a status means, why two members match. All in the reader's language."""

from collections.abc import Mapping
from typing import Any

from babel.lists import format_list

from gateway.clients.matcher import Match, MatchedTags, Reason
from gateway.pages.language import Language
from libs.common.errors import Problem


def _(text: str) -> str:
    """Marks a text for the catalogues; it is translated where it is used."""
    return text


STATUS_NAMES = {
    "pending": _("Waiting for approval"),
    "rejected": _("Not accepted"),
    "accepted": _("Listed"),
    "tradingPending": _("Applied for trading"),
    "tradingRejected": _("Trading not granted"),
    "tradingAccepted": _("Trading member"),
}
STATUS_MEANINGS = {
    "pending": _("Not visible to others yet. An administrator looks at new members."),
    "rejected": _("Not visible to others."),
    "accepted": _("Visible in the directory and may send messages, but not yet trade."),
    "tradingPending": _("Visible in the directory; the application for trading waits for a decision."),
    "tradingRejected": _("Visible in the directory; may not trade."),
    "tradingAccepted": _("Visible in the directory and may trade."),
}
TRANSFER_STATUS = {
    "initiated": _("Waiting for an answer"),
    "completed": _("Completed"),
    "cancelled": _("Cancelled"),
}
OUTCOMES = {
    "completed": _("Completed"),
    "rejected": _("Rejected"),
    "cancelled": _("Withdrawn"),
    "expired": _("Expired without an answer"),
    "refused_by_limit": _("Stopped: a limit would have been passed"),
}
_TAGS_TOLD = 4


def status_name(language: Language, status: str) -> str:
    """A status of an entity in words; an unknown one as it is."""
    return language.gettext(STATUS_NAMES.get(status, status))


def status_meaning(language: Language, status: str) -> str:
    """What a status allows, in a sentence."""
    return language.gettext(STATUS_MEANINGS.get(status, ""))


def outcome(language: Language, transfer: Mapping[str, Any]) -> str:
    """How a transfer stands or ended."""
    status: str = transfer["status"]
    said = OUTCOMES.get(transfer.get("outcome", ""), TRANSFER_STATUS.get(status, status))
    return language.gettext(said)


def problem_text(language: Language, problem: Problem) -> str:
    """What is wrong, in the reader's language where its sentence is in the catalogue."""
    return language.gettext(problem.message)


def found_because(language: Language, reason: Reason) -> str:
    """Why a search found somebody; empty where it goes without saying."""
    params = reason["params"]
    if reason["code"] == "tag":
        text = _("Offers %(tag)s") if params.get("side") == "offers" else _("Wants %(tag)s")
        return language.gettext(text) % {"tag": str(params.get("found", "")).replace("-", " ")}
    return ""


def who_pays(language: Language, transfer: Mapping[str, Any], own: frozenset[str]) -> str:
    """The direction of a transfer in a sentence, from the reader's side: `You paid Ana`, `Ana asks you to pay`.

    `own`: ids of the reader's entities. For anybody else, and between two own entities, both are named.
    """
    payer, payee = transfer["payer"], transfer["payee"]
    payer_is_mine, payee_is_mine = payer["entity_id"] in own, payee["entity_id"] in own
    names = {"payer": payer["name"], "payee": payee["name"]}
    if payer_is_mine == payee_is_mine:
        return language.gettext(_THIRD[transfer["status"]]) % names
    side = "payer" if payer_is_mine else "payee"
    begun_by = "me" if transfer["initiator"] == side else "them"
    return language.gettext(_MINE[(transfer["status"], side, begun_by)]) % names


_THIRD = {
    "initiated": _("%(payer)s would pay %(payee)s"),
    "completed": _("%(payer)s paid %(payee)s"),
    "cancelled": _("%(payer)s would have paid %(payee)s"),
}
_MINE = {
    ("initiated", "payer", "me"): _("You offered to pay %(payee)s"),
    ("initiated", "payer", "them"): _("%(payee)s asks you to pay"),
    ("initiated", "payee", "me"): _("You asked %(payer)s to pay"),
    ("initiated", "payee", "them"): _("%(payer)s offers to pay you"),
    ("completed", "payer", "me"): _("You paid %(payee)s"),
    ("completed", "payer", "them"): _("You paid %(payee)s"),
    ("completed", "payee", "me"): _("%(payer)s paid you"),
    ("completed", "payee", "them"): _("%(payer)s paid you"),
    ("cancelled", "payer", "me"): _("You would have paid %(payee)s"),
    ("cancelled", "payer", "them"): _("You would have paid %(payee)s"),
    ("cancelled", "payee", "me"): _("%(payer)s would have paid you"),
    ("cancelled", "payee", "them"): _("%(payer)s would have paid you"),
}


def line_direction(language: Language, line: Mapping[str, Any]) -> str:
    """The direction of a line of a statement, in words."""
    text = _("You paid %(name)s") if line["amount_minor"] < 0 else _("%(name)s paid you")
    return language.gettext(text) % {"name": line["counterparty"]["name"]}


def match_sentences(language: Language, match: Match) -> list[str]:
    """What makes a match, one sentence a side: `They want your sourdough bread and cakes`."""
    sides = ((_("They want %(tags)s"), "offers"), (_("They offer %(tags)s"), "wants"))
    said = []
    for sentence, side in sides:
        tags = [_tag_phrase(language, tag) for tag in match["tags"] if tag["side"] == side]
        if tags:
            listed = format_list(tags[:_TAGS_TOLD], locale=language.locale)
            said.append(language.gettext(sentence) % {"tags": listed})
    return said


def _tag_phrase(language: Language, tag: MatchedTags) -> str:
    """Their words; beside them mine, where they differ."""
    theirs, mine = tag["theirs"].replace("-", " "), tag["mine"].replace("-", " ")
    if theirs == mine:
        return theirs
    return language.gettext(_("%(theirs)s (your %(mine)s)")) % {"theirs": theirs, "mine": mine}


def reasons(language: Language, match: Match) -> list[str]:
    """Why a match is shown, besides its tags: short sentences."""
    said = [_reason(language, reason) for reason in match["reasons"]]
    return [sentence for sentence in said if sentence]


def _reason(language: Language, reason: Reason) -> str:
    params = reason["params"]
    if reason["code"] == "mutual":
        return language.gettext(_("Works both ways: each wants what the other offers"))
    if reason["code"] == "distance":
        return language.gettext(_("About %(km)s km away")) % {"km": params.get("km", "?")}
    if reason["code"] == "new":
        return language.gettext(_("New"))
    if reason["code"] == "balance":
        return language.gettext(_("A trade would bring both accounts nearer to zero"))
    return ""
