"""A clock that tests set."""

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Stands still until it is moved; call it for the time."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        """Moves on by what `timedelta` takes: `clock.move(hours=2)`."""
        self.now += timedelta(**by)
        return self.now
