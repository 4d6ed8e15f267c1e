"""Puts the notifier together."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from libs.common.database import Pool, create_pool
from libs.common.inbox import Sweeper
from libs.common.migration import migrate as run_migrations
from libs.common.outbox import PostgresOutbox
from libs.common.relay import Relay
from libs.common.service import Role, Wiring
from libs.common.web import create_app
from services.notifier.settings import Settings

NAME = "notifier"
MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(settings: Settings) -> None:
    """Brings the notifier's database up to this code."""
    await run_migrations(settings.owner_url, MIGRATIONS, NAME, connect_timeout_s=settings.connect_timeout_s)
