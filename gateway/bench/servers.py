"""Which servers a full set was measured with."""

from typing import Any

import aio_pika
import asyncpg
from elasticsearch import AsyncElasticsearch
from pymongo import AsyncMongoClient

from tests.e2e.running import Servers

TIMEOUT_S = 10.0


async def told(servers: Servers) -> str:
    """Name and version of each, as it says itself."""
    return ", ".join([
        f"PostgreSQL {await _postgres(servers.postgres)}",
        f"RabbitMQ {await _rabbitmq(servers.amqp)}",
        await _mongodb(servers.mongodb),
        f"Elasticsearch {await _elasticsearch(servers.elasticsearch)}",
    ])  # fmt: skip


async def _postgres(url: str) -> str:
    connection = await asyncpg.connect(url, timeout=TIMEOUT_S)
    try:
        return str(await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()


async def _rabbitmq(url: str) -> str:
    connection = await aio_pika.connect(url, timeout=TIMEOUT_S)
    async with connection:
        properties: Any = connection.transport.connection.server_properties if connection.transport else {}
        return str(properties.get("version"))


async def _mongodb(url: str) -> str:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, serverSelectionTimeoutMS=int(TIMEOUT_S * 1000))
    async with client:
        info = await client.server_info()
    stand_in = info.get("secantusVersion")
    return f"SecantusDB {stand_in} in MongoDB's place" if stand_in else f"MongoDB {info['version']}"


async def _elasticsearch(url: str) -> str:
    async with AsyncElasticsearch(url, request_timeout=TIMEOUT_S) as client:
        return str((await client.info())["version"]["number"])
