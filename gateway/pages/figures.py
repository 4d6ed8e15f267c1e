"""Figures drawn: where the balance lies between its limits."""

from dataclasses import dataclass

from gateway.clients.ledger_shapes import AccountJson
from gateway.pages.language import Language
from gateway.pages.render import amount_text

_HALF = 500


@dataclass(frozen=True, slots=True)
class Beam:
    """The balance on a beam 1000 wide with zero in its middle."""

    x: int
    width: int
    knob: int
    css: str
    words: str
    """The same for those who do not see it."""


def beam_of(language: Language, account: AccountJson) -> Beam:
    """Each half has its own scale: left ends at the lower limit, right at the upper one."""
    balance = account["balance_minor"]
    room = account["max_negative_minor"] if balance < 0 else account["max_positive_minor"]
    width = min(_HALF, abs(balance) * _HALF // room) if room else 0
    end = _HALF - width if balance < 0 else _HALF + width
    said = language.gettext("Balance %(balance)s, between %(low)s and %(high)s") % {
        "balance": amount_text(language, balance),
        "low": amount_text(language, -account["max_negative_minor"]),
        "high": amount_text(language, account["max_positive_minor"]),
    }
    return Beam(
        x=min(end, _HALF),
        width=width,
        knob=max(0, min(991, end - 4)),
        css="beam-below" if balance < 0 else "beam-above",
        words=said,
    )
