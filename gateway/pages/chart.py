"""The balance over time as a line, drawn as SVG without any style of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clients.ledger_shapes import SeriesPointJson
from gateway.pages.language import Language
from gateway.pages.render import amount_text

WIDTH, HEIGHT, EDGE = 1000, 220, 12


@dataclass(frozen=True, slots=True)
class Chart:
    """Coordinates in a box of WIDTH by HEIGHT; `words` says the same for those who do not see it."""

    line: str
    area: str
    zero_y: int
    first_day: str
    last_day: str
    highest_minor: int
    lowest_minor: int
    words: str


def chart_of(language: Language, points: Sequence[SeriesPointJson]) -> Chart | None:
    """None where there is nothing to draw: fewer than two days, or no movement at all."""
    balances = [point["balance_minor"] for point in points]
    if len(points) < 2 or not any(balances):
        return None
    high, low = max(0, *balances), min(0, *balances)
    span = high - low

    def y(balance: int) -> int:
        return EDGE + (high - balance) * (HEIGHT - 2 * EDGE) // span

    spots = [(index * WIDTH // (len(points) - 1), y(balance)) for index, balance in enumerate(balances)]
    path = "M" + "L".join(f"{x} {level}" for x, level in _as_steps(spots))
    said = language.gettext(
        "Balance from %(first)s to %(last)s: highest %(high)s, lowest %(low)s, at the end %(end)s"
    ) % {
        "first": points[0]["day"],
        "last": points[-1]["day"],
        "high": amount_text(language, max(balances)),
        "low": amount_text(language, min(balances)),
        "end": amount_text(language, balances[-1]),
    }
    return Chart(
        line=path,
        area=f"{path}L{WIDTH} {y(0)}L0 {y(0)}Z",
        zero_y=y(0),
        first_day=points[0]["day"],
        last_day=points[-1]["day"],
        highest_minor=max(balances),
        lowest_minor=min(balances),
        words=said,
    )


def _as_steps(spots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A balance holds until it changes: level first, then up or down. Days without a change need no corner."""
    path = [spots[0]]
    for x, level in spots[1:]:
        if level != path[-1][1]:
            path += [(x, path[-1][1]), (x, level)]
    if path[-1][0] != spots[-1][0]:
        path.append((spots[-1][0], path[-1][1]))
    return path
