"""`make bench`: every figure of the house in one go, each by the program that measures it."""

import os
import platform
import subprocess
import sys

PROGRAMS = (
    ("tests.bench.node",),
    ("libs.common.bench.tokens",),
    ("libs.common.bench.delay",),
    ("libs.common.bench.relay",),
    ("services.identity.bench.logins",),
    ("services.ledger.bench", "--seconds", "3", "--no-page"),
    ("gateway.bench", "--short"),
)


def main() -> int:
    """Runs them one after the other; the status of the first that failed."""
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores\n", flush=True)
    worst = 0
    for program in PROGRAMS:
        print(f"--- {' '.join(program)}", flush=True)
        status = subprocess.run([sys.executable, "-m", *program], check=False).returncode
        worst = worst or status
    return worst


if __name__ == "__main__":
    sys.exit(main())
