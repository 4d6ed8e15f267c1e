"""Checks a member's statement offline: no network, no database, nobody else's entries (LE-19)."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.common.money import decimal_text
from services.ledger.chain import block_hash, leaf_of, root_by_path, statement_digest

FORMAT = "mccs-statement-1"
_START = b'{"format":"' + FORMAT.encode() + b'"'


_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a statement holds, a sentence for a person, and the lines that are proven."""

    holds: bool
    sentence: str
    lines: tuple[str, ...] = ()


class _Broken(Exception):  # noqa: N818  a verdict
    """What does not hold, in words."""


def verify(content: bytes, *, public_key: str | None = None) -> Verdict:
    """Judges the proof in a statement's JSON, or inside its PDF; `public_key` (base64) pins the ledger that must have signed."""
    try:
        proof = _proof_in(content)
        sentence = _judge(proof, public_key)
        return Verdict(True, sentence, tuple(_told(line["entry"]) for line in proof["entries"]))
    except _Broken as broken:
        return Verdict(False, f"This statement does not hold: {broken}.")
    except _MALFORMED as fault:
        return Verdict(False, f"This statement does not hold: its proof is malformed ({type(fault).__name__}).")


def _proof_in(content: bytes) -> dict[str, Any]:
    start = content.find(_START)
    if start < 0:
        raise _Broken("the file carries no proof; download the statement's PDF or JSON again")
    text = content[start:].decode("utf-8", errors="replace")
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        raise _Broken("its proof is cut off or changed") from None
    if not content.startswith(b"%PDF") and (start > 0 or text[end:].strip()):
        raise _Broken("something was added to the file")
    return dict(found)


def _judge(proof: Mapping[str, Any], pinned: str | None) -> str:
    if pinned is not None and proof["public_key"] != pinned:
        raise _Broken("it is signed by another ledger's key than the one you gave")
    key = Ed25519PublicKey.from_public_bytes(b64decode(proof["public_key"], validate=True))
    _check_signature(key, proof["signature"], statement_digest(proof), "this statement")
    blocks = {block["n"]: _checked_block(block, key) for block in proof["blocks"]}
    balance = proof["opening_balance_minor"]
    last_seq: int | None = None
    for line in proof["entries"]:
        entry = line["entry"]
        if entry["account"] != proof["account"]:
            raise _Broken(f"line {entry['seq']} is of another account")
        _check_line(line, blocks)
        if last_seq is not None and entry["seq"] != last_seq + 1:
            raise _Broken(f"between lines {last_seq} and {entry['seq']} something is missing")
        if entry["balance_after_minor"] != balance + entry["amount_minor"]:
            raise _Broken(f"the balance after line {entry['seq']} does not follow from the one before")
        balance, last_seq = entry["balance_after_minor"], entry["seq"]
    if balance != proof["closing_balance_minor"]:
        raise _Broken("the closing balance does not follow from the lines")
    return _sentence(proof)


def _checked_block(block: Mapping[str, Any], key: Ed25519PublicKey) -> Mapping[str, Any]:
    root, previous = bytes.fromhex(block["root"]), bytes.fromhex(block["previous_hash"])
    made = block_hash(block["n"], block["first_pos"], block["upto_pos"], block["count"], root, previous)
    if made.hex() != block["hash"]:
        raise _Broken(f"the hash of block {block['n']} does not follow from its content")
    _check_signature(key, block["signature"], made, f"block {block['n']}")
    return block


def _check_signature(key: Ed25519PublicKey, signature: str, content: bytes, what: str) -> None:
    try:
        key.verify(b64decode(signature, validate=True), content)
    except InvalidSignature:
        raise _Broken(f"the signature of {what} is not the ledger's") from None


def _check_line(line: Mapping[str, Any], blocks: Mapping[int, Mapping[str, Any]]) -> None:
    entry = line["entry"]
    block = blocks[line["block"]]
    leaf = leaf_of(bytes.fromhex(line["salt"]), entry)
    path = [bytes.fromhex(step) for step in line["path"]]
    root = root_by_path(leaf, line["index"], block["count"], path)
    if root is None or root.hex() != block["root"]:
        raise _Broken(f"line {entry['seq']} is not what the ledger sealed")


def _sentence(proof: Mapping[str, Any]) -> str:
    unit = proof["unit"]
    lines = len(proof["entries"])
    waiting = proof["not_sealed"]
    rest = f" The newest {waiting} were not sealed yet and are not part of this." if waiting else ""
    return (
        f"This statement holds: account {proof['account']}, {_span(proof)}, {lines} line{'' if lines == 1 else 's'}, balance "
        f"from {decimal_text(proof['opening_balance_minor'])} to {decimal_text(proof['closing_balance_minor'])} {unit}, "
        f"made {proof['made_at']}, sealed up to block {proof['head']['n'] if proof['head'] else 0}, signed by the ledger "
        f"with the public key {proof['public_key']}.{rest}"
    )


def _span(proof: Mapping[str, Any]) -> str:
    return f"from {proof['date_from'] or 'the beginning'} to {proof['date_to'] or 'its making'}"


def _told(entry: Mapping[str, Any]) -> str:
    transfer = entry["transfer"]
    gave = entry["amount_minor"] < 0
    return (
        f"{entry['at'][:19]}Z  {decimal_text(entry['amount_minor']):>14}  {decimal_text(entry['balance_after_minor']):>14}  "
        f"{'to  ' if gave else 'from'} {transfer['payee' if gave else 'payer']}  {transfer['description']}"
    )
