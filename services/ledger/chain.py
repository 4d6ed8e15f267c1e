"""Leaves, Merkle trees and the chain of blocks: what the sealer makes and anybody can check. Standard library only.

The tree is that of RFC 6962 section 2.1 (SHA-256; 0x00 before a leaf, 0x01 before a node; an odd rest is carried up), with a
salt in each leaf so that a path tells nothing about its neighbours. A block's hash binds its root to all blocks before it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

HASH_BYTES = 32
FIRST_PREVIOUS = bytes(HASH_BYTES)
_BLOCK_MARK = b"mccs-block-1"
_STATEMENT_MARK = b"mccs-statement-1"


def canonical(entry: Mapping[str, Any]) -> bytes:
    """An entry with its transfer's header as bytes: JSON, keys sorted, no blanks, UTF-8."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def salt_of(key: bytes, pos: int) -> bytes:
    """The salt of the entry at this pos; only whoever has the ledger's salt key can make it."""
    return hmac.digest(key, pos.to_bytes(8, "big", signed=True), "sha256")


def leaf_of(salt: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash of one entry."""
    return leaf_of_canonical(salt, canonical(entry))


def leaf_of_canonical(salt: bytes, content: bytes) -> bytes:
    """The hash of one entry that is in canonical form already."""
    return hashlib.sha256(b"\x00" + salt + content).digest()


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The whole tree of at least one leaf, from the leaves up to the root."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    return levels


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root of at least one leaf."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The neighbours from the leaf at `index` up to the root; a level where it has none adds nothing."""
    path = []
    for level in levels[:-1]:
        neighbour = index ^ 1
        if neighbour < len(level):
            path.append(level[neighbour])
        index //= 2
    return path


def root_by_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf's path leads to, in a tree of `count` leaves; None where the path does not fit the tree."""
    if not 0 <= index < count:
        return None
    rest = list(path)
    here = leaf
    while count > 1:
        if index ^ 1 < count:
            if not rest:
                return None
            neighbour = rest.pop(0)
            here = _node(neighbour, here) if index % 2 else _node(here, neighbour)
        index //= 2
        count = (count + 1) // 2
    return None if rest else here


def block_hash(n: int, first_pos: int, upto_pos: int, count: int, root: bytes, previous: bytes) -> bytes:
    """The hash that is signed."""
    numbers = b"".join(value.to_bytes(8, "big") for value in (n, first_pos, upto_pos, count))
    return hashlib.sha256(_BLOCK_MARK + numbers + root + previous).digest()


def statement_digest(statement: Mapping[str, Any]) -> bytes:
    """What the ledger signs of a member's statement: everything in it but the signature itself."""
    unsigned = {name: value for name, value in statement.items() if name != "signature"}
    return hashlib.sha256(_STATEMENT_MARK + canonical(unsigned)).digest()


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
