"""Refusals as every service and the gateway tell them: problems with a code, a sentence and, where there is one, a field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict


class ProblemJson(TypedDict, total=False):
    message: str
    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `code` is for programs and stable, `message` is a sentence for a person."""

    code: str
    message: str
    field: str | None = None

    def to_json(self) -> ProblemJson:
        shape: ProblemJson = {"message": self.message, "code": self.code}
        if self.field is not None:
            shape["field"] = self.field
        return shape


class Refusal(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """An answer other than success, ready for the edge: HTTP status, problems, and when to try again."""

    def __init__(self, status: int, problems: Sequence[Problem], *, retry_after_s: int | None = None) -> None:
        super().__init__("; ".join(f"{problem.code}: {problem.message}" for problem in problems))
        self.status = status
        self.problems = tuple(problems)
        self.retry_after_s = retry_after_s

    @classmethod
    def of(
        cls, status: int, code: str, message: str, field: str | None = None, *, retry_after_s: int | None = None
    ) -> "Refusal":
        """A refusal with one problem."""
        return cls(status, (Problem(code, message, field),), retry_after_s=retry_after_s)

    def again(self) -> "Refusal":
        """The same for another who waited for it: an exception that is raised twice grows one traceback."""
        return Refusal(self.status, self.problems, retry_after_s=self.retry_after_s)
