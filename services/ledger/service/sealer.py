"""Seals what was booked into signed blocks, off the posting path, and walks the chain again (LE-19)."""

import asyncio

import structlog

from services.ledger.chain import block_hash, leaf_of, root_of, salt_of
from services.ledger.signing import LedgerKeys
from services.ledger.store.audit import Fault
from services.ledger.store.blocks import Block, Blocks

BLOCK_MAX = 1000
EVERY_S = 1.0
_log = structlog.get_logger(__name__)


async def seal(blocks: Blocks, keys: LedgerKeys) -> int:
    """Seals everything that is booked now; how many entries. Any number of sealers may do so."""
    sealed = 0
    upto = await blocks.sealable_upto()
    n, last_pos, previous = await blocks.last()
    while last_pos < upto:
        entries = await blocks.entries(after_pos=last_pos, upto_pos=upto, limit=BLOCK_MAX)
        if not entries:
            break
        leaves = tuple(leaf_of(salt_of(keys.salt_key, entry["pos"]), entry) for entry in entries)
        first, last_pos, root = entries[0]["pos"], entries[-1]["pos"], root_of(leaves)
        made = block_hash(n + 1, first, last_pos, len(leaves), root, previous)
        block = Block(n + 1, first, last_pos, len(leaves), root, previous, made, keys.sign(made), leaves)
        if not await blocks.append(block):
            break
        n, previous = block.n, block.hash
        sealed += len(leaves)
        await asyncio.sleep(0)
    return sealed


async def keep_sealing(blocks: Blocks, keys: LedgerKeys) -> None:
    """Until cancelled, every second. A fault is logged and the next round tries again."""
    while True:
        try:
            await seal(blocks, keys)
        except Exception:  # noqa: BLE001  logged, and the next round tries again
            _log.exception("sealing_failed")
        await asyncio.sleep(EVERY_S)


async def verify(blocks: Blocks, keys: LedgerKeys) -> list[Fault]:
    """Walks the whole chain; the first broken row is named, and nothing behind it is judged."""
    n, last_pos, previous = 0, 0, bytes(32)
    async for block in blocks.walk():
        fault = _of_chain(block, n, last_pos, previous) or await _of_rows(blocks, keys, block, last_pos)
        if fault is not None:
            return [fault]
        n, last_pos, previous = block.n, block.upto_pos, block.hash
    return []


def _of_chain(block: Block, n: int, last_pos: int, previous: bytes) -> Fault | None:
    made = block_hash(block.n, block.first_pos, block.upto_pos, block.count, block.root, block.previous_hash)
    if block.n != n + 1 or block.first_pos <= last_pos or block.previous_hash != previous:
        return Fault("proof", f"block {block.n} does not follow from block {n}")
    if made != block.hash or root_of(block.leaves) != block.root:
        return Fault("proof", f"block {block.n} was changed")
    return None


async def _of_rows(blocks: Blocks, keys: LedgerKeys, block: Block, after_pos: int) -> Fault | None:
    entries = await blocks.entries(after_pos=after_pos, upto_pos=block.upto_pos, limit=BLOCK_MAX + 1)
    for entry, leaf in zip(entries, block.leaves, strict=False):
        if leaf_of(salt_of(keys.salt_key, entry["pos"]), entry) != leaf:
            return Fault(
                "proof",
                f"entry {entry['seq']} of account {entry['account']} (pos {entry['pos']}, transfer "
                f"{entry['transfer']['id']}) is not what block {block.n} sealed",
                (entry["account"],),
            )
    if len(entries) != block.count:
        return Fault("proof", f"block {block.n} sealed {block.count} entries, there are {len(entries)}")
    await asyncio.sleep(0)
    return None
