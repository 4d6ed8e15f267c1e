"""Who speaks: tokens of people (identity signs them) and of services, verified by every service itself."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal, Protocol, TypedDict

import jwt

from libs.common.errors import Refusal
from libs.common.peers import Caller, Peers

PrincipalKind = Literal["user", "api_key", "service"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified bearer of a request."""

    kind: PrincipalKind
    id: str
    """User id; for an API key the id of the user who made it; for a service its name."""
    role: str = "member"
    """`member`, `admin` or `operator`; `service` for a service."""
    session_id: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    entity_id: str | None = None
    """The only entity an API key acts for."""
    scopes: frozenset[str] = field(default_factory=frozenset)
    """Of an API key: `read`, `propose`, `accept`. Empty for a person: everything the role may."""
    rate_per_minute: int | None = None
    """Of an API key: how many requests a minute it may make."""

    @property
    def is_admin(self) -> bool:
        return self.kind == "user" and self.role == "admin"

    @property
    def oversees(self) -> bool:
        """Whether health and figures are for this person (ID-12): an admin or an operator."""
        return self.kind == "user" and self.role in {"admin", "operator"}

    @property
    def is_service(self) -> bool:
        return self.kind == "service"

    def may(self, scope: str) -> bool:
        """Whether an API key's scopes allow this; people and services are judged by role elsewhere."""
        return self.kind != "api_key" or scope in self.scopes


class TokenVerifier(Protocol):
    """Verifies bearer tokens; what was verified is remembered until it ends or its session is ended."""

    async def verify(self, token: str) -> Principal:
        """Raises Refusal 401 `token_invalid`, `token_expired` or `session_ended`."""

    def forget_session(self, session_id: str, until: datetime) -> None:
        """From now on tokens of this session are refused; remembered until `until`."""


ISSUER = "mccs-identity"
AUDIENCE = "mccs"
USER_TOKEN_TYPE = "at+jwt"  # noqa: S105  a media type
SERVICE_ISSUER = "mccs-service"
SERVICE_TOKEN_TYPE = "service+jwt"  # noqa: S105  a media type
SERVICE_TOKEN_LIFETIME_S = 300
_RENEW_BEFORE_S = 60
_ALGORITHMS = ("EdDSA", "RS256")
_REMEMBERED_MAX = 10_000
_KEYS_FETCH_PAUSE_S = 5.0
_LEEWAY_S = 5
_TOKEN_LENGTH_MAX = 8_192


def unauthorised(code: str, message: str) -> Refusal:
    """Refusal 401."""
    return Refusal.of(401, code, message)


def require(is_allowed: bool, who: Principal) -> Principal:
    """Raises Refusal 403 where this token is not allowed."""
    if not is_allowed:
        raise Refusal.of(403, "forbidden", "This is not allowed with this token.")
    return who


class ServiceTokens:
    """Makes the tokens with which this service speaks for itself: short-lived, each good for one other service."""

    def __init__(self, secret: str, own_name: str) -> None:
        self.own_name = own_name
        self._secret = secret
        self._made: dict[str, tuple[str, float]] = {}

    def token(self, target: str) -> str:
        """A token that `target` accepts for at least a minute more."""
        now = time.time()
        made = self._made.get(target)
        if made is None or made[1] - now < _RENEW_BEFORE_S:
            expires = now + SERVICE_TOKEN_LIFETIME_S
            claims = {"iss": SERVICE_ISSUER, "sub": self.own_name, "aud": target, "iat": int(now), "exp": int(expires)}
            text = jwt.encode(claims, self._secret, algorithm="HS256", headers={"typ": SERVICE_TOKEN_TYPE})
            made = self._made[target] = (text, expires)
        return made[0]


class JwksVerifier:
    """Verifies people's tokens by identity's published keys, and services' tokens by the shared secret.

    What was verified is remembered by the token's hash, so that a token seen before costs a look-up. Keys are fetched
    when a token names one that is not known, at most once in 5 seconds. RFC 7519, RFC 9068 (`at+jwt`), RFC 8037 (EdDSA).
    """

    def __init__(self, own_name: str, service_secret: str, peers: Peers) -> None:
        self._own_name = own_name
        self._secret = service_secret
        self._peers = peers
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._seen: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._ended: dict[str, float] = {}

    async def verify(self, token: str) -> Principal:
        mark = sha256(token.encode("utf-8", "surrogatepass")).digest()
        seen = self._seen.get(mark)
        if seen is None:
            seen = await self._verified(token)
            self._seen[mark] = seen
            if len(self._seen) > _REMEMBERED_MAX:
                self._seen.popitem(last=False)
        else:
            self._seen.move_to_end(mark)
        principal, expires = seen
        if time.time() >= expires:
            del self._seen[mark]
            raise unauthorised("token_expired", "The token has expired; log in again.")
        if principal.session_id and principal.session_id in self._ended:
            raise unauthorised("session_ended", "The session was ended; log in again.")
        return principal

    def forget_session(self, session_id: str, until: datetime) -> None:
        now = time.time()
        for known in [name for name, end in self._ended.items() if end < now]:
            del self._ended[known]
        if until.timestamp() + _LEEWAY_S >= now:
            self._ended[session_id] = max(until.timestamp() + _LEEWAY_S, self._ended.get(session_id, 0))

    def forget_keys(self) -> None:
        """Identity's keys changed: nothing verified by the old ones counts any more."""
        self._keys = {}
        self._fetched_at = float("-inf")
        self._seen.clear()

    async def _verified(self, token: str) -> tuple[Principal, float]:
        if len(token) > _TOKEN_LENGTH_MAX:
            raise _invalid()
        try:
            header = jwt.get_unverified_header(token)
            kind = header.get("typ"), header.get("alg")
            if kind == (SERVICE_TOKEN_TYPE, "HS256"):
                return self._of_service(token)
            if kind[0] == USER_TOKEN_TYPE and kind[1] in _ALGORITHMS:
                key = await self._key(str(header.get("kid", "")), str(kind[1]))
                return self._of_person(token, key, str(kind[1]))
        except jwt.ExpiredSignatureError:
            raise unauthorised("token_expired", "The token has expired; log in again.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _invalid() from None
        raise _invalid()

    def _of_service(self, token: str) -> tuple[Principal, float]:
        claims = jwt.decode(
            token,
            self._secret,
            algorithms=["HS256"],
            audience=self._own_name,
            issuer=SERVICE_ISSUER,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )
        if claims["exp"] - claims["iat"] > SERVICE_TOKEN_LIFETIME_S + 1:
            raise _invalid()
        return Principal("service", str(claims["sub"]), "service", **_times(claims)), claims["exp"] + _LEEWAY_S

    def _of_person(self, token: str, key: jwt.PyJWK, algorithm: str) -> tuple[Principal, float]:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iat", "sub", "aud", "iss", "sid"]},
        )
        is_key = claims.get("kind") == "api_key"
        principal = Principal(
            "api_key" if is_key else "user",
            str(claims["sub"]),
            str(claims.get("role", "member")),
            str(claims["sid"]),
            entity_id=str(claims["ent"]) if is_key else None,
            scopes=_scopes(claims["scope"]) if is_key else frozenset(),
            rate_per_minute=int(claims["rpm"]) if is_key and "rpm" in claims else None,
            **_times(claims),
        )
        return principal, claims["exp"] + _LEEWAY_S

    async def _key(self, kid: str, algorithm: str) -> jwt.PyJWK:
        if kid not in self._keys:
            await self._fetch_keys(kid)
        key = self._keys.get(kid)
        if key is None or key.algorithm_name != algorithm:
            raise _invalid()
        return key

    async def _fetch_keys(self, kid: str) -> None:
        async with self._fetching:
            if kid in self._keys or time.monotonic() - self._fetched_at < _KEYS_FETCH_PAUSE_S:
                return
            answer = await self._peers.call("identity", "GET", "/jwks", caller=Caller())
            found = {}
            for shape in answer.json()["keys"]:
                with contextlib.suppress(jwt.PyJWTError):  # a kind of key that we do not know
                    key = jwt.PyJWK(shape)
                    if key.algorithm_name in _ALGORITHMS and key.key_id:
                        found[key.key_id] = key
            self._keys = found
            self._fetched_at = time.monotonic()


def _invalid() -> Refusal:
    return unauthorised("token_invalid", "The token is not valid; log in again.")


class _Times(TypedDict):
    issued_at: datetime
    expires_at: datetime


def _times(claims: dict[str, Any]) -> _Times:
    return {
        "issued_at": datetime.fromtimestamp(claims["iat"], UTC),
        "expires_at": datetime.fromtimestamp(claims["exp"], UTC),
    }


def _scopes(claim: Any) -> frozenset[str]:
    return frozenset(claim.split() if isinstance(claim, str) else [str(scope) for scope in claim])
