"""Runs the notifier alone: `python -m services.notifier api | worker | both | migrate`."""

import sys

from libs.common.run import main

if __name__ == "__main__":
    sys.exit(main("notifier"))
