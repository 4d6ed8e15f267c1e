"""A container's health check: `python -m deploy.healthcheck PORT` asks `/health/ready` on this machine."""

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def main(arguments: list[str]) -> int:
    """0 where the service is ready, 1 where it is not, 2 for wrong use."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        print("usage: python -m deploy.healthcheck PORT", file=sys.stderr)
        return 2
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{arguments[0]}/health/ready", timeout=TIMEOUT_S) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as fault:
        print(f"not ready: {fault}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
