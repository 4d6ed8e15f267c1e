"""What others see of entities, ready for the wire: made once for each version of an entity."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from libs.common.clock import rfc3339
from services.directory.domain.entity import Entity
from services.directory.domain.viewing import Sight, layers

FACES_MAX = 20_000
"""About a kilobyte each."""


_Kept = tuple[int, bool, bool, bool, tuple[bytes, ...]]
"""A face without its id. There are thousands, and a garbage collector that goes through thousands of objects stops everything
for a while; plain tuples of plain values it leaves alone."""


@dataclass(slots=True)
class Face:
    """One version of an entity: what decides who sees it, and the fields that each sight below the whole adds."""

    id: str
    version: int
    deleted: bool
    listed: bool
    may_trade: bool
    layers: tuple[bytes, ...]

    def json(self, how_much: Sight, more: dict[str, Any]) -> bytes:
        """As an object, with more fields."""
        return b"{%b}" % b",".join(filter(None, (*self.layers[:how_much], _inside(more))))


class Faces:
    """The faces that were asked for last. Whoever asks knows the version from the store at this moment, so what is kept is
    never older than what is stored."""

    def __init__(self, faces_max: int = FACES_MAX) -> None:
        self._max = faces_max
        self._faces: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._faces)

    def knows(self, entity_id: str) -> bool:
        """Whether a face of any version is kept."""
        return entity_id in self._faces

    def get(self, entity_id: str, version: int) -> Face | None:
        """The face of this version, where it is kept."""
        kept = self._faces.get(entity_id)
        if kept is None or kept[0] != version:
            return None
        self._faces.move_to_end(entity_id)
        return Face(entity_id, *kept)

    def keep(self, entities: Iterable[Entity]) -> list[Face]:
        """Their faces."""
        made = [_face(entity) for entity in entities]
        for face in made:
            self._faces[face.id] = (face.version, face.deleted, face.listed, face.may_trade, face.layers)
            self._faces.move_to_end(face.id)
        while len(self._faces) > self._max:
            self._faces.popitem(last=False)
        return made


def as_json(value: Any) -> bytes:
    """JSON with times as everywhere."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError


def _inside(fields: dict[str, Any]) -> bytes:
    return as_json(fields)[1:-1]


def _face(entity: Entity) -> Face:
    shown = tuple(_inside(layer) for layer in layers(entity)[: Sight.WHOLE - 1])
    return Face(entity.id, entity.version, entity.deleted, entity.listed, entity.may_trade, shown)
