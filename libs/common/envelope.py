"""The envelope of every event: CloudEvents 1.0 names, in JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from libs.common.clock import rfc3339


class MalformedEnvelope(ValueError):  # noqa: N818  named for what it is
    """The bytes are not an envelope; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way. `id` is also the message id, `type` (with its version) the routing key.

    `sequence` rises by one per (subject, type); a consumer of state drops what is older than what it has.
    `data` is the JSON shape of one event class of `libs.common.contracts`.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: dict[str, Any]
    sequence: int = 0
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None

    def to_bytes(self) -> bytes:
        """CloudEvents structured JSON."""
        shape: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": rfc3339(self.time),
            "datacontenttype": "application/json",
            "sequence": self.sequence,
            "data": self.data,
        }
        for name in ("correlationid", "causationid", "traceparent"):
            value = getattr(self, name)
            if value is not None:
                shape[name] = value
        return orjson.dumps(shape)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Envelope":
        """Reads what to_bytes wrote; unknown attributes are ignored. Raises MalformedEnvelope."""
        try:
            shape = orjson.loads(raw)
            return cls(
                id=str(shape["id"]),
                type=str(shape["type"]),
                source=str(shape["source"]),
                subject=str(shape["subject"]),
                time=datetime.fromisoformat(shape["time"]),
                data=dict(shape["data"]),
                sequence=int(shape.get("sequence", 0)),
                correlationid=shape.get("correlationid"),
                causationid=shape.get("causationid"),
                traceparent=shape.get("traceparent"),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise MalformedEnvelope(f"not a CloudEvents envelope: {fault!r}") from fault
