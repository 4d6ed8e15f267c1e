"""Published events: one module per producing service, one frozen class per event and version.

Within a version only additions with a default are allowed; anything else is a new class beside the old one. Schemas and
example messages lie in `schemas/` and `examples/` and are held against the classes by tests.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from libs.common import context, telemetry
from libs.common.envelope import Envelope
from libs.common.ids import new_id


class Event(BaseModel):
    """Base of every event. Producers may not send an unknown field; `read` ignores one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    TYPE: ClassVar[str]
    """`<producer>.<noun>.<past tense>.v<N>`: the type name and the routing key."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """The event in an envelope's data; raises pydantic.ValidationError."""
        return cls.model_validate(data, extra="ignore")

    def envelope(self, *, subject: str, sequence: int, time: datetime, id: str | None = None) -> Envelope:  # noqa: A002
        """Wraps the event for the outbox. `id` is given where a repeat must carry the same one (`ids.derived_id`)."""
        return Envelope(
            id=id or new_id(),
            type=self.TYPE,
            source=self.TYPE.split(".", 1)[0],
            subject=subject,
            time=time,
            data=self.model_dump(mode="json"),
            sequence=sequence,
            correlationid=context.request_id.get(),
            causationid=context.causation_id.get(),
            traceparent=telemetry.traceparent(),
        )


class Audited(Event):
    """What every `<service>.audit.recorded.v1` carries to the directory's activity log."""

    actor_id: str | None = None
    actor_email: str | None = None
    actor_role: str | None = None
    category: str
    """`user`, `admin` or `system`."""
    action: str
    """A stable word, such as `login.succeeded` or `limits.changed`."""
    detail: str
    """A sentence for a person."""
    subject_kind: str | None = None
    subject_id: str | None = None
    entity_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    at: datetime


def category_of(role: str | None) -> str:
    """The category of a line by the role in which somebody acted: an operator's is an admin's; nobody's is the system's."""
    return {None: "system", "service": "system", "member": "user"}.get(role, "admin")
