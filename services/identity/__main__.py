"""`python -m services.identity api | worker | both | migrate`."""

import sys

from libs.common.run import main

if __name__ == "__main__":
    sys.exit(main("identity"))
