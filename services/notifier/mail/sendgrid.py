"""The mail door to SendGrid's v3 API, by `sendgrid:` (or `sendgrid:http://…` for another address of the API)."""

from email.utils import parseaddr
from typing import Any

import aiohttp

from services.notifier.mail.mime import address_of, headers_of, one_line
from services.notifier.mail.port import Letter, MailRefused

API_URL = "https://api.sendgrid.com"
FOR_GOOD = frozenset({400, 413})


class SendgridDoor:
    """One HTTP request a letter. A wrong key is not the letter's fault: the letter waits until the key is right."""

    def __init__(self, url: str, *, key: str, timeout_s: float) -> None:
        self._url = (url.removeprefix("sendgrid:") or API_URL).rstrip("/") + "/v3/mail/send"
        self._key = key
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, letter: Letter) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, headers={"Authorization": f"Bearer {self._key}"}
            )
        try:
            async with self._session.post(self._url, json=shape_of(letter), allow_redirects=False) as answer:
                if answer.status == 202:
                    return
                text = (await answer.text())[:300]
                raise MailRefused(f"SendGrid answered {answer.status}: {text}", for_good=answer.status in FOR_GOOD)
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise MailRefused(f"SendGrid did not answer: {type(fault).__name__}: {fault}") from fault

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def shape_of(letter: Letter) -> dict[str, Any]:
    """The request's body. Clicks and openings are not tracked."""
    shape: dict[str, Any] = {
        "personalizations": [{"to": [{"email": address_of(letter.to).addr_spec}]}],
        "from": {"email": address_of(letter.sender).addr_spec, "name": one_line(letter.sender_name)},
        "subject": one_line(letter.subject),
        "content": [{"type": "text/plain", "value": letter.text}, {"type": "text/html", "value": letter.html}],
        "headers": headers_of(letter),
        "custom_args": {"mail_id": letter.id},
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }
    if letter.reply_to:
        shape["reply_to"] = {"email": parseaddr(address_of(letter.reply_to).addr_spec)[1]}
    return shape
