"""One contract for every mail door, and what is special to each."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import formataddr, getaddresses, parseaddr
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.notifier.mail.doors import door_of
from services.notifier.mail.file import FileDoor, stored_letter, stored_letters
from services.notifier.mail.mime import message_of, one_line
from services.notifier.mail.port import Letter, MailDoor, MailRefused
from services.notifier.mail.sendgrid import SendgridDoor
from services.notifier.mail.smtp import SmtpDoor
from services.notifier.settings import Settings
from services.notifier.tests.mailserver import MailServer, mail_server


def a_letter(**given) -> Letter:
    return replace(
        Letter(
            id=new_id(),
            sender="no-reply@example.org",
            sender_name="Talers of Eastville",
            to="rosa@example.org",
            subject="Café wants to pay you 10.50 CR",
            text="Hello Rosa,\n\n.a line that begins with a dot\nÜber 北京\n",
            html="<p>Hello Rosa, Über 北京</p>\n",
            at=datetime(2026, 3, 2, 12, tzinfo=UTC),
            reply_to="cafe@example.org",
            unsubscribe_url="https://node.example.org/unsubscribe/abc",
        ),
        **given,
    )


@dataclass
class Arrived:
    """A letter as the other side of any door sees it."""

    to: str
    sender: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    headers: dict[str, str]


@dataclass
class Rig:
    """A door with what is behind it."""

    door: MailDoor
    arrived: Callable[[], list[Arrived]]
    refuse_for_now: Callable[[], None]
    refuse_for_good: Callable[[], None] | None
    log: list[str] = field(default_factory=list)


@asynccontextmanager
async def file_rig(tmp_path) -> AsyncIterator[Rig]:
    folder = tmp_path / "mail"

    def arrived() -> list[Arrived]:
        return [
            Arrived(m.to, m.sender, m.reply_to, m.subject, m.text, m.html, m.headers)
            for m in reversed(stored_letters(folder))
        ]

    def refuse() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.rename(tmp_path / "away")
        folder.write_text("in the way")

    yield Rig(FileDoor(folder), arrived, refuse, None)


def from_mime(message) -> Arrived:
    return Arrived(
        str(message["To"]),
        str(message["From"]),
        str(message["Reply-To"]) if message["Reply-To"] else None,
        str(message["Subject"]),
        message.get_body(("plain",)).get_content(),
        message.get_body(("html",)).get_content(),
        {name: str(value) for name, value in message.items()},
    )


@asynccontextmanager
async def smtp_rig(tmp_path) -> AsyncIterator[Rig]:
    async with mail_server() as server:
        door = SmtpDoor(server.url, timeout_s=5)
        yield Rig(
            door,
            lambda: [from_mime(message) for message in server.taken],
            lambda: server.answers.update(RCPT=lambda _: "451 try again later"),
            lambda: server.answers.update(RCPT=lambda _: "550 no such user"),
        )
        await door.close()


@asynccontextmanager
async def fake_sendgrid() -> AsyncIterator[tuple[str, list[dict[str, Any]], list[web.Response]]]:
    taken: list[dict[str, Any]] = []
    answers: list[web.Response] = []

    async def take(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer key-of-the-test"
        if answers:
            return answers.pop(0)
        taken.append(json.loads(await request.text()))
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/v3/mail/send", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"sendgrid:http://127.0.0.1:{port}", taken, answers
    await runner.cleanup()


def from_sendgrid(shape: dict[str, Any]) -> Arrived:
    content = {part["type"]: part["value"] for part in shape["content"]}
    return Arrived(
        shape["personalizations"][0]["to"][0]["email"],
        formataddr((shape["from"]["name"], shape["from"]["email"])),
        shape.get("reply_to", {}).get("email"),
        shape["subject"],
        content["text/plain"],
        content["text/html"],
        shape["headers"],
    )


@asynccontextmanager
async def sendgrid_rig(tmp_path) -> AsyncIterator[Rig]:
    async with fake_sendgrid() as (url, taken, answers):
        door = SendgridDoor(url, key="key-of-the-test", timeout_s=5)
        yield Rig(
            door,
            lambda: [from_sendgrid(shape) for shape in taken],
            lambda: answers.append(web.Response(status=503, text="busy")),
            lambda: answers.append(web.Response(status=400, text="bad address")),
        )
        await door.close()


RIGS = {"file": file_rig, "smtp": smtp_rig, "sendgrid": sendgrid_rig}


@pytest.fixture(params=list(RIGS))
async def rig(request, tmp_path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path) as found:
        yield found


async def test_a_letter_arrives_with_everything_it_says(rig: Rig):
    letter = a_letter()
    await rig.door.send(letter)
    [arrived] = rig.arrived()
    assert arrived.to == letter.to
    assert getaddresses([arrived.sender]) == [("Talers of Eastville", "no-reply@example.org")]
    assert arrived.reply_to == "cafe@example.org"
    assert arrived.subject == letter.subject
    assert arrived.text.replace("\r\n", "\n") == letter.text
    assert arrived.html.replace("\r\n", "\n") == letter.html
    assert arrived.headers["List-Unsubscribe"] == "<https://node.example.org/unsubscribe/abc>"
    assert arrived.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert arrived.headers["Auto-Submitted"] == "auto-generated"


async def test_a_letter_sent_again_has_the_same_message_id(rig: Rig):
    letter = a_letter()
    await rig.door.send(letter)
    await rig.door.send(letter)
    assert {arrived.headers["Message-ID"] for arrived in rig.arrived()} == {f"<{letter.id}@example.org>"}


async def test_line_breaks_in_texts_of_members_make_no_headers(rig: Rig):
    await rig.door.send(a_letter(subject="Hi\r\nBcc: victim@example.org\r\n\r\nbody", sender_name='A"\r\nBcc: x@y.z'))
    [arrived] = rig.arrived()
    assert arrived.subject == "Hi Bcc: victim@example.org body"
    assert "Bcc" not in arrived.headers
    assert [address for _, address in getaddresses([arrived.sender])] == ["no-reply@example.org"]


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b\r\nBcc: c@d.e", "a@b, c@d.e", "a b@example.org", "<a@b.c>", "@b.c", "a@"]
)
async def test_an_address_that_is_none_is_refused_for_good(rig: Rig, address):
    for letter in (a_letter(to=address), a_letter(reply_to=address or "x")):
        with pytest.raises(MailRefused) as caught:
            await rig.door.send(letter)
        assert caught.value.for_good
    assert rig.arrived() == []


async def test_a_server_that_cannot_now_is_tried_again(rig: Rig):
    rig.refuse_for_now()
    with pytest.raises(MailRefused) as caught:
        await rig.door.send(a_letter())
    assert not caught.value.for_good


async def test_a_server_that_never_will_is_not_tried_again(rig: Rig):
    if rig.refuse_for_good is None:
        return  # a folder takes everything
    rig.refuse_for_good()
    with pytest.raises(MailRefused) as caught:
        await rig.door.send(a_letter())
    assert caught.value.for_good


async def test_many_letters_at_once_all_arrive(rig: Rig):
    letters = [a_letter() for _ in range(8)]
    await asyncio.gather(*(rig.door.send(letter) for letter in letters))
    assert sorted(arrived.headers["Message-ID"] for arrived in rig.arrived()) == sorted(
        f"<{letter.id}@example.org>" for letter in letters
    )


async def test_a_domain_in_another_script_travels_in_its_ascii_form(rig: Rig):
    await rig.door.send(a_letter(to="info@bäckerei.example"))
    assert rig.arrived()[0].to == "info@xn--bckerei-5wa.example"


# --- file ---------------------------------------------------------------------------------------------------------------


async def test_a_letter_written_twice_is_one_file(tmp_path):
    door, letter = FileDoor(tmp_path), a_letter()
    await door.send(letter)
    await door.send(letter)
    assert [path.name for path in tmp_path.iterdir()] == [f"{letter.id}.eml"]
    assert stored_letter(tmp_path, letter.id) is not None


@pytest.mark.parametrize("name", ["../secret", "nothing", ".hidden", "a/b"])
def test_only_letters_are_read_from_the_folder(tmp_path, name):
    (tmp_path.parent / "secret.eml").write_text("To: x\n\nsecret")
    assert stored_letter(tmp_path, name) is None


# --- smtp ---------------------------------------------------------------------------------------------------------------


async def with_smtp(work: Callable[[MailServer, SmtpDoor], Awaitable[None]]) -> None:
    async with mail_server() as server:
        door = SmtpDoor(server.url, timeout_s=5)
        await work(server, door)
        await door.close()


async def test_a_connection_is_used_again():
    async def work(server, door):
        await door.send(a_letter())
        await door.send(a_letter())
        assert server.connections == 1
        assert len(server.taken) == 2

    await with_smtp(work)


async def test_a_connection_that_the_server_left_is_noticed_before_the_letter_is_given():
    async def work(server, door):
        await door.send(a_letter())
        server.hang_up()
        await door.send(a_letter())
        assert server.connections == 2
        assert len(server.taken) == 2

    await with_smtp(work)


async def test_a_yes_that_is_lost_means_again_with_the_same_message_id():
    async def work(server, door):
        letter = a_letter()
        server.break_after_data = True
        with pytest.raises(MailRefused) as caught:
            await door.send(letter)
        assert not caught.value.for_good
        server.break_after_data = False
        await door.send(letter)
        assert [str(m["Message-ID"]) for m in server.taken] == [f"<{letter.id}@example.org>"] * 2

    await with_smtp(work)


async def test_a_letter_that_is_refused_as_such_is_refused_for_good():
    async def work(server, door):
        server.answers["DATA"] = lambda _: "554 not this one"
        with pytest.raises(MailRefused) as caught:
            await door.send(a_letter())
        assert caught.value.for_good

    await with_smtp(work)


async def test_a_server_that_is_not_there_is_tried_again():
    door = SmtpDoor("smtp://127.0.0.1:9", timeout_s=2)
    with pytest.raises(MailRefused) as caught:
        await door.send(a_letter())
    assert not caught.value.for_good


async def test_a_password_is_not_sent_over_a_connection_that_cannot_be_encrypted():
    async with mail_server() as server:
        door = SmtpDoor(f"smtp://user:secret@127.0.0.1:{server.port}", timeout_s=5)
        seen: list[str] = []
        server.answers["AUTH"] = seen.append
        with pytest.raises(MailRefused):
            await door.send(a_letter())
        assert seen == []
        assert server.taken == []


# --- sendgrid -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "for_good"), [(401, False), (403, False), (429, False), (500, False), (413, True)])
async def test_sendgrids_answers(status, for_good):
    async with fake_sendgrid() as (url, taken, answers):
        door = SendgridDoor(url, key="key-of-the-test", timeout_s=5)
        answers.append(web.Response(status=status))
        with pytest.raises(MailRefused) as caught:
            await door.send(a_letter())
        await door.close()
        assert caught.value.for_good is for_good
        assert taken == []


# --- mime and settings --------------------------------------------------------------------------------------------------


def test_a_message_has_both_bodies_and_ascii_headers():
    raw = message_of(a_letter()).raw
    head = raw.split(b"\r\n\r\n")[0]
    assert head.isascii()
    assert b"multipart/alternative" in head


SUBJECTS = st.text(st.characters(codec="utf-8"), max_size=300) | st.sampled_from(
    ["a " * 150, "=?utf-8?q?no?=", "x" * 1000, "é" * 300]
)
BODIES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400) | st.sampled_from(
    ["", ".\n.", "ends in blanks  \n\t\n", "--=_\n=20\nFrom here\n", "=\n", "long " * 200]
)


@given(subject=SUBJECTS, name=SUBJECTS, text=BODIES)
def test_whatever_a_letter_says_is_read_back_from_short_lines(subject, name, text):
    raw = message_of(a_letter(subject=subject, sender_name=name, text=text, html=text)).raw
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    assert message["Subject"] == one_line(subject)
    assert [each.addr_spec for each in message["From"].addresses] == ["no-reply@example.org"]
    written, _ = parseaddr(message_from_bytes(raw)["From"])
    assert "".join(str(make_header(decode_header(written))).split()) == "".join(one_line(name).split())


async def test_an_address_in_another_script_needs_a_server_that_knows_them():
    async def work(server, door):
        await door.send(a_letter(to="jörg@example.org"))
        assert server.receivers == ["jörg@example.org"]
        assert str(server.taken[0]["To"]) == "jörg@example.org"
        server.answers["EHLO"] = lambda _: "250 test"
        server.hang_up()
        with pytest.raises(MailRefused) as caught:
            await door.send(a_letter(to="jörg@example.org"))
        assert caught.value.for_good

    await with_smtp(work)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:", FileDoor),
        ("smtp://localhost:25", SmtpDoor),
        ("smtps://u:p@localhost", SmtpDoor),
        ("sendgrid:", SendgridDoor),
    ],
)
def test_the_address_chooses_the_door(url, kind):
    assert isinstance(door_of(Settings(mail_url=url, sendgrid_key="k")), kind)


@pytest.mark.parametrize("url", ["ftp://x", "smtp:", "smtp://", "mail", "file:/elsewhere"])
def test_another_mail_address_is_refused(url):
    with pytest.raises(ValueError, match="mail_url"):
        Settings(mail_url=url)


def test_sendgrid_without_a_key_is_refused():
    with pytest.raises(ValueError, match="MCCS_SENDGRID_KEY"):
        Settings(mail_url="sendgrid:")
