"""What every use case of the notifier is given."""

from collections.abc import Callable
from dataclasses import dataclass

from libs.common.clock import Clock
from libs.common.database import Pool
from services.notifier.language import Language, language_of
from services.notifier.settings import Settings


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks or changes: a person, and whether as one who runs the node."""

    user_id: str
    is_operator: bool = False
    role: str = "member"


@dataclass(frozen=True, slots=True)
class Deps:
    """Put together by `app.py`; tests pass their own parts."""

    pool: Pool
    clock: Clock
    settings: Settings
    wake: Callable[[], None] = lambda: None
    """Called after a commit that may have left mail or events to be sent."""

    def language(self, code: str | None) -> Language:
        """A language in the community's time zone, or the community's own."""
        return language_of(code, default=self.settings.language, zone=self.settings.zone)
