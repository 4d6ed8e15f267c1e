"""Finds the operations of a path: fixed paths by one look-up, the others part by part."""

from dataclasses import dataclass, field

from gateway.api.operation import Operation, Registry

Methods = dict[str, Operation]


@dataclass(slots=True)
class _Node:
    methods: Methods = field(default_factory=dict)
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    open: "_Node | None" = None


@dataclass(slots=True)
class Router:
    """All paths of a registry. A fixed part wins over an open one at the same place."""

    _paths: dict[str, Methods] = field(default_factory=dict)
    _root: _Node = field(default_factory=_Node)

    @classmethod
    def of(cls, registry: Registry) -> "Router":
        """Raises ValueError where two operations have one method and path."""
        router = cls()
        for operation in registry.operations:
            methods = router._place(operation)
            if operation.method in methods:
                raise ValueError(f"{operation.method} {operation.path} is declared twice")
            methods[operation.method] = operation
        return router

    def _place(self, operation: Operation) -> Methods:
        if "{" not in operation.path:
            return self._paths.setdefault(operation.path, {})
        node = self._root
        for part in operation.path.strip("/").split("/"):
            if part.startswith("{"):
                node.open = node.open or _Node()
                node = node.open
            else:
                node = node.fixed.setdefault(part, _Node())
        return node.methods

    def find(self, path: str) -> tuple[Methods, list[str]] | None:
        """The methods of a path and the values of its open parts; None where nothing is."""
        methods = self._paths.get(path)
        if methods is not None:
            return methods, []
        node, values = self._root, []
        for part in path.strip("/").split("/"):
            if part in node.fixed:
                node = node.fixed[part]
            elif node.open is not None and part:
                node = node.open
                values.append(part)
            else:
                return None
        return (node.methods, values) if node.methods else None
