"""Makes docs/pictures/start.png: the start page of a member of the demo community, from a node of its own.

`python -m tests.e2e.picture`
"""

import re
import tempfile
from pathlib import Path

from libs.common.testing.chromium import chromium
from tests.e2e.driving import eventually
from tests.e2e.running import ROOT, Running, embedded

PICTURE = ROOT / "docs" / "pictures" / "start.png"
WINDOW = {"width": 1180, "height": 1000}
LOADED_WITHIN_S = 120.0
_LOGIN = re.compile(r"^  member +(?P<email>\S+) +(?P<password>\S+)", re.MULTILINE)


def main() -> None:
    """Starts a node with the demo community, looks, and stops it."""
    with tempfile.TemporaryDirectory() as folder:
        node = embedded(Path(folder), MCCS_DEMO="1", MCCS_NODE_NAME="Alderwick")
        node.start()
        try:
            _take(node)
        finally:
            node.stop()
    print(PICTURE.relative_to(ROOT))


def _take(node: Running) -> None:
    email, password = _login_of_a_member(node)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.goto(f"{node.address}/login")
        page.fill("[name=email]", email)
        page.fill("[name=password]", password)
        page.click("main form button")
        page.wait_for_url("**/home")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURE)


def _login_of_a_member(node: Running) -> tuple[str, str]:
    """From what the node prints at its start, once the community is in: `  member   ana@…   password   name`."""
    printed = eventually(lambda: _LOGIN.search(node.log.read_text(errors="replace")), within_s=LOADED_WITHIN_S)
    assert printed is not None
    return printed["email"], printed["password"]


if __name__ == "__main__":
    main()
