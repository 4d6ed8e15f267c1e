"""Questions that come at once go together; what befalls their request befalls all who asked, and nobody else."""

import asyncio

import pytest

from libs.common.errors import Refusal
from libs.common.gathered import Gathered


class Asked:
    """Answers in capitals when the gate is open; keeps what was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate, self.began = asyncio.Event(), asyncio.Event()
        self.faults: dict[str, Exception] = {}

    async def __call__(self, questions):
        self.batches.append(list(questions))
        self.began.set()
        await self.gate.wait()
        if questions[0] in self.faults:
            raise self.faults[questions[0]]
        return [each.upper() for each in questions]


async def asking(gathered, *questions):
    """All of them on their way."""
    tasks = [asyncio.ensure_future(gathered.one(each)) for each in questions]
    await asyncio.sleep(0)
    return tasks


async def test_questions_that_come_at_once_go_together_as_many_as_may():
    asked = Asked()
    gathered = Gathered(asked, size_max=3, at_once=1)
    first = await asking(gathered, "a")
    await asked.began.wait()
    rest = await asking(gathered, "a", "b", "b", "c")
    asked.gate.set()
    assert await asyncio.gather(*first, *rest) == ["A", "A", "B", "B", "C"]
    assert asked.batches == [["a"], ["a", "b", "b"], ["c"]]


async def test_a_request_that_fails_fails_for_those_who_waited_for_it_and_no_longer():
    asked = Asked()
    asked.faults["a"] = Refusal.of(503, "service_away", "Away.", retry_after_s=2)
    gathered = Gathered(asked, size_max=2, at_once=1)
    waiting = await asking(gathered, "a", "b", "c")
    asked.gate.set()
    *refused, answer = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(each.status, each.retry_after_s) for each in refused if isinstance(each, Refusal)] == [(503, 2)] * 2
    assert answer == "C"
    assert await gathered.one("d") == "D"


async def test_each_who_waited_gets_a_refusal_of_their_own_and_any_other_fault_too():
    asked = Asked()
    asked.faults = {"b": Refusal.of(409, "no", "No."), "d": OSError("away")}
    gathered = Gathered(asked, size_max=5, at_once=1)
    refused = await asking(gathered, "b", "c")
    asked.gate.set()
    told = await asyncio.gather(*refused, return_exceptions=True)
    assert [str(each) for each in told] == ["no: No."] * 2
    assert told[0] is not told[1]
    with pytest.raises(OSError, match="away"):
        await gathered.one("d")


async def test_one_who_leaves_harms_nobody_and_is_not_asked_for():
    asked = Asked()
    gathered = Gathered(asked, size_max=5, at_once=1)
    first, with_first = await asking(gathered, "a", "b")
    await asked.began.wait()
    gone, stays = await asking(gathered, "c", "d")
    gone.cancel()
    first.cancel()
    asked.gate.set()
    assert [await with_first, await stays] == ["B", "D"]
    assert asked.batches == [["a", "b"], ["d"]]
    assert (gone.cancelled(), first.cancelled()) == (True, True)


async def test_who_waits_for_a_request_that_is_ended_does_not_wait_for_ever():
    asked = Asked()
    gathered = Gathered(asked, size_max=5, at_once=1)
    others = asyncio.all_tasks()
    [first] = await asking(gathered, "a")
    [under_way] = asyncio.all_tasks() - others - {first}
    await asked.began.wait()
    [later] = await asking(gathered, "b")
    under_way.cancel()
    asked.gate.set()
    told = await asyncio.gather(first, later, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert told[1] == "B"
