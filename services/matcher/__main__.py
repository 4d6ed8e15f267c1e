"""`python -m services.matcher api | worker | both`."""

import sys

from libs.common.run import main

if __name__ == "__main__":
    sys.exit(main("matcher"))
