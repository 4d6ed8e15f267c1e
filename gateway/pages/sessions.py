"""Who looks at a page: the short token in a cookie, and the refresh cookie that renews it."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from gateway.clients.identity import IdentityClient, SessionAnswer
from gateway.pages.cookies import Cookies
from libs.common.auth import Principal, TokenVerifier
from libs.common.clock import Clock
from libs.common.errors import Refusal
from libs.common.peers import Caller

_RENEW_BEFORE_S = 30
_REMEMBERED_S = 20.0
_REMEMBERED_MAX = 2000


def start_of(role: str) -> str:
    """Where somebody of this role begins."""
    return {"admin": "/admin", "operator": "/admin/system"}.get(role, "/home")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks: somebody logged in, or nobody known."""

    browser_id: str
    """A random value of this browser, to which the form tokens are bound."""
    principal: Principal | None = None
    token: str | None = None

    @property
    def session_id(self) -> str:
        return self.principal.session_id if self.principal else ""

    @property
    def is_admin(self) -> bool:
        return self.principal is not None and self.principal.is_admin

    @property
    def oversees(self) -> bool:
        """An admin or an operator (ID-12)."""
        return self.principal is not None and self.principal.oversees

    @property
    def is_member(self) -> bool:
        return self.principal is not None and not self.oversees

    @property
    def start(self) -> str:
        """Where somebody of this role begins."""
        return start_of(self.principal.role if self.principal is not None else "member")


class Sessions:
    """Knows visitors by their cookies, and renews a token that has run out.

    Tabs of one browser send the same refresh token at the same moment. In this process they share one renewal, also when
    the second arrives shortly after the first was answered; between processes identity tolerates it.
    """

    def __init__(self, verifier: TokenVerifier, identity: IdentityClient, clock: Clock) -> None:
        self._verifier = verifier
        self._identity = identity
        self._clock = clock
        self._renewals: OrderedDict[bytes, asyncio.Task[SessionAnswer]] = OrderedDict()

    async def visitor(self, cookies: Cookies, caller: Caller) -> Visitor:
        """The visitor of this request. Raises Refusal 503 where a token has run out and identity is away."""
        if len(cookies.get("browser")) < 20:
            cookies.set("browser", secrets.token_urlsafe(24))
        principal = await self._principal(cookies, caller)
        return Visitor(cookies.get("browser"), principal, cookies.get("token") if principal else None)

    def begin(self, cookies: Cookies, session: SessionAnswer) -> None:
        """Puts a session that identity opened into the cookies, with a new browser value (nothing of before counts)."""
        cookies.set("browser", secrets.token_urlsafe(24))
        self._keep(cookies, session)

    def end(self, cookies: Cookies) -> None:
        """Forgets the session in this browser."""
        for name in ("token", "refresh", "acting"):
            cookies.drop(name)
        cookies.set("browser", secrets.token_urlsafe(24))

    async def _principal(self, cookies: Cookies, caller: Caller) -> Principal | None:
        token, refresh_token = cookies.get("token"), cookies.get("refresh")
        if token:
            try:
                principal = await self._verifier.verify(token)
            except Refusal as refusal:
                if refusal.status != 401:
                    raise
            else:
                if not refresh_token or not self._ends_soon(principal.expires_at):
                    return principal
        if not refresh_token:
            return None
        return await self._renewed(cookies, caller, refresh_token)

    async def _renewed(self, cookies: Cookies, caller: Caller, refresh_token: str) -> Principal | None:
        try:
            session = await self._renewal(caller, refresh_token)
            principal = await self._verifier.verify(session["token"])
        except Refusal as refusal:
            if refusal.status not in {400, 401, 403}:
                raise
            self.end(cookies)
            return None
        self._keep(cookies, session)
        return principal

    async def _renewal(self, caller: Caller, refresh_token: str) -> SessionAnswer:
        key = hashlib.sha256(refresh_token.encode()).digest()
        task = self._renewals.get(key)
        if task is None:
            task = asyncio.create_task(self._identity.refresh(caller, refresh_token))
            self._renewals[key] = task
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            asyncio.get_running_loop().call_later(_REMEMBERED_S, self._renewals.pop, key, None)
            while len(self._renewals) > _REMEMBERED_MAX:
                self._renewals.popitem(last=False)
        # shielded: the tab that asked first may be closed while another one waits for the same answer
        return await asyncio.shield(task)

    def _forget_failed(self, key: bytes, done: asyncio.Task[SessionAnswer]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._renewals.pop(key, None)

    def _keep(self, cookies: Cookies, session: SessionAnswer) -> None:
        cookies.set("token", session["token"], max_age_s=self._seconds_until(session["expires_at"]))
        if "refresh_token" in session:
            until = session.get("refresh_expires_at", session["expires_at"])
            cookies.set("refresh", session["refresh_token"], max_age_s=self._seconds_until(until))

    def _ends_soon(self, moment: datetime | None) -> bool:
        return moment is not None and (moment - self._clock()).total_seconds() < _RENEW_BEFORE_S

    def _seconds_until(self, moment: str) -> int:
        return max(1, int((datetime.fromisoformat(moment) - self._clock()).total_seconds()))
