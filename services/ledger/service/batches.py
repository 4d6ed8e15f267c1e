"""Many proposals in one request (LE-16): each line with its own outcome, or all or nothing."""

import csv
import io
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from libs.common.ids import new_id
from libs.common.money import AmountError, parse_amount
from libs.common.texts import TextError, clean
from services.ledger.domain import DESCRIPTION_LENGTH_MAX, is_number
from services.ledger.service.imports import LineOutcome, UnreadableFile
from services.ledger.service.ledger import Ledger
from services.ledger.service.writer import QueueFull, StoreAway
from services.ledger.store.postings import Asked, Outcome, Proposal

LINES_MAX = 1000
_COLUMNS = 4
Line = Proposal | str
"""A proposal, or the code of what is wrong with the line."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """One line's outcome; `room_minor` as of a single proposal."""

    line: LineOutcome
    room_minor: int | None = None


async def propose_each(ledger: Ledger, lines: Sequence[Line]) -> list[BatchOutcome]:
    """Every line by itself; a refused one holds up none of the others."""
    waiting: dict[int, Future[Outcome]] = {}
    outcomes: dict[int, BatchOutcome] = {}
    for number, line in enumerate(lines, start=1):
        if isinstance(line, str):
            outcomes[number] = BatchOutcome(LineOutcome(number, line))
            continue
        try:
            waiting[number] = ledger.proposing.submit(line)
        except QueueFull:
            outcomes[number] = BatchOutcome(LineOutcome(number, "busy"))
    for number, future in waiting.items():
        try:
            outcomes[number] = _told(number, await future)
        except StoreAway:
            outcomes[number] = BatchOutcome(LineOutcome(number, "store_away"))
    ledger.told()
    return [outcomes[number] for number in sorted(outcomes)]


async def propose_all(ledger: Ledger, lines: Sequence[Line]) -> list[BatchOutcome]:
    """All lines in one transaction; one refused line undoes the rest."""
    proposals = [line for line in lines if not isinstance(line, str)]
    found: list[Outcome] = []
    if len(proposals) == len(lines):
        found = await ledger.postings.propose_all_or_none(proposals)
        ledger.told()
        told = [_told(number, outcome) for number, outcome in enumerate(found, start=1)]
    else:
        told = [
            BatchOutcome(LineOutcome(number, line if isinstance(line, str) else "ok"))
            for number, line in enumerate(lines, start=1)
        ]
    if all(one.line.code == "ok" for one in told):
        return told
    return [replace(one, line=LineOutcome(one.line.line, "not_done")) if one.line.code == "ok" else one for one in told]


def _told(number: int, outcome: Outcome) -> BatchOutcome:
    mark = '"id": "'
    transfer_id = None
    if outcome.answer is not None:
        begin = outcome.answer.index(mark) + len(mark)
        transfer_id = outcome.answer[begin : begin + 36]
    return BatchOutcome(LineOutcome(number, outcome.code, transfer_id), outcome.room_minor)


def lines_of(raw: bytes, asked: Asked, initiator: str) -> list[Line]:
    """The lines of a CSV `direction,receiver,amount,description`; raises UnreadableFile."""
    try:
        reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        rows = [tuple(cell.strip() for cell in cells) for cells in reader if cells]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise UnreadableFile(f"The file cannot be read as CSV in UTF-8: {fault}.") from None
    if rows and rows[0][0].casefold() == "direction":
        rows = rows[1:]
    if len(rows) > LINES_MAX:
        raise UnreadableFile(f"A batch has at most {LINES_MAX} lines.")
    return [_line(cells, keyed(asked, number, cells), initiator) for number, cells in enumerate(rows, start=1)]


def _line(cells: tuple[str, ...], asked: Asked, initiator: str) -> Line:
    if len(cells) != _COLUMNS:
        return "columns_wrong"
    direction, receiver, amount, description = cells
    if direction not in ("out", "in"):
        return "direction_wrong"
    if not is_number(receiver):
        return "unknown_account"
    try:
        minor = parse_amount(amount)
        text = clean(description, DESCRIPTION_LENGTH_MAX, multiline=True)
    except AmountError as fault:
        return f"amount_{fault.code}"
    except TextError as fault:
        return f"description_{fault.code}"
    return Proposal(asked, new_id(), initiator, receiver, direction == "out", minor, text)


def keyed(asked: Asked, line: int, content: object) -> Asked:
    """Each line has a key of its own under the request's, so that a repeat finds each line's outcome."""
    if asked.key is None:
        return asked
    return replace(asked, key=f"{asked.key[:190]}#{line}", body_hash=sha256(repr(content).encode()).digest())
