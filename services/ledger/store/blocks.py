"""The chain of sealed blocks: what the sealer appends, what the verifier walks, what a member's proof is made of."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.common.database import Pool
from services.ledger.chain import FIRST_PREVIOUS, HASH_BYTES

_ENTRY = """
e.pos, e.seq, e.amount, e.balance_after, e.at, e.recorded_at, a.number, t.id::text as transfer_id, t.payer_number,
t.payee_number, t.amount as whole, t.kind, t.description, t.created_at, t.parent_id::text
"""
_FROM = "from entry_view e join account_view a on a.id = e.account_id join transfer_view t on t.id = e.transfer_id"


@dataclass(frozen=True, slots=True)
class Block:
    """One sealed block."""

    n: int
    first_pos: int
    upto_pos: int
    count: int
    root: bytes
    previous_hash: bytes
    hash: bytes
    signature: bytes
    leaves: tuple[bytes, ...]


class Blocks:
    """Reads for everybody; `append` and `sealable_upto` want the auditor's role."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last(self) -> tuple[int, int, bytes, bytes]:
        """Number, last pos, hash and signature of the newest block; zeros before the first."""
        row = await self._pool.fetchrow("select n, upto_pos, hash, signature from block_view order by n desc limit 1")
        return (row["n"], row["upto_pos"], row["hash"], row["signature"]) if row else (0, 0, FIRST_PREVIOUS, b"")

    async def sealable_upto(self) -> int:
        """The pos below which nothing can still commit."""
        return int(await self._pool.fetchval("select sealable_upto()"))

    async def entries(self, *, after_pos: int, upto_pos: int, limit: int) -> list[dict[str, Any]]:
        """Entries by rising pos, in the shape that leaves are made of."""
        rows = await self._pool.fetch(
            f"select {_ENTRY} {_FROM} where e.pos > $1 and e.pos <= $2 order by e.pos limit $3",
            after_pos,
            upto_pos,
            limit,
        )
        return [sealed_shape(row) for row in rows]

    async def pages(self, *, after_pos: int, upto_pos: int, size: int) -> AsyncGenerator[list[dict[str, Any]], None]:
        """All entries of a range by rising pos, in pages of at most `size`."""
        while page := await self.entries(after_pos=after_pos, upto_pos=upto_pos, limit=size):
            yield page
            after_pos = page[-1]["pos"]

    async def append(self, block: Block) -> bool:
        """False where another sealer was first."""
        return bool(
            await self._pool.fetchval(
                "select seal_block($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                block.n,
                block.first_pos,
                block.upto_pos,
                block.count,
                block.root,
                block.previous_hash,
                block.hash,
                block.signature,
                b"".join(block.leaves),
            )
        )

    async def walk(self, *, at_once: int = 20) -> AsyncGenerator[Block, None]:
        """All blocks in their order."""
        n = 0
        while True:
            rows = await self._pool.fetch("select * from block_view where n > $1 order by n limit $2", n, at_once)
            for row in rows:
                yield _block(row)
            if len(rows) < at_once:
                return
            n = rows[-1]["n"]

    async def walk_with_entries(self, *, size: int) -> AsyncGenerator[tuple[Block, list[dict[str, Any]]], None]:
        """All blocks in their order, each with the entries from the one before up to it, at most `size`."""
        after_pos = -(2**63)
        async for block in self.walk():
            yield block, await self.entries(after_pos=after_pos, upto_pos=block.upto_pos, limit=size)
            after_pos = block.upto_pos

    async def holding(self, positions: Sequence[int]) -> list[Block]:
        """The blocks that hold these positions, by number; positions not sealed yet have none."""
        rows = await self._pool.fetch(
            """
            select * from block_view where n in (
                select b.n from unnest($1::bigint[]) as wanted(pos)
                cross join lateral (
                    select n, first_pos from block_view where upto_pos >= wanted.pos order by upto_pos limit 1) b
                where b.first_pos <= wanted.pos)
            order by n
            """,
            list(positions),
        )
        return [_block(row) for row in rows]

    async def balance_before(self, entity_id: str, moment: datetime | None) -> int:
        """The account's balance when this moment began, or now."""
        found = await self._pool.fetchval(
            """
            select e.balance_after from entry_view e
            where e.account_id = (select id from account_view where entity_id = $1)
              and e.at < coalesce($2::timestamptz, 'infinity')
            order by e.at desc, e.seq desc limit 1
            """,
            entity_id,
            moment,
        )
        return int(found or 0)

    async def entries_of(
        self, entity_id: str, *, date_from: datetime | None, date_to: datetime | None, after_seq: int, limit: int
    ) -> list[dict[str, Any]]:
        """One account's entries in a range of time, oldest first, after a sequence number."""
        rows = await self._pool.fetch(
            f"""
            select {_ENTRY} {_FROM}
            where e.account_id = (select id from account_view where entity_id = $1) and e.seq > $4
              and ($2::timestamptz is null or e.at >= $2) and ($3::timestamptz is null or e.at < $3)
            order by e.seq limit $5
            """,
            entity_id,
            date_from,
            date_to,
            after_seq,
            limit,
        )
        return [sealed_shape(row) for row in rows]


def sealed_shape(row: Any) -> dict[str, Any]:
    """What a leaf is the hash of, and what a member's proof shows of an own entry."""
    return {
        "pos": row["pos"],
        "account": row["number"],
        "seq": row["seq"],
        "amount_minor": row["amount"],
        "balance_after_minor": row["balance_after"],
        "at": _exact(row["at"]),
        "recorded_at": _exact(row["recorded_at"]),
        "transfer": {
            "id": row["transfer_id"],
            "payer": row["payer_number"],
            "payee": row["payee_number"],
            "amount_minor": row["whole"],
            "kind": row["kind"],
            "description": row["description"],
            "created_at": _exact(row["created_at"]),
            "parent_id": row["parent_id"],
        },
    }


def _exact(moment: datetime) -> str:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def _block(row: Any) -> Block:
    leaves = row["leaves"]
    return Block(
        n=row["n"],
        first_pos=row["first_pos"],
        upto_pos=row["upto_pos"],
        count=row["count"],
        root=row["merkle_root"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
        signature=row["signature"],
        leaves=tuple(leaves[i : i + HASH_BYTES] for i in range(0, len(leaves), HASH_BYTES)),
    )
