"""Whether a person sent a form that anybody may send (ID-13): a service of the node's choice judges it. Off unless chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import aiohttp
import orjson
import structlog

from gateway.pages.headers import policy_with
from gateway.settings import Settings
from libs.common.errors import Problem

log = structlog.get_logger(__name__)
TIMEOUT_S = 5.0
ANSWER_LENGTH_MAX = 8_000
_SHAPE_MAX_BYTES = 65_536
_NOT_THE_PERSONS = ("secret", "sitekey")
"""What the codes of faults of our own settings hold, in the words of both services."""

NOT_SHOWN = Problem("robot_check_failed", "Please show that you are not a robot.", "robot_check")
AWAY = Problem(
    "robot_check_away", "We cannot check just now that no robot sent this. Please try again in a minute.", "robot_check"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One service: what the page draws in, and where its answer is judged. Another one is another entry of KINDS."""

    script: str
    css: str
    answer_field: str
    judge_url: str
    sources: Mapping[str, str]
    """What the page may load because of it, by directive of the content security policy."""


_HCAPTCHA = "https://hcaptcha.com https://*.hcaptcha.com"
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "hcaptcha": Kind(
            script="https://js.hcaptcha.com/1/api.js",
            css="h-captcha",
            answer_field="h-captcha-response",
            judge_url="https://api.hcaptcha.com/siteverify",
            sources=dict.fromkeys(("script-src", "frame-src", "style-src", "connect-src"), _HCAPTCHA),
        ),
        "recaptcha": Kind(
            script="https://www.google.com/recaptcha/api.js",
            css="g-recaptcha",
            answer_field="g-recaptcha-response",
            judge_url="https://www.google.com/recaptcha/api/siteverify",
            sources={
                "script-src": "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
                "frame-src": "https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
                "connect-src": "https://www.google.com/recaptcha/",
            },
        ),
    }
)


@dataclass(frozen=True, slots=True)
class RobotCheck:
    """The chosen service with the community's keys."""

    kind: Kind
    site_key: str
    secret: str = field(repr=False)
    timeout_s: float = TIMEOUT_S

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """None where no service is chosen."""
        if settings.robot_check == "none":
            return None
        secret = settings.robot_check_secret.get_secret_value()
        return cls(KINDS[settings.robot_check], settings.robot_check_site_key, secret)

    @property
    def policy(self) -> str:
        """The content security policy of a page with the check on it."""
        return policy_with(self.kind.sources)

    async def problem_of(self, answer: str) -> Problem | None:
        """None for a person. The service is told nothing but the answer that its own script gave.

        An answer that cannot be judged is refused too: else who keeps the service from answering sends what he likes.
        """
        if not answer or len(answer) > ANSWER_LENGTH_MAX:
            return NOT_SHOWN
        try:
            shape = await self._judged(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
            log.warning("robot_check_away", why=f"{type(fault).__name__}: {fault}")
            return AWAY
        if shape.get("success") is True:
            return None
        codes = [str(code) for code in shape.get("error-codes") or ()]
        if any(word in code for code in codes for word in _NOT_THE_PERSONS):
            log.error("robot_check_misconfigured", codes=codes)
            return AWAY
        return NOT_SHOWN

    async def _judged(self, answer: str) -> dict[str, Any]:
        form = {"secret": self.secret, "response": answer, "sitekey": self.site_key}
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.kind.judge_url, data=form, allow_redirects=False) as said,
        ):
            if said.status != 200:
                raise ValueError(f"status {said.status}")
            shape = orjson.loads(await said.content.read(_SHAPE_MAX_BYTES))
        if not isinstance(shape, dict):
            raise ValueError("no object")  # noqa: TRY004  a fault of what was said
        return shape
