"""What every use case is given, and the refusals that several of them share."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from libs.common.clock import Clock
from libs.common.errors import Problem, Refusal
from services.directory.domain.profile import INC_TYPES, Invalid
from services.directory.service.faces import Faces
from services.directory.store.documents import to_the_millisecond
from services.directory.store.port import DirectoryStore

TRIES_MAX = 8
"""How often a change is tried again when somebody else changed the same entity meanwhile."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides."""

    inc_types: tuple[str, ...] = INC_TYPES
    must_verify: bool = False
    contact_per_hour: int = 20
    contact_copy_to_operator: bool = False
    picture_pixels_max: int = 40_000_000


@dataclass(frozen=True, slots=True)
class Deps:
    """The parts that use cases work with."""

    store: DirectoryStore
    clock: Clock
    rules: Rules = Rules()
    faces: Faces = field(default_factory=Faces, compare=False)
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), compare=False)
    """Decoding a picture takes much memory: one at a time."""

    def now(self) -> datetime:
        """The time as precise as it is kept."""
        return to_the_millisecond(self.clock())


def refuse_invalid(invalid: Invalid) -> NoReturn:
    """400 with everything that is wrong."""
    raise Refusal(400, [Problem(fault.code, fault.message, fault.field) for fault in invalid.faults]) from None


def unknown_entity() -> Refusal:
    """For an entity that is not there, or not for these eyes: nobody can tell which."""
    return Refusal.of(404, "entity_unknown", "There is no such member.")


def not_yours() -> Refusal:
    """For an entity that is somebody else's or unknown: nobody can tell which."""
    return Refusal.of(403, "not_yours", "You cannot act for this member.")


def busy() -> Refusal:
    """Others changed the same thing again and again."""
    return Refusal.of(503, "busy", "This is being changed by others right now; try again.", retry_after_s=1)
