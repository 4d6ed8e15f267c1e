"""On which settings of PostgreSQL the promise rests that a committed payment stays (power cuts included)."""

from libs.common.database import Pool

_NEEDED = ("fsync", "full_page_writes", "synchronous_commit")


async def unsafe_settings(pool: Pool) -> str | None:
    """A sentence for the operator where a commit could be lost, else None."""
    rows = await pool.fetch("select name, setting from pg_settings where name = any($1::text[])", list(_NEEDED))
    off = sorted(row["name"] for row in rows if row["setting"] in ("off", "false"))
    if not off:
        return None
    return (
        f"PostgreSQL runs with {' and '.join(f'{name}=off' for name in off)}: a power cut could lose payments that were "
        f"confirmed. Turn {'it' if len(off) == 1 else 'them'} on; until then the ledger is not ready."
    )
