"""Who may call what: every operation there is, by role, and what somebody gets who names another one's object.

Columns: whether a visitor, a member and an administrator get in (`yes`, or the status of the refusal; `all` where an
operator does too, who else gets in only where both member and administrator do); the scope that a
partner program's key needs (`-`: never); and the status for a member who names what is not theirs (`-`: it names nothing
of anybody's). It is written by hand: a new operation without a line here fails a test.
"""

from dataclasses import dataclass

TABLE = """
POST   /signup                                  yes  yes  yes  any      -
POST   /login                                   yes  yes  yes  any      -
POST   /admin/login                             yes  yes  yes  any      -
POST   /logout                                  401  yes  401  -        -
POST   /admin/logout                            401  401  yes  -        -
POST   /password-reset                          yes  yes  yes  any      -
POST   /admin/password-reset                    yes  yes  yes  any      -
POST   /password-reset/{token}                  yes  yes  yes  any      -
POST   /admin/password-reset/{token}            yes  yes  yes  any      -
POST   /password-change                         401  yes  401  -        -
POST   /admin/password-change                   401  401  yes  -        -
GET    /sessions                                401  yes  yes  -        -
DELETE /sessions                                401  yes  yes  -        -
DELETE /sessions/{sessionID}                    401  yes  yes  -        404
POST   /verification                            401  yes  yes  -        -
POST   /verification/confirm                    yes  yes  yes  any      -
GET    /second-factor                           401  yes  yes  -        -
POST   /second-factor                           401  yes  yes  -        -
POST   /second-factor/confirm                   401  yes  yes  -        -
POST   /second-factor/recovery-codes            401  yes  yes  -        -
POST   /second-factor/remove                    401  yes  yes  -        -
GET    /user/export                             401  yes  yes  -        -
DELETE /user                                    401  yes  403  -        -
GET    /user                                    401  yes  401  -        -
PATCH  /user                                    401  yes  401  -        -
GET    /user/entities                           401  yes  401  read     -
PATCH  /user/entities/{entityID}                401  yes  403  -        403
GET    /balance                                 401  yes  403  read     403
GET    /entities/{entityID}/people              401  yes  403  -        403
PUT    /entities/{entityID}/people/{userID}     401  yes  403  -        403
DELETE /entities/{entityID}/people/{userID}     401  yes  403  -        403
GET    /entities/{entityID}/invitations         401  yes  403  -        403
POST   /entities/{entityID}/invitations         401  yes  403  -        403
DELETE /invitations/{invitationID}              401  yes  403  -        403
POST   /invitations/accept                      401  yes  403  -        -
GET    /entities/{entityID}/keys                401  yes  403  -        403
POST   /entities/{entityID}/keys                401  yes  403  -        403
DELETE /keys/{keyID}                            401  yes  403  -        403
POST   /oauth/token                             yes  yes  yes  any      -
GET    /entities                                yes  yes  yes  read     403
GET    /entities/{entityID}                     yes  yes  yes  read     400
GET    /categories                              yes  yes  yes  any      -
GET    /tags                                    yes  yes  yes  any      -
POST   /favorites                               401  yes  403  -        403
POST   /send-email                              401  yes  403  -        403
GET    /matches                                 401  yes  403  read     403
POST   /matches/dismissals                      401  yes  403  -        403
POST   /entities/{entityID}/application         401  yes  403  -        403
GET    /entities/{entityID}/favorites           401  yes  403  read     403
POST   /entities/{entityID}/pictures            401  yes  403  -        403
DELETE /entities/{entityID}/pictures/{name}     401  yes  403  -        403
GET    /pictures/{name}                         yes  yes  yes  any      -
GET    /categories/letters                      yes  yes  yes  any      -
GET    /tags/suggestions                        yes  yes  yes  any      -
GET    /tags/counts                             401  yes  403  read     -
POST   /transfers                               401  yes  403  propose  403
GET    /transfers                               401  yes  401  read     400
PATCH  /transfers/{transferID}                  401  yes  401  accept   401
GET    /pending                                 401  yes  403  read     403
POST   /transfers/preview                       401  yes  403  propose  403
GET    /transfers/{transferID}                  401  yes  403  read     403
POST   /transfers/{transferID}/refund           401  yes  403  propose  403
POST   /transfers/batch                         401  yes  403  propose  -
POST   /transfer-groups                         401  yes  403  propose  403
GET    /transfer-groups/{groupID}               401  yes  403  read     403
POST   /transfer-groups/{groupID}/accept        401  yes  403  accept   403
POST   /transfer-groups/{groupID}/end           401  yes  yes  accept   403
GET    /fees                                    401  yes  yes  read     -
GET    /statement                               401  yes  403  read     403
GET    /statement.csv                           401  yes  403  read     403
GET    /statement.pdf                           401  yes  403  read     403
GET    /statement.json                          401  yes  403  read     403
GET    /proof/key                               401  yes  yes  read     -
GET    /balance/series                          401  yes  403  read     403
GET    /balance/at                              401  yes  403  read     403
GET    /notices                                 401  yes  yes  -        -
GET    /notices/unread                          401  yes  yes  -        -
POST   /notices/read                            401  yes  yes  -        -
GET    /preferences                             401  yes  yes  -        403
PUT    /preferences                             401  yes  yes  -        403
GET    /webhooks                                401  yes  yes  -        403
POST   /webhooks                                401  yes  yes  -        403
DELETE /webhooks/{webhookID}                    401  yes  yes  -        403
GET    /admin/entities                          401  403  yes  -        -
GET    /admin/entities/{entityID}               401  403  yes  -        -
PATCH  /admin/entities/{entityID}               401  403  yes  -        -
DELETE /admin/entities/{entityID}               401  403  yes  -        -
GET    /admin/users                             401  403  yes  -        -
GET    /admin/users/{userID}                    401  403  yes  -        -
PATCH  /admin/users/{userID}                    401  403  yes  -        -
DELETE /admin/users/{userID}                    401  403  yes  -        -
DELETE /admin/users/{userID}/sessions           401  403  yes  -        -
POST   /admin/categories                        401  403  yes  -        -
PATCH  /admin/categories/{categoryID}           401  403  yes  -        -
DELETE /admin/categories/{categoryID}           401  403  yes  -        -
POST   /admin/tags                              401  403  yes  -        -
PATCH  /admin/tags/{tagID}                      401  403  yes  -        -
DELETE /admin/tags/{tagID}                      401  403  yes  -        -
POST   /admin/transfers                         401  403  yes  -        -
GET    /admin/transfers                         401  403  yes  -        -
GET    /admin/transfers/{transferID}            401  403  yes  -        -
GET    /admin/logs                              401  403  yes  -        -
GET    /admin/entities/{entityID}/limits        401  403  yes  -        -
PUT    /admin/entities/{entityID}/limits        401  403  yes  -        -
GET    /admin/entities/counts                   401  403  all  -        -
POST   /admin/transfers/{transferID}/cancel     401  403  yes  -        -
POST   /admin/imports/transfers                 401  403  yes  -        -
POST   /admin/fees                              401  403  yes  -        -
DELETE /admin/fees/{feeID}                      401  403  yes  -        -
GET    /admin/audit                             401  403  all  -        -
GET    /admin/jobs                              401  403  all  -        -
POST   /admin/search-index/rebuild              401  403  yes  -        -
GET    /admin/search-index/rebuild              401  403  all  -        -
POST   /admin/admins                            401  403  yes  -        -
GET    /health                                  yes  yes  yes  any      -
GET    /api/openapi.json                        yes  yes  yes  any      -
GET    /api/docs                                yes  yes  yes  any      -
GET    /api/docs/{file}                         yes  yes  yes  any      -
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    method: str
    template: str
    visitor: str
    member: str
    admin: str
    scope: str
    stranger: int | None
    operator: bool
    """Whether an operator gets in."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def path(self, **ids: str) -> str:
        filled = self.template.format(**ids)
        return filled if filled.startswith("/api") else f"/api/v1{filled}"


def _row(line: str) -> Row:
    method, template, visitor, member, admin, scope, stranger = line.split()
    operator = admin == "all" or visitor == "yes" or (member == "yes" and admin == "yes")
    foreign = None if stranger == "-" else int(stranger)
    return Row(method, template, visitor, member, "yes" if admin == "all" else admin, scope, foreign, operator)


ROWS = [_row(line) for line in TABLE.strip().splitlines()]
