"""A small community in memory that answers like the five services, for tests of pages and for looking at them."""

from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from gateway.context import Clients, GatewayContext
from gateway.settings import Settings
from libs.common.auth import Principal
from libs.common.clock import rfc3339
from libs.common.errors import Problem, Refusal
from libs.common.ids import derived_id, new_id
from libs.common.peers import Caller, StreamedAnswer

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AWAY = Refusal.of(503, "service_away", "Away.", retry_after_s=5)
SECRET = {"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/Brookvale:ana?secret=JBSWY3DPEHPK3PXP&issuer=Brookvale"}
LISTED = {"accepted", "tradingPending", "tradingRejected", "tradingAccepted"}


class Community:
    """Users, entities, accounts and transfers; every service of it can be sent away by its name in `away`."""

    def __init__(self) -> None:
        self.now = START
        self.away: set[str] = set()
        self.calls: list[tuple[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, Principal] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.entities: dict[str, dict[str, Any]] = {}
        self.owners: dict[str, list[str]] = defaultdict(list)
        self.accounts: dict[str, dict[str, Any]] = {}
        self.book_faults: list[dict[str, Any]] = []
        self.transfers: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.favorites: dict[str, list[str]] = defaultdict(list)
        self.dismissals: dict[str, list[str]] = defaultdict(list)
        self.fee_minor = 0
        self.messages: list[dict[str, Any]] = []
        self.category_names: list[str] = []
        self.notices: list[dict[str, Any]] = []
        self.limits: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.invitations: dict[str, dict[str, Any]] = {}
        self.api_keys: list[dict[str, Any]] = []
        self.pictures: dict[str, bytes] = {}

    # --- making things

    def member(
        self,
        name: str,
        *,
        email: str | None = None,
        status: str = "tradingAccepted",
        balance: int = 0,
        low: int = 50000,
        high: int = 50000,
        **profile: Any,
    ) -> str:
        """A member with a user, an entity and an account; the entity's id."""
        email = email or f"{name.split(maxsplit=1)[0].lower()}@example.org"
        entity_id, user_id = new_id(), self.user(email)
        self.owners[user_id].append(entity_id)
        self.entities[entity_id] = {
            "id": entity_id,
            "name": name,
            "offers": [],
            "wants": [],
            "categories": [],
            "pictures": [],
            "email": email,
            "version": 1,
            "created_at": rfc3339(self.now),
            **profile,
        }
        self.set_status(entity_id, status)
        self.accounts[entity_id] = {
            "account_id": new_id(),
            "entity_id": entity_id,
            "number": f"{4000000000000000 + len(self.accounts):016d}",
            "name": name,
            "kind": "member",
            "unit": "CR",
            "status": status,
            "may_trade": status == "tradingAccepted",
            "frozen": False,
            "balance_minor": balance,
            "held_minor": 0,
            "max_negative_minor": low,
            "max_positive_minor": high,
            "opened_at": rfc3339(self.now),
        }
        return entity_id

    def set_status(self, entity_id: str, status: str) -> None:
        self.entities[entity_id] |= {
            "status": status,
            "listed": status in LISTED,
            "may_trade": status == "tradingAccepted",
            "own": False,
        }

    def user(self, email: str, *, role: str = "member", password: str = "right-1-password") -> str:
        user_id = new_id()
        self.users[user_id] = {
            "id": user_id,
            "email": email,
            "password": password,
            "first_name": "",
            "last_name": "",
            "telephone": "",
            "language": "en",
            "role": role,
            "email_verified": True,
            "second_factor": False,
            "created_at": rfc3339(self.now),
            "memberships": [],
        }
        return user_id

    def session(self, user_id: str, kind: str = "browser") -> dict[str, Any]:
        session_id, token, refresh = new_id(), f"t-{new_id()}", f"r-{new_id()}"
        role = self.users[user_id]["role"]
        ends = self.now + timedelta(minutes=10)
        self.sessions[token] = Principal("user", user_id, role, session_id, self.now, ends)
        self.refresh_tokens[refresh] = user_id
        return {
            "token": token,
            "expires_at": rfc3339(ends),
            "session_id": session_id,
            "user_id": user_id,
            "role": role,
            "refresh_token": refresh,
            "refresh_expires_at": rfc3339(self.now + timedelta(days=30)),
        }

    def owner_of(self, entity_id: str) -> str:
        return next(user_id for user_id, owned in self.owners.items() if entity_id in owned)

    def transfer(
        self,
        payer: str,
        payee: str,
        amount: int,
        *,
        status: str = "initiated",
        initiator: str = "payer",
        text: str = "",
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": new_id(),
            "kind": "transfer",
            "status": status,
            "payer": self.party(payer),
            "payee": self.party(payee),
            "amount_minor": amount,
            "unit": "CR",
            "description": text,
            "initiator": initiator,
            "proposed_at": rfc3339(self.now),
            "expires_at": rfc3339(self.now + timedelta(days=30)),
        }
        if status == "completed":
            made |= {"completed_at": rfc3339(self.now), "outcome": "completed"}
        self.transfers[made["id"]] = made
        return made

    def party(self, entity_id: str) -> dict[str, Any]:
        return {name: self.accounts[entity_id][name] for name in ("entity_id", "number", "name")}

    # --- the shapes of the services

    def context(self, **settings: Any) -> GatewayContext:
        wiring: Any = SimpleNamespace(verifier=Verifier(self), clock=lambda: self.now, bus=None, peers=None)
        given: Any = {
            "node_name": "Brookvale",
            "env": "development",
            "rate_per_minute": 100_000,
            "_env_file": None,
            **settings,
        }
        parts: Any = [kind(self) for kind in (Identity, Directory, Ledger, Matcher, Notifier)]
        return GatewayContext(settings=Settings(**given), clients=Clients(*parts), wiring=wiring)


class Verifier:
    def __init__(self, community: Community) -> None:
        self.community = community

    async def verify(self, token: str) -> Principal:
        principal = self.community.sessions.get(token)
        if principal is None:
            raise Refusal.of(401, "token_invalid", "Not a token.")
        assert principal.expires_at is not None
        if principal.expires_at <= self.community.now:
            raise Refusal.of(401, "token_expired", "Too old.")
        return principal

    def forget_session(self, session_id: str, until: datetime) -> None:
        """The community has forgotten it by itself."""


class Part:
    """A service of the community."""

    name = ""

    def __init__(self, community: Community) -> None:
        self.c = community

    def here(self, call: str, what: Any = None) -> None:
        if self.name in self.c.away:
            raise AWAY
        self.c.calls.append((call, what))

    def principal(self, caller: Caller) -> Principal:
        found = self.c.sessions.get(caller.token or "")
        if found is None:
            raise Refusal.of(401, "token_invalid", "Not a token.")
        return found

    def owned(self, caller: Caller, entity_id: str) -> None:
        principal = self.principal(caller)
        if entity_id not in self.c.owners[principal.id] and not principal.is_admin:
            raise Refusal.of(403, "not_yours", "Not yours.")


class Identity(Part):
    name = "identity"

    async def login(self, caller: Caller, *, email: str, password: str, role: str, kind: str, code: str | None) -> Any:
        self.here("login", email)
        if email == "new-admin@example.org" and code is None:
            raise Refusal.of(400, "second_factor_setup_needed", "Please set up a second factor.")
        for user in self.c.users.values():
            right = user["email"].casefold() == email.casefold() and user["password"] == password
            if right and (user["role"] != "member") == (role == "admin"):
                return self.c.session(user["id"])
        raise Refusal.of(400, "login_failed", "E-mail or password is wrong.")

    async def signup(self, caller: Caller, *, email: str, password: str, quiet: bool, **rest: Any) -> Any:
        self.here("signup", rest)
        if any(user["email"] == email for user in self.c.users.values()):
            return {}
        if len(password) < 8:
            raise Refusal.of(400, "password_weak", "The password is too weak.", "password")
        user_id = self.c.user(email, password=password)
        return {"user_id": user_id, "entity_id": new_id()}

    async def check_signup(self, caller: Caller, *, email: str, password: str, **rest: Any) -> None:
        self.here("check_signup")
        if len(password) < 8:
            raise Refusal.of(400, "password_weak", "The password is too weak.", "password")

    async def refresh(self, caller: Caller, refresh_token: str) -> Any:
        self.here("refresh", refresh_token)
        user_id = self.c.refresh_tokens.pop(refresh_token, None)
        if user_id is None:
            raise Refusal.of(401, "refresh_invalid", "Not a refresh token.")
        return self.c.session(user_id)

    async def logout(self, caller: Caller) -> None:
        self.here("logout")
        self.c.sessions.pop(caller.token or "", None)

    async def note_refusal(self, caller: Caller, *, user_id: str, role: str, operation: str, times: int) -> None:
        self.here("note_refusal", (user_id, role, operation))

    async def me(self, caller: Caller) -> Any:
        self.here("me")
        return self.c.users[self.principal(caller).id]

    async def sessions(self, caller: Caller) -> Any:
        self.here("sessions")
        now = rfc3339(self.c.now)
        one = {"id": new_id(), "kind": "browser", "created_at": now, "last_used_at": now, "expires_at": now}
        here = {**one, "address": "203.0.113.9", "agent": "Firefox <b>on</b> Linux", "current": True}
        return [here, {**here, "id": new_id(), "agent": "", "current": False}]

    async def end_sessions(self, caller: Caller, *, keep_current: bool = False) -> int:
        self.here("end_sessions", keep_current)
        return 1

    async def end_session(self, caller: Caller, session_id: str) -> None:
        self.here("end_session", session_id)

    async def update_me(self, caller: Caller, changes: Any) -> Any:
        self.here("update_me", changes)
        self.c.users[self.principal(caller).id] |= changes

    async def change_password(self, caller: Caller, password: str, *, current_password: str | None = None) -> None:
        self.here("change_password")
        user = self.c.users[self.principal(caller).id]
        if current_password != user["password"]:
            raise Refusal.of(400, "current_password_wrong", "That is not your password.", "current_password")
        user["password"] = password

    async def request_password_reset(self, caller: Caller, email: str, *, role: str = "member") -> None:
        self.here("request_password_reset", (email, role))

    async def check_password_reset(self, caller: Caller, token: str, *, role: str | None = None) -> None:
        self.here("check_password_reset", token)
        if token != "good":
            raise Refusal.of(400, "token_invalid", "This link does not work any more.")

    async def reset_password(self, caller: Caller, token: str, password: str, *, role: str | None = None) -> None:
        await self.check_password_reset(caller, token)
        self.here("reset_password", role)

    async def verify_email(self, caller: Caller, token: str) -> Any:
        self.here("verify_email", token)
        if token != "good":
            raise Refusal.of(400, "token_invalid", "This link does not work any more.")

    async def request_verification(
        self, caller: Caller, *, email: str | None = None, current_password: str | None = None
    ) -> None:
        self.here("request_verification", email)
        if email is not None and current_password != self.c.users[self.principal(caller).id]["password"]:
            raise Refusal.of(400, "current_password_wrong", "That is not your password.", "current_password")

    async def second_factor(self, caller: Caller) -> Any:
        self.here("second_factor")
        on = self.c.users[self.principal(caller).id]["second_factor"]
        return {"enabled": on, "required": False, "recovery_codes_left": 8 if on else 0}

    async def begin_second_factor(self, caller: Caller, current_password: str) -> Any:
        self.here("begin_second_factor")
        if current_password != self.c.users[self.principal(caller).id]["password"]:
            raise Refusal.of(400, "current_password_wrong", "That is not your password.", "current_password")
        return SECRET

    async def confirm_second_factor(self, caller: Caller, code: str) -> Any:
        self.here("confirm_second_factor", code)
        if code != "123456":
            raise Refusal.of(400, "second_factor_wrong", "This code is not right.", "code")
        self.c.users[self.principal(caller).id]["second_factor"] = True
        return ["aaaa-bbbb", "cccc-dddd"]

    async def enrol_second_factor(self, caller: Caller, **asked: Any) -> Any:
        self.here("enrol_second_factor", asked)
        return SECRET

    async def export_me(self, caller: Caller) -> Any:
        self.here("export_me")
        return {"user": await self.me(caller), "sessions": [], "api_keys": []}

    async def delete_account(self, caller: Caller, user_id: str, *, password: str, closed_entity_ids: Any = ()) -> None:
        self.here("delete_account", list(closed_entity_ids))
        assert caller.token is None
        if password != self.c.users[user_id]["password"]:
            raise Refusal.of(400, "current_password_wrong", "The current password is wrong.", "password")
        if set(self.c.owners[user_id]) - set(closed_entity_ids):
            raise Refusal.of(409, "last_owner", "An entity must keep an owner.")
        del self.c.users[user_id]

    async def memberships(self, caller: Caller, *, entity_id: str | None = None) -> Any:
        self.here("memberships")
        if entity_id is None:
            return [{"entity_id": each} for each in self.c.owners[self.principal(caller).id]]
        self.owned(caller, entity_id)
        found = [user_id for user_id, owned in self.c.owners.items() if entity_id in owned]
        return [
            {
                "entity_id": entity_id,
                "user_id": each,
                "role": "owner",
                "since": "",
                "email": self.c.users[each]["email"],
            }
            for each in found
        ]

    async def invitations(self, caller: Caller, entity_id: str) -> Any:
        self.here("invitations")
        return [each for each in self.c.invitations.values() if each["entity_id"] == entity_id]

    async def invite(self, caller: Caller, *, entity_id: str, email: str, role: str) -> Any:
        self.here("invite", email)
        self.owned(caller, entity_id)
        moment = rfc3339(self.c.now)
        made = {"id": new_id(), "entity_id": entity_id, "email": email, "role": role, "invited_by": "x"}
        self.c.invitations[f"token-{len(self.c.invitations)}"] = {**made, "created_at": moment, "expires_at": moment}

    async def look_at_invitation(self, caller: Caller, token: str) -> Any:
        self.here("look_at_invitation")
        if token not in self.c.invitations:
            raise Refusal.of(400, "invitation_invalid", "This link does not work any more.")
        return self.c.invitations[token]

    async def accept_invitation(self, caller: Caller, token: str) -> Any:
        self.here("accept_invitation")
        entity_id = self.c.invitations.pop(token)["entity_id"]
        self.c.owners[self.principal(caller).id].append(entity_id)
        return {"entity_id": entity_id}

    async def end_membership(self, caller: Caller, entity_id: str, user_id: str) -> None:
        self.here("end_membership", user_id)
        self.owned(caller, entity_id)
        self.c.owners[user_id].remove(entity_id)

    async def api_keys(self, caller: Caller, entity_id: str) -> Any:
        self.here("api_keys")
        self.owned(caller, entity_id)
        return self.c.api_keys

    async def create_api_key(self, caller: Caller, *, entity_id: str, name: str, scopes: Any) -> Any:
        self.here("create_api_key", scopes)
        key = {"id": new_id(), "entity_id": entity_id, "name": name, "scopes": scopes, "hint": "wxyz"}
        self.c.api_keys.append({**key, "rate_per_minute": 60, "created_by": "x", "created_at": rfc3339(self.c.now)})
        return {**self.c.api_keys[-1], "secret": "mccs-secret-wxyz"}

    async def revoke_api_key(self, caller: Caller, key_id: str) -> None:
        self.here("revoke_api_key", key_id)

    async def users(self, caller: Caller, **asked: Any) -> Any:
        self.here("users", asked)
        return {"items": list(self.c.users.values()), "total": len(self.c.users)}

    async def user(self, caller: Caller, user_id: str) -> Any:
        self.here("user", user_id)
        owned = self.c.owners[user_id]
        memberships = [{"entity_id": each, "user_id": user_id, "role": "owner", "since": ""} for each in owned]
        return {**self.c.users[user_id], "memberships": memberships}

    async def update_user(self, caller: Caller, user_id: str, changes: Any, *, dry_run: bool = False) -> Any:
        self.here("update_user", changes)
        self.c.users[user_id] |= changes

    async def delete_user(self, caller: Caller, user_id: str) -> Any:
        self.here("delete_user", user_id)
        return self.c.users.pop(user_id)

    async def end_sessions_of(self, caller: Caller, user_id: str) -> int:
        self.here("end_sessions_of", user_id)
        gone = [token for token, principal in self.c.sessions.items() if principal.id == user_id]
        for token in gone:
            del self.c.sessions[token]
        return len(gone)

    async def fetch_users(self, caller: Caller, *, ids: Any = None, entity_ids: Any = None) -> Any:
        self.here("fetch_users")
        return [self.c.users[self.c.owner_of(entity_id)] for entity_id in entity_ids or ()]


class Directory(Part):
    name = "directory"

    def seen(self, caller: Caller, entity: dict[str, Any], viewer: str | None = None) -> dict[str, Any]:
        own = caller.token is not None and entity["id"] in self.c.owners[self.principal(caller).id]
        found = {**entity, "own": own}
        if viewer:
            found["is_favorite"] = entity["id"] in self.c.favorites[viewer]
        if caller.token is None:
            for name in ("telephone", "address", "email"):
                found.pop(name, None)
        return found

    async def validate(self, caller: Caller, profile: Any) -> None:
        self.here("validate", profile)
        if len(profile.get("name", "")) > 100:
            raise Refusal.of(400, "too_long", "The name is too long.", "name")

    async def create(self, caller: Caller, entity_id: str, **rest: Any) -> Any:
        self.here("create", rest)

    async def mine(self, caller: Caller) -> Any:
        self.here("mine")
        owned = self.c.owners[self.principal(caller).id]
        return [self.seen(caller, self.c.entities[entity_id]) for entity_id in owned]

    async def entity(self, caller: Caller, entity_id: str, *, viewer_entity_id: str | None = None) -> Any:
        self.here("entity", entity_id)
        entity = self.c.entities.get(entity_id)
        if entity is None:
            raise Refusal.of(404, "entity_unknown", "There is nobody here.")
        seen = self.seen(caller, entity, viewer_entity_id)
        admin = caller.token is not None and self.principal(caller).is_admin
        if not (entity["listed"] or seen["own"] or admin):
            raise Refusal.of(404, "entity_unknown", "There is nobody here.")
        return seen

    async def fetch(self, caller: Caller, ids: Any, *, viewer_entity_id: str | None = None) -> Any:
        self.here("fetch", ids)
        listed = [self.c.entities[each] for each in ids if each in self.c.entities and self.c.entities[each]["listed"]]
        return [self.seen(caller, entity, viewer_entity_id) for entity in listed]

    async def change(
        self, caller: Caller, entity_id: str, change: Any, *, if_version: int | None = None, dry_run: bool = False
    ) -> Any:
        self.here("change", change)
        self.owned(caller, entity_id)
        if dry_run:
            return self.c.entities[entity_id]
        entity = self.c.entities[entity_id]
        if len(change.get("offers", [])) > 10:
            raise Refusal.of(400, "too_many", "At most 10 offers.", "offers")
        for name, value in change.items():
            if value is None:
                entity.pop(name, None)
            elif name in {"offers", "wants"}:
                entity[name] = [tag.lower().replace(" ", "-") for tag in value]
            elif name == "status":
                self.c.set_status(entity_id, value)
            else:
                entity[name] = value
        entity["version"] += 1
        return entity

    async def delete(self, caller: Caller, entity_id: str) -> Any:
        self.here("delete", entity_id)
        return self.c.entities.pop(entity_id)

    async def apply_for_trading(self, caller: Caller, entity_id: str, application: Any) -> Any:
        self.here("apply", application)
        if not application["agreement"]:
            raise Refusal(400, [Problem("agreement_needed", "Please agree.", "agreement")])
        self.c.set_status(entity_id, "tradingPending")

    async def find(self, caller: Caller, **asked: Any) -> Any:
        self.here("find", asked)
        items = [each for each in self.c.entities.values() if not asked["status"] or each["status"] in asked["status"]]
        return {"items": items, "total": len(items)}

    async def counts(self, caller: Caller) -> Any:
        self.here("counts")
        found: dict[str, int] = defaultdict(int)
        for entity in self.c.entities.values():
            found[entity["status"]] += 1
        return dict(found)

    async def set_favorite(self, caller: Caller, entity_id: str, other_id: str, *, is_favorite: bool) -> None:
        self.here("set_favorite", is_favorite)
        self.owned(caller, entity_id)
        favorites = self.c.favorites[entity_id]
        if is_favorite:
            favorites.append(other_id)
        elif other_id in favorites:
            favorites.remove(other_id)

    async def favorites(self, caller: Caller, entity_id: str, **rest: Any) -> Any:
        self.here("favorites")
        items = [self.c.entities[each] for each in self.c.favorites[entity_id]]
        return {"items": items, "total": len(items)}

    async def favorite_ids(self, caller: Caller, entity_id: str) -> Any:
        self.here("favorite_ids")
        return self.c.favorites[entity_id]

    async def dismiss(self, caller: Caller, entity_id: str, other_id: str, *, reason: str = "") -> None:
        self.here("dismiss", reason)
        self.c.dismissals[entity_id].append(other_id)

    async def dismissed(self, caller: Caller, entity_id: str) -> Any:
        self.here("dismissed")
        return self.c.dismissals[entity_id]

    async def contact(self, caller: Caller, **message: Any) -> Any:
        self.here("contact", message)
        self.c.messages.append(message)
        return {"message_id": new_id()}

    async def categories(self, caller: Caller, **asked: Any) -> Any:
        self.here("categories", asked)
        names = self.c.category_names
        items = [{"id": derived_id(name), "name": name, "entities": self.uses(name)} for name in names]
        return {"items": items, "total": len(items)}

    def uses(self, name: str) -> int:
        return sum(name in entity["categories"] for entity in self.c.entities.values())

    async def category_letters(self, caller: Caller) -> Any:
        self.here("category_letters")
        return [
            {"letter": letter, "categories": 1}
            for letter in sorted({each[0].upper() for each in self.c.category_names})
        ]

    async def create_category(self, caller: Caller, name: str) -> Any:
        self.here("create_category", name)
        if name in self.c.category_names:
            raise Refusal.of(409, "category_exists", "This category exists already.", "name")
        self.c.category_names.append(name)

    async def rename_category(self, caller: Caller, category_id: str, name: str) -> Any:
        self.here("rename_category", name)

    async def delete_category(self, caller: Caller, category_id: str) -> Any:
        self.here("delete_category", category_id)

    async def tags(self, caller: Caller, **asked: Any) -> Any:
        self.here("tags", asked)
        names = sorted({tag for entity in self.c.entities.values() for tag in [*entity["offers"], *entity["wants"]]})
        items = [
            {"id": derived_id(name), "name": name, "offers": 1, "wants": 1, "made_by_admin": False} for name in names
        ]
        return {"items": items, "total": len(items)}

    async def picture(self, caller: Caller, name: str) -> Any:
        self.here("picture")
        if name not in self.c.pictures:
            raise Refusal.of(404, "picture_unknown", "There is no such picture.")
        return self.c.pictures[name], "image/png" if name.endswith(".png") else "text/html"

    async def add_picture(self, caller: Caller, entity_id: str, raw: bytes) -> Any:
        self.here("add_picture", len(raw))
        self.owned(caller, entity_id)
        if not raw.startswith(b"\x89PNG"):
            raise Refusal.of(400, "not_a_picture", "This is not a picture.")
        made = {"name": "one.png", "thumbnail": "one-small.png", "width": 10, "height": 10}
        self.c.pictures |= {"one.png": raw, "one-small.png": raw}
        self.c.entities[entity_id]["pictures"].append(made)
        return made

    async def remove_picture(self, caller: Caller, entity_id: str, name: str) -> None:
        self.here("remove_picture", name)
        self.owned(caller, entity_id)
        self.c.entities[entity_id]["pictures"] = []

    async def jobs(self, caller: Caller) -> Any:
        self.here("jobs")
        return []

    async def activity(self, caller: Caller, **asked: Any) -> Any:
        self.here("activity", asked)
        line = {
            "id": new_id(),
            "at": rfc3339(self.c.now),
            "category": "admin",
            "action": "status.changed",
            "detail": "",
        }
        return {"items": [{**line, "before": {"status": "pending"}, "after": {"status": "accepted"}}], "total": 1}


class Ledger(Part):
    name = "ledger"

    def whole(self, account: dict[str, Any]) -> dict[str, Any]:
        spend = account["balance_minor"] + account["max_negative_minor"] - account["held_minor"]
        receive = account["max_positive_minor"] - account["balance_minor"]
        return {**account, "available_to_spend_minor": spend, "available_to_receive_minor": receive}

    async def account(self, caller: Caller, entity_id: str) -> Any:
        self.here("account", entity_id)
        self.owned(caller, entity_id)
        return self.whole(self.c.accounts[entity_id])

    async def accounts_by_entity(self, caller: Caller, entity_ids: Any) -> Any:
        self.here("accounts_by_entity")
        who = self.principal(caller)
        whole = set(self.c.accounts) if who.is_admin else set(self.c.owners[who.id])
        found = [self.c.accounts[each] for each in entity_ids if each in self.c.accounts]
        public = ("entity_id", "number", "name", "may_trade")
        return [
            self.whole(each) if each["entity_id"] in whole else {name: each[name] for name in public} for each in found
        ]

    async def open_account(self, caller: Caller, entity_id: str, **rest: Any) -> Any:
        self.here("open_account", rest)

    async def set_standing(self, caller: Caller, entity_id: str, **rest: Any) -> Any:
        self.here("set_standing", rest)

    async def close_account(self, caller: Caller, entity_id: str) -> None:
        self.here("close_account")
        if self.c.accounts[entity_id]["balance_minor"]:
            raise Refusal.of(409, "balance_not_zero", "The balance is not zero.")

    async def set_limits(self, caller: Caller, entity_id: str, *, reason: str, **limits: Any) -> Any:
        self.here("set_limits", limits)
        account = self.c.accounts[entity_id]
        old = {f"old_{name}": account[name] for name in ("max_negative_minor", "max_positive_minor")}
        account |= limits
        new = {name: account[name] for name in ("max_negative_minor", "max_positive_minor")}
        self.c.limits[entity_id].insert(0, {**old, **new, "at": rfc3339(self.c.now), "by": None, "reason": reason})

    async def limit_history(self, caller: Caller, entity_id: str) -> Any:
        self.here("limit_history")
        return self.c.limits[entity_id]

    async def find_entities(self, caller: Caller, *, number: str | None = None, **rest: Any) -> Any:
        self.here("find_entities", number)
        return [account["entity_id"] for account in self.c.accounts.values() if account["number"] == number]

    async def preview(self, caller: Caller, transfer: Any) -> Any:
        self.here("preview", transfer)
        sides, goes_out = self.sides(transfer), transfer["direction"] == "out"
        amount, fee = transfer["amount_minor"], self.c.fee_minor
        own = self.whole(self.c.accounts[sides[0] if goes_out else sides[1]])
        change = -amount - fee if goes_out else amount
        return {
            "payer": self.c.party(sides[0]),
            "payee": self.c.party(sides[1]),
            "amount_minor": amount,
            "fees": [{"name": "Upkeep", "amount_minor": fee, "payee": {"name": "The town"}}] if fee else [],
            "total_minor": amount + fee,
            "account_after": {
                "balance_minor": own["balance_minor"] + change,
                "available_to_spend_minor": own["available_to_spend_minor"] + change,
                "available_to_receive_minor": own["available_to_receive_minor"] - change,
            },
            "unit": "CR",
        }

    def sides(self, transfer: Any) -> tuple[str, str]:
        by_number = {account["number"]: entity_id for entity_id, account in self.c.accounts.items()}
        ends = by_number[transfer["initiator"]], by_number[transfer["receiver"]]
        return ends if transfer["direction"] == "out" else (ends[1], ends[0])

    async def propose(self, caller: Caller, transfer: Any) -> Any:
        self.here("propose", transfer)
        key = caller.idempotency_key or ""
        if key in self.c.keys:
            first, made = self.c.keys[key]
            if first != transfer:
                raise Refusal.of(409, "idempotency_conflict", "This form was already used for another transfer.")
            return {**made, "replayed": True}
        payer, payee = self.sides(transfer)
        if self.whole(self.c.accounts[payer])["available_to_spend_minor"] < transfer["amount_minor"]:
            raise Refusal.of(400, "limit_reached", "Your limit allows at most 500.00.", "amount")
        initiator = "payer" if transfer["direction"] == "out" else "payee"
        made = self.c.transfer(
            payer, payee, transfer["amount_minor"], initiator=initiator, text=transfer["description"]
        )
        if initiator == "payer":
            self.c.accounts[payer]["held_minor"] += transfer["amount_minor"]
        self.c.keys[key] = (transfer, made)
        return made

    def party_of(self, caller: Caller, transfer_id: str) -> dict[str, Any]:
        transfer = self.c.transfers.get(transfer_id)
        principal = self.principal(caller)
        owned = self.c.owners[principal.id]
        if transfer is None or not (
            principal.is_admin or any(transfer[role]["entity_id"] in owned for role in ("payer", "payee"))
        ):
            raise Refusal.of(403, "not_a_party", "Not yours.")
        return transfer

    async def accept(self, caller: Caller, transfer_id: str) -> Any:
        self.here("accept", transfer_id)
        transfer = self.party_of(caller, transfer_id)
        if transfer["status"] != "initiated":
            raise Refusal.of(400, "transfer_finished", "This transfer is finished already.")
        transfer |= {"status": "completed", "completed_at": rfc3339(self.c.now), "outcome": "completed"}
        self.c.accounts[transfer["payer"]["entity_id"]]["balance_minor"] -= transfer["amount_minor"]
        self.c.accounts[transfer["payee"]["entity_id"]]["balance_minor"] += transfer["amount_minor"]
        return transfer

    async def reject(self, caller: Caller, transfer_id: str, *, reason: str = "") -> Any:
        self.here("reject", reason)
        transfer = self.party_of(caller, transfer_id)
        transfer |= {
            "status": "cancelled",
            "outcome": "rejected",
            "reason": reason,
            "cancelled_at": rfc3339(self.c.now),
        }
        return transfer

    async def cancel(self, caller: Caller, transfer_id: str, *, reason: str = "") -> Any:
        self.here("cancel", reason)
        transfer = self.party_of(caller, transfer_id)
        transfer |= {
            "status": "cancelled",
            "outcome": "cancelled",
            "reason": reason,
            "cancelled_at": rfc3339(self.c.now),
        }
        return transfer

    async def refund(self, caller: Caller, transfer_id: str, **rest: Any) -> Any:
        self.here("refund", transfer_id)
        old = self.party_of(caller, transfer_id)
        return self.c.transfer(
            old["payee"]["entity_id"], old["payer"]["entity_id"], old["amount_minor"], initiator="payee"
        )

    async def transfer(self, caller: Caller, transfer_id: str, *, entity_id: str | None = None) -> Any:
        self.here("transfer", transfer_id)
        return self.party_of(caller, transfer_id)

    async def transfers(self, caller: Caller, *, entity_id: str | None = None, status: Any = (), **rest: Any) -> Any:
        self.here("transfers")
        items = [
            each
            for each in reversed(self.c.transfers.values())
            if (not status or each["status"] in status)
            and (entity_id is None or entity_id in {each["payer"]["entity_id"], each["payee"]["entity_id"]})
        ]
        return {"items": items[: rest.get("page_size", 10)], "total": len(items)}

    async def pending(self, caller: Caller, entity_ids: Any) -> Any:
        self.here("pending")
        found = []
        for each in reversed(self.c.transfers.values()):
            for role in ("payer", "payee"):
                if each["status"] == "initiated" and each[role]["entity_id"] in entity_ids:
                    began = each["initiator"] == role
                    direction = "out" if role == "payer" else "in"
                    found.append({**each, "direction": direction, "may_accept": not began, "may_cancel": began})
        return found

    async def on_behalf(self, caller: Caller, *, payer: str, payee: str, amount_minor: int, description: str) -> Any:
        self.here("on_behalf")
        sides = self.sides({"initiator": payer, "receiver": payee, "direction": "out"})
        return self.c.transfer(*sides, amount_minor, status="completed", initiator="admin", text=description)

    async def statement(self, caller: Caller, entity_id: str, **asked: Any) -> Any:
        self.here("statement", asked)
        self.owned(caller, entity_id)
        balance, lines = self.c.accounts[entity_id]["balance_minor"], []
        for number, each in enumerate(reversed(self.c.transfers.values())):
            pays = each["payer"]["entity_id"] == entity_id
            if each["status"] != "completed" or not (pays or each["payee"]["entity_id"] == entity_id):
                continue
            amount = -each["amount_minor"] if pays else each["amount_minor"]
            lines.append(
                {
                    "transfer_id": each["id"],
                    "seq": number,
                    "at": each["completed_at"],
                    "kind": "transfer",
                    "counterparty": each["payee" if pays else "payer"],
                    "description": each["description"],
                    "amount_minor": amount,
                    "balance_after_minor": balance,
                }
            )
            balance -= amount
        return {"items": lines, "next": None}

    @asynccontextmanager
    async def statement_json(self, caller: Caller, entity_id: str, **asked: Any) -> Any:
        self.here("statement_json", asked)

        async def chunks() -> Any:
            yield b'{"format":"mccs-statement-1"}'

        yield StreamedAnswer(200, {}, chunks())

    @asynccontextmanager
    async def statement_csv(self, caller: Caller, entity_id: str, **asked: Any) -> Any:
        self.here("statement_csv", asked)

        async def chunks() -> Any:
            yield b"date,amount\n"
            yield b"2026-03-01,1.00\n"

        yield StreamedAnswer(200, {}, chunks())

    async def series(self, caller: Caller, entity_id: str, **asked: Any) -> Any:
        self.here("series")
        end = self.c.accounts[entity_id]["balance_minor"]
        shape = [0, 0, -4000, -9000, -2500, 3000, 6000, 6000, -1000, end]
        return [
            {"day": f"2026-02-{day + 1:02d}", "balance_minor": each, "in_minor": 0, "out_minor": 0}
            for day, each in enumerate(shape)
        ]

    async def audit(self, caller: Caller) -> Any:
        self.here("audit")
        count = len(self.c.accounts)
        return {
            "ok": not self.c.book_faults,
            "checked_at": rfc3339(self.c.now),
            "accounts": count,
            "open_proposals": 0,
            "faults": self.c.book_faults,
        }


class Matcher(Part):
    name = "matcher"

    async def search(self, caller: Caller, search: Any) -> Any:
        self.here("search", search)
        how: dict[str, Any] = {}
        for entity in self.c.entities.values():
            if not entity["listed"] or (search.ids is not None and entity["id"] not in search.ids):
                continue
            reasons: list[Any] = []
            for side in ("offers", "wants"):
                asked = {word.lower().replace(" ", "-") for word in getattr(search, side)}
                reasons += [
                    {"code": "tag", "params": {"side": side, "asked": tag, "found": tag, "kind": "exact"}}
                    for tag in entity[side]
                    if tag in asked
                ]
            by_name = search.name and search.name.lower() in entity["name"].lower()
            wants_tags = bool(search.offers or search.wants)
            category = not search.category or search.category in entity["categories"]
            if category and (reasons if wants_tags else by_name if search.name else True):
                how[entity["id"]] = reasons
        return {"ids": list(how)[: search.page_size], "total": len(how), "how": how}

    async def matches(self, caller: Caller, entity_id: str, *, since: Any = None, limit: int = 20) -> Any:
        self.here("matches", entity_id)
        mine, items = self.c.entities[entity_id], []
        for other in self.c.entities.values():
            pairs = [("offers", "wants"), ("wants", "offers")]
            tags = [
                {"side": a, "mine": tag, "theirs": tag, "kind": "exact", "appeared_at": rfc3339(self.c.now)}
                for a, b in pairs
                for tag in mine[a]
                if tag in other[b]
            ]
            if tags and other["id"] != entity_id and other["listed"]:
                both = len({tag["side"] for tag in tags}) == 2
                items.append(
                    {
                        "entity_id": other["id"],
                        "score": 0.9,
                        "mutual": both,
                        "trading": other["may_trade"],
                        "appeared_at": rfc3339(self.c.now),
                        "tags": tags,
                        "reasons": [{"code": "mutual", "params": {}}] if both else [],
                    }
                )
        return {"items": items[:limit], "total": len(items)}

    async def counts(self, caller: Caller, *, kind: str, tag: str) -> Any:
        self.here("counts", tag)
        other = "wants" if kind == "offers" else "offers"
        wanted = tag.lower().replace(" ", "-")
        return {"kind": kind, "tag": tag, "count": sum(wanted in each[other] for each in self.c.entities.values())}

    async def suggest(self, caller: Caller, text: str, *, kind: Any = None, limit: int = 10) -> Any:
        self.here("suggest", text)
        names = {tag for entity in self.c.entities.values() for tag in [*entity["offers"], *entity["wants"]]}
        return [{"tag": name, "count": 1} for name in sorted(names) if name.startswith(text.lower())][:limit]

    async def rebuild_status(self, caller: Caller) -> Any:
        self.here("rebuild_status")
        return {"state": "running", "done": 4, "total": 9}

    async def rebuild(self, caller: Caller) -> Any:
        self.here("rebuild")


class Notifier(Part):
    name = "notifier"

    async def unread(self, caller: Caller) -> int:
        self.here("unread")
        return sum(not each["read"] for each in self.c.notices)

    async def notices(self, caller: Caller, **asked: Any) -> Any:
        self.here("notices")
        return {"items": self.c.notices, "next": None, "unread": await self.unread(caller)}

    async def mark_read(self, caller: Caller, *, ids: Any = None) -> int:
        self.here("mark_read", ids)
        self.c.notices = [{**each, "read": True} for each in self.c.notices]
        return 0

    async def preferences(self, caller: Caller, **asked: Any) -> Any:
        self.here("preferences")
        return [
            {
                "kind": "transfer.proposed",
                "title": "A transfer is proposed",
                "mandatory": False,
                "mail": True,
                "bell": True,
            },
            {
                "kind": "password.changed",
                "title": "Your password changed",
                "mandatory": True,
                "mail": True,
                "bell": None,
            },
        ]

    async def set_preferences(self, caller: Caller, changes: Any, **asked: Any) -> Any:
        self.here("set_preferences", changes)

    async def unsubscribable(self, caller: Caller, token: str, **asked: Any) -> Any:
        self.here("unsubscribable", token)
        return {"kind": "matches.daily", "title": "Daily matches", "address": "a…@example.org", "wanted": True}

    async def unsubscribe(self, caller: Caller, token: str) -> Any:
        self.here("unsubscribe", token)
        return {"kind": "matches.daily", "title": "Daily matches", "address": "a…@example.org", "wanted": False}

    async def matches_seen(self, caller: Caller, entity_id: str) -> None:
        self.here("matches_seen", entity_id)

    async def mails(self, caller: Caller, **asked: Any) -> Any:
        self.here("mails")
        return [{"id": "m-1", "at": rfc3339(self.c.now), "to": "ana@example.org", "subject": "Welcome <to> Brookvale"}]

    async def mail(self, caller: Caller, mail_id: str) -> Any:
        self.here("mail", mail_id)
        head = (await self.mails(caller))[0]
        text = "Hello\nhttp://localhost/verify/abc <script>alert(1)</script>"
        return {**head, "sender": "node@example.org", "reply_to": None, "text": text, "html": "", "headers": {}}
