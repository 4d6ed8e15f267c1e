"""The bus on RabbitMQ 3.10 to 4.x, without plugins: the full door.

Topic exchange `mccs.events`; a quorum queue `<service>.events` per service; quorum queues `<service>.events.again.<ms>`
whose messages come back through the default exchange when their time is over; exchange `mccs.dead` with `<service>.dead`.
One connection, a channel to publish, a channel per subscription. Whatever breaks, everything is built anew.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aio_pika
import aiormq
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aiormq.abc import DeliveredMessage

from libs.common import metrics
from libs.common.bus.acks import Acks
from libs.common.bus.handling import BusOptions, attempt, missing_handler, readable, snapshots
from libs.common.bus.letters import letter, look, tries_of
from libs.common.bus.port import BusAway, DeadLetter, Handler
from libs.common.envelope import Envelope, MalformedEnvelope

EVENTS = "mccs.events"
DEAD = "mccs.dead"
_CRASHES_MAX = 10
"""Deliveries that ended neither way (the process died with it) before the broker itself gives a message up."""
_LOOKS_MAX = 2_000_000_000
"""A dead queue gives nothing up: looking at a letter puts it back, and version 4 would count that to 20."""
_HEARTBEAT_S = 10
_CHECK_EVERY_S = 5.0
_CHECK_TIMEOUT_S = 3.0
_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 5.0
_DEAD_SCAN_MAX = 10_000
_FAULTS = (aiormq.AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
_log = structlog.get_logger(__name__)


class RabbitBus:
    """Publishes with confirms, in windows; consumes with acknowledgement after the handler's commit."""

    def __init__(self, url: str, options: BusOptions | None = None) -> None:
        self._url = url
        self._options = options or BusOptions()
        self._connection: AbstractConnection | None = None
        self._publisher: AbstractChannel | None = None
        self._subscriptions: list[tuple[str, dict[str, Handler]]] = []
        self._listeners: list[tuple[dict[str, Handler], Callable[[], Awaitable[None]]]] = []
        self._consuming: list[tuple[aiormq.abc.AbstractChannel, str]] = []
        self._channels: list[AbstractChannel] = []
        self._handling: set[asyncio.Task[Any]] = set()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._building = asyncio.Lock()
        self._closing = False

    async def start(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._options.connect_timeout_s
        pause_s = _PAUSE_FIRST_S
        while True:
            try:
                await self._build()
                break
            except _FAULTS as fault:
                await self._tear_down()
                if asyncio.get_running_loop().time() + pause_s > deadline:
                    raise BusAway(f"RabbitMQ cannot be reached ({_short(fault)}); is it running?") from None
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
        self._keeper = asyncio.create_task(self._keep(), name="rabbit keeper")

    async def stop_handling(self) -> None:
        self._closing = True
        consuming, self._consuming = self._consuming, []
        for channel, tag in consuming:
            with contextlib.suppress(*_FAULTS):
                await channel.basic_cancel(tag, timeout=_CHECK_TIMEOUT_S)
        if self._handling:
            _, late = await asyncio.wait(set(self._handling), timeout=self._options.stop_timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.stop_handling()
        await self._tear_down()

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        """Confirms are awaited together, within the time; what is refused, unroutable or late stays with the caller."""
        unheard = {kind for kind, services in (self._options.topology or {}).items() if not services}
        taken: set[str] = set()

        async def one(envelope: Envelope) -> None:
            must_arrive = envelope.type not in unheard
            if await self._send(EVENTS, envelope.type, envelope.to_bytes(), envelope, {}, mandatory=must_arrive):
                taken.add(envelope.id)

        await self._together([one(envelope) for envelope in envelopes])
        return taken

    async def subscribe(self, service: str, handlers: dict[str, Handler]) -> None:
        self._subscriptions.append((service, handlers))
        async with self._building:
            if self._connection is not None:
                await self._unless_lost(self._consume(service, handlers))

    async def listen(self, handlers: dict[str, Handler], *, on_connected: Callable[[], Awaitable[None]]) -> None:
        self._listeners.append((handlers, on_connected))
        async with self._building:
            if self._connection is not None:
                await self._unless_lost(self._hear(handlers))
        await snapshots([on_connected])

    async def dead(self, service: str, *, limit: int = 100) -> list[DeadLetter]:
        async with self._channel() as channel:
            return [letter(service, message) for message in await look(channel, service, limit)]

    async def replay(self, service: str, ids: Sequence[str]) -> int:
        async def back(message: AbstractIncomingMessage) -> bool:
            envelope = readable(message.body, message.message_id or "")
            return await self._send("", f"{service}.events", message.body, envelope, {}, mandatory=True)

        return await self._pick(service, ids, back)

    async def drop(self, service: str, ids: Sequence[str]) -> int:
        async def gone(message: AbstractIncomingMessage) -> bool:
            return True

        return await self._pick(service, ids, gone)

    async def healthy(self) -> bool:
        publisher = self._publisher
        if publisher is None or publisher.is_closed:
            return False
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                await publisher.declare_exchange(EVENTS, passive=True)
        except _FAULTS:
            return False
        return not any(channel.is_closed for channel in self._channels)

    # building and keeping

    async def _build(self) -> None:
        async with self._building:
            self._lost.clear()
            timeout_s = min(self._options.connect_timeout_s, 10.0)
            async with asyncio.timeout(timeout_s):
                connection = await aio_pika.connect(self._url, timeout=timeout_s, heartbeat=_HEARTBEAT_S)
            self._connection = connection
            connection.close_callbacks.add(self._on_close)
            self._publisher = await self._open_channel()
            await self._declare_topology()
            if self._closing:
                return
            for service, handlers in self._subscriptions:
                await self._consume(service, handlers)
            for handlers, _ in self._listeners:
                await self._hear(handlers)

    async def _unless_lost(self, work: Awaitable[None]) -> None:
        """What breaks in the middle is built anew with everything else."""
        try:
            await work
        except _FAULTS as fault:
            _log.warning("bus.broke", why=_short(fault))
            self._lost.set()

    async def _open_channel(self, prefetch: int = 0) -> AbstractChannel:
        assert self._connection is not None
        channel = self._connection.channel(publisher_confirms=True, on_return_raises=False)
        await channel.initialize(timeout=_CHECK_TIMEOUT_S)
        channel.close_callbacks.add(self._on_close)
        # a queue that is deleted takes its consumers along and leaves the channel open
        (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(self._on_close)
        if prefetch:
            await channel.set_qos(prefetch_count=prefetch, timeout=_CHECK_TIMEOUT_S)
        self._channels.append(channel)
        return channel

    def _on_close(self, *_: object) -> None:
        self._lost.set()

    async def _keep(self) -> None:
        """Watches the channels, asks the broker now and then, and builds everything anew when something broke."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_EVERY_S):
                    await self._lost.wait()
            if not self._lost.is_set() and await self.healthy():
                continue
            await self._rebuild()

    async def _rebuild(self) -> None:
        _log.warning("bus.lost")
        pause_s = _PAUSE_FIRST_S
        while True:
            await self._tear_down()
            try:
                await self._build()
                break
            except _FAULTS as fault:
                _log.warning("bus.away", why=_short(fault), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
        _log.info("bus.back")
        await snapshots([on_connected for _, on_connected in self._listeners])

    async def _tear_down(self) -> None:
        connection, self._connection, self._publisher = self._connection, None, None
        self._channels, self._consuming = [], []
        if connection is not None:
            with contextlib.suppress(*_FAULTS):
                async with asyncio.timeout(_CHECK_TIMEOUT_S):
                    await connection.close()

    async def _declare_topology(self) -> None:
        assert self._publisher is not None
        await self._publisher.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
        await self._publisher.declare_exchange(DEAD, aio_pika.ExchangeType.DIRECT, durable=True)
        heard: dict[str, list[str]] = {}
        for kind, services in (self._options.topology or {}).items():
            for service in services:
                heard.setdefault(service, []).append(kind)
        for service, kinds in heard.items():
            await self._declare(self._publisher, service, kinds)

    async def _declare(self, channel: AbstractChannel, service: str, kinds: Sequence[str]) -> AbstractQueue:
        """The service's queues, and the bindings of its queue."""
        dead = await channel.declare_queue(
            f"{service}.dead", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": _LOOKS_MAX}
        )
        await dead.bind(DEAD, service)
        queue = await channel.declare_queue(
            f"{service}.events",
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": _CRASHES_MAX,
                "x-dead-letter-exchange": DEAD,
                "x-dead-letter-routing-key": service,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        for delay_s in self._options.delays_s():
            await channel.declare_queue(
                _again(service, delay_s),
                durable=True,
                arguments={
                    "x-queue-type": "quorum",
                    "x-message-ttl": int(delay_s * 1000),
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": f"{service}.events",
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
        for kind in kinds:
            await queue.bind(EVENTS, kind)
        return queue

    async def _consume(self, service: str, handlers: dict[str, Handler]) -> None:
        channel = await self._open_channel(self._options.prefetch_max)
        queue = await self._declare(channel, service, list(handlers))
        for kind, services in (self._options.topology or {}).items():
            if service in services and kind not in handlers:
                await queue.unbind(EVENTS, kind)

        underlay = await channel.get_underlay_channel()
        acks = Acks(underlay)

        async def on_message(message: DeliveredMessage) -> None:
            acks.came(message.delivery_tag or 0)
            await self._tracked(self._handle(service, handlers, message, acks))

        await self._begin(underlay, queue, on_message)

    async def _hear(self, handlers: dict[str, Handler]) -> None:
        """An exclusive queue of this process: it goes with the connection, and what passed meanwhile with it."""
        channel = await self._open_channel(self._options.prefetch_max)
        queue = await channel.declare_queue(exclusive=True)
        for kind in handlers:
            await queue.bind(EVENTS, kind)

        async def on_message(message: DeliveredMessage) -> None:
            with contextlib.suppress(MalformedEnvelope):
                envelope = Envelope.from_bytes(message.body)
                if envelope.type in handlers:
                    await self._tracked(attempt("listener", envelope, handlers, self._options.handler_timeout_s))

        await self._begin(await channel.get_underlay_channel(), queue, on_message, no_ack=True)

    async def _begin(
        self, channel: aiormq.abc.AbstractChannel, queue: AbstractQueue, on_message: Any, *, no_ack: bool = False
    ) -> None:
        """Past aio_pika, which makes an object and two tasks more of every message."""
        answer = await channel.basic_consume(queue.name, on_message, no_ack=no_ack, timeout=_CHECK_TIMEOUT_S)
        self._consuming.append((channel, str(answer.consumer_tag)))

    async def _tracked(self, work: Awaitable[Any]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handling.add(task)
        try:
            # what is suppressed was not acknowledged: the broker hands it out again
            with contextlib.suppress(asyncio.CancelledError, *_FAULTS):
                await work
        finally:
            self._handling.discard(task)

    # one message

    async def _handle(self, service: str, handlers: dict[str, Handler], message: DeliveredMessage, acks: Acks) -> None:
        tag, properties = message.delivery_tag or 0, message.header.properties
        tries = tries_of(properties.headers) + 1
        try:
            envelope = Envelope.from_bytes(message.body)
            reason = (
                await attempt(service, envelope, handlers, self._options.handler_timeout_s)
                if envelope.type in handlers
                else missing_handler(service, envelope.type)
            )
            is_dead = reason is not None and (tries >= self._options.tries_max or envelope.type not in handlers)
        except MalformedEnvelope as fault:
            envelope, reason, is_dead = readable(message.body, properties.message_id or ""), str(fault), True
        if reason is None:
            metrics.handled.labels(service, envelope.type, "done").inc()
            await acks.done(tag)
            return
        metrics.handled.labels(service, envelope.type, "dead" if is_dead else "again").inc()
        exchange, key = (DEAD, service) if is_dead else ("", _again(service, self._options.delay_s(tries)))
        headers = {"x-mccs-tries": tries, "x-mccs-reason": reason, "x-mccs-failed-at": int(time.time() * 1000)}
        moved = False
        try:
            async with asyncio.timeout(self._options.publish_timeout_s):
                moved = await self._send(exchange, key, message.body, envelope, headers, mandatory=True)
        except TimeoutError:
            self._lost.set()
        await (acks.done(tag) if moved else acks.back(tag))

    async def _send(
        self, exchange: str, key: str, body: bytes, envelope: Envelope, headers: dict[str, Any], *, mandatory: bool
    ) -> bool:
        """Whether the broker confirmed that it has the message in a queue."""
        publisher = self._publisher
        if publisher is None or publisher.is_closed:
            return False
        channel: Any = await publisher.get_underlay_channel()
        properties = aiormq.spec.Basic.Properties(
            content_type="application/cloudevents+json",
            delivery_mode=2,
            message_id=envelope.id,
            message_type=envelope.type,
            headers=headers,
        )
        try:
            answer = await channel.basic_publish(
                body, exchange=exchange, routing_key=key, properties=properties, mandatory=mandatory, wait=False
            )
        except _FAULTS:
            return False
        return isinstance(answer, aiormq.spec.Basic.Ack)

    async def _together(self, sends: Sequence[Any]) -> None:
        """All of a window within the time; a broker that lets it pass is taken for lost."""
        tasks = [asyncio.ensure_future(send) for send in sends]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._options.publish_timeout_s)
        if late:
            self._lost.set()
            for task in late:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # dead letters

    @contextlib.asynccontextmanager
    async def _channel(self) -> Any:
        """A channel for one operation; what it holds unacknowledged goes back when it closes."""
        connection = self._connection
        if connection is None:
            raise BusAway("RabbitMQ is away at the moment.")
        try:
            channel = await connection.channel()
        except _FAULTS as fault:
            raise BusAway(f"RabbitMQ is away at the moment ({_short(fault)}).") from None
        try:
            yield channel
        finally:
            with contextlib.suppress(*_FAULTS):
                await channel.close()

    async def _pick(
        self, service: str, ids: Sequence[str], work: Callable[[AbstractIncomingMessage], Awaitable[bool]]
    ) -> int:
        wanted, done = set(ids), 0
        async with self._channel() as channel:
            for message in await look(channel, service, _DEAD_SCAN_MAX):
                if (message.message_id or "") in wanted and await work(message):
                    await message.ack()
                    done += 1
                else:
                    await message.nack(requeue=True)
        return done


def _again(service: str, delay_s: float) -> str:
    return f"{service}.events.again.{int(delay_s * 1000)}"


def _short(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}"[:200]
