"""A tree of paths, such as `/entities/{id}`: what stands at a path is found part by part."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    methods: dict[str, T] = field(default_factory=dict)
    fixed: dict[str, "_Node[T]"] = field(default_factory=dict)
    open: "_Node[T] | None" = None


class Paths(Generic[T]):
    """Things by path and method. A fixed part wins over an open one at the same place; an open part is never empty."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._without_open: dict[str, dict[str, T]] = {}

    def methods(self, path: str) -> dict[str, T]:
        """What stands at a declared path by method: to be read and written."""
        node = self._root
        for part in path.split("/"):
            if part.startswith("{"):
                node.open = node.open or _Node()
                node = node.open
            else:
                node = node.fixed.setdefault(part, _Node())
        if "{" not in path:
            self._without_open[path] = node.methods
        return node.methods

    def find(self, path: str) -> tuple[dict[str, T], list[str]] | None:
        """What stands at the path that was asked for, and the values of its open parts; None where nothing does."""
        methods = self._without_open.get(path)
        if methods is not None:
            return methods, []
        node, values = self._root, []
        for part in path.split("/"):
            if part in node.fixed:
                node = node.fixed[part]
            elif node.open is not None and part:
                node = node.open
                values.append(part)
            else:
                return None
        return (node.methods, values) if node.methods else None


def open_parts(path: str) -> tuple[str, ...]:
    """The names of a declared path's open parts."""
    return tuple(part[1:-1] for part in path.split("/") if part.startswith("{"))
