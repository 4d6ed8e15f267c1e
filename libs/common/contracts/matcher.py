"""Events told by the matcher."""

from datetime import datetime
from typing import ClassVar

from libs.common.contracts import Audited, Event


class MatchFoundV1(Event):
    """A change of tags made a pair of entities a potential trade. Its id follows from the pair and the tags (MA-05)."""

    TYPE: ClassVar[str] = "matcher.match.found.v1"
    offering_entity_id: str
    wanting_entity_id: str
    offer: str
    """The offering entity's tag."""
    want: str
    """The wanting entity's tag."""
    kind: str
    """`exact`, `part` or `fuzzy`."""
    score: float
    found_at: datetime


class AuditRecordedV1(Audited):
    """For the directory's activity log (AD-07): an admin's rebuild of the index."""

    TYPE: ClassVar[str] = "matcher.audit.recorded.v1"
