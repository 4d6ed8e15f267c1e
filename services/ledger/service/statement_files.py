"""A statement as a file: CSV in constant memory, the proof as JSON, and what a PDF shows."""

import csv
import io
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from libs.common.money import decimal_text
from services.ledger.chain import leaf_of, path_of, salt_of
from services.ledger.signing import LedgerKeys
from services.ledger.statement_proof import FORMAT
from services.ledger.store.blocks import Block, Blocks
from services.ledger.store.reads import Reads

PAGE = 500
LINES_MAX = 5000
BLOCKS_AT_ONCE = 50
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
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


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
            names = await self._names(page)
            yield _csv_lines([_csv_line(entry, names) for entry in page])

    async def proof(self, account: Mapping[str, Any], entity_id: str, wanted: Range) -> dict[str, Any]:
        """The statement with leaves, salts and paths, for `statement_proof.verify`. Raises TooManyLines."""
        entries = await self.lines(entity_id, wanted)
        blocks = await self._blocks_of(entries)
        sealed = [(entry, block) for entry in entries if (block := _holder(blocks, entry["pos"])) is not None]
        opening = (
            entries[0]["balance_after_minor"] - entries[0]["amount_minor"] if entries else account["balance_minor"]
        )
        n, _, head = await self.blocks.last()
        return {
            "format": FORMAT,
            "account": account["number"],
            "name": account["name"],
            "unit": account["unit"],
            "opening_balance_minor": opening,
            "closing_balance_minor": sealed[-1][0]["balance_after_minor"] if sealed else opening,
            "not_sealed": len(entries) - len(sealed),
            "public_key": self.keys.public,
            "head": {"n": n, "hash": head.hex(), "signature": b64encode(self.keys.sign(head)).decode()} if n else None,
            "blocks": [_block_shape(block) for block in blocks],
            "entries": [self._line(entry, block) for entry, block in sealed],
        }

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
        return await self._names(entries)

    def _line(self, entry: dict[str, Any], block: Block) -> dict[str, Any]:
        salt = salt_of(self.keys.salt_key, entry["pos"])
        index = block.leaves.index(leaf_of(salt, entry))
        path = [step.hex() for step in path_of(block.leaves, index)]
        return {"entry": entry, "salt": salt.hex(), "block": block.n, "index": index, "path": path}

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

    async def _blocks_of(self, entries: Sequence[Mapping[str, Any]]) -> list[Block]:
        found: dict[int, Block] = {}
        for start in range(0, len(entries), BLOCKS_AT_ONCE):
            for block in await self.blocks.holding([entry["pos"] for entry in entries[start : start + BLOCKS_AT_ONCE]]):
                found[block.n] = block
        return [found[n] for n in sorted(found)]

    async def _names(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        numbers = sorted({other_number(entry) for entry in entries})
        return await self.reads.names_of(numbers) if numbers else {}


def other_number(entry: Mapping[str, Any]) -> str:
    """The account on the other side of an entry."""
    transfer = entry["transfer"]
    return str(transfer["payee"] if entry["amount_minor"] < 0 else transfer["payer"])


def _holder(blocks: Sequence[Block], pos: int) -> Block | None:
    return next((block for block in blocks if block.first_pos <= pos <= block.upto_pos), None)


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
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def proof_bytes(proof: Mapping[str, Any]) -> bytes:
    """The proof as it lies in a file; begins with its format, by which it is found inside a PDF."""
    return orjson.dumps(proof)
