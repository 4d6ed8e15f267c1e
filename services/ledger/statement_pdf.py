"""A statement to print and keep: the community's name, page numbers, totals, and the proof as an attachment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpdf import FPDF

from libs.common.money import decimal_text
from services.ledger.service.statement_files import other_number

FONTS = Path(__file__).parent / "fonts"
_WIDTHS = (26, 68, 48, 22, 26)
_LINE_MM = 5.5


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a statement says."""

    community: str
    account: Mapping[str, Any]
    proof: Mapping[str, Any]
    proof_file: bytes
    entries: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    span: str
    made_at: str


class _Pages(FPDF):
    def __init__(self, sheet: Sheet) -> None:
        super().__init__(format="A4")
        self._sheet = sheet
        self.set_compression(True)
        self.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(10, 12)
        self.set_auto_page_break(True, margin=18)
        self.set_title(f"Statement {sheet.account['number']}")
        self.alias_nb_pages()

    def header(self) -> None:
        account = self._sheet.account
        self.set_font("DejaVu", "B", 13)
        self.cell(0, 7, self._sheet.community, new_x="LMARGIN", new_y="NEXT")
        self.set_font("DejaVu", "", 9)
        self.cell(0, 5, f"Statement of {account['name']}, account {account['number']}", new_x="LMARGIN", new_y="NEXT")
        self.cell(0, 5, f"{self._sheet.span}; amounts in {account['unit']}", new_x="LMARGIN", new_y="NEXT")
        self.ln(3)
        self.set_font("DejaVu", "B", 8)
        for title, width, align in zip(
            ("Date", "With", "For", "Amount", "Balance"), _WIDTHS, ("L", "L", "L", "R", "R"), strict=True
        ):
            self.cell(width, _LINE_MM, title, border="B", align=align)
        self.ln(_LINE_MM)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("DejaVu", "", 7)
        self.cell(0, 5, f"Made {self._sheet.made_at}. Check it offline: mccs verify-statement FILE", align="L")
        self.set_y(-14)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")


def render(sheet: Sheet) -> bytes:
    """The PDF's bytes. Works for seconds on thousands of lines: call it off the event loop."""
    pages = _Pages(sheet)
    pages.add_page()
    pages.set_font("DejaVu", "", 8)
    for entry in sheet.entries:
        _line(pages, entry, sheet.names)
    _totals(pages, sheet)
    # uncompressed, so that the offline check finds it without a PDF library
    pages.embed_file(bytes=sheet.proof_file, basename="proof.json", desc="Proof of this statement", compress=False)
    return bytes(pages.output())


def _line(pages: FPDF, entry: Mapping[str, Any], names: Mapping[str, str]) -> None:
    other = other_number(entry)
    gave = entry["amount_minor"] < 0
    who = f"{'gave to' if gave else 'received from'} {names.get(other, other)}"
    texts = (
        entry["at"][:10],
        who,
        entry["transfer"]["description"],
        decimal_text(entry["amount_minor"]),
        decimal_text(entry["balance_after_minor"]),
    )
    for text, width, align in zip(texts, _WIDTHS, ("L", "L", "L", "R", "R"), strict=True):
        pages.cell(width, _LINE_MM, _fitted(pages, text, width), align=align)
    pages.ln(_LINE_MM)


def _totals(pages: FPDF, sheet: Sheet) -> None:
    gave = -sum(min(0, entry["amount_minor"]) for entry in sheet.entries)
    received = sum(max(0, entry["amount_minor"]) for entry in sheet.entries)
    opening = sheet.proof["opening_balance_minor"]
    pages.ln(3)
    pages.set_font("DejaVu", "B", 9)
    for title, minor in (
        ("Balance before", opening),
        ("Received", received),
        ("Given", gave),
        ("Balance after", opening + received - gave),
    ):
        pages.cell(60, 6, title)
        pages.cell(40, 6, f"{decimal_text(minor)} {sheet.account['unit']}", align="R", new_x="LMARGIN", new_y="NEXT")


def _fitted(pages: FPDF, text: str, width: float) -> str:
    """Cut to the column, said by an ellipsis."""
    text = " ".join(text.split())
    room = width - 2
    if pages.get_string_width(text) <= room:
        return text
    while text and pages.get_string_width(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"
