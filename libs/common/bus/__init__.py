"""The bus by its setting: `memory:` or `amqp://…`."""

from libs.common.bus.handling import BusOptions
from libs.common.bus.port import Bus
from libs.common.contracts.consumers import CONSUMERS
from libs.common.service import StartRefused
from libs.common.settings import CommonSettings

__all__ = ["BusOptions", "open_bus"]


def open_bus(settings: CommonSettings, *, memory_database_url: str = "") -> Bus:
    """The bus that `bus_url` names, not yet started; `memory:` keeps its deliveries in the database given."""
    options = BusOptions(
        prefetch_max=settings.bus_prefetch_max,
        tries_max=settings.bus_tries_max,
        retry_first_s=settings.bus_retry_first_s,
        retry_max_s=settings.bus_retry_max_s,
        connect_timeout_s=settings.connect_timeout_s,
        stop_timeout_s=settings.stop_timeout_s,
        topology=CONSUMERS,
    )
    if settings.bus_url.startswith(("amqp://", "amqps://")):
        from libs.common.bus.rabbit import RabbitBus

        return RabbitBus(settings.bus_url, options)
    if settings.bus_url != "memory:":
        raise StartRefused("MCCS_BUS_URL must be `memory:` or begin with amqp:// or amqps://.", status=2)
    if not memory_database_url:
        raise StartRefused(
            "The bus `memory:` belongs to the one-process node; a service that runs by itself needs RabbitMQ: "
            "set MCCS_BUS_URL to amqp://….",
            status=2,
        )
    from libs.common.bus.memory import MemoryBus

    return MemoryBus(memory_database_url, options)
