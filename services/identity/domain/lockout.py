"""Lockout (ID-05): how many wrong passwords in a row an account takes, counted so that parallel tries count too.

A check is taken out before the password is looked at and given back with its outcome. Failures and checks under way
together never exceed the limit, whatever comes in parallel.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

PENDING_LIFETIME_S = 10
"""A check that was taken out and never given back (the process died) is forgotten after this time."""


class Leave(Enum):
    """What is said to somebody who wants a password checked."""

    GRANTED = auto()
    BUSY = auto()
    """As many checks are under way as may fail: wait for one to end."""
    LOCKED = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """The two settings."""

    tries_max: int
    lockout_s: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """The state of one account, known or not."""

    failures: int = 0
    pending: int = 0
    pending_until: datetime | None = None
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now

    def begin(self, now: datetime, rule: Rule) -> tuple[Leave, "Attempts"]:
        """Takes a check out, where one is to be had."""
        state = self._without_the_past(now)
        if state.is_locked(now):
            return Leave.LOCKED, state
        if state.failures >= rule.tries_max:  # the limit was lowered meanwhile
            state = replace(state, failures=rule.tries_max - 1)
        if state.failures + state.pending >= rule.tries_max:
            return Leave.BUSY, state
        until = now + timedelta(seconds=PENDING_LIFETIME_S)
        return Leave.GRANTED, replace(state, pending=state.pending + 1, pending_until=until)

    def failed(self, now: datetime, rule: Rule) -> "Attempts":
        """A check ended with a wrong password; at the limit the account is locked."""
        state = self._given_back()
        failures = min(state.failures + 1, rule.tries_max)
        until = now + timedelta(seconds=rule.lockout_s) if failures >= rule.tries_max else state.locked_until
        return replace(state, failures=failures, locked_until=until)

    def succeeded(self) -> "Attempts":
        """A check ended with the right password: failures are forgotten."""
        return replace(self._given_back(), failures=0, locked_until=None)

    def undecided(self) -> "Attempts":
        """A check ended without an outcome."""
        return self._given_back()

    def retry_after_s(self, now: datetime) -> int:
        """Seconds until the lock ends, at least 1."""
        return max(1, math.ceil((self.locked_until - now).total_seconds())) if self.locked_until else 1

    def _given_back(self) -> "Attempts":
        return replace(self, pending=max(0, self.pending - 1))

    def _without_the_past(self, now: datetime) -> "Attempts":
        state = self
        if state.locked_until is not None and state.locked_until <= now:
            state = replace(state, failures=0, locked_until=None)
        if state.pending and state.pending_until is not None and state.pending_until <= now:
            state = replace(state, pending=0)
        return state
