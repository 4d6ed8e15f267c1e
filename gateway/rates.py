"""Requests a minute: per client address for who is not logged in, per person for who is, per key for programs."""

from libs.common.auth import Principal
from libs.common.rates import Bucket

LOGGED_IN_FACTOR = 10
MINUTE_S = 60.0


class Rates:
    """Counts of this process."""

    def __init__(self, per_minute: int) -> None:
        self._anonymous = Bucket(per_minute, MINUTE_S)
        self._logged_in = Bucket(per_minute * LOGGED_IN_FACTOR, MINUTE_S)

    def check(self, principal: Principal | None, address: str) -> None:
        """Counts one request. Raises Refusal 429 `too_many_requests` with the seconds to wait."""
        if principal is None:
            self._anonymous.require(address)
        elif principal.kind == "api_key":
            self._logged_in.require(f"key {principal.session_id}")
        elif not principal.is_service:
            self._logged_in.require(f"user {principal.id}")
