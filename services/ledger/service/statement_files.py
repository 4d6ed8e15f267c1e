"""A statement as a file: CSV in constant memory, the proof as JSON, and what a PDF shows."""

import asyncio
import csv
import io
from base64 import b64encode
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from libs.common.clock import rfc3339
from libs.common.money import decimal_text
from services.ledger.chain import leaf_of, levels_of, path_of, salt_of, statement_digest
from services.ledger.signing import LedgerKeys
from services.ledger.statement_proof import FORMAT
from services.ledger.store.blocks import Block, Blocks
from services.ledger.store.reads import Reads

PAGE = 500
LINES_MAX = 5000
LINES_AT_ONCE = 50
_HEADER = (
    "date",
    "gave_or_received",
    "counterparty_number",
    "counterparty_name",
    "description",
    "amount",
    "balance",
    "transfer",
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class BooksBroken(Exception):  # noqa: N818  a refusal
    """A line contradicts its sealed block: no statement is signed that would not hold."""


class TooManyLines(Exception):  # noqa: N818  a refusal
    """A PDF or proof of more lines than one file holds; a shorter range is needed."""


@dataclass(frozen=True, slots=True)
class Range:
    """From a moment (included) to a moment (excluded)."""

    date_from: datetime | None = None
    date_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """What the files are made from."""

    blocks: Blocks
    reads: Reads
    keys: LedgerKeys

    async def csv(self, entity_id: str, wanted: Range) -> AsyncIterator[bytes]:
        """Lines oldest first, in pieces."""
        yield _csv_lines([_HEADER])
        async for page in self._pages(entity_id, wanted):
            names = await self.names(page)
            yield _csv_lines([_csv_line(entry, names) for entry in page])

    async def proof(
        self, account: Mapping[str, Any], entity_id: str, wanted: Range, made_at: datetime
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The signed statement with salts and paths, for `statement_proof.verify`, and all lines of the range, those too
        that are not sealed yet. Raises TooManyLines, BooksBroken."""
        entries = await self.lines(entity_id, wanted)
        proven, shapes = await self._proven(entries)
        opening = (
            entries[0]["balance_after_minor"] - entries[0]["amount_minor"]
            if entries
            else await self.blocks.balance_before(entity_id, wanted.date_to)
        )
        n, _, head, signature = await self.blocks.last()
        statement = {
            "format": FORMAT,
            "account": account["number"],
            "name": account["name"],
            "unit": account["unit"],
            "date_from": wanted.date_from and rfc3339(wanted.date_from),
            "date_to": wanted.date_to and rfc3339(wanted.date_to),
            "made_at": rfc3339(made_at),
            "opening_balance_minor": opening,
            "closing_balance_minor": proven[-1]["entry"]["balance_after_minor"] if proven else opening,
            "not_sealed": len(entries) - len(proven),
            "public_key": self.keys.public,
            "head": {"n": n, "hash": head.hex(), "signature": b64encode(signature).decode()} if n else None,
            "blocks": shapes,
            "entries": proven,
        }
        statement["signature"] = b64encode(self.keys.sign(statement_digest(statement))).decode()
        return statement, entries

    async def lines(self, entity_id: str, wanted: Range) -> list[dict[str, Any]]:
        """All entries of the range, oldest first. Raises TooManyLines."""
        found: list[dict[str, Any]] = []
        async for page in self._pages(entity_id, wanted):
            found += page
            if len(found) > LINES_MAX:
                raise TooManyLines
        return found

    async def names(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Names of the accounts on the other side, by number."""
        numbers = sorted({other_number(entry) for entry in entries})
        return await self.reads.names_of(numbers) if numbers else {}

    async def _pages(self, entity_id: str, wanted: Range) -> AsyncIterator[list[dict[str, Any]]]:
        after = 0
        while True:
            page = await self.blocks.entries_of(
                entity_id, date_from=wanted.date_from, date_to=wanted.date_to, after_seq=after, limit=PAGE
            )
            if page:
                yield page
                after = page[-1]["seq"]
            if len(page) < PAGE:
                return

    async def _proven(self, entries: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The lines that are sealed with their paths, and their blocks; a few blocks at a time, off the event loop."""
        proven: list[dict[str, Any]] = []
        shapes: dict[int, dict[str, Any]] = {}
        for start in range(0, len(entries), LINES_AT_ONCE):
            part = entries[start : start + LINES_AT_ONCE]
            blocks = await self.blocks.holding([entry["pos"] for entry in part])
            proven += await asyncio.to_thread(_with_paths, self.keys, part, blocks)
            shapes |= {block.n: _block_shape(block) for block in blocks}
        return proven, [shapes[n] for n in sorted(shapes)]


def other_number(entry: Mapping[str, Any]) -> str:
    """The account on the other side of an entry."""
    transfer = entry["transfer"]
    return str(transfer["payee"] if entry["amount_minor"] < 0 else transfer["payer"])


def _with_paths(keys: LedgerKeys, entries: Sequence[dict[str, Any]], blocks: Sequence[Block]) -> list[dict[str, Any]]:
    ends = [block.upto_pos for block in blocks]
    trees: dict[int, list[list[bytes]]] = {}
    lines = []
    for entry in entries:
        at = bisect_left(ends, entry["pos"])
        if at == len(blocks) or entry["pos"] < blocks[at].first_pos:
            continue
        block = blocks[at]
        salt = salt_of(keys.salt_key, entry["pos"])
        leaf = leaf_of(salt, entry)
        try:
            index = block.leaves.index(leaf)
        except ValueError:
            raise BooksBroken(f"line {entry['seq']} is not what block {block.n} sealed") from None
        if block.n not in trees:
            trees[block.n] = levels_of(block.leaves)
        path = [step.hex() for step in path_of(trees[block.n], index)]
        lines.append({"entry": entry, "salt": salt.hex(), "block": block.n, "index": index, "path": path})
    return lines


def _block_shape(block: Block) -> dict[str, Any]:
    return {
        "n": block.n,
        "first_pos": block.first_pos,
        "upto_pos": block.upto_pos,
        "count": block.count,
        "root": block.root.hex(),
        "previous_hash": block.previous_hash.hex(),
        "hash": block.hash.hex(),
        "signature": b64encode(block.signature).decode(),
    }


def _csv_line(entry: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    other = other_number(entry)
    return (
        entry["at"],
        "gave" if entry["amount_minor"] < 0 else "received",
        other,
        defused(names.get(other, "")),
        defused(entry["transfer"]["description"]),
        decimal_text(entry["amount_minor"]),
        decimal_text(entry["balance_after_minor"]),
        entry["transfer"]["id"],
    )


def defused(text: str) -> str:
    """Text of users as no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) or text.lstrip().startswith(_DANGEROUS) else text


def _csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def proof_bytes(proof: Mapping[str, Any]) -> bytes:
    """The proof as it lies in a file; begins with its format, by which it is found inside a PDF."""
    return orjson.dumps(proof)
