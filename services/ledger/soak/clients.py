"""Clients that pay through every kill: each repeats its own request under its own key until it is answered."""

import asyncio
import random
from dataclasses import dataclass, field

import httpx2

from services.ledger.bench.books import ACCOUNTS, number_of

TEXT = "soak"
ANSWER_TIMEOUT_S = 5.0
PAUSE_S = 0.05


@dataclass
class Ledgers:
    """What the clients know: the payments that were acknowledged, and how often they had to ask again."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    replayed: int = 0
    strange: list[str] = field(default_factory=list)


async def keep_paying(url: str, token: str, seed: int, known: Ledgers, until: asyncio.Event) -> None:
    """One client until told; it ends with an acknowledged payment, never with an open question."""
    chance = random.Random(seed)
    n = 0
    async with httpx2.AsyncClient(base_url=url, timeout=ANSWER_TIMEOUT_S) as http:
        while not until.is_set():
            n += 1
            payer, payee = chance.sample(range(4, ACCOUNTS), 2)
            body = {
                "payer": number_of(payer),
                "payee": number_of(payee),
                "amount_minor": chance.randint(1, 100),
                "description": TEXT,
            }
            await _pay(http, token, f"soak-{seed}-{n}", body, known)


async def _pay(http: httpx2.AsyncClient, token: str, key: str, body: dict[str, object], known: Ledgers) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    while True:
        try:
            answer = await http.post("/transfers/on-behalf", json=body, headers=headers)
        except httpx2.HTTPError:
            answer = None
        if answer is not None and answer.status_code in (200, 201):
            paid = answer.json()
            known.replayed += bool(paid.get("replayed"))
            known.acknowledged[paid["id"]] = paid["amount_minor"]
            return
        if answer is not None and answer.status_code < 500 and answer.status_code != 429:
            known.strange.append(f"{answer.status_code} {answer.text[:200]}")
            return
        known.repeats += 1
        await asyncio.sleep(PAUSE_S)
