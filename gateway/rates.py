"""Requests a minute: per client address for who is not logged in, per person for who is, and each
partner program's key by its own rate."""

from gateway.networks import subscriber
from libs.common.auth import Principal
from libs.common.rates import Bucket

LOGGED_IN_FACTOR = 10
MINUTE_S = 60.0


class Rates:
    """Counts of this process."""

    def __init__(self, per_minute: int) -> None:
        self._anonymous = Bucket(per_minute, MINUTE_S)
        self._per_minute = per_minute * LOGGED_IN_FACTOR
        self._logged_in = Bucket(self._per_minute, MINUTE_S)

    def check(self, principal: Principal | None, address: str) -> None:
        """Counts one request. Raises Refusal 429 `too_many_requests` with the seconds to wait."""
        if principal is None:
            self._anonymous.require(subscriber(address))
        elif principal.kind == "api_key":
            # its own rate: the fewer it may make, the more of the common bucket each one takes
            cost = self._per_minute / (principal.rate_per_minute or self._per_minute)
            self._logged_in.require(f"key {principal.session_id}", cost)
        elif not principal.is_service:
            self._logged_in.require(f"user {principal.id}")
