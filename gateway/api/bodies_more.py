"""Bodies and parameters of the operations beyond the published ones."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.bodies import LIMIT_MAX, BalanceQuery, Camel, ProposeBody, email_address
from gateway.api.operation import Given
from gateway.api.rules import (
    Moment,
    chosen,
    clearable,
    digits16,
    identifier,
    identifiers,
    moment_param,
    money,
    one_of,
    record_list,
    secret,
    text,
    whole,
    whole_param,
    words,
    yes_no,
    yes_no_param,
)

CURSOR_MAX = 512
BATCH_MAX = 1000
GROUP_MAX = 20


class CursorQuery(Given):
    """A growing list: `cursor` is the `next` of the part before."""

    cursor: Annotated[str | None, text(CURSOR_MAX)] = None
    limit: Annotated[int, whole_param(1, 100)] = 20


class RangeQuery(BalanceQuery):
    date_from: Annotated[Moment | None, moment_param()] = None
    date_to: Annotated[Moment | None, moment_param()] = None


class StatementQuery(RangeQuery, CursorQuery):
    search: Annotated[str | None, text(100)] = None


class PdfQuery(RangeQuery):
    language: Annotated[str | None, text(10)] = None


class AtQuery(BalanceQuery):
    at: Annotated[Moment, moment_param()]


class PendingQuery(Given):
    querying_entity_id: Annotated[str | None, identifier()] = None


class MatchesQuery(BalanceQuery):
    since: Annotated[Moment | None, moment_param()] = None
    limit: Annotated[int, whole_param(1, 100)] = 20


class DismissBody(Camel):
    entity: Annotated[str, identifier()] = Field(alias="entityID")
    other: Annotated[str, identifier()] = Field(alias="otherEntityID")
    reason: Annotated[str, text(200)] = ""


class KeepQuery(Given):
    keep_current: Annotated[bool, yes_no_param()] = False


class VerificationBody(Camel):
    email: Annotated[str | None, email_address()] = None
    current_password: Annotated[str | None, secret(1000)] = None


class CurrentPasswordBody(Camel):
    current_password: Annotated[str, secret(1000)]


class CodeBody(Camel):
    code: Annotated[str, secret(100)]


class RemoveFactorBody(CurrentPasswordBody, CodeBody):
    """Both are needed to turn the second factor off."""


class LeaveBody(Camel):
    password: Annotated[str, secret(1000)]


class KeyBody(Camel):
    name: Annotated[str, text(100, length_min=1)]
    scopes: Annotated[list[Literal["read", "propose", "accept"]], chosen("read", "propose", "accept")]
    rate_per_minute: Annotated[int | None, whole(1, 100_000)] = None


class RoleBody(Camel):
    role: Annotated[Literal["owner", "member"], one_of("owner", "member")]


class InviteBody(Camel):
    email: Annotated[str, email_address()]
    role: Annotated[Literal["owner", "member"], one_of("owner", "member")] = "member"


class MailTokenBody(Camel):
    token: Annotated[str, secret(200)]


class ApplicationBody(Camel):
    """EN-03: what of the profile is still missing may come along."""

    first_name: Annotated[str, text(100, length_min=1)]
    last_name: Annotated[str, text(100, length_min=1)]
    telephone: Annotated[str, text(25, length_min=1)]
    agreement: Annotated[bool, yes_no()]
    name: Annotated[str | None, text(100)] = None
    inc_type: Annotated[str | None, text(25)] = None
    description: Annotated[str | None, text(500, multiline=True)] = None
    address: Annotated[str | None, text(255)] = None
    city: Annotated[str | None, text(50)] = None
    region: Annotated[str | None, text(50)] = None
    postal_code: Annotated[str | None, text(10)] = None
    country: Annotated[str | None, text(50)] = None


class CountQuery(Given):
    kind: Annotated[Literal["offers", "wants"], one_of("offers", "wants")]
    tag: Annotated[str, text(200, length_min=1)]


class SuggestQuery(Given):
    text: Annotated[str, text(100, length_min=1)]
    kind: Annotated[Literal["offers", "wants"] | None, one_of("offers", "wants")] = None
    limit: Annotated[int, whole_param(1, 50)] = 10


class RefundBody(Camel):
    amount: Annotated[int | None, money()] = None
    description: Annotated[str, text(500, multiline=True)] = ""


class ReasonBody(Camel):
    reason: Annotated[str, text(500, multiline=True)] = ""


class BatchBody(Camel):
    transfers: Annotated[list[ProposeBody], record_list(ProposeBody, BATCH_MAX)]
    all_or_nothing: Annotated[bool, yes_no()] = False


class BatchQuery(Given):
    """Of a batch in CSV."""

    initiator: Annotated[str | None, digits16()] = None
    all_or_nothing: Annotated[bool, yes_no_param()] = False


class GroupLine(Given):
    """One transfer of a group; account numbers."""

    payer: Annotated[str, digits16()]
    payee: Annotated[str, digits16()]
    amount: Annotated[int, money()]
    description: Annotated[str, text(500, multiline=True)] = ""


class GroupBody(Camel):
    initiator: Annotated[str, digits16()]
    transfers: Annotated[list[GroupLine], record_list(GroupLine, GROUP_MAX)]


class ConsentBody(Camel):
    entity: Annotated[str, identifier()] = Field(alias="entityID")


class FeeBody(Camel):
    name: Annotated[str, text(100, length_min=1)]
    share_ppm: Annotated[int, whole(1, 1_000_000)]


class ReadBody(Camel):
    ids: Annotated[list[str] | None, identifiers()] = None


class WebhookBody(Camel):
    url: Annotated[str, text(500, length_min=1)]
    kinds: Annotated[list[str], words(50)] = Field(default_factory=list)
    entity: Annotated[str | None, clearable(identifier())] = Field(default=None, alias="entityID")


class PreferenceBody(Camel):
    kind: Annotated[str, text(50, length_min=1)]
    mail: Annotated[bool | None, yes_no()] = None
    bell: Annotated[bool | None, yes_no()] = None


class PreferencesBody(Camel):
    preferences: Annotated[list[PreferenceBody], record_list(PreferenceBody, 100)]
    entity: Annotated[str | None, clearable(identifier())] = Field(default=None, alias="entityID")


class PreferencesQuery(Given):
    querying_entity_id: Annotated[str | None, identifier()] = None


class LimitsBody(Camel):
    """In whole units: published answers show limits as integers."""

    max_positive_balance: Annotated[int | None, whole(0, LIMIT_MAX)] = None
    max_negative_balance: Annotated[int | None, whole(0, LIMIT_MAX)] = None
    reason: Annotated[str, text(500, length_min=1)]


class AdminBody(Camel):
    email: Annotated[str, email_address()]
    password: Annotated[str, secret(100, length_min=8)]
    role: Annotated[Literal["admin", "operator"], one_of("admin", "operator")] = "admin"
