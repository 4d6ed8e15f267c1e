"""A state machine: whatever is asked in whatever order, the books are those of a small model."""

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from libs.common.database import create_pool
from libs.common.ids import new_id
from services.ledger.domain import Standing
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.accounts import Accounts
from services.ledger.store.postings import Asked, Consent, Ending, Payment, Postings, Proposal

LOW, HIGH = -500, 500
people = st.integers(0, 2)
amounts = st.integers(1, 700)


def _asked(user: str) -> Asked:
    return Asked(user, None, None, b"", None)


class Books(RuleBasedStateMachine):
    """Asks at random and keeps the model; each example has accounts of its own."""

    url = ""
    proposals = Bundle("proposals")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.pool: Any = None

    @initialize()
    def open(self) -> None:
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.pool = await create_pool(self.url, role=SERVICE_ROLE, size_max=1)
        self.postings = Postings(self.pool, reserve=True, lifetime_s=1000, reminder_s=0)
        accounts = Accounts(self.pool, unit="CR", min_balance=LOW, max_balance=HIGH)
        self.users, self.numbers, self.entities = [], [], []
        for n in range(3):
            entity, user = new_id(), new_id()
            await accounts.open(entity, f"M{n}", user, None)
            await accounts.set_standing(entity, status="tradingAccepted", may_trade=True, name=None)
            self.users.append(user)
            self.entities.append(entity)
            self.numbers.append(
                await self.pool.fetchval("select number from account_view where entity_id = $1", entity)
            )
        self.balance = [0, 0, 0]
        self.held = [0, 0, 0]

    def standing(self, n: int) -> Standing:
        return Standing(self.balance[n], self.held[n], LOW, HIGH)

    @rule(target=proposals, one=people, by=st.integers(1, 2), amount=amounts, outgoing=st.booleans())
    def propose(self, one: int, by: int, amount: int, outgoing: bool) -> Any:
        other = (one + by) % 3
        payer, payee = (one, other) if outgoing else (other, one)
        proposal = Proposal(
            _asked(self.users[one]), new_id(), self.numbers[one], self.numbers[other], outgoing, amount, "x"
        )
        [outcome] = self.runner.run(self.postings.propose([proposal]))
        fits = self.standing(payer).may_pay(amount) and self.standing(payee).may_receive(amount)
        assert (outcome.code == "ok") == fits, outcome
        if fits and outgoing:
            self.held[payer] += amount
        return (proposal.id if fits else None, payer, payee, amount, outgoing)

    @rule(proposal=consumes(proposals))
    def accept(self, proposal: Any) -> None:
        transfer, payer, payee, amount, outgoing = proposal
        if transfer is None:
            return
        who = payee if outgoing else payer
        if outgoing:
            self.held[payer] -= amount
        fits = self.standing(payer).may_pay(amount) and self.standing(payee).may_receive(amount)
        outcomes = self.runner.run(self.postings.accept([Consent(_asked(self.users[who]), transfer)] * 2))
        assert outcomes[0].code == ("ok" if fits else "limit_reached")
        assert json.loads(outcomes[0].answer or "{}")["status"] == ("completed" if fits else "cancelled")
        if fits:
            self.balance[payer] -= amount
            self.balance[payee] += amount

    @rule(proposal=consumes(proposals), by_starter=st.booleans())
    def end(self, proposal: Any, by_starter: bool) -> None:
        transfer, payer, payee, amount, outgoing = proposal
        if transfer is None:
            return
        who = (payer if outgoing else payee) if by_starter else (payee if outgoing else payer)
        ending = Ending(_asked(self.users[who]), transfer, by_admin=False, reason="")
        call = self.postings.cancel if by_starter else self.postings.reject
        [outcome] = self.runner.run(call([ending]))
        assert outcome.code == "ok"
        if outgoing:
            self.held[payer] -= amount

    @rule(steps=st.lists(st.tuples(people, st.integers(1, 2), amounts), min_size=1, max_size=6))
    def pay(self, steps: list[tuple[int, int, int]]) -> None:
        batch, expected = [], []
        for one, by, amount in steps:
            payer, payee = one, (one + by) % 3
            batch.append(Payment(_asked("admin"), new_id(), self.numbers[payer], self.numbers[payee], amount, ""))
            fits = self.standing(payer).may_pay(amount) and self.standing(payee).may_receive(amount)
            expected.append(fits)
            if fits:
                self.balance[payer] -= amount
                self.balance[payee] += amount
        outcomes = self.runner.run(self.postings.pay(batch))
        assert [o.code == "ok" for o in outcomes] == expected

    @invariant()
    def books_are_the_models(self) -> None:
        if self.pool is None:
            return
        rows = self.runner.run(
            self.pool.fetch(
                "select a.balance, a.held_out from account_view a, unnest($1::uuid[]) with ordinality as e(id, n)"
                " where a.entity_id = e.id order by e.n",
                self.entities,
            )
        )
        assert [tuple(row) for row in rows] == list(zip(self.balance, self.held, strict=True))
        assert sum(self.balance) == 0

    def teardown(self) -> None:
        if self.pool is not None:
            self.runner.run(self.pool.close())
        self.runner.close()


def test_whatever_is_asked_the_books_are_those_of_the_model(ledger_url: str) -> None:
    run_state_machine_as_test(
        type("BooksHere", (Books,), {"url": ledger_url}),
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
