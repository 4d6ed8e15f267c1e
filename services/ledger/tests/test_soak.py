"""The soak in seconds: nothing acknowledged is lost and nothing doubled through kills of the database and the service."""

from pathlib import Path

from services.ledger.soak.__main__ import main


def test_nothing_is_lost_through_kills(tmp_path: Path) -> None:
    page = tmp_path / "soak.md"
    status = main(["--seconds", "4", "--entries", "8000", "--page", str(page)])
    told = page.read_text(encoding="utf-8")
    assert status == 0, told
    assert "0 acknowledged payments lost" in told
    assert "Everything that must hold held." in told
