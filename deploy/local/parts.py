"""The services by name: their settings, how they are built and migrated. Loaded when asked for, so that help is quick."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from libs.common.service import Service, Wiring
from libs.common.settings import CommonSettings

SERVICES = ("identity", "directory", "ledger", "matcher", "notifier")
DEPLOYABLES = (*SERVICES, "gateway")
SQL_STORES = ("identity", "directory", "ledger", "notifier")
"""Services whose store can be PostgreSQL: the setting `<name>_url`, a database of that name on the embedded server."""


@dataclass(frozen=True, slots=True)
class Part:
    """One deployable."""

    name: str
    settings: type[CommonSettings]

    def build(self, settings: CommonSettings, wiring: Wiring) -> Service:
        """Puts the parts together; connects nowhere."""
        return cast(Service, self._app().build(settings, wiring))

    async def migrate(self, settings: CommonSettings) -> None:
        """Brings the store up to date; nothing to do where there is none."""
        migrate = getattr(self._app(), "migrate", None)
        if migrate is not None:
            await migrate(settings)

    def _app(self) -> Any:
        return import_module(f"{_package(self.name)}.app")


def part(name: str) -> Part:
    """The deployable of this name."""
    return Part(name, cast("type[CommonSettings]", import_module(f"{_package(name)}.settings").Settings))


def _package(name: str) -> str:
    return name if name == "gateway" else f"services.{name}"
