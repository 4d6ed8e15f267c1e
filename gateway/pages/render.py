"""Templates: Jinja2 with autoescape, texts in the visitor's language, amounts and dates as that language writes them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from gateway.pages import words
from gateway.pages.language import Language
from gateway.pages.static_files import StaticFiles
from libs.common.errors import Problem
from libs.common.money import MINOR_PER_UNIT

FOLDER = Path(__file__).resolve().parent.parent / "templates"
MINUS = "\u2212"


def make_environment(static: StaticFiles, *, unit: str, zone: ZoneInfo) -> Environment:
    """One environment for the process. Every template sees `language`; nothing in it can be unescaped by accident."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # its extension adds it
    environment.globals.update(static=static.address, unit=unit)
    environment.filters.update(
        amount=_amount,
        plain=plain_amount,
        day=_dated(zone, "day"),
        moment=_dated(zone, "moment"),
        short_day=_dated(zone, "short"),
        status_name=_said(words.status_name),
        line_direction=_said(words.line_direction),
        match_sentences=_said(words.match_sentences),
        grouped=_grouped,
        reasons=_said(words.reasons),
        who_pays=_who_pays,
        tag_words=_tag_words,
        outcome=_said(words.outcome),
        status_meaning=_said(words.status_meaning),
        found_because=_said(words.found_because),
        problem_text=_said(words.problem_text),
        of_field=_of_field,
        field_id=_field_id,
        initial=_initial,
        hue=_hue,
    )
    return environment


def amount_text(language: Language, minor: int) -> str:
    """Minor units as people of this language write them, two decimals, a true minus sign."""
    number = Decimal(minor) / MINOR_PER_UNIT
    return str(format_decimal(number, format="#,##0.00", locale=language.locale)).replace("-", MINUS)


def plain_amount(minor: int) -> str:
    """Minor units for an input field: `1234.50`, or `1234` where there is nothing behind the point."""
    number = Decimal(minor) / MINOR_PER_UNIT
    return f"{number:.2f}".removesuffix(".00")


def _language(context: Context) -> Language:
    language: Language = context["language"]
    return language


@pass_context
def _gettext(context: Context, text: str) -> str:
    return _language(context).gettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _language(context).ngettext(one, many, number)


@pass_context
def _amount(context: Context, minor: int) -> Markup:
    """With the unit, in one piece that never breaks over a line."""
    figure = amount_text(_language(context), minor)
    return Markup('<span class="amount">{}&nbsp;<span class="unit">{}</span></span>').format(figure, context["unit"])


@pass_context
def _who_pays(context: Context, transfer: Any, own: Any) -> str:
    return words.who_pays(_language(context), transfer, frozenset(own))


def _tag_words(tag: str) -> str:
    """A tag as people read it: `3d-printing` is shown as `3d printing`."""
    return tag.replace("-", " ")


def _of_field(problems: Sequence[Problem], name: str) -> list[Problem]:
    return [problem for problem in problems if problem.field == name]


def _field_id(name: str) -> str:
    """The id of a field's element: dots would have to be escaped in addresses and selectors."""
    return "f-" + name.replace(".", "-").replace("_", "-")


def _grouped(number: str) -> str:
    """An account number in groups of four."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _initial(name: str) -> str:
    return next((letter.upper() for letter in name if letter.isalnum()), "\u00b7")


def _hue(name: str) -> int:
    """One of four colours, always the same for a name."""
    return sum(name.encode()) % 4


def _said(sentence: Any) -> Any:
    @pass_context
    def said(context: Context, value: Any) -> Any:
        return sentence(_language(context), value)

    return said


def _dated(zone: ZoneInfo, form: str) -> Any:
    """A `<time>` in the community's time zone."""

    @pass_context
    def dated(context: Context, moment: str | None) -> Markup:
        if not moment:
            return Markup("")
        locale = _language(context).locale
        local = datetime.fromisoformat(moment)
        if len(moment) > len("2026-03-01"):
            local = local.astimezone(zone)
        if form == "day":
            text = format_date(local, format="long", locale=locale)
        elif form == "short":
            text = format_date(local, format="d MMM", locale=locale)
        else:
            text = format_datetime(local, format="d MMM y, HH:mm", tzinfo=zone, locale=locale)
        return Markup('<time datetime="{}">{}</time>').format(moment, text)

    return dated
