"""What can go wrong: the node refused, or it could not be asked."""

from dataclasses import dataclass


class MccsError(Exception):
    """Base of everything that this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `code` for programs, `message` for people, `field` where there is one."""

    code: str
    message: str
    field: str | None = None


class Refused(MccsError):  # noqa: N818  it says what happened
    """The node answered with a refusal. `code` and `field` are those of its first problem."""

    def __init__(
        self, status: int, problems: tuple[Problem, ...], *, request_id: str | None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{status}: " + "; ".join(f"{problem.code}: {problem.message}" for problem in problems))
        self.status = status
        self.problems = problems
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        return self.problems[0].code

    @property
    def message(self) -> str:
        return self.problems[0].message

    @property
    def field(self) -> str | None:
        return self.problems[0].field


class Busy(Refused):
    """The node is there and could not take the request (429, 502, 503, 504), also not after some waiting."""


class Unreachable(MccsError):  # noqa: N818  it says what happened
    """No answer came. Whether the request was carried out is not known, unless it had not been sent.

    With `idempotency_key` a request that moves credit may be repeated later, by anybody: it is carried out once.
    """

    def __init__(self, reason: str, *, was_sent: bool, idempotency_key: str | None) -> None:
        super().__init__(reason)
        self.was_sent = was_sent
        self.idempotency_key = idempotency_key


class MalformedAnswer(MccsError):  # noqa: N818  it says what happened
    """What answered is not an MCCS node."""
