"""Bodies and parameters of the published operations."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from gateway.api.operation import Given
from gateway.api.rules import (
    Moment,
    Rule,
    chosen_param,
    clearable,
    digits16,
    identifier,
    identifiers,
    moment_param,
    money,
    money_param,
    one_of,
    secret,
    text,
    whole,
    whole_param,
    words,
    words_param,
    wrong,
    yes_no,
    yes_no_param,
)
from libs.common.money import AMOUNT_MAX_MINOR, MINOR_PER_UNIT

STATUSES = ("pending", "accepted", "rejected", "tradingPending", "tradingAccepted", "tradingRejected")
TAG_MAX = 200
"""Longest text of a tag as typed; the directory judges what remains of it (EN-05)."""
TURNOVER_MAX = 2**53 - 1
LIMIT_MAX = AMOUNT_MAX_MINOR // MINOR_PER_UNIT


def _email(value: object) -> str:
    cleaned: str = text(100, length_min=1).check(value)
    name, at, domain = cleaned.rpartition("@")
    if not at or not name or not domain or any(character.isspace() for character in cleaned):
        raise wrong("email_invalid", "This is not an e-mail address.")
    return cleaned


def email_address() -> Rule:
    """An e-mail address by its rough form; identity judges the rest."""
    return Rule(_email, {"type": "string", "format": "email", "maxLength": 100})


def _new_password(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("wrong_type", "This must be a text.")
    kinds = (
        any(character.isalpha() for character in value),
        any(character.isdigit() for character in value),
        any(not character.isalnum() and not character.isspace() for character in value),
    )
    if not 8 <= len(value) <= 100 or not all(kinds):
        raise wrong("password_weak", "A password has 8 to 100 characters, among them a letter, a digit and a symbol.")
    return value


def new_password() -> Rule:
    """ID-03, so far as its form goes."""
    return Rule(_new_password, {"type": "string", "format": "password", "minLength": 8, "maxLength": 100})


class Camel(Given):
    """Fields in camel case, as everywhere in the API."""

    model_config = Given.model_config | {"alias_generator": to_camel}


class Paged(Given):
    """A numbered list."""

    page: Annotated[int, whole_param(1, 1_000_000)] = 1
    page_size: Annotated[int, whole_param(1, 100)] = 10


# --- coming in


class SignupBody(Camel):
    user_email: Annotated[str, email_address()]
    password: Annotated[str, new_password()]
    first_name: Annotated[str, text(100)] = ""
    last_name: Annotated[str, text(100)] = ""
    user_phone: Annotated[str, text(25)] = ""
    entity_email: Annotated[str, text(100)] = ""
    entity_name: Annotated[str, text(100)] = ""
    inc_type: Annotated[str, text(25)] = ""
    company_number: Annotated[str, text(20)] = ""
    entity_phone: Annotated[str, text(25)] = ""
    website: Annotated[str, text(100)] = ""
    declared_turnover: Annotated[int | None, whole(0, TURNOVER_MAX)] = None
    description: Annotated[str, text(500, multiline=True)] = ""
    address: Annotated[str, text(255)] = ""
    city: Annotated[str, text(50)] = ""
    region: Annotated[str, text(50)] = ""
    postal_code: Annotated[str, text(10)] = ""
    country: Annotated[str, text(50)] = ""
    show_tags_matched_since_last_login: Annotated[bool | None, yes_no()] = None
    receive_daily_match_notification_email: Annotated[bool | None, yes_no()] = None
    offers: Annotated[list[str], words(TAG_MAX)] = Field(default_factory=list)
    wants: Annotated[list[str], words(TAG_MAX)] = Field(default_factory=list)

    def profile(self) -> dict[str, Any]:
        """What the directory is told."""
        fields = {
            "name": self.entity_name,
            "email": self.entity_email,
            "inc_type": self.inc_type,
            "company_number": self.company_number,
            "telephone": self.entity_phone,
            "website": self.website,
            "declared_turnover": self.declared_turnover,
            "description": self.description,
            "address": self.address,
            "city": self.city,
            "region": self.region,
            "postal_code": self.postal_code,
            "country": self.country,
            "show_matches_since_last_login": self.show_tags_matched_since_last_login,
            "daily_matches": self.receive_daily_match_notification_email,
            "offers": self.offers,
            "wants": self.wants,
        }
        return {name: value for name, value in fields.items() if value is not None and value not in ("", [])}


class LoginBody(Camel):
    email: Annotated[str, text(100, length_min=1)]
    password: Annotated[str, secret(1000)]
    code: Annotated[str | None, secret(100)] = None
    """Of the second factor, where one is on."""


class ResetBody(Camel):
    email: Annotated[str, email_address()]


class NewPasswordBody(Camel):
    password: Annotated[str, new_password()]


class PasswordChangeBody(NewPasswordBody):
    current_password: Annotated[str | None, secret(1000)] = None


class UserPatch(Camel):
    first_name: Annotated[str | None, clearable(text(100))] = None
    last_name: Annotated[str | None, clearable(text(100))] = None
    telephone: Annotated[str | None, clearable(text(25))] = None

    def changes(self) -> dict[str, Any]:
        """What was given, by its own names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class AdminUserPatch(UserPatch):
    email: Annotated[str | None, email_address()] = None
    password: Annotated[str | None, new_password()] = None
    entities: Annotated[list[str] | None, identifiers()] = None


# --- entities


class EntityPatch(Camel):
    name: Annotated[str | None, clearable(text(100))] = None
    email: Annotated[str | None, clearable(text(100))] = None
    telephone: Annotated[str | None, clearable(text(25))] = None
    inc_type: Annotated[str | None, clearable(text(25))] = None
    company_number: Annotated[str | None, clearable(text(20))] = None
    website: Annotated[str | None, clearable(text(100))] = None
    declared_turnover: Annotated[int | None, clearable(whole(0, TURNOVER_MAX))] = None
    description: Annotated[str | None, clearable(text(500, multiline=True))] = None
    address: Annotated[str | None, clearable(text(255))] = None
    city: Annotated[str | None, clearable(text(50))] = None
    region: Annotated[str | None, clearable(text(50))] = None
    postal_code: Annotated[str | None, clearable(text(10))] = None
    country: Annotated[str | None, clearable(text(50))] = None
    show_tags_matched_since_last_login: Annotated[bool | None, clearable(yes_no(), cleared=False)] = None
    receive_daily_match_notification_email: Annotated[bool | None, clearable(yes_no(), cleared=False)] = None
    offers: Annotated[list[str] | None, clearable(words(TAG_MAX), cleared=())] = None
    wants: Annotated[list[str] | None, clearable(words(TAG_MAX), cleared=())] = None

    def profile(self) -> dict[str, Any]:
        """What the directory is told: only what was given, by its own names."""
        return {
            _OWN_NAMES.get(name, name): list(value) if isinstance(value, tuple) else value
            for name in sorted(self.model_fields_set - _NOT_PROFILE)
            for value in (getattr(self, name),)
        }


_OWN_NAMES = {
    "show_tags_matched_since_last_login": "show_matches_since_last_login",
    "receive_daily_match_notification_email": "daily_matches",
}
_NOT_PROFILE = {"max_positive_balance", "max_negative_balance", "users", "reason"}


class AdminEntityPatch(EntityPatch):
    status: Annotated[str | None, one_of(*STATUSES)] = None
    categories: Annotated[list[str] | None, clearable(words(TAG_MAX), cleared=())] = None
    max_positive_balance: Annotated[int | None, whole(0, LIMIT_MAX)] = None
    max_negative_balance: Annotated[int | None, whole(0, LIMIT_MAX)] = None
    users: Annotated[list[str] | None, identifiers()] = None
    reason: Annotated[str, text(500)] = ""
    """Why, kept with a change of limits."""


class SearchQuery(Paged):
    offers: Annotated[list[str], words_param(TAG_MAX)] = Field(default_factory=list)
    wants: Annotated[list[str], words_param(TAG_MAX)] = Field(default_factory=list)
    category: Annotated[str | None, text(100)] = None
    tagged_since: Annotated[Moment | None, moment_param()] = None
    name: Annotated[str | None, text(100)] = None
    favorites_only: Annotated[bool, yes_no_param()] = False
    querying_entity_id: Annotated[str | None, identifier()] = None
    order: Annotated[Literal["relevance", "name", "newest"], one_of("relevance", "name", "newest")] = "relevance"


class ViewerQuery(Given):
    querying_entity_id: Annotated[str | None, identifier()] = None


class BalanceQuery(Given):
    querying_entity_id: Annotated[str, identifier()]


class CategoriesQuery(Paged):
    prefix: Annotated[str | None, text(100)] = None
    fragment: Annotated[str | None, text(100)] = None


class TagsQuery(Paged):
    fragment: Annotated[str | None, text(100)] = None
    prefix: Annotated[str | None, text(100)] = None


class FavoriteBody(Given):
    add_to: Annotated[str, identifier()] = Field(alias="addToEntityID")
    other: Annotated[str, identifier()] = Field(alias="favoriteEntityID")
    is_favorite: Annotated[bool | None, yes_no()] = Field(default=None, alias="isFavorite")
    favorite: Annotated[bool | None, yes_no()] = None


class ContactBody(Given):
    sender: Annotated[str, identifier()] = Field(alias="senderEntityID")
    receiver: Annotated[str, identifier()] = Field(alias="receiverEntityID")
    body: Annotated[str, text(5000, length_min=1, multiline=True)]


# --- transfers


class ProposeBody(Given):
    transfer: Annotated[str, one_of("in", "out")]
    initiator: Annotated[str, digits16()]
    receiver: Annotated[str, digits16()]
    amount: Annotated[int, money()]
    description: Annotated[str, text(500, multiline=True)] = ""


class ResolveBody(Camel):
    action: Annotated[str, one_of("accept", "reject", "cancel")]
    cancellation_reason: Annotated[str, text(500, multiline=True)] = ""


class TransfersQuery(Paged):
    status: Annotated[list[str], chosen_param("all", "initiated", "completed", "cancelled")]
    querying_entity_id: Annotated[str, identifier()]
    date_from: Annotated[Moment | None, moment_param()] = None
    date_to: Annotated[Moment | None, moment_param()] = None


# --- for admins


class NameBody(Given):
    name: Annotated[str, text(TAG_MAX, length_min=1)]


class UsersQuery(Paged):
    last_name: Annotated[str | None, text(100)] = None
    email: Annotated[str | None, text(100)] = None


class AdminEntitiesQuery(Paged):
    offers: Annotated[list[str], words_param(TAG_MAX)] = Field(default_factory=list)
    wants: Annotated[list[str], words_param(TAG_MAX)] = Field(default_factory=list)
    tagged_since: Annotated[Moment | None, moment_param()] = None
    category: Annotated[str | None, text(100)] = None
    name: Annotated[str | None, text(100)] = None
    email: Annotated[str | None, text(100)] = None
    account_number: Annotated[str | None, text(16)] = None
    status: Annotated[list[str], chosen_param(*STATUSES)] = Field(default_factory=list)
    city: Annotated[str | None, text(50)] = None
    region: Annotated[str | None, text(50)] = None
    country: Annotated[str | None, text(50)] = None
    balance: Annotated[int | None, money_param()] = None
    max_pos_bal: Annotated[int | None, money_param()] = None
    max_neg_bal: Annotated[int | None, money_param()] = None


class OnBehalfBody(Given):
    payer: Annotated[str, digits16()]
    payee: Annotated[str, digits16()]
    amount: Annotated[int, money()]
    description: Annotated[str, text(500, multiline=True)] = ""


class AdminTransfersQuery(Paged):
    status: Annotated[list[str], chosen_param("all", "initiated", "completed", "cancelled")] = Field(
        default_factory=list
    )
    account_number: Annotated[str | None, digits16()] = None
    date_from: Annotated[Moment | None, moment_param()] = None
    date_to: Annotated[Moment | None, moment_param()] = None


class LogsQuery(Paged):
    email: Annotated[str | None, text(100)] = None
    category: Annotated[str | None, text(50)] = None
    action: Annotated[str | None, text(100)] = None
    detail: Annotated[str | None, text(200)] = None
    date_from: Annotated[Moment | None, moment_param()] = None
    date_to: Annotated[Moment | None, moment_param()] = None
