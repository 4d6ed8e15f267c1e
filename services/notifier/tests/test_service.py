"""Use cases: mail written and sent once, the bell, preferences, daily matches, alarms."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.bus.port import DeadLetter
from libs.common.contracts import directory, identity
from libs.common.contracts.notifier import AuditRecordedV1
from libs.common.envelope import Envelope
from libs.common.errors import Refusal
from services.notifier.consumers import handlers
from services.notifier.mail.port import Letter, MailRefused
from services.notifier.service import bell, matches
from services.notifier.service.deps import Reader
from services.notifier.service.mailing import send_due
from services.notifier.service.upkeep import forget_what_is_old, report_dead_letters
from services.notifier.store import people
from services.notifier.tests import events
from services.notifier.tests.conftest import Bench, FakeDoor
from services.notifier.tests.events import MAX, NOW, ROSA, told


async def hear(bench: Bench, *envelopes: Envelope) -> None:
    known = handlers(bench.deps)
    for envelope in envelopes:
        await known[envelope.type](envelope)


async def send(bench: Bench) -> list[Letter]:
    """Sends all that is due; the letters that were taken."""
    before = len(bench.door.letters)
    while await send_due(bench.deps, bench.peers, bench.door):
        pass
    return bench.door.letters[before:]


async def states(bench: Bench) -> list[tuple[str, int]]:
    return [(row["state"], row["tries"]) for row in await bench.rows("select state, tries from mail order by id")]


async def told_events(bench: Bench) -> list[str]:
    return [row["type"] for row in await bench.rows("select type from outbox order by position")]


# --- mail ---------------------------------------------------------------------------------------------------------------


async def test_the_welcome_carries_a_secret_that_is_made_when_it_is_written_and_kept_nowhere(bench: Bench):
    await hear(bench, events.user_registered())
    assert bench.peers.issued == []
    welcome = next(letter for letter in await send(bench) if letter.to == "u1@example.org")
    assert bench.peers.issued == ["/one-time-tokens/token-1/issue"]
    assert "https://node.example.org/verify/secret-1" in welcome.text
    for table in ("notice", "mail", "outbox"):
        assert "secret-1" not in str(await bench.rows(f"select * from {table}"))


async def test_a_mail_that_was_sent_is_told_and_not_sent_again(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    assert len(await send(bench)) == 1
    bench.clock.move(days=1)
    assert await send(bench) == []
    assert await told_events(bench) == ["notifier.notice.sent.v1"]
    assert (await bench.rows("select address, reply_to from mail"))[0] == {"address": None, "reply_to": None}


async def test_several_processes_send_each_mail_once(bench: Bench):
    deps = bench.with_settings(mail_parallel_max=3)
    await hear(bench, events.entity_changed(ROSA), events.entity_changed(MAX))
    await hear(bench, *(events.completed(kind="adminTransfer", transfer_id=f"t{n}") for n in range(10)))

    async def process() -> None:
        while await send_due(deps, bench.peers, bench.door):
            pass

    await asyncio.gather(*(process() for _ in range(4)))
    ids = [letter.id for letter in bench.door.letters]
    assert len(ids) == len(set(ids)) == 20
    assert await told_events(bench) == ["notifier.notice.sent.v1"] * 20


async def test_a_mail_that_is_not_taken_is_tried_again_later_each_time_with_the_same_id(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    bench.door.refusals = [MailRefused("busy"), MailRefused("busy")]
    assert await send(bench) == []
    bench.clock.move(seconds=9)
    assert await send(bench) == []
    bench.clock.move(seconds=1)
    assert await send(bench) == []
    assert await states(bench) == [("waiting", 2)]
    bench.clock.move(seconds=29)
    assert await send(bench) == []
    bench.clock.move(seconds=1)
    [letter] = await send(bench)
    assert letter.id == (await bench.rows("select id from mail"))[0]["id"]
    assert await states(bench) == [("sent", 3)]


async def test_a_mail_is_given_up_after_its_last_try_and_that_is_told(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    bench.door.refusals = [MailRefused("busy")] * 24
    for _ in range(24):
        await send(bench)
        bench.clock.move(hours=4)
    assert await states(bench) == [("failed", 24)]
    assert await told_events(bench) == ["notifier.notice.failed.v1"]
    assert await send(bench) == []


async def test_a_mail_that_is_refused_for_good_is_given_up_at_once(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    bench.door.refusals = [MailRefused("no such user", for_good=True)]
    assert await send(bench) == []
    assert (await bench.rows("select state, reason from mail"))[0] == {"state": "failed", "reason": "no such user"}


async def test_a_mail_to_an_entity_that_is_not_known_yet_waits_for_it(bench: Bench):
    await hear(bench, events.proposed())
    assert await send(bench) == []
    await hear(bench, events.entity_changed(email="now@example.org"))
    bench.clock.move(seconds=10)
    [letter] = await send(bench)
    assert letter.to == "now@example.org"


async def test_the_address_of_an_event_serves_until_the_entity_is_known(bench: Bench):
    await hear(bench, events.contact())
    [letter] = await send(bench)
    assert letter.to == "rosa@example.org"


async def test_a_mail_of_a_dead_process_is_sent_by_another_one_when_its_time_is_up(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())

    has_it = asyncio.Event()

    class Dying(FakeDoor):
        async def send(self, letter: Letter) -> None:
            has_it.set()
            await asyncio.Event().wait()

    dying = asyncio.create_task(send_due(bench.deps, bench.peers, Dying()))
    await has_it.wait()
    dying.cancel()  # as a process that is killed: nothing is settled
    await asyncio.gather(dying, return_exceptions=True)
    assert await send(bench) == []
    bench.clock.move(seconds=30 + 30 + 30)
    assert len(await send(bench)) == 1


async def test_a_slow_process_does_not_settle_what_another_one_has_in_hand(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    slow_has_it, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeDoor):
        async def send(self, letter: Letter) -> None:
            slow_has_it.set()
            await go_on.wait()
            raise MailRefused("late", for_good=True)

    slow = asyncio.create_task(send_due(bench.deps, bench.peers, Slow()))
    await slow_has_it.wait()
    bench.clock.move(seconds=91)
    assert len(await send(bench)) == 1
    go_on.set()
    await slow
    assert await states(bench) == [("sent", 2)]
    assert await told_events(bench) == ["notifier.notice.sent.v1"]


async def test_what_a_stop_leaves_untried_in_hand_is_given_back_at_once(bench: Bench):
    deps = bench.with_settings(mail_parallel_max=1)
    await hear(bench, events.entity_changed(), *(events.proposed(transfer_id=f"t{n}") for n in range(5)))
    second = asyncio.Event()

    class Stuck(FakeDoor):
        async def send(self, letter: Letter) -> None:
            if self.letters:
                second.set()
                await asyncio.Event().wait()
            await super().send(letter)

    stopped = asyncio.create_task(send_due(deps, bench.peers, Stuck()))
    await second.wait()
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    assert sorted(tries for state, tries in await states(bench) if state == "waiting") == [0, 0, 0, 1]
    assert len(await send(bench)) == 3
    bench.clock.move(seconds=90)
    assert len(await send(bench)) == 1, "what was at the door, and perhaps taken, waits for its time"
    assert await told_events(bench) == ["notifier.notice.sent.v1"] * 5


async def test_what_there_is_no_time_left_for_is_given_back_untried(bench: Bench):
    deps = bench.with_settings(mail_parallel_max=1)
    await hear(bench, events.entity_changed(), *(events.proposed(transfer_id=f"t{n}") for n in range(4)))

    class Slow(FakeDoor):
        async def send(self, letter: Letter) -> None:
            bench.clock.move(seconds=20)
            await super().send(letter)

    slow = Slow()
    assert await send_due(deps, bench.peers, slow) == 4
    assert len(slow.letters) == 2
    assert sorted(await states(bench)) == [("sent", 1), ("sent", 1), ("waiting", 0), ("waiting", 0)]
    assert len(await send(bench)) == 2


async def test_while_somebody_waits_for_an_answer_all_that_send_rest_together(bench: Bench, monkeypatch):
    monkeypatch.setattr("services.notifier.service.mailing.Turn.rest_s", lambda _: 0.03)
    deps, now = bench.with_settings(mail_parallel_max=3), asyncio.get_running_loop().time
    await hear(bench, events.entity_changed(), *(events.proposed(transfer_id=f"t{n}") for n in range(6)))
    at: list[tuple[float, float]] = []

    class Uneven(FakeDoor):
        async def send(self, letter: Letter) -> None:
            began = now()
            await asyncio.sleep(0.01 * (len(self.letters) % 3))
            at.append((began, now()))
            self.letters.append(letter)

    assert await send_due(deps, bench.peers, Uneven()) == 6
    at.sort()
    assert min(began for began, _ in at[3:]) - max(ended for _, ended in at[:3]) > 0.025


async def test_the_mails_of_a_round_come_to_their_ends_in_few_steps(bench: Bench):
    deps = bench.with_settings(mail_parallel_max=4)
    await hear(bench, events.entity_changed(), *(events.proposed(transfer_id=f"t{n}") for n in range(32)))
    assert await send_due(deps, bench.peers, bench.door) == 32
    rows = await bench.rows("select distinct xmin::text from mail")
    assert await states(bench) == [("sent", 1)] * 32
    assert len(rows) <= 16


@pytest.mark.parametrize("status", [400, 404, 409, 410])
async def test_a_link_that_nobody_waits_for_any_more_is_not_mailed(bench: Bench, status):
    await hear(bench, told(identity.ResetRequestedV1(reset_id="r", user_id="u", email="a@example.org", role="member")))
    bench.peers.refusal = Refusal.of(status, "token_used", "It is used.")
    assert await send(bench) == []
    assert await states(bench) == [("void", 1)]
    assert await told_events(bench) == []


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_when_identity_is_away_the_mail_waits(bench: Bench, status):
    await hear(bench, told(identity.ResetRequestedV1(reset_id="r", user_id="u", email="a@example.org", role="admin")))
    bench.peers.refusal = Refusal.of(status, "service_away", "Away.")
    assert await send(bench) == []
    bench.peers.refusal = None
    bench.clock.move(seconds=10)
    [letter] = await send(bench)
    assert "https://node.example.org/admin/password-reset/secret-1" in letter.text


async def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed(), events.contact())
    await bench.pool.execute("update notice set params = '{}' where kind = 'transfer_proposed'")
    [letter] = await send(bench)
    assert letter.subject == "Message from Max"
    assert sorted(await states(bench)) == [("sent", 1), ("waiting", 1)]


async def test_mail_to_who_is_gone_is_not_sent(bench: Bench):
    await hear(bench, events.user_registered())
    await bench.pool.execute("update person set deleted = true, email = null")
    assert [letter.to for letter in await send(bench)] == ["operator@example.org"]


async def test_a_contact_message_answers_to_its_sender_and_shows_the_receivers_address_to_nobody(bench: Bench):
    await hear(bench, events.entity_changed(ROSA), events.entity_changed(MAX))
    await hear(bench, events.contact(copy_to_operator=True))
    letters = {letter.to: letter for letter in await send(bench)}
    assert set(letters) == {f"{ROSA}@example.org", "operator@example.org"}
    message, copy = letters[f"{ROSA}@example.org"], letters["operator@example.org"]
    assert message.reply_to == "max@example.org"
    assert copy.reply_to is None
    assert "max@" not in copy.text + copy.html + message.text + message.html
    assert "Do you have rye bread?" in message.text


async def test_an_entity_is_written_to_in_the_language_of_its_owner(bench: Bench):
    await hear(
        bench, events.entity_changed(), events.user_changed(language="fr"), events.membership(), events.proposed()
    )
    async with bench.pool.acquire() as connection:
        assert (await people.entity(connection, ROSA)).language == "fr"
    assert (await send(bench))[0].language in ("fr", "en")


async def test_mail_for_an_address_that_is_to_be_verified_goes_there(bench: Bench):
    await hear(bench, events.user_changed(email="old@example.org"))
    await hear(
        bench, told(identity.VerificationRequestedV1(verification_id="v", user_id="u1", email="new@example.org"))
    )
    assert [letter.to for letter in await send(bench)] == ["new@example.org"]


# --- bell ---------------------------------------------------------------------------------------------------------------

MEMBER = Reader("u1")


async def a_member(bench: Bench) -> None:
    before = NOW - timedelta(days=1)
    await hear(bench, events.user_changed(), events.membership(at=before), events.entity_changed())


async def page(bench: Bench, reader: Reader = MEMBER, **given: Any) -> bell.BellPage:
    return await bell.bell(bench.deps, reader, **({"before": None, "limit": 10, "language": None} | given))


async def test_a_member_sees_the_notices_of_the_entities_it_acts_for_since_then(bench: Bench):
    await a_member(bench)
    await hear(bench, events.proposed(), events.completed(), events.user_registered())
    await hear(bench, events.membership("u2", at=NOW + timedelta(hours=1)))
    assert [line.words.title for line in (await page(bench)).lines if line.stored.audience == "entity"] == [
        "Max wants to pay you 10.50\xa0CR"
    ]
    assert (await page(bench, Reader("u2"))).lines == []
    assert (await page(bench, Reader("u3"))).lines == []


async def test_the_operators_notices_are_for_admins(bench: Bench):
    await hear(bench, events.user_registered())
    assert [line.stored.kind for line in (await page(bench, Reader("admin", is_operator=True))).lines] == ["new_signup"]
    assert (await page(bench, Reader("admin"))).lines == []


async def test_the_bell_goes_on_where_it_ended_without_a_gap_or_a_repeat(bench: Bench):
    await a_member(bench)
    await hear(bench, *(events.proposed(transfer_id=f"t{n}") for n in range(25)))
    seen: list[str] = []
    before = None
    while True:
        found = await page(bench, before=before, limit=7)
        seen += [line.stored.id for line in found.lines]
        if found.next is None:
            break
        before = found.next
    assert len(seen) == len(set(seen)) == 25


async def test_what_is_read_is_counted_no_more(bench: Bench):
    await a_member(bench)
    await hear(bench, *(events.proposed(transfer_id=f"t{n}") for n in range(3)))
    first = (await page(bench)).lines[0].stored.id
    assert await bell.unread(bench.deps, MEMBER) == 3
    assert await bell.mark_read(bench.deps, MEMBER, [first, "unknown"]) == 2
    assert await bell.mark_read(bench.deps, MEMBER, [first]) == 2
    assert await bell.mark_read(bench.deps, MEMBER, None) == 0
    assert all(line.stored.read for line in (await page(bench)).lines)


async def test_nobody_marks_anothers_notices(bench: Bench):
    await a_member(bench)
    await hear(bench, events.proposed())
    notice = (await page(bench)).lines[0].stored.id
    await bell.mark_read(bench.deps, Reader("u9"), [notice])
    assert await bench.rows("select * from notice_read") == []
    assert await bell.unread(bench.deps, MEMBER) == 1


async def test_a_muted_kind_is_not_in_the_bell(bench: Bench):
    await a_member(bench)
    await hear(bench, events.proposed())
    await bell.set_preferences(bench.deps, MEMBER, [("transfer_proposed", {"bell": False})], entity_id=None)
    assert (await page(bench)).lines == []
    assert await bell.unread(bench.deps, MEMBER) == 0


# --- preferences --------------------------------------------------------------------------------------------------------


async def test_a_kind_that_is_switched_off_is_not_mailed_and_stays_in_the_bell(bench: Bench):
    await a_member(bench)
    await bell.set_preferences(bench.deps, MEMBER, [("transfer_proposed", {"mail": False})], entity_id=None)
    await hear(bench, events.proposed())
    assert await send(bench) == []
    assert len((await page(bench)).lines) == 1
    shown = {one.kind.name: one.mail for one in await bell.preferences(bench.deps, MEMBER, entity_id=None)}
    assert shown["transfer_proposed"] is False
    assert shown["transfer_accepted"] is True


async def changes(bench: Bench) -> list[dict[str, Any]]:
    rows = await bench.rows("delete from outbox returning position, type, data")
    told = sorted((row for row in rows if row["type"] == AuditRecordedV1.TYPE), key=lambda row: row["position"])
    return [row["data"] for row in told]


async def test_the_activity_log_hears_what_changed_of_whom_and_nothing_where_nothing_did(bench: Bench):
    await a_member(bench)
    await hear(bench, events.entity_changed(ROSA, daily_matches=True, sequence=9))
    wishes = [("transfer_proposed", {"mail": False, "bell": False}), ("daily_matches", {"mail": False})]
    for _ in range(2):
        await bell.set_preferences(bench.deps, MEMBER, wishes, entity_id=None)
    told = {line["subject_kind"]: line for line in await changes(bench)}
    assert [(line["action"], line["category"], line["actor_id"]) for line in told.values()] == [
        ("preferences.changed", "user", "u1")
    ] * 2
    of_entity, of_person = told["entity"], told["user"]
    assert (of_entity["subject_id"], of_entity["entity_id"]) == (ROSA, ROSA)
    assert of_entity["before"] == {"transfer_proposed.mail": True, "daily_matches.mail": True}
    assert of_entity["after"] == {"transfer_proposed.mail": False, "daily_matches.mail": False}
    assert (of_person["subject_id"], of_person["entity_id"]) == ("u1", None)
    assert (of_person["before"], of_person["after"]) == (
        {"transfer_proposed.bell": True},
        {"transfer_proposed.bell": False},
    )


@pytest.mark.parametrize("kind", ["password_changed", "account_locked", "new_device", "password_reset", "welcome"])
async def test_security_notices_cannot_be_switched_off(bench: Bench, kind):
    with pytest.raises(Refusal) as caught:
        await bell.set_preferences(bench.deps, MEMBER, [(kind, {"mail": False})], entity_id=None)
    assert caught.value.problems[0].code == "mandatory"


@pytest.mark.parametrize(
    ("change", "code"),
    [(("nothing", {"mail": True}), "kind_unknown"), (("match_found", {"mail": True}), "channel_unknown")],
)
async def test_a_change_that_makes_no_sense_is_refused_whole(bench: Bench, change, code):
    with pytest.raises(Refusal) as caught:
        await bell.set_preferences(bench.deps, MEMBER, [("contact_message", {"mail": False}), change], entity_id=None)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert await bench.rows("select * from preference") == []


async def test_nobody_decides_for_anothers_entity(bench: Bench):
    await a_member(bench)
    for reader, entity in ((MEMBER, MAX), (Reader("u9"), ROSA)):
        with pytest.raises(Refusal) as caught:
            await bell.set_preferences(bench.deps, reader, [("contact_message", {"mail": False})], entity_id=entity)
        assert caught.value.status == 403


async def test_a_mails_link_switches_its_kind_off_without_a_login_and_can_be_used_again(bench: Bench):
    await a_member(bench)
    await hear(bench, events.proposed())
    [letter] = await send(bench)
    token = str(letter.unsubscribe_url).rpartition("/")[2]
    looked = await bell.unsubscribable(bench.deps, token)
    assert (looked.kind, looked.wanted, looked.address) == ("transfer_proposed", True, "e…@example.org")
    for _ in range(2):
        assert (await bell.unsubscribe(bench.deps, token)).wanted is False
    [line] = await changes(bench)
    assert (line["actor_id"], line["subject_id"], line["entity_id"]) == (None, ROSA, ROSA)
    assert (line["before"], line["after"]) == ({"transfer_proposed.mail": True}, {"transfer_proposed.mail": False})
    await hear(bench, events.proposed(transfer_id="t2"), events.contact())
    assert [one.headers["X-MCCS-Notice"] for one in await send(bench)] == ["contact_message"]


async def test_an_unknown_link_is_not_found(bench: Bench):
    for use in (bell.unsubscribable, bell.unsubscribe):
        with pytest.raises(Refusal) as caught:
            await use(bench.deps, "x")
        assert caught.value.status == 404


async def test_mail_that_cannot_be_switched_off_has_no_such_link(bench: Bench):
    await hear(bench, events.user_registered())
    assert [letter.unsubscribe_url for letter in await send(bench)] == [None, None]


# --- matches ------------------------------------------------------------------------------------------------------------


async def two_matching_entities(bench: Bench, *, daily: bool = True) -> None:
    await hear(
        bench,
        events.entity_changed(ROSA, daily_matches=daily),
        events.entity_changed(MAX),
        events.tags(ROSA, ["bread", "cake"], []),
        events.tags(MAX, [], ["rye-bread", "cake"]),
    )


async def test_a_pair_is_kept_once_per_side_however_often_it_is_found(bench: Bench):
    await two_matching_entities(bench)
    await hear(bench, events.match(id="m1"), events.match(id="m1"), events.match(id="m2"))
    rows = await bench.rows("select entity_id, other_id, side, mine, theirs from match order by entity_id")
    assert [tuple(row.values()) for row in rows] == [
        (MAX, ROSA, "want", "rye-bread", "bread"),
        (ROSA, MAX, "offer", "bread", "rye-bread"),
    ]


async def test_the_bell_counts_a_days_matches_and_is_news_again_when_one_is_added(bench: Bench):
    await a_member(bench)
    await hear(bench, events.match(id="m1"))
    await bell.mark_read(bench.deps, MEMBER, None)
    assert await bell.unread(bench.deps, MEMBER) == 0
    later = bench.clock.move(hours=1)
    await hear(bench, events.match(offer="cake", want="cake", id="m2", at=later))
    [line] = (await page(bench)).lines
    assert line.words.title == "2 new matches for you"
    assert await bell.unread(bench.deps, MEMBER) == 1


async def test_the_daily_mail_is_written_once_with_several_copies_at_work(bench: Bench):
    await two_matching_entities(bench)
    await hear(bench, events.match(id="m1"), events.match(offer="cake", want="cake", score=0.9, id="m2"))
    written = await asyncio.gather(*(matches.mail_daily_matches(bench.deps) for _ in range(4)))
    assert sum(written) == 1
    [letter] = await send(bench)
    assert letter.subject == "2 new matches for you"
    assert letter.text.index("Max wants cake - you offer cake") < letter.text.index(
        "Max wants rye-bread - you offer bread"
    )
    bench.clock.move(days=1)
    assert await matches.mail_daily_matches(bench.deps) == 0


async def test_the_daily_mail_waits_for_its_hour_in_the_communitys_time_zone(bench: Bench):
    await two_matching_entities(bench)
    await hear(bench, events.match())
    deps = bench.with_settings(time_zone="Pacific/Auckland", digest_hour=7)
    bench.clock.now = datetime(2026, 3, 2, 17, 59, tzinfo=UTC)
    assert await matches.mail_daily_matches(deps) == 0
    bench.clock.move(minutes=1)
    assert await matches.mail_daily_matches(deps) == 1


async def test_only_who_asked_for_it_gets_the_daily_mail(bench: Bench):
    await two_matching_entities(bench, daily=False)
    await hear(bench, events.match())
    assert await matches.mail_daily_matches(bench.deps) == 0
    await hear(bench, events.entity_changed(ROSA, sequence=2, daily_matches=True))
    assert await matches.mail_daily_matches(bench.deps) == 1


@pytest.mark.parametrize(
    "gone",
    [
        events.tags(ROSA, ["cake"], [], sequence=2),
        events.tags(MAX, [], ["cake"], sequence=2),
        events.entity_changed(MAX, sequence=2, listed=False),
        told(directory.EntityDeletedV1(entity_id=MAX, name="Max"), subject=MAX),
        told(directory.MatchDismissedV1(entity_id=ROSA, other_entity_id=MAX)),
    ],
    ids=["own tag removed", "other tag removed", "unlisted", "deleted", "dismissed"],
)
async def test_a_match_that_is_not_true_any_more_is_not_mailed(bench: Bench, gone):
    await two_matching_entities(bench)
    await hear(bench, events.match(), gone)
    assert await matches.mail_daily_matches(bench.deps) == 0
    assert await send(bench) == []


async def test_what_was_seen_on_the_web_is_not_mailed(bench: Bench):
    await two_matching_entities(bench)
    await hear(bench, events.membership(), events.match())
    await matches.matches_seen(bench.deps, "u1", ROSA)
    assert await matches.mail_daily_matches(bench.deps) == 0
    with pytest.raises(Refusal):
        await matches.matches_seen(bench.deps, "u1", MAX)


async def test_the_daily_mails_link_ends_it_until_the_member_asks_again(bench: Bench):
    await two_matching_entities(bench)
    await hear(bench, events.match(id="m1"))
    await matches.mail_daily_matches(bench.deps)
    [letter] = await send(bench)
    await bell.unsubscribe(bench.deps, str(letter.unsubscribe_url).rpartition("/")[2])
    bench.clock.move(days=1)
    await hear(
        bench,
        events.match(offer="cake", want="cake", id="m2"),
        events.entity_changed(ROSA, sequence=2, daily_matches=True),
    )
    assert await matches.mail_daily_matches(bench.deps) == 0
    await hear(
        bench,
        events.entity_changed(ROSA, sequence=3, daily_matches=False),
        events.entity_changed(ROSA, sequence=4, daily_matches=True),
    )
    assert await matches.mail_daily_matches(bench.deps) == 1


# --- alarms and upkeep --------------------------------------------------------------------------------------------------


class DeadBus:
    """Only dead letters."""

    def __init__(self, letters: list[DeadLetter]) -> None:
        self.letters = letters

    async def dead(self, service: str, *, limit: int = 100) -> list[DeadLetter]:
        return [letter for letter in self.letters if letter.service == service][:limit]


async def test_dead_letters_are_told_to_the_operator_once_an_hour(bench: Bench):
    poison = events.proposed()
    letters = [DeadLetter("ledger", poison, "boom", 8, bench.clock()) for _ in range(3)]
    bus: Any = DeadBus(letters)
    await asyncio.gather(*(report_dead_letters(bench.deps, bus) for _ in range(3)))
    [letter] = await send(bench)
    assert letter.subject == "Alarm: messages to ledger were given up"
    assert "How many: 3" in letter.text
    bench.clock.move(minutes=50)
    await report_dead_letters(bench.deps, bus)
    assert await send(bench) == []
    letters.append(DeadLetter("ledger", poison, "boom again", 8, bench.clock.move(minutes=20)))
    await report_dead_letters(bench.deps, bus)
    assert len(await send(bench)) == 1


async def test_what_is_old_is_forgotten_and_what_waits_is_kept(bench: Bench):
    await hear(bench, events.entity_changed(), events.proposed())
    await send(bench)
    bench.clock.move(days=31)
    await hear(bench, events.contact())
    await forget_what_is_old(bench.deps)
    assert await states(bench) == [("waiting", 0)]
    bench.clock.move(days=180)
    await forget_what_is_old(bench.deps)
    assert await bench.rows("select * from notice") == []
