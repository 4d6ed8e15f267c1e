"""Every operation as a method of both clients: waited for by `Client`, awaited with `AsyncClient`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from . import admin as _admin
from . import entities as _entities
from . import notices as _notices
from . import session as _session
from . import transfers as _transfers
from .request import Request

if TYPE_CHECKING:
    from .client import AsyncClient, Client

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Operation(Generic[Given, Answer]):
    """A method made of a function that builds the request."""

    def __init__(self, build: Callable[Given, Request[Answer]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__
        self.__name__ = build.__name__
        self.__wrapped__ = build

    @overload
    def __get__(self, client: "Client", kind: Any = None) -> Callable[Given, Answer]: ...
    @overload
    def __get__(self, client: "AsyncClient", kind: Any = None) -> Callable[Given, Awaitable[Answer]]: ...
    @overload
    def __get__(self, client: None, kind: Any = None) -> "Operation[Given, Answer]": ...
    def __get__(self, client: Any, kind: Any = None) -> Any:
        if client is None:
            return self

        def call(*given: Given.args, **more: Given.kwargs) -> Any:
            return client.send(self._build(*given, **more))

        call.__name__ = self.__name__
        call.__doc__ = self.__doc__
        return call


class Operations:
    """All of them."""

    # session
    signup = Operation(_session.signup)
    login = Operation(_session.login)
    admin_login = Operation(_session.admin_login)
    key_login = Operation(_session.key_login)
    logout = Operation(_session.logout)
    admin_logout = Operation(_session.admin_logout)
    password_reset = Operation(_session.password_reset)
    admin_password_reset = Operation(_session.admin_password_reset)
    reset_password = Operation(_session.reset_password)
    admin_reset_password = Operation(_session.admin_reset_password)
    change_password = Operation(_session.change_password)
    admin_change_password = Operation(_session.admin_change_password)
    sessions = Operation(_session.sessions)
    end_session = Operation(_session.end_session)
    end_sessions = Operation(_session.end_sessions)
    ask_verification = Operation(_session.ask_verification)
    confirm_verification = Operation(_session.confirm_verification)
    second_factor = Operation(_session.second_factor)
    begin_second_factor = Operation(_session.begin_second_factor)
    confirm_second_factor = Operation(_session.confirm_second_factor)
    new_recovery_codes = Operation(_session.new_recovery_codes)
    remove_second_factor = Operation(_session.remove_second_factor)
    me = Operation(_session.me)
    update_me = Operation(_session.update_me)
    export_me = Operation(_session.export_me)
    delete_me = Operation(_session.delete_me)
    # entities
    my_entities = Operation(_entities.my_entities)
    update_entity = Operation(_entities.update_entity)
    entities = Operation(_entities.entities)
    entity = Operation(_entities.entity)
    categories = Operation(_entities.categories)
    category_letters = Operation(_entities.category_letters)
    tags = Operation(_entities.tags)
    tag_suggestions = Operation(_entities.tag_suggestions)
    tag_count = Operation(_entities.tag_count)
    set_favorite = Operation(_entities.set_favorite)
    favorites = Operation(_entities.favorites)
    send_message = Operation(_entities.send_message)
    matches = Operation(_entities.matches)
    dismiss_match = Operation(_entities.dismiss_match)
    apply_for_trading = Operation(_entities.apply_for_trading)
    add_picture = Operation(_entities.add_picture)
    remove_picture = Operation(_entities.remove_picture)
    picture = Operation(_entities.picture)
    people = Operation(_entities.people)
    set_role = Operation(_entities.set_role)
    remove_person = Operation(_entities.remove_person)
    invitations = Operation(_entities.invitations)
    invite = Operation(_entities.invite)
    withdraw_invitation = Operation(_entities.withdraw_invitation)
    accept_invitation = Operation(_entities.accept_invitation)
    keys = Operation(_entities.keys)
    create_key = Operation(_entities.create_key)
    revoke_key = Operation(_entities.revoke_key)
    # transfers
    balance = Operation(_transfers.balance)
    balance_at = Operation(_transfers.balance_at)
    balance_series = Operation(_transfers.balance_series)
    propose = Operation(_transfers.propose)
    preview = Operation(_transfers.preview)
    accept = Operation(_transfers.accept)
    reject = Operation(_transfers.reject)
    cancel = Operation(_transfers.cancel)
    refund = Operation(_transfers.refund)
    transfers = Operation(_transfers.transfers)
    transfer = Operation(_transfers.transfer)
    pending = Operation(_transfers.pending)
    batch = Operation(_transfers.batch)
    batch_csv = Operation(_transfers.batch_csv)
    propose_group = Operation(_transfers.propose_group)
    accept_group = Operation(_transfers.accept_group)
    end_group = Operation(_transfers.end_group)
    fees = Operation(_transfers.fees)
    group = Operation(_transfers.group)
    statement = Operation(_transfers.statement)
    statement_csv = Operation(_transfers.statement_csv)
    statement_json = Operation(_transfers.statement_json)
    proof_key = Operation(_transfers.proof_key)
    statement_pdf = Operation(_transfers.statement_pdf)
    # notices
    notices = Operation(_notices.notices)
    unread_notices = Operation(_notices.unread_notices)
    read_notices = Operation(_notices.read_notices)
    preferences = Operation(_notices.preferences)
    set_preferences = Operation(_notices.set_preferences)
    webhooks = Operation(_notices.webhooks)
    add_webhook = Operation(_notices.add_webhook)
    remove_webhook = Operation(_notices.remove_webhook)
    health = Operation(_notices.health)
    # admin
    admin_entities = Operation(_admin.admin_entities)
    admin_entity = Operation(_admin.admin_entity)
    admin_update_entity = Operation(_admin.admin_update_entity)
    admin_delete_entity = Operation(_admin.admin_delete_entity)
    admin_entity_counts = Operation(_admin.admin_entity_counts)
    admin_limits = Operation(_admin.admin_limits)
    admin_set_limits = Operation(_admin.admin_set_limits)
    admin_users = Operation(_admin.admin_users)
    admin_user = Operation(_admin.admin_user)
    admin_update_user = Operation(_admin.admin_update_user)
    admin_delete_user = Operation(_admin.admin_delete_user)
    admin_end_sessions = Operation(_admin.admin_end_sessions)
    create_category = Operation(_admin.create_category)
    rename_category = Operation(_admin.rename_category)
    delete_category = Operation(_admin.delete_category)
    create_tag = Operation(_admin.create_tag)
    rename_tag = Operation(_admin.rename_tag)
    delete_tag = Operation(_admin.delete_tag)
    admin_transfer = Operation(_admin.admin_transfer)
    admin_transfers = Operation(_admin.admin_transfers)
    admin_show_transfer = Operation(_admin.admin_show_transfer)
    admin_cancel_transfer = Operation(_admin.admin_cancel_transfer)
    admin_logs = Operation(_admin.admin_logs)
    admin_import_transfers = Operation(_admin.admin_import_transfers)
    admin_add_fee = Operation(_admin.admin_add_fee)
    admin_end_fee = Operation(_admin.admin_end_fee)
    admin_audit = Operation(_admin.admin_audit)
    admin_jobs = Operation(_admin.admin_jobs)
    admin_rebuild_search = Operation(_admin.admin_rebuild_search)
    admin_search_rebuild = Operation(_admin.admin_search_rebuild)
    create_admin = Operation(_admin.create_admin)
