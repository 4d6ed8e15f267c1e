"""What one request or message carries along: its request id, told again in every log line, call and event it causes."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
causation_id: ContextVar[str | None] = ContextVar("causation_id", default=None)
"""Id of the message that is being handled, where one is."""
