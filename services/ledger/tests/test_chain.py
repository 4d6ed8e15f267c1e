"""Trees, paths and hashes: every path leads to the root, and nothing else does."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ledger.chain import (
    FIRST_PREVIOUS,
    block_hash,
    canonical,
    leaf_of,
    levels_of,
    path_of,
    root_by_path,
    root_of,
    salt_of,
    statement_digest,
)
from services.ledger.service.sealer import leaves_of
from services.ledger.signing import LedgerKeys

COUNT_MAX = 70
counts = st.integers(1, COUNT_MAX)


def the_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"leaf %d" % i).digest() for i in range(count)]


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 word for word: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + by_the_book(leaves[:split]) + by_the_book(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(1, COUNT_MAX + 1))
def test_the_path_of_every_leaf_leads_to_the_root(count: int) -> None:
    leaves = the_leaves(count)
    root, levels = root_of(leaves), levels_of(leaves)
    assert root == by_the_book(leaves)
    assert levels[-1] == [root]
    for index, leaf in enumerate(leaves):
        assert root_by_path(leaf, index, count, path_of(levels, index)) == root


@settings(max_examples=150, deadline=None)
@given(counts, st.data())
def test_any_change_of_leaf_index_count_or_path_leads_elsewhere(count: int, data: st.DataObject) -> None:
    leaves = the_leaves(count)
    root = root_of(leaves)
    index = data.draw(st.integers(0, count - 1))
    path = path_of(levels_of(leaves), index)
    bit = data.draw(st.integers(0, 255))
    assert root_by_path(flipped(leaves[index], bit), index, count, path) != root
    other = data.draw(st.integers(-2, count + 2).filter(lambda i: i != index))
    assert root_by_path(leaves[index], other, count, path) != root
    assert root_by_path(leaves[index], index, count, [*path, leaves[0]]) is None
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert root_by_path(leaves[index], index, count, [*path[:at], flipped(path[at], bit), *path[at + 1 :]]) != root
        assert root_by_path(leaves[index], index, count, path[:at] + path[at + 1 :]) is None
    if len(path) > 1 and path[0] != path[1]:
        assert root_by_path(leaves[index], index, count, [path[1], path[0], *path[2:]]) != root


@settings(max_examples=60, deadline=None)
@given(counts.filter(lambda n: n > 1), st.data())
def test_the_root_depends_on_every_leaf_and_on_their_order(count: int, data: st.DataObject) -> None:
    leaves = the_leaves(count)
    at = data.draw(st.integers(0, count - 2))
    swapped = [*leaves[:at], leaves[at + 1], leaves[at], *leaves[at + 2 :]]
    changed = [*leaves[:at], flipped(leaves[at], data.draw(st.integers(0, 255))), *leaves[at + 1 :]]
    roots = {root_of(each) for each in (leaves, swapped, changed, leaves[:-1], [*leaves, leaves[-1]])}
    assert len(roots) == 5


def test_a_node_is_never_taken_for_a_leaf() -> None:
    left, right = the_leaves(2)
    assert leaf_of(b"", {}) != hashlib.sha256(b"\x01{}").digest()
    assert root_of([left, right]) != hashlib.sha256(b"\x00" + left + right).digest()


@given(st.tuples(*[st.integers(0, 2**40)] * 4), st.integers(0, 5))
def test_the_hash_of_a_block_depends_on_each_of_its_parts(numbers: tuple[int, int, int, int], at: int) -> None:
    root = the_leaves(1)[0]
    made = block_hash(*numbers, root, FIRST_PREVIOUS)
    others = [number + 1 if i == at else number for i, number in enumerate(numbers)]
    n, first, upto, count = others
    hashes = [flipped(part, 3) if i + 4 == at else part for i, part in enumerate((root, FIRST_PREVIOUS))]
    assert block_hash(n, first, upto, count, *hashes) != made


def test_a_leaf_hides_its_entry_behind_a_salt_that_only_the_key_makes() -> None:
    entry = {"amount_minor": 100}
    assert leaf_of(salt_of(b"k" * 32, 1), entry) != leaf_of(salt_of(b"k" * 32, 2), entry)
    assert leaf_of(salt_of(b"k" * 32, 1), entry) != leaf_of(salt_of(b"l" * 32, 1), entry)


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers(), st.none()), max_size=5))
def test_the_order_of_fields_does_not_matter_and_their_content_does(entry: dict[str, object]) -> None:
    turned = dict(reversed(entry.items()))
    assert canonical(entry) == canonical(turned)
    assert canonical(entry) != canonical({**entry, "another": 1})


def test_the_signature_covers_everything_but_itself() -> None:
    statement = {"account": "1", "closing_balance_minor": 5, "signature": "x"}
    assert statement_digest(statement) == statement_digest({**statement, "signature": "y"})
    assert statement_digest(statement) != statement_digest({**statement, "closing_balance_minor": 6})
    assert statement_digest(statement) != statement_digest({**statement, "more": None})


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.just('"\\\x00\b\t\n\f\r\x1f\x7f\x85\u2028é\U0001f35e/'),
    st.none() | st.text("0123456789abcdef-", max_size=36),
)
def test_what_is_sealed_in_bulk_is_leaf_by_leaf_what_anybody_checks(
    pos: int, amount: int, text: str, parent: str | None
) -> None:
    keys = LedgerKeys.of("secret")
    header = {"payer": "1", "description": text, "amount_minor": amount, "parent_id": parent, text: text}
    entries: list[dict[str, Any]] = [
        {"pos": pos, "transfer": header, "account": text, "seq": 1},
        {"pos": -1, "b": {}, "a": amount},
    ]
    assert leaves_of(keys, entries) == tuple(leaf_of(salt_of(keys.salt_key, one["pos"]), one) for one in entries)
