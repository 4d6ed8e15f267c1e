"""Whether the API answers, for monitors that ask where old nodes did."""

from gateway.api import answers
from gateway.api.operation import Call, Registry, Reply

operations = Registry()


@operations.operation(
    "GET",
    "/api/v1/health",
    summary="Whether the API answers",
    who="anyone",
    tag="Node",
    statuses=(),
    answers=answers.Up,
)
async def show_health(call: Call) -> Reply:
    """The services behind it are asked at `/health/ready`."""
    return Reply({"status": "up"})
