"""Who may call what of the services themselves: every route, by who asks, where it names what is somebody else's.

Columns: nobody (`yes`, or 401); a member who has nothing to do with it; a key of that member's entity; an administrator; an
operator; a service that speaks for itself: `yes` where it gets in, else the status of the refusal. It is written by hand: a
new route without a line here fails a test.
"""

from dataclasses import dataclass

TABLE = """
identity  POST   /admins                                      401  403  403  yes  403  yes
identity  GET    /api-keys                                    401  403  403  yes  403  403
identity  POST   /api-keys                                    401  403  403  403  403  403
identity  DELETE /api-keys/{key_id}                           401  403  403  yes  403  403
identity  GET    /invitations                                 401  403  403  yes  403  yes
identity  POST   /invitations                                 401  403  403  yes  403  403
identity  POST   /invitations/accept                          401  yes  403  yes  yes  403
identity  POST   /invitations/look                            401  403  403  403  403  yes
identity  DELETE /invitations/{invitation_id}                 401  403  403  yes  403  403
identity  GET    /jwks                                        yes  yes  yes  yes  yes  yes
identity  POST   /keys/rotate                                 401  403  403  yes  403  yes
identity  POST   /login                                       401  403  403  403  403  yes
identity  POST   /logout                                      401  yes  403  yes  yes  403
identity  GET    /memberships                                 401  403  403  yes  403  yes
identity  PUT    /memberships/{entity_id}                     401  403  403  yes  403  yes
identity  DELETE /memberships/{entity_id}/{user_id}           401  403  403  yes  403  yes
identity  PUT    /memberships/{entity_id}/{user_id}           401  403  403  yes  403  yes
identity  POST   /oauth/token                                 401  403  403  403  403  yes
identity  POST   /one-time-tokens/{link_id}/issue             401  403  403  403  403  yes
identity  POST   /password-change                             401  yes  403  yes  yes  403
identity  POST   /password-reset                              401  403  403  403  403  yes
identity  POST   /password-reset/check                        401  403  403  403  403  yes
identity  POST   /password-reset/{token}                      401  403  403  403  403  yes
identity  POST   /refresh                                     401  403  403  403  403  yes
identity  POST   /refusals                                    401  403  403  403  403  yes
identity  GET    /revocations                                 401  403  403  403  403  yes
identity  GET    /second-factor                               401  yes  403  yes  yes  403
identity  POST   /second-factor                               401  yes  403  yes  yes  403
identity  POST   /second-factor/confirm                       401  yes  403  yes  yes  403
identity  POST   /second-factor/enrol                         401  403  403  403  403  yes
identity  POST   /second-factor/recovery-codes                401  yes  403  yes  yes  403
identity  POST   /second-factor/remove                        401  yes  403  yes  yes  403
identity  DELETE /sessions                                    401  yes  403  yes  yes  403
identity  GET    /sessions                                    401  yes  403  yes  yes  403
identity  DELETE /sessions/{session_id}                       401  404  403  404  404  403
identity  POST   /signup                                      401  403  403  403  403  yes
identity  POST   /signup/check                                401  403  403  403  403  yes
identity  GET    /users                                       401  403  403  yes  403  403
identity  POST   /users/fetch                                 401  403  403  yes  403  yes
identity  GET    /users/me                                    401  yes  403  yes  yes  403
identity  PATCH  /users/me                                    401  yes  403  yes  yes  403
identity  GET    /users/me/export                             401  yes  403  yes  yes  403
identity  DELETE /users/{user_id}                             401  403  403  yes  403  403
identity  DELETE /users/{user_id}/sessions                    401  403  403  yes  403  403
identity  GET    /users/{user_id}                             401  403  403  yes  403  yes
identity  PATCH  /users/{user_id}                             401  403  403  yes  403  403
identity  POST   /users/{user_id}/departure                   401  403  403  403  403  yes
identity  POST   /verification                                401  yes  403  yes  yes  403
identity  POST   /verification/{token}                        401  403  403  403  403  yes
directory GET    /activity                                    401  403  403  yes  403  403
directory GET    /categories                                  401  yes  yes  yes  yes  yes
directory POST   /categories                                  401  403  403  yes  403  403
directory GET    /categories/letters                          401  yes  yes  yes  yes  yes
directory DELETE /categories/{term_id}                        401  403  403  yes  403  403
directory PATCH  /categories/{term_id}                        401  403  403  yes  403  403
directory POST   /contact-messages                            401  403  403  403  403  403
directory GET    /entities                                    401  403  403  yes  403  403
directory GET    /entities/changes                            401  403  403  403  403  yes
directory GET    /entities/counts                             401  403  403  yes  yes  403
directory POST   /entities/fetch                              401  yes  yes  yes  yes  yes
directory GET    /entities/mine                               401  yes  yes  yes  yes  yes
directory POST   /entities/query                              401  403  403  yes  403  403
directory POST   /entities/validate                           401  403  403  403  403  yes
directory DELETE /entities/{entity_id}                        401  403  403  yes  403  403
directory GET    /entities/{entity_id}                        401  yes  yes  yes  yes  yes
directory PATCH  /entities/{entity_id}                        401  403  403  yes  403  403
directory PUT    /entities/{entity_id}                        401  403  403  403  403  yes
directory POST   /entities/{entity_id}/application            401  403  403  403  403  403
directory GET    /entities/{entity_id}/dismissals             401  403  403  yes  403  yes
directory POST   /entities/{entity_id}/dismissals             401  403  403  403  403  403
directory GET    /entities/{entity_id}/favorites              401  403  403  yes  403  yes
directory GET    /entities/{entity_id}/favorites/ids          401  403  403  yes  403  yes
directory DELETE /entities/{entity_id}/favorites/{other_id}   401  403  403  403  403  403
directory PUT    /entities/{entity_id}/favorites/{other_id}   401  403  403  403  403  403
directory POST   /entities/{entity_id}/pictures               401  403  403  yes  403  403
directory DELETE /entities/{entity_id}/pictures/{name}        401  403  403  yes  403  403
directory GET    /export/entities                             401  403  403  403  403  yes
directory GET    /jobs                                        401  403  403  yes  yes  403
directory GET    /jobs/{job_id}                               401  403  403  yes  yes  403
directory GET    /pictures/{name}                             401  yes  yes  yes  yes  yes
directory GET    /tags                                        401  yes  yes  yes  yes  yes
directory POST   /tags                                        401  403  403  yes  403  403
directory DELETE /tags/{term_id}                              401  403  403  yes  403  403
directory PATCH  /tags/{term_id}                              401  403  403  yes  403  403
ledger    GET    /accounts                                    401  403  403  yes  403  403
ledger    POST   /accounts/fetch                              401  yes  yes  yes  yes  yes
ledger    DELETE /accounts/{entity_id}                        401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}                        401  403  403  yes  403  yes
ledger    PUT    /accounts/{entity_id}                        401  403  403  403  403  yes
ledger    GET    /accounts/{entity_id}/balance                401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}/limits                 401  403  403  yes  403  403
ledger    PUT    /accounts/{entity_id}/limits                 401  403  403  yes  403  403
ledger    GET    /accounts/{entity_id}/series                 401  403  403  yes  403  yes
ledger    PUT    /accounts/{entity_id}/standing               401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}/statement              401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}/statement.csv          401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}/statement.json         401  403  403  yes  403  yes
ledger    GET    /accounts/{entity_id}/statement.pdf          401  403  403  yes  403  yes
ledger    GET    /audit                                       401  403  403  yes  yes  yes
ledger    POST   /audit                                       401  403  403  yes  403  yes
ledger    POST   /audit/faults/{fault_id}/clearance           401  403  403  yes  403  yes
ledger    GET    /export/bands                                401  403  403  403  403  yes
ledger    GET    /fees                                        401  yes  yes  yes  yes  yes
ledger    POST   /fees                                        401  403  403  yes  403  403
ledger    DELETE /fees/{fee_id}                               401  403  403  yes  403  403
ledger    POST   /groups                                      401  403  403  403  403  403
ledger    GET    /groups/{group_id}                           401  403  403  yes  403  yes
ledger    POST   /groups/{group_id}/accept                    401  403  403  403  403  403
ledger    POST   /groups/{group_id}/end                       401  403  403  yes  403  403
ledger    POST   /imports/transfers                           401  403  403  yes  403  yes
ledger    GET    /pending                                     401  yes  yes  yes  yes  yes
ledger    GET    /proof/key                                   401  yes  yes  yes  yes  yes
ledger    GET    /transfers                                   401  403  403  yes  403  yes
ledger    POST   /transfers                                   401  403  403  403  403  403
ledger    POST   /transfers/batch                             401  yes  yes  yes  yes  403
ledger    POST   /transfers/on-behalf                         401  403  403  yes  403  403
ledger    POST   /transfers/preview                           401  403  403  yes  403  403
ledger    GET    /transfers/{transfer_id}                     401  403  403  yes  403  yes
ledger    POST   /transfers/{transfer_id}/accept              401  403  403  403  403  403
ledger    POST   /transfers/{transfer_id}/cancel              401  403  403  yes  403  403
ledger    POST   /transfers/{transfer_id}/refund              401  403  403  403  403  403
ledger    POST   /transfers/{transfer_id}/reject              401  403  403  403  403  403
matcher   GET    /check                                       401  403  403  403  403  yes
matcher   GET    /counts                                      401  403  403  403  403  yes
matcher   GET    /matches                                     401  403  403  403  403  yes
matcher   GET    /rebuild                                     401  403  403  403  403  yes
matcher   POST   /rebuild                                     401  403  403  403  403  yes
matcher   POST   /search                                      401  403  403  403  403  yes
matcher   GET    /suggest                                     401  403  403  403  403  yes
notifier  GET    /mail                                        401  403  403  403  403  yes
notifier  GET    /mail/{mail_id}                              401  403  403  403  403  yes
notifier  POST   /matches/seen                                401  403  403  403  403  403
notifier  GET    /notices                                     401  yes  403  yes  yes  403
notifier  POST   /notices/read                                401  yes  403  yes  yes  403
notifier  GET    /notices/unread                              401  yes  403  yes  yes  403
notifier  GET    /preferences                                 401  403  403  403  403  403
notifier  PUT    /preferences                                 401  403  403  403  403  403
notifier  GET    /unsubscribe/{token}                         401  403  403  403  403  yes
notifier  POST   /unsubscribe/{token}                         401  403  403  403  403  yes
notifier  GET    /webhooks                                    401  403  403  403  403  403
notifier  POST   /webhooks                                    401  403  403  403  403  403
notifier  DELETE /webhooks/{webhook_id}                       401  403  403  403  403  403
"""
SPEAKERS = ("nobody", "member", "key", "admin", "operator", "service")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    service: str
    method: str
    path: str
    outcomes: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.service} {self.method} {self.path}"


def _row(line: str) -> Row:
    service, method, path, *outcomes = line.split()
    return Row(service, method, path, dict(zip(SPEAKERS, outcomes, strict=True)))


ROWS = [_row(line) for line in TABLE.strip().splitlines()]
