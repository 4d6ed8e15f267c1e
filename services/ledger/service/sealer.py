"""Seals what was booked into signed blocks, off the posting path, and walks the chain again (LE-19)."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
import structlog

from services.ledger.chain import FIRST_PREVIOUS, block_hash, leaf_of_canonical, root_of, salt_of
from services.ledger.signing import LedgerKeys
from services.ledger.store.audit import Fault
from services.ledger.store.blocks import Block, Blocks

BLOCK_MAX = 1000
EVERY_S = 1.0
Page = TypeVar("Page")
_log = structlog.get_logger(__name__)


class OtherKey(Exception):  # noqa: N818  a refusal
    """The newest block is signed with another key than ours: nothing is sealed, or the chain would be broken for good."""


async def seal(blocks: Blocks, keys: LedgerKeys) -> int:
    """Seals everything that is booked now; how many entries. Any number of sealers may do so. Raises OtherKey."""
    sealed = 0
    upto = await blocks.sealable_upto()
    n, last_pos, previous, signature = await blocks.last()
    if n and not keys.signed(previous, signature):
        raise OtherKey
    async with aclosing(_ahead(blocks.pages(after_pos=last_pos, upto_pos=upto, size=BLOCK_MAX))) as pages:
        async for entries in pages:
            leaves = leaves_of(keys, entries)
            first, last_pos, root = entries[0]["pos"], entries[-1]["pos"], root_of(leaves)
            made = block_hash(n + 1, first, last_pos, len(leaves), root, previous)
            block = Block(n + 1, first, last_pos, len(leaves), root, previous, made, keys.sign(made), leaves)
            if not await blocks.append(block):
                break
            n, previous = block.n, block.hash
            sealed += len(leaves)
    return sealed


def leaves_of(keys: LedgerKeys, entries: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    """What `chain.leaf_of` makes of each: orjson's bytes are those of `chain.canonical`, several times faster."""
    return tuple(
        leaf_of_canonical(salt_of(keys.salt_key, entry["pos"]), orjson.dumps(entry, option=orjson.OPT_SORT_KEYS))
        for entry in entries
    )


async def _ahead(pages: AsyncGenerator[Page, None]) -> AsyncGenerator[Page, None]:
    """The same pages; the next one is on its way from the database while the caller works on the present one."""
    following = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await following) is not None:
            following = asyncio.ensure_future(anext(pages, None))
            await asyncio.sleep(0)  # the question leaves before the work begins
            yield page
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await pages.aclose()


async def keep_sealing(blocks: Blocks, keys: LedgerKeys) -> None:
    """Until cancelled, every second. A fault is logged and the next round tries again."""
    other_key = False
    while True:
        try:
            await seal(blocks, keys)
            other_key = False
        except OtherKey:
            if not other_key:
                _log.error(
                    "nothing_sealed", detail="MCCS_LEDGER_SIGNING_KEY is not the key that sealed the last block."
                )
            other_key = True
        except Exception:  # noqa: BLE001  logged, and the next round tries again
            _log.exception("sealing_failed")
        await asyncio.sleep(EVERY_S)


async def verify(blocks: Blocks, keys: LedgerKeys) -> list[Fault]:
    """Walks the whole chain; the first broken row is named, and nothing behind it is judged."""
    n, last_pos, previous = 0, -(2**63), FIRST_PREVIOUS
    async with aclosing(_ahead(blocks.walk_with_entries(size=BLOCK_MAX + 1))) as pages:
        async for block, entries in pages:
            fault = _of_chain(keys, block, n, last_pos, previous) or _of_rows(keys, block, entries)
            if fault is not None:
                return [fault]
            n, last_pos, previous = block.n, block.upto_pos, block.hash
    return []


def _of_chain(keys: LedgerKeys, block: Block, n: int, last_pos: int, previous: bytes) -> Fault | None:
    made = block_hash(block.n, block.first_pos, block.upto_pos, block.count, block.root, block.previous_hash)
    if block.n != n + 1 or block.first_pos <= last_pos or block.previous_hash != previous:
        return Fault("proof", f"block {block.n} does not follow from block {n}")
    if made != block.hash or len(block.leaves) != block.count or root_of(block.leaves) != block.root:
        return Fault("proof", f"block {block.n} was changed")
    if not keys.signed(block.hash, block.signature):
        return Fault("proof", f"block {block.n} is not signed with this ledger's key (MCCS_LEDGER_SIGNING_KEY)")
    return None


def _of_rows(keys: LedgerKeys, block: Block, entries: Sequence[Mapping[str, Any]]) -> Fault | None:
    made = leaves_of(keys, entries)
    if made == block.leaves:
        return None
    shared = min(len(made), len(block.leaves))
    at = next((i for i in range(shared) if made[i] != block.leaves[i]), shared)
    if at == len(made) or made[at] in block.leaves[at + 1 :]:
        after = f"after pos {entries[at - 1]['pos']}" if at else f"from pos {block.first_pos} on"
        return Fault("proof", f"an entry that block {block.n} sealed is gone, {after}")
    entry = entries[at]
    row = f"entry {entry['seq']} of account {entry['account']} (pos {entry['pos']}, transfer {entry['transfer']['id']})"
    if at == len(block.leaves) or block.leaves[at] in made[at + 1 :]:
        return Fault("proof", f"{row} was added to what block {block.n} sealed", (entry["account"],))
    return Fault("proof", f"{row} is not what block {block.n} sealed", (entry["account"],))
