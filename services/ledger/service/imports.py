"""The import of a past (AD-11): a CSV of dated transfers, every line with its outcome, safe to repeat."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from libs.common.ids import derived_id
from libs.common.money import AmountError, parse_amount
from libs.common.texts import TextError, clean
from services.ledger.domain import DESCRIPTION_LENGTH_MAX, is_number
from services.ledger.service.ledger import Ledger
from services.ledger.store.postings import PastTransfer

LINES_PER_CALL = 500
LINES_MAX = 200_000
_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of one line of a file, counted from 1."""

    line: int
    code: str
    transfer_id: str | None = None


class UnreadableFile(Exception):  # noqa: N818
    """Not a CSV in UTF-8, or too long; the message says what is wrong."""


async def import_past(ledger: Ledger, raw: bytes, *, caller: str | None, request_id: str | None) -> list[LineOutcome]:
    """Imports what can be, in the file's order; a line's outcome is imported, repeated, or why not."""
    outcomes: list[LineOutcome] = []
    waiting: list[tuple[int, PastTransfer]] = []

    async def post() -> None:
        codes = await ledger.postings.import_past([item for _, item in waiting], caller, request_id)
        outcomes.extend(
            LineOutcome(line, code, item.id if code in ("imported", "repeated") else None)
            for (line, item), code in zip(waiting, codes, strict=True)
        )
        waiting.clear()

    for line, parsed in _lines(raw, ledger.settings.zone):
        if isinstance(parsed, str):
            outcomes.append(LineOutcome(line, parsed))
        else:
            waiting.append((line, parsed))
            if len(waiting) == LINES_PER_CALL:
                await post()
    if waiting:
        await post()
    ledger.told()
    return sorted(outcomes, key=lambda outcome: outcome.line)


def _lines(raw: bytes, zone: ZoneInfo) -> Iterator[tuple[int, PastTransfer | str]]:
    """Number and transfer of each line, or the code of what is wrong with it. A heading is passed over."""
    try:
        reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        seen: Counter[tuple[str, ...]] = Counter()
        for line, cells in enumerate(reader, start=1):
            if line > LINES_MAX:
                raise UnreadableFile(f"The file has more than {LINES_MAX} lines.")
            if not cells or (line == 1 and cells[0].strip().casefold() == "date"):
                continue
            yield line, _line(tuple(cell.strip() for cell in cells), seen, zone)
    except (UnicodeDecodeError, csv.Error) as fault:
        raise UnreadableFile(f"The file cannot be read as CSV in UTF-8: {fault}.") from None


def _line(cells: tuple[str, ...], seen: Counter[tuple[str, ...]], zone: ZoneInfo) -> PastTransfer | str:
    if len(cells) != _COLUMNS:
        return "columns_wrong"
    when, payer, payee, amount, description = cells
    at = _moment(when, zone)
    if at is None:
        return "date_wrong"
    if not is_number(payer):
        return "unknown_payer"
    if not is_number(payee):
        return "unknown_account"
    try:
        amount_minor = parse_amount(amount)
        description = clean(description, DESCRIPTION_LENGTH_MAX)
    except AmountError as fault:
        return f"amount_{fault.code}"
    except TextError as fault:
        return f"description_{fault.code}"
    # the same line twice in one file is two transfers; the same file twice is the same transfers
    seen[cells] += 1
    ordinal = str(seen[cells])
    return PastTransfer(derived_id("import", *cells, ordinal), at, payer, payee, amount_minor, description)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        if len(text) == len("2026-03-01"):
            return datetime.combine(date.fromisoformat(text), time(12), zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
